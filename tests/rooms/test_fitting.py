"""Who sends what to whom: the weakest needed leg decides, and nobody who only watches."""

from dataclasses import replace

import pytest

from rooms.client import Way
from rooms.fitting import SMALL, Because, Fitting, Got, Member, Plan, Sent, Shown
from rooms.ladder import RUNGS, Picture

P720, P360, P180, STILL, SOUND = Picture
WIDE = Way(6_000_000, 0.0, 0.0, 0.0, limited=False)


def way(bits: float) -> Way:
    return replace(WIDE, bits=int(bits), calm_since=None)


WIFE = Member("wife", WIDE, WIDE, publishes=True, watches=False, sees=("inmate",))
INMATE = Member("inmate", WIDE, WIDE, publishes=True, watches=False, sees=("wife",))
OFFICER = Member("officer", WIDE, WIDE, publishes=False, watches=True, sees=("wife", "inmate"))
SON = Member("son", WIDE, WIDE, publishes=True, watches=False, sees=("wife", "inmate"))
CALL = (WIFE, INMATE, OFFICER)


def plan(*members: Member, small: tuple[str, ...] = ()) -> Plan:
    return Fitting().step(members, 1.0, small)


def test_all_is_well() -> None:
    told = plan(*CALL)
    assert told.sent == {"wife": Sent(), "inmate": Sent()}
    assert set(told.got.values()) == {Got()}
    assert len(told.got) == 4


@pytest.mark.parametrize(("bits", "picture"), [(500e3, P360), (200e3, P180), (100e3, STILL), (40e3, SOUND)])
def test_a_narrow_way_up_lowers_what_is_sent(bits: float, picture: Picture) -> None:
    told = plan(replace(WIFE, up=way(bits)), INMATE, OFFICER)
    assert told.sent["wife"].picture is picture
    assert told.sent["wife"].because is Because.YOURS
    assert told.sent["inmate"] == Sent()
    assert told.got["inmate", "wife"] == Got(Shown.WHOLE, picture, Because.THEIRS)
    assert told.got["officer", "wife"] == Got(Shown.WHOLE, picture, Because.THEIRS)


@pytest.mark.parametrize(
    ("bits", "sent", "shown", "got"),
    [
        (500e3, P360, Shown.WHOLE, P360),
        (200e3, P180, Shown.WHOLE, P180),
        (100e3, P180, Shown.STILL, STILL),
        (40e3, P180, Shown.NONE, SOUND),
    ],
)
def test_a_narrow_way_down_lowers_what_is_sent_there(
    bits: float, sent: Picture, shown: Shown, got: Picture
) -> None:
    told = plan(WIFE, replace(INMATE, down=way(bits)), OFFICER)
    assert (told.sent["wife"].picture, told.sent["wife"].because) == (sent, Because.THEIRS)
    assert told.got["inmate", "wife"] == Got(shown, got, Because.YOURS)
    assert told.sent["wife"].limit <= max(bits, RUNGS[P180].need)
    assert told.got["officer", "wife"] == Got(Shown.WHOLE, sent, Because.OTHERS)


@pytest.mark.parametrize("bits", [1.3e6, 600e3, 350e3, 180e3, 60e3, 10e3])
def test_a_watcher_never_lowers_what_is_sent(bits: float) -> None:
    told = plan(WIFE, INMATE, replace(OFFICER, down=way(bits)))
    for conn in ("wife", "inmate"):
        assert replace(told.sent[conn], small=False) == Sent(limit=told.sent[conn].limit)
        assert told.got["officer", conn].because is Because.YOURS
    assert told.got["wife", "inmate"] == told.got["inmate", "wife"] == Got()


def test_a_weak_watcher_gets_the_small_picture_then_stills_then_sound() -> None:
    weak = replace(OFFICER, down=way(400e3))
    fitting = Fitting()
    told = fitting.step((WIFE, INMATE, weak), 1.0)
    assert told.got["officer", "wife"].shown is Shown.SMALL
    assert (told.sent["wife"].small, told.sent["wife"].limit) == (True, Sent().limit + SMALL)
    told = fitting.step((replace(WIFE, small=True), INMATE, weak), 9.0)
    assert told.got["officer", "wife"].shown is Shown.SMALL
    assert told.got["officer", "inmate"].shown is Shown.STILL, "none came"
    assert plan(WIFE, INMATE, replace(OFFICER, down=way(60e3))).got["officer", "wife"].shown is Shown.NONE


def test_of_three_the_weakest_decides_and_the_others_are_told_so() -> None:
    wife, inmate = replace(WIFE, sees=("inmate", "son")), replace(INMATE, sees=("wife", "son"))
    told = plan(wife, inmate, replace(SON, down=way(700e3)))
    assert told.sent["wife"].picture is told.sent["inmate"].picture is P360
    assert told.got["son", "wife"].because is Because.YOURS
    assert told.got["inmate", "wife"].because is Because.OTHERS
    assert told.sent["son"] == Sent()


def test_a_wall_asks_for_the_small_picture_only() -> None:
    assert plan(*CALL, small=("wife",)).sent["wife"].small
    assert not plan(*CALL, small=("wife",)).sent["inmate"].small
    weak = replace(WIFE, up=way(100e3))
    assert not plan(weak, INMATE, small=("wife",)).sent["wife"].small, "its one picture is small enough"


def test_steps_are_told_once_with_their_cause() -> None:
    fitting = Fitting()
    first = fitting.step(CALL, 1.0)
    second = fitting.step((replace(WIFE, up=way(200e3)), INMATE, OFFICER), 2.0)
    steps = second.steps(first)
    assert {(s.sender, s.viewer, s.before, s.after, s.because) for s in steps} == {
        ("wife", "", P720, P180, Because.YOURS),
        ("wife", "inmate", P720, P180, Because.THEIRS),
        ("wife", "officer", P720, P180, Because.THEIRS),
    }
    assert second.steps(second) == []


def test_climbing_is_tried_where_too_little_was_sent_to_know() -> None:
    fitting = Fitting()
    narrow = replace(WIFE, up=way(200e3))
    fitting.step((narrow, INMATE), 1.0)
    calm = replace(WIFE, up=Way(200_000, 0.0, 0.0, 2.0, limited=True))
    tried = [fitting.step((calm, INMATE), 2.0 + second).assumed for second in range(20)]
    (once,) = [one for one in tried if one]
    assert once == (("wife", "up", int(RUNGS[P360].need * 1.15)),)


def test_who_left_is_forgotten() -> None:
    fitting = Fitting()
    fitting.step((replace(WIFE, up=way(100e3)), INMATE), 1.0)
    assert fitting.step((INMATE,), 2.0).sent.keys() == {"inmate"}
    assert fitting.step((WIFE, INMATE), 3.0).sent["wife"].picture is P720
