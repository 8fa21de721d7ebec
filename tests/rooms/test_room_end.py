"""How a visit ends and what becomes of it, and how a room goes on after a restart; pure."""

from dataclasses import replace

import pytest

from core.ids import Ref
from rooms.actions import (
    Acted,
    BookingCancelled,
    Detached,
    Ended,
    Enter,
    FinishRecorder,
    LegConnected,
    StartRecorder,
    Tick,
    VisitorDropped,
)
from rooms.model import EndReason, Phase
from scheduler.model import Fault
from tests.rooms.stagehand import (
    INMATE,
    OFFICER,
    RULES,
    SON,
    START,
    WIFE,
    Stagehand,
    live,
    visit,
)

# The end


def test_the_time_is_told_at_ten_five_and_two_minutes_and_ends_hard() -> None:
    hand = live()
    hand.wait(1800 + 1, step=1)
    assert [n["minutes"] for n in hand.notices(WIFE, "time")] == [10, 5, 2]
    assert [n["minutes"] for n in hand.notices(INMATE, "time")] == [10, 5, 2]
    assert hand.phase == Phase.ENDED.value
    record = hand.room.record()
    assert record.end_reason is EndReason.TIME_UP
    assert record.fault is Fault.NOBODY
    ended = [m for m in hand.heard(WIFE) if m["type"] == "ended"]
    assert ended[0]["used_ms"] == 1_800_000
    assert hand.closed("wife") == hand.closed("inmate") == hand.closed("officer") == ["ended"]
    assert FinishRecorder("time-up") in hand.effects
    assert Ended() in hand.effects


def test_an_officer_ends_a_visit_only_where_the_rules_let_the_prison() -> None:
    """`cut_by`."""
    hand = live(visit(rules=replace(RULES, prison_ends=False)))
    assert "end" not in hand.heard(OFFICER)[0]["acts"]
    hand.do(Acted(hand.sockets[OFFICER.id], "a1", "end", code="family-asked"))
    assert hand.phase != Phase.ENDED.value
    assert "officer:act:forbidden" in hand.tags()


def test_where_the_rules_give_nothing_back_a_visit_ends_by_the_clock_on_the_wall() -> None:
    """`time_back`: "none" and "refund" add nothing at the end."""
    hand = live(visit(rules=replace(RULES, gives_back=False)))
    hand.leave(WIFE)
    hand.wait(60, step=5)
    hand.enter(WIFE)
    assert hand.room.clock.given_back() == 0
    assert hand.notices(WIFE, "given-back") == []
    hand.wait(1735, step=5)
    assert hand.phase == Phase.LIVE.value
    hand.wait(10)
    assert (hand.phase, hand.room.record().end_reason) == (Phase.ENDED.value, EndReason.TIME_UP)


def test_given_back_time_never_runs_into_the_next_visit() -> None:
    hand = live(visit(minutes=30, slot=32))
    hand.act("pause", code="security")
    hand.wait(600, step=1)
    hand.act("resume")
    hand.wait(1320, step=1)
    assert hand.at == 1920
    assert hand.phase == Phase.ENDED.value
    assert hand.room.record().end_reason is EndReason.SLOT_OVER
    assert hand.room.clock.given_back() == 120


def test_a_late_visit_is_cut_where_the_next_one_begins() -> None:
    hand = Stagehand(visit(minutes=30, slot=40), at=1200)
    hand.enter(OFFICER, WIFE, INMATE)
    hand.admit(WIFE, INMATE)
    assert hand.state(WIFE)["clock"]["remaining_ms"] == 1_200_000
    hand.wait(1200, step=1)
    assert hand.phase == Phase.ENDED.value


def test_a_family_that_never_came_is_a_no_show_after_the_cut_off() -> None:
    hand = Stagehand(at=-10)
    assert RULES.late_cutoff == 900
    hand.enter(OFFICER, INMATE)
    hand.wait(905, step=1)
    assert hand.phase == Phase.LOBBY.value
    hand.wait(10, step=1)
    assert hand.room.record().end_reason is EndReason.FAMILY_NO_SHOW
    assert hand.room.record().fault is Fault.FAMILY


