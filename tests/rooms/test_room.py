"""A room's way into a live visit, out of it, and who comes and goes; no input or output anywhere."""

from dataclasses import replace

import pytest

from rooms.actions import (
    CloseLeg,
    Detached,
    Devices,
    Enter,
    Help,
    LegBack,
    LegFailed,
    LegLost,
    LegRated,
    OpenLeg,
    RecorderFailed,
    StartRecorder,
)
from rooms.client import MediaKind
from rooms.confidentiality import RoomKind
from rooms.lines import BOTH
from rooms.model import Phase, Quality, RoomRecord, SeatState
from tests.rooms.stagehand import (
    COUNSEL,
    INMATE,
    OFFICER,
    RULES,
    SECOND,
    SON,
    WIFE,
    Stagehand,
    live,
    visit,
)

# The way in


def test_a_visit_goes_live_only_when_everything_is_there() -> None:
    hand = Stagehand()
    hand.answer_recorder = False
    hand.enter(WIFE)
    assert hand.state(WIFE)["waiting"] == ["for-officer", "for-inmate", "for-admission"]
    hand.enter(OFFICER)
    assert hand.state(WIFE)["waiting"] == ["for-inmate", "for-admission"]
    hand.admit(WIFE)
    assert hand.state(WIFE)["waiting"] == ["for-inmate"]
    hand.enter(INMATE)
    assert hand.state(WIFE)["waiting"] == ["for-admission"]
    assert not any(isinstance(e, StartRecorder) for e in hand.effects)
    hand.admit(INMATE)
    assert hand.state(WIFE)["waiting"] == ["for-recorder"]
    assert hand.phase == Phase.LOBBY.value
    assert [e for e in hand.effects if isinstance(e, StartRecorder)] == [StartRecorder()]
    hand.answer_recorder = True
    hand.wait(5.5)
    assert not any(isinstance(e, StartRecorder) for e in hand.effects[-1:])


@pytest.mark.parametrize("missing", [WIFE, INMATE, OFFICER])
def test_without_one_of_them_there_is_no_visit(missing: object) -> None:
    hand = Stagehand()
    hand.enter(*(seat for seat in (OFFICER, WIFE, INMATE) if seat is not missing))
    if missing is not OFFICER:
        hand.admit(*(seat for seat in (WIFE, INMATE) if seat is not missing))
    hand.wait(120)
    assert hand.phase == Phase.LOBBY.value
    assert hand.shown(WIFE if missing is not WIFE else INMATE) == {}


@pytest.mark.parametrize("not_admitted", [WIFE, INMATE])
def test_without_a_checked_face_there_is_no_visit(not_admitted: object) -> None:
    hand = Stagehand()
    hand.enter(OFFICER, WIFE, INMATE)
    hand.admit(*(seat for seat in (WIFE, INMATE) if seat is not not_admitted))
    hand.wait(60)
    assert hand.phase == Phase.LOBBY.value
    assert hand.state(WIFE)["waiting"] == ["for-admission"]


def test_coming_early_is_waiting_not_a_way_round() -> None:
    hand = Stagehand(at=-600)
    hand.enter(OFFICER, WIFE, INMATE)
    hand.admit(WIFE, INMATE)
    hand.wait(599)
    assert hand.phase == Phase.LOBBY.value
    assert hand.state(WIFE)["waiting"] == ["for-start"]
    assert hand.state(WIFE)["clock"]["until_start_ms"] <= 10_000
    assert hand.shown(WIFE) == {}
    hand.wait(1)
    assert hand.phase == Phase.LIVE.value


