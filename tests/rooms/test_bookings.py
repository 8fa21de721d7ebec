"""How a room's end becomes the booking's, and what the worker closes when no node ran; how quality is told."""

from datetime import UTC, datetime, timedelta

import pytest

from core.db import Database
from rooms import bookings, service, tasks
from rooms.bookings import outcome_of
from rooms.client import LegStatistics
from rooms.model import EndReason, Phase, Quality, RoomRecord
from rooms.quality import rate
from scheduler.model import BookingState, Fault
from tests.rooms.visits import Cast, ShiftedClock

BEGUN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "fault", "begun", "outcome"),
    [
        (EndReason.TIME_UP, Fault.NOBODY, True, BookingState.COMPLETED),
        (EndReason.SLOT_OVER, Fault.NOBODY, True, BookingState.COMPLETED),
        (EndReason.BY_OFFICER, Fault.NOBODY, True, BookingState.COMPLETED),
        (EndReason.BY_OFFICER, Fault.PRISON, True, BookingState.CANCELLED),
        (EndReason.BY_OFFICER, Fault.NOBODY, False, BookingState.CANCELLED),
        (EndReason.REMOVED, Fault.NOBODY, True, BookingState.COMPLETED),
        (EndReason.MONITOR_LOST, Fault.PRISON, True, BookingState.CANCELLED),
        (EndReason.RECORDER_LOST, Fault.PLATFORM, True, BookingState.CANCELLED),
        (EndReason.PAUSED_TOO_LONG, Fault.PRISON, True, BookingState.CANCELLED),
        (EndReason.PRISON_NO_SHOW, Fault.PRISON, False, BookingState.CANCELLED),
        (EndReason.FAMILY_NO_SHOW, Fault.FAMILY, False, BookingState.NO_SHOW),
    ],
)
def test_what_becomes_of_the_booking(
    reason: EndReason, fault: Fault, begun: bool, outcome: BookingState
) -> None:
    record = RoomRecord(Phase.ENDED, end_reason=reason, fault=fault, live_at=BEGUN if begun else None)
    assert outcome_of(record) is outcome


@pytest.mark.parametrize(("told", "code"), [(True, "health"), (False, "by-officer")])
async def test_the_familys_page_has_the_officers_reason_only_where_policy_tells_it(
    cast: Cast, shifted: ShiftedClock, told: bool, code: str
) -> None:
    shifted.put_to(cast.booking.starts_at + timedelta(minutes=5))
    record = RoomRecord(
        Phase.ENDED, end_reason=EndReason.BY_OFFICER, end_code="health", live_at=cast.booking.starts_at
    )
    async with cast.db.write() as session:
        await bookings.complete(session, cast.booking.id, record, told=told)
    booking = await cast.world.get(cast.booking.id)
    assert booking.state is BookingState.COMPLETED
    assert booking.reason is not None
    assert booking.reason.code == code


async def test_a_visit_that_no_node_ran_is_closed_on_our_account(cast: Cast, shifted: ShiftedClock) -> None:
    await cast.ticket(cast.relative)
    shifted.put_to(cast.booking.slot_ends_at + timedelta(minutes=1))
    assert await tasks.close_missed(cast.db) == 0
    shifted.shift += 120
    assert await tasks.close_missed(cast.db) == 1
    assert await tasks.close_missed(cast.db) == 0
    booking = await cast.world.get(cast.booking.id)
    assert (booking.state, booking.fault) == (BookingState.CANCELLED, Fault.PLATFORM)
    async with cast.db.read() as session:
        view = await service.room_of(session, cast.booking.id)
    assert view is not None
    assert (view.record.phase, view.record.end_reason) == (Phase.ENDED, EndReason.PRISON_NO_SHOW)
    assert await tasks.purge_tickets(cast.db) == 0
    shifted.shift += 3700
    assert await tasks.purge_tickets(cast.db) == 1


async def test_before_anybody_came_there_is_no_room(cast: Cast, db: Database) -> None:
    async with db.read() as session:
        assert await service.room_of(session, cast.booking.id) is None
        assert await service.acts_of(session, cast.booking.id) == ()


@pytest.mark.parametrize(
    ("trip", "loss", "quality"),
    [
        (None, None, Quality.UNKNOWN),
        (20.0, None, Quality.GOOD),
        (200.0, 2.0, Quality.GOOD),
        (201.0, 0.0, Quality.FAIR),
        (300.0, 0.0, Quality.FAIR),
        (301.0, 0.0, Quality.POOR),
        (20.0, 2.1, Quality.FAIR),
        (20.0, 8.1, Quality.POOR),
        (None, 0.0, Quality.GOOD),
    ],
)
def test_quality_is_the_worse_of_round_trip_and_loss(
    trip: float | None, loss: float | None, quality: Quality
) -> None:
    assert rate(LegStatistics(0, 0, 0, 0, 0, trip, None, loss, 0.0)) is quality