def test_a_family_that_came_and_found_nobody_is_not_blamed() -> None:
    hand = Stagehand()
    hand.enter(WIFE)
    hand.leave(WIFE)
    hand.wait(2399, step=1)
    assert hand.phase == Phase.LOBBY.value
    hand.wait(1)
    assert hand.room.record().end_reason is EndReason.PRISON_NO_SHOW
    assert hand.room.record().fault is Fault.PRISON


def test_a_family_that_found_the_door_shut_for_long_is_not_blamed() -> None:
    hand = Stagehand(at=2000)
    hand.enter(OFFICER, INMATE)
    hand.wait(400, step=1)
    assert hand.room.record().end_reason is EndReason.PRISON_NO_SHOW
    assert hand.room.record().fault is Fault.PLATFORM


def test_a_cancelled_booking_ends_the_room() -> None:
    hand = Stagehand()
    hand.enter(WIFE)
    hand.do(BookingCancelled())
    assert hand.phase == Phase.ENDED.value
    assert hand.room.record().end_reason is EndReason.CANCELLED


def test_a_visitor_whose_relationship_ended_is_out_and_the_visit_goes_on_for_the_other() -> None:
    hand = live(seats=(WIFE, SON, INMATE))
    hand.do(VisitorDropped(SON.id))
    assert hand.closed("son") == ["relationship-ended"]
    assert hand.phase == Phase.LIVE.value
    hand.do(VisitorDropped(SON.id))
    hand.do(VisitorDropped(WIFE.id))
    assert hand.phase == Phase.ENDED.value


def test_an_ended_room_does_nothing_more() -> None:
    hand = live()
    hand.act("end", code="said-goodbye")
    for action in (Tick(), LegConnected("wife"), Detached("wife"), Acted("officer", "x", "resume")):
        assert hand.do(action) == []
    assert hand.room.scene().announcer is None


# Restart


def test_after_a_restart_admitted_people_come_back_without_being_admitted_again() -> None:
    hand = live()
    hand.wait(100)
    record = hand.room.record()
    again = Stagehand(hand.room.visit, record, at=hand.at + 4)
    assert again.phase == Phase.PAUSED.value
    again.enter(WIFE, INMATE)
    assert again.phase == Phase.PAUSED.value
    assert "monitor-lost" in again.state(WIFE)["pause"]["reason"]
    again.enter(OFFICER)
    assert again.phase == Phase.LIVE.value
    assert [e for e in again.effects if isinstance(e, StartRecorder)] == [StartRecorder()]
    assert again.room.clock.used == pytest.approx(100)
    assert again.room.clock.given_back() == pytest.approx(4)
    assert again.room.clock.live_at == START


def test_an_officers_pause_and_a_mute_survive_a_restart() -> None:
    hand = live()
    hand.act("mute", seat=WIFE.id)
    hand.act("pause", code="security")
    again = Stagehand(hand.room.visit, hand.room.record(), at=10)
    again.enter(WIFE, INMATE, OFFICER)
    assert again.phase == Phase.PAUSED.value
    assert again.act("resume") == "done"
    assert again.phase == Phase.LIVE.value
    assert again.shown(INMATE) == {WIFE.id: (False, True)}
    assert again.shown(OFFICER)[WIFE.id] == (True, True)


def test_entries_name_people_by_id_only() -> None:
    hand = live()
    hand.act("warn", code="text", text="Wang Fang, sit down")
    hand.act("end", code="identity", text="Li Wei is not Li Wei")
    for effect in hand.effects:
        if isinstance(effect, Enter):
            written = str(effect.details)
            assert "Wang" not in written
            assert "Li Wei" not in written
            assert isinstance(effect.actor, Ref)
            assert effect.details["room"] == "room_1"
            assert "at_ms" in effect.details