def test_a_refused_recorder_is_tried_again_and_nobody_talks_meanwhile() -> None:
    hand = Stagehand()
    hand.answer_recorder = False
    hand.enter(OFFICER, WIFE, INMATE)
    hand.admit(WIFE, INMATE)
    hand.do(RecorderFailed())
    assert hand.state(WIFE)["waiting"] == ["for-recorder"]
    assert sum(isinstance(e, StartRecorder) for e in hand.effects) == 1
    hand.wait(4)
    assert sum(isinstance(e, StartRecorder) for e in hand.effects) == 1
    hand.answer_recorder = True
    hand.wait(2)
    assert hand.phase == Phase.LIVE.value
    assert "system:recording:refused" in hand.tags()
    assert hand.tags().index("system:recording:started") < hand.tags().index("system:visit:started")


def test_what_must_be_there_is_the_rules_to_say() -> None:
    """`start_needs`: without "recorder" nobody waits for it, and it is still asked for; without "monitor" a call that
    was admitted goes on when the officer leaves."""
    hand = Stagehand(visit(rules=replace(RULES, start_needs=frozenset())))
    hand.answer_recorder = False
    hand.enter(OFFICER, WIFE, INMATE)
    hand.admit(WIFE, INMATE)
    assert hand.phase == Phase.LIVE.value
    hand.do(RecorderFailed())
    hand.wait(6)
    assert sum(isinstance(e, StartRecorder) for e in hand.effects) == 2
    hand.leave(OFFICER)
    hand.wait(30)
    assert hand.phase == Phase.LIVE.value


def test_no_rule_puts_an_officer_or_a_recorder_into_a_closed_room() -> None:
    """`start_needs` narrows what the topology has, it never adds to it."""
    hand = Stagehand(visit(kind=RoomKind.LEGAL), RoomRecord(seats=(COUNSEL, INMATE)))
    hand.enter(COUNSEL, INMATE)
    assert hand.phase == Phase.LIVE.value
    assert not any(isinstance(e, StartRecorder) for e in hand.effects)


def test_the_clock_starts_with_the_visit_and_runs_on_the_server() -> None:
    hand = live()
    clock = hand.state(WIFE)["clock"]
    assert clock == {
        "remaining_ms": 1_800_000,
        "running": True,
        "granted_ms": 1_800_000,
        "given_back_ms": 0,
        "until_start_ms": 0,
        "hard_end_ms": 2_400_000,
    }
    hand.wait(100)
    assert hand.room.remaining(hand.moment) == 1700


def test_welcome_tells_what_a_seat_may_know() -> None:
    hand = Stagehand()
    hand.enter(WIFE, OFFICER)
    family, officer = hand.heard(WIFE)[0], hand.heard(OFFICER)[0]
    assert family["role"] == "relative"
    assert family["publishes"] == ["audio", "video"]
    assert family["visit"]["supervised"]
    assert family["visit"]["recorded"]
    assert family["visit"]["confidentiality"] == "monitored"
    assert family["visit"]["relatives"] == ["Wang Fang", "Li Bo"]
    assert "proofs" not in family
    assert "reasons" not in family
    assert officer["publishes"] == ["audio"]
    assert [p["name"] for p in officer["proofs"]] == ["Wang Fang", "Li Bo"]
    assert officer["proofs"][0]["seat"] == WIFE.id
    assert officer["warnings"][0]["code"] == "dress"
    assert "msgid" in officer["reasons"][0]["text"]


def test_a_leg_has_a_line_for_everybody_else_but_officers() -> None:
    hand = Stagehand()
    hand.enter(OFFICER, SECOND, WIFE, INMATE, connect=False)
    opened = {e.conn: e for e in hand.effects if isinstance(e, OpenLeg)}
    assert opened["wife"].lines == opened["inmate"].lines == (BOTH,) * 2
    assert opened["officer"].lines == opened["second"].lines == (BOTH,) * 3
    assert opened["officer"].publishes == {MediaKind.AUDIO}
    assert opened["wife"].publishes == {MediaKind.AUDIO, MediaKind.VIDEO}


# Two devices, second tabs, strangers


