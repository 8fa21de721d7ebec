"""Who is missed in the recording, and who only has something switched off, muted, paused or too narrow."""

from dataclasses import replace

import pytest

from core.ids import SYSTEM
from rooms.actions import Detached, Devices, Enter, TracksMissing
from rooms.arrivals import PATIENCE, Arrivals, Key, expected
from rooms.client import MediaKind
from rooms.fitting import Plan, Sent
from rooms.ladder import Picture
from rooms.words import MISSING
from tests.rooms.stagehand import INMATE, OFFICER, RULES, WIFE, Stagehand, live, visit

SOUND, PICTURE = MediaKind.AUDIO, MediaKind.VIDEO
HERS: Key = ("wife", PICTURE)


def wanted(hand: Stagehand, **sent: Picture) -> set[Key]:
    plan = Plan({conn: Sent(picture) for conn, picture in sent.items()})
    return set(expected(hand.room.scene(), hand.room.seats, plan))


def both(conn: str) -> set[Key]:
    return {(conn, SOUND), (conn, PICTURE)}


def test_of_everybody_who_is_recorded_sound_and_picture_are_expected() -> None:
    hand = live()
    assert wanted(hand) == both("wife") | both("inmate")  # of officers only while they speak
    assert hand.act("speak") == "done"
    assert wanted(hand) == both("wife") | both("inmate") | {("officer", SOUND)}
    hand.do(Detached("wife"))
    hand.wait(10)
    assert ("wife", SOUND) not in wanted(hand)


@pytest.mark.parametrize(
    ("camera", "microphone", "left"),
    [(False, True, {SOUND}), (True, False, {PICTURE}), (False, False, set())],
)
def test_what_somebody_switched_off_is_not_missed(
    *, camera: bool, microphone: bool, left: set[MediaKind]
) -> None:
    hand = live()
    hand.do(Devices("wife", camera, microphone))
    assert wanted(hand) == both("inmate") | {("wife", kind) for kind in left}


@pytest.mark.parametrize(("recorded", "muted", "paused"), [(True, 4, 4), (False, 3, 0)])
def test_nor_a_muted_voice_or_a_pause_that_the_rules_leave_out(
    *, recorded: bool, muted: int, paused: int
) -> None:
    hand = live(visit(rules=replace(RULES, record_while_paused=recorded, record_while_muted=recorded)))
    assert hand.act("mute", seat=WIFE.id) == "done"
    assert len(wanted(hand)) == muted
    assert hand.act("unmute", seat=WIFE.id) == "done"
    assert hand.act("pause", code="health") == "done"
    assert len(wanted(hand)) == paused


def test_nor_a_picture_that_was_not_asked_for_and_a_still_one_has_more_time() -> None:
    hand = live()
    assert wanted(hand, wife=Picture.SOUND) == both("inmate") | {("wife", SOUND)}
    slow = expected(hand.room.scene(), hand.room.seats, Plan({"wife": Sent(Picture.STILL)}))
    assert slow[HERS] > 2 * 4 > PATIENCE == slow["wife", SOUND]


@pytest.mark.parametrize(
    ("came", "quiet", "missed_from"),
    [
        ({}, {}, 2.25),  # never anything since it is expected
        ({PICTURE: 101.0}, {}, 3.25),
        ({PICTURE: 101.0}, {"wife": 0.4}, 3.25),
        ({PICTURE: 101.0}, {"wife": 1.0}, None),  # the line as a whole
    ],
)
def test_what_does_not_come_is_missed_after_two_seconds(
    came: dict[MediaKind, float], quiet: dict[str, float], missed_from: float | None
) -> None:
    looks = Arrivals()
    found = None
    for quarter in range(20):
        looks.step({HERS: PATIENCE}, {"wife": came}, quiet, 100 + quarter / 4)
        if found is None and looks.missing:
            found = quarter / 4
    assert found == missed_from


def test_it_is_over_when_it_comes_or_is_no_longer_expected_and_a_breath_of_the_line_changes_nothing() -> None:
    looks = Arrivals()
    steps = [
        (100.0, {HERS: PATIENCE}, {"wife": {PICTURE: 99.0}}, {}, False),
        (102.5, {HERS: PATIENCE}, {"wife": {PICTURE: 99.0}}, {}, True),
        (102.8, {HERS: PATIENCE}, {"wife": {PICTURE: 99.0}}, {"wife": 1.2}, True),
        (103.0, {HERS: PATIENCE}, {"wife": {PICTURE: 102.9}}, {}, False),
        (105.5, {HERS: PATIENCE}, {"wife": {PICTURE: 102.9}}, {}, True),
        (105.8, {}, {"wife": {PICTURE: 102.9}}, {}, False),  # switched off
        (106.0, {HERS: PATIENCE}, {"wife": {PICTURE: 102.9}}, {}, False),  # on again: time to begin
        (108.5, {HERS: PATIENCE}, {}, {}, False),  # not taken by the recorder at all: that is told otherwise
    ]
    for now, expect, came, quiet, missed in steps:
        looks.step(expect, came, quiet, now)
        assert (looks.missing == {HERS}) is missed, now


def test_officers_are_told_who_and_what_once_and_the_call_goes_on() -> None:
    hand = live()
    for _ in range(2):
        hand.do(TracksMissing(frozenset({(WIFE.id, PICTURE)})))
    (told,) = hand.notices(OFFICER, "recorder")
    assert told["text"] == {"msgid": MISSING[PICTURE], "params": {"name": WIFE.name}}
    assert not hand.notices(WIFE, "recorder")
    assert not hand.notices(INMATE, "recorder")
    assert hand.phase == "live"
    seen = {one["seat"]: one.get("missing") for one in hand.state(OFFICER)["people"]}
    assert (seen[WIFE.id], seen[INMATE.id]) == (["video"], [])
    assert all("missing" not in one for one in hand.state(WIFE)["people"])
    hand.do(TracksMissing(frozenset()))
    entered = [one for one in hand.effects if isinstance(one, Enter) and one.tag.startswith("system:track:")]
    assert [(one.tag, one.actor, one.details["seat"], one.details["code"]) for one in entered] == [
        ("system:track:missing", SYSTEM, WIFE.id, "video"),
        ("system:track:settled", SYSTEM, WIFE.id, "video"),
    ]
