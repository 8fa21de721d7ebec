"""What the worker does for rooms."""

from dataclasses import replace
from datetime import timedelta

import ledger.record
import policy.repository
from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from rooms import bookings, call_log, directory, repository, sittings, tickets
from rooms.model import EndReason, Phase
from rooms.tables import RoomRow
from scheduler import repository as scheduling
from scheduler.model import BookingState, BookingView, Fault
from scheduler.tables import BookingRow

_MINUTES_KEPT = timedelta(days=180)
_PATIENCE = timedelta(minutes=2)  # after the slot's end: till then a node may still end the room itself


async def purge_tickets(db: Database) -> int:
    """Forgets dead tickets; answers how many."""
    async with db.write() as session:
        return await tickets.purge(session)


async def purge_minutes(db: Database) -> int:
    """Forgets what legs measured when it is too old to explain anything; answers how many minutes."""
    async with db.write() as session:
        return await call_log.purge(session, clock.now() - _MINUTES_KEPT)


async def close_missed(db: Database) -> int:
    """Completes visits whose slot passed while no node ran at all: our fault, nobody's strike."""
    async with db.read() as session:
        missed = await scheduling.views(
            session,
            BookingRow.state == BookingState.CONFIRMED,
            BookingRow.slot_ends_at < clock.now() - _PATIENCE,
        )
    closed = 0
    for booking in missed:
        closed += await _close(db, booking)
    return closed


async def _close(db: Database, booking: BookingView) -> bool:
    async with db.write() as session:
        agreed = bookings.agreed(booking)
        room_id = await directory.ensure_room(session, agreed.about, agreed.confidentiality)
        claim = await directory.claim(session, agreed.about, "worker")
        if claim is None:
            return False  # a node is at it
        row = await session.get_one(RoomRow, room_id, populate_existing=True)
        reason = EndReason.SLOT_OVER if row.live_at is not None else EndReason.PRISON_NO_SHOW
        record = replace(
            repository.as_record(row, ()),
            phase=Phase.ENDED,
            ended_at=clock.now(),
            end_reason=reason,
            fault=Fault.PLATFORM,
        )
        rules = await policy.repository.current(session, booking.wing_id, booking.starts_at)
        visit = agreed.visit(room_id, repository.rules_of(rules.values))
        await directory.write(session, claim, record, visit)
        ledger.record.record(
            session,
            "system:visit:ended",
            actor=SYSTEM,
            subject=Ref("booking", booking.id),
            room=room_id,
            reason=reason.value,
            fault=record.fault.value,
        )
        await bookings.complete(session, booking.id, record)
    return True


async def close_missed_sittings(db: Database) -> int:
    """Sittings whose time passed while no node ran them; answers how many."""
    async with db.write() as session:
        missed = await sittings.missed(session, clock.now() - _PATIENCE)
        for sitting_id in missed:
            await sittings.cancel(session, SYSTEM, sitting_id, "missed")
    return len(missed)