def test_two_relatives_on_two_devices_are_one_visit() -> None:
    hand = live()
    hand.enter(SON)
    assert hand.shown(SON) == {}
    assert hand.shown(WIFE) == {INMATE.id: (True, True)}
    hand.admit(SON)
    assert hand.shown(WIFE) == {INMATE.id: (True, True), SON.id: (True, True)}
    assert hand.shown(INMATE) == {WIFE.id: (True, True), SON.id: (True, True)}
    hand.leave(WIFE, bye=True)
    assert hand.phase == Phase.LIVE.value
    assert hand.shown(INMATE) == {SON.id: (True, True)}


def test_a_second_tab_takes_the_seat_and_the_first_is_told() -> None:
    hand = live()
    hand.enter(WIFE)
    assert hand.closed("wife") == ["elsewhere"]
    assert CloseLeg("wife") in hand.effects
    assert hand.phase == Phase.LIVE.value
    assert hand.shown(INMATE) == {WIFE.id: (True, True)}
    assert hand.do(LegFailed("wife")) == []
    assert hand.do(Detached("wife")) == []
    assert hand.phase == Phase.LIVE.value


def test_a_seat_that_the_kind_of_visit_does_not_have_is_refused() -> None:
    hand = Stagehand(visit(kind=RoomKind.LEGAL), RoomRecord(seats=(COUNSEL, INMATE)))
    hand.enter(OFFICER, connect=False)
    assert hand.closed("officer") == ["forbidden"]
    assert not any(isinstance(e, OpenLeg) for e in hand.effects)


def test_a_privileged_visit_has_no_officer_no_recorder_and_no_lobby_check() -> None:
    hand = Stagehand(visit(kind=RoomKind.LEGAL), RoomRecord(seats=(COUNSEL, INMATE)))
    hand.enter(COUNSEL, INMATE)
    assert hand.phase == Phase.LIVE.value
    assert hand.shown(COUNSEL) == {INMATE.id: (True, True)}
    assert not any(isinstance(e, StartRecorder) for e in hand.effects)
    assert hand.room.scene().taped == {}
    welcome = hand.heard(COUNSEL)[0]["visit"]
    assert (welcome["confidentiality"], welcome["recorded"], welcome["supervised"]) == (
        "unmonitored",
        False,
        False,
    )
    assert not hand.state(COUNSEL)["supervised"]


def test_officers_are_not_among_the_people_of_others() -> None:
    hand = live()
    hand.enter(SECOND)
    for seat in (WIFE, INMATE):
        assert {p["role"] for p in hand.state(seat)["people"]} == {"relative", "inmate"}
        assert hand.state(seat)["supervised"]
    assert {p["seat"] for p in hand.state(OFFICER)["people"]} == {
        WIFE.id, SON.id, INMATE.id, OFFICER.id, SECOND.id
    }  # fmt: skip


def test_states_are_numbered_whole_and_sent_when_something_changed() -> None:
    hand = live()
    numbers = [m["number"] for m in hand.heard(WIFE) if m["type"] == "state"]
    assert numbers == list(range(1, len(numbers) + 1))
    before = len(numbers)
    hand.wait(8)
    assert len([m for m in hand.heard(WIFE) if m["type"] == "state"]) == before
    hand.wait(4)
    assert len([m for m in hand.heard(WIFE) if m["type"] == "state"]) == before + 1
    hand.do(Devices("wife", camera=False, microphone=True))
    assert not next(p for p in hand.state(INMATE)["people"] if p["seat"] == WIFE.id)["camera"]
    hand.do(LegRated("wife", Quality.POOR))
    assert next(p for p in hand.state(OFFICER)["people"] if p["seat"] == WIFE.id)["quality"] == "poor"


# Away and back


def test_a_dark_phone_keeps_its_place_in_the_lobby() -> None:
    hand = Stagehand(at=-600)
    hand.enter(OFFICER, WIFE)
    hand.admit(WIFE)
    hand.leave(WIFE)
    hand.wait(100)
    hand.enter(WIFE)
    assert hand.room.seat(WIFE.id).view.state is SeatState.ADMITTED  # type: ignore[union-attr]


