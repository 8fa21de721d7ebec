"""The booking behind a room: which are due, how a room is opened for one, what became of it, how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

import ledger.record
import policy.repository
import scheduler.service
from core import clock
from core.db import Session
from core.errors import Reason
from core.ids import SYSTEM, Ref, new_id
from rooms import directory, repository, words
from rooms.actions import Action, BookingCancelled, VisitorDropped
from rooms.directory import Claim
from rooms.model import EndReason, Moment, Phase, RoomRecord, SeatRole, SeatState, SeatView
from rooms.room import Room
from rooms.tables import RoomRow
from scheduler.model import BookingState, BookingView, Fault

# The seat of a visitor, by the kind of their account.
ROLES = {"relative": SeatRole.RELATIVE, "counsel": SeatRole.COUNSEL}


@dataclass(frozen=True, slots=True)
class Opened:
    room: Room
    claim: Claim


async def candidates(session: Session) -> list[str]:
    """Bookings whose room should run and does not: due ones without a host, and orphans of dead nodes."""
    now = clock.now()
    due = [booking.id for booking in await scheduler.service.due(session, now)]
    taken = await session.scalars(
        select(RoomRow.booking_id).where(
            RoomRow.booking_id.in_(due), or_(RoomRow.phase == Phase.ENDED.value, RoomRow.lease_until > now)
        )
    )
    busy = set(taken)
    return list(dict.fromkeys([b for b in due if b not in busy] + await directory.unhosted(session)))


async def open_room(session: Session, booking_id: str, node_id: str) -> Opened | None:
    """Claims the booking's room and reads it; `None`: another node was faster, or it has ended."""
    booking = await scheduler.service.get(session, booking_id)
    rules = await policy.repository.current(session, booking.wing_id, booking.starts_at)
    room_id = await prepare(session, booking)
    claim = await directory.claim(session, booking_id, node_id)
    if claim is None:
        return None
    row = await session.get_one(RoomRow, room_id, populate_existing=True)
    present = {visitor.person for visitor in booking.visitors}
    seats = await repository.seats(session, room_id)
    still_theirs = tuple(seat for seat in seats if not seat.role.visits or seat.person in present)
    record = repository.as_record(row, still_theirs)
    ledger.record.record(
        session,
        "system:room:opened",
        actor=SYSTEM,
        subject=Ref("booking", booking_id),
        room=room_id,
        node=node_id,
        epoch=claim.epoch,
    )
    visit = repository.visit_of(room_id, booking, rules.values)
    return Opened(Room(visit, record, Moment(clock.now(), clock.monotonic())), claim)


async def prepare(session: Session, booking: BookingView) -> str:
    """The room and the seats of a booking, made where they are missing; answers the room's id."""
    room_id = await directory.ensure_room(session, booking.id)
    seated = {seat.person for seat in await repository.seats(session, room_id)}
    for visitor in booking.visitors:
        if visitor.person is not None and not visitor.minor and visitor.person not in seated:
            seat = SeatView(
                new_id("seat"),
                ROLES[visitor.person.kind],
                visitor.person,
                visitor.name,
                visitor.kinship,
                visitor.relationship_id,
            )
            await repository.add_seat(session, room_id, seat)
    inmate = Ref("inmate", booking.inmate_id)
    if inmate not in seated:
        seat = SeatView(new_id("seat"), SeatRole.INMATE, inmate, booking.inmate_name)
        await repository.add_seat(session, room_id, seat)
    return room_id


async def changes(session: Session, booking_id: str, seats: Sequence[SeatView]) -> list[Action]:
    """What happened to a running room's booking: it was cancelled, or a visitor is no longer in it."""
    booking = await scheduler.service.get(session, booking_id)
    if booking.state is not BookingState.CONFIRMED:
        return [BookingCancelled()]
    visitors = {visitor.person for visitor in booking.visitors}
    return [
        VisitorDropped(seat.id)
        for seat in seats
        if seat.role.visits and seat.state is not SeatState.REMOVED and seat.person not in visitors
    ]


async def complete(session: Session, booking_id: str, record: RoomRecord) -> None:
    """Tells the scheduler how the visit ended, in the transaction that ends the room."""
    reason = record.end_reason
    if reason is None or reason is EndReason.CANCELLED:
        return  # the scheduler knows: it was the one who cancelled
    text = words.REASONS.get(record.end_code) or words.ENDS[reason]
    await scheduler.service.complete(
        session,
        booking_id,
        outcome_of(record),
        fault=record.fault,
        reason=Reason(record.end_code or reason.value, text),
    )


def outcome_of(record: RoomRecord) -> BookingState:
    """What becomes of the booking. A visit that the prison or we broke off, or that never began, is not
    counted against the family's allowance; one that nobody of the family came to is a no-show."""
    if record.end_reason is EndReason.FAMILY_NO_SHOW:
        return BookingState.NO_SHOW
    if record.live_at is None or record.fault in (Fault.PRISON, Fault.PLATFORM):
        return BookingState.CANCELLED
    return BookingState.COMPLETED
