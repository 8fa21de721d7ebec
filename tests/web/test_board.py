"""The board: what needs somebody comes first, and the lights fit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.ids import Ref
from rooms.model import Phase, RoomRecord, RoomView, SeatRole, SeatState, SeatView
from scheduler.model import BookingState, BookingView, Fault, VisitKind
from web import board, lights
from web.board import Situation

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def booking(name: str, minutes: int, state: BookingState = BookingState.CONFIRMED) -> BookingView:
    starts = NOW + timedelta(minutes=minutes)
    return BookingView(
        id=f"bkg_{name}",
        reference=name,
        kind=VisitKind.FAMILY,
        state=state,
        inmate_id="inm",
        inmate_name=name,
        prison_id="prs",
        prison_name="",
        zone="Asia/Shanghai",
        wing_id="wng",
        wing_name="",
        slot_id="slt",
        starts_at=starts,
        slot_ends_at=starts + timedelta(minutes=40),
        minutes=30,
        opens_at=starts - timedelta(minutes=15),
        requested_by="rel",
        visitors=(),
        terminal_id=None,
        terminal_name=None,
        policy_version="",
        state_since=NOW,
        state_by=Ref("system", "kinbridge"),
        reply_by=None,
        held_until=None,
        reason=None,
        words="",
        fault=Fault.NOBODY,
    )


def room(phase: Phase, *seats: tuple[SeatRole, SeatState]) -> RoomView:
    people = tuple(
        SeatView(f"seat_{n}", role, Ref("person", str(n)), f"{role}{n}", state=state)
        for n, (role, state) in enumerate(seats)
    )
    return RoomView(
        "room",
        Ref("booking", "bkg"),
        RoomRecord(phase=phase, seats=people),
        None,
        hosted=True,
        given_back=0.0,
    )


def situation_of(visit: BookingView, at: RoomView | None = None) -> Situation:
    (row,) = board.rows([(visit, at)], NOW)
    return row.situation


def test_order_is_by_need_then_time() -> None:
    waiting = room(Phase.LOBBY, (SeatRole.RELATIVE, SeatState.LOBBY))
    visits = [
        (booking("ended", -120, BookingState.COMPLETED), room(Phase.ENDED)),
        (booking("later", 90), None),
        (booking("live", -5), room(Phase.LIVE)),
        (booking("due", 10), None),
        (booking("paused", -6), room(Phase.PAUSED)),
        (booking("waits-late", 5), waiting),
        (booking("waits", 2), waiting),
    ]
    names = [row.booking.inmate_name for row in board.rows(visits, NOW)]
    assert names == ["waits", "waits-late", "paused", "due", "live", "later", "ended"]


def test_lobby_opens_at_its_minute() -> None:
    assert situation_of(booking("a", 15)) is Situation.DUE
    assert situation_of(booking("a", 16)) is Situation.LATER


def test_a_monitor_in_the_lobby_is_nobody_who_waits() -> None:
    only = room(Phase.LOBBY, (SeatRole.MONITOR, SeatState.LOBBY), (SeatRole.INMATE, SeatState.AWAY))
    assert situation_of(booking("a", 5), only) is Situation.DUE


def test_confirmed_but_never_opened_is_over_when_its_slot_is() -> None:
    assert situation_of(booking("a", -40)) is Situation.ENDED
    assert situation_of(booking("a", -39)) is Situation.DUE


@pytest.mark.parametrize("state", sorted(set(BookingState) - board.SHOWN))
def test_what_is_not_promised_is_not_on_the_board(state: BookingState) -> None:
    assert board.rows([(booking("a", 5, state), None)], NOW) == []


def test_who_is_there_is_named_without_the_officer() -> None:
    there = room(
        Phase.LOBBY,
        (SeatRole.RELATIVE, SeatState.ADMITTED),
        (SeatRole.INMATE, SeatState.REMOVED),
        (SeatRole.MONITOR, SeatState.ADMITTED),
    )
    (row,) = board.rows([(booking("a", 5), there)], NOW)
    assert row.present == ("relative0",)


def test_every_situation_has_a_light() -> None:
    assert set(board.LIGHTS) == set(Situation)


@pytest.mark.parametrize(
    ("left", "light"),
    [
        (timedelta(days=1, seconds=1), lights.IN_TIME),
        (timedelta(days=1), lights.DUE_SOON),
        (timedelta(seconds=1), lights.DUE_SOON),
        (timedelta(0), lights.OVERDUE),
        (timedelta(days=-3), lights.OVERDUE),
    ],
)
def test_deadline_lights(left: timedelta, light: lights.Light) -> None:
    assert lights.of_deadline(NOW + left, NOW) == light


def test_no_deadline_is_never_late() -> None:
    assert lights.of_deadline(None, NOW) == lights.IN_TIME


def test_outcome_is_told_for_what_is_over() -> None:
    done = replace(booking("a", -60), state=BookingState.NO_SHOW)
    (row,) = board.rows([(done, None)], NOW)
    assert row.outcome == "Did not take place"