def test_the_leg_of_a_closed_socket_ends_after_two_seconds() -> None:
    hand = live()
    hand.leave(WIFE)
    hand.wait(1.5)
    assert hand.phase == Phase.LIVE.value
    assert CloseLeg("wife") not in hand.effects
    hand.wait(0.5)
    assert CloseLeg("wife") in hand.effects
    assert hand.phase == Phase.PAUSED.value
    assert hand.state(INMATE)["pause"]["reason"] == "person-away"


def test_leaving_on_purpose_ends_the_leg_at_once_and_keeps_the_seat() -> None:
    hand = live()
    hand.leave(WIFE, bye=True)
    assert CloseLeg("wife") in hand.effects
    assert "family:seat:left" in hand.tags()
    hand.enter(WIFE)
    assert hand.phase == Phase.LIVE.value


def test_time_away_within_the_window_is_given_back() -> None:
    hand = live()
    hand.wait(60)
    hand.do(LegLost("wife", silent=3.0))
    assert hand.phase == Phase.PAUSED.value
    hand.wait(5)
    hand.do(LegBack("wife"))
    assert hand.phase == Phase.LIVE.value
    assert hand.room.clock.used == pytest.approx(57)
    assert hand.room.clock.given_back() == pytest.approx(8)
    assert hand.notices(INMATE, "given-back")[0]["text"]["params"] == {"seconds": 8}
    assert hand.room.remaining(hand.moment) == pytest.approx(1800 - 57)


def test_beyond_the_window_their_own_time_runs_on_and_the_face_is_checked_again() -> None:
    hand = live()
    hand.wait(60)
    hand.leave(WIFE, bye=True)
    hand.wait(120)
    assert hand.room.clock.used == 60
    hand.wait(61)
    assert hand.room.clock.used == pytest.approx(120, abs=1.5)
    assert hand.room.seat(WIFE.id).view.state is SeatState.AWAY  # type: ignore[union-attr]
    hand.enter(WIFE)
    assert hand.state(WIFE)["waiting"] == ["for-admission"]
    used = hand.room.clock.used
    hand.wait(30)
    assert hand.room.clock.used == pytest.approx(used, abs=1)
    hand.admit(WIFE)
    assert hand.phase == Phase.LIVE.value


def test_somebody_long_gone_costs_the_others_no_refund() -> None:
    hand = live(seats=(WIFE, SON, INMATE))
    hand.leave(SON, bye=True)
    hand.wait(300)
    hand.do(LegLost("inmate", silent=3.0))
    assert hand.room.clock.used == pytest.approx(297)


def test_media_that_never_came_up_closes_the_socket() -> None:
    hand = Stagehand()
    hand.enter(WIFE, connect=False)
    hand.do(LegFailed("wife"))
    assert hand.closed("wife") == ["not-connected"]
    assert CloseLeg("wife") in hand.effects


def test_a_help_call_reaches_the_officers_and_no_more_than_one_in_five_seconds() -> None:
    hand = live()
    hand.do(Help("wife", "I cannot hear"))
    hand.do(Help("wife", "again"))
    assert [n["text"] for n in hand.notices(OFFICER, "help")] == ["I cannot hear"]
    assert hand.notices(OFFICER, "help")[0]["seat"] == WIFE.id
    assert hand.notices(INMATE, "help") == []
    hand.wait(5)
    hand.do(Help("wife", ""))
    assert hand.notices(OFFICER, "help")[1]["text"]["params"] == {"name": "Wang Fang"}
    entries = [e for e in hand.effects if isinstance(e, Enter) and e.tag == "family:help:asked"]
    assert len(entries) == 2
    assert all("text" not in e.details for e in entries)
