"""The booking behind a room: what was agreed, what became of it, and how it ends."""

from collections.abc import Sequence

import scheduler.service
from core.db import Session
from core.errors import Reason
from core.ids import Ref
from rooms import words
from rooms.actions import Action, BookingCancelled, Extended, VisitorDropped
from rooms.agreed import Agreed, Party
from rooms.confidentiality import OF_BOOKING, RoomKind
from rooms.model import Companion, EndReason, RoomRecord, SeatRole, SeatState, SeatView, Visit
from scheduler.model import BookingState, BookingView, Fault

# The seat of a visitor, by the kind of their account.
ROLES = {"relative": SeatRole.RELATIVE, "counsel": SeatRole.COUNSEL}


def agreed(booking: BookingView) -> Agreed:
    kind = RoomKind(booking.kind.value)
    visitors = [
        Party(ROLES[v.person.kind], v.person, v.name, v.kinship, v.relationship_id)
        for v in booking.visitors
        if v.person is not None and not v.minor
    ]
    inmate = Party(SeatRole.INMATE, Ref("inmate", booking.inmate_id), booking.inmate_name)
    return Agreed(
        about=Ref("booking", booking.id),
        reference=booking.reference,
        kind=kind,
        confidentiality=OF_BOOKING[kind],
        prison_id=booking.prison_id,
        scope_id=booking.wing_id,
        inmate_name=booking.inmate_name,
        terminal_id=booking.terminal_id,
        starts_at=booking.starts_at,
        ends_at=booking.slot_ends_at,
        opens_at=booking.opens_at,
        minutes=booking.minutes,
        parties=(*visitors, inmate),
        companions=tuple(
            Companion(visitor.name, visitor.kinship, visitor.relationship_id)
            for visitor in booking.visitors
            if visitor.minor
        ),
    )


async def changes(session: Session, visit: Visit, seats: Sequence[SeatView]) -> list[Action]:
    """What happened to a running room's booking: it was cancelled, is longer now, or has lost a visitor."""
    booking = await scheduler.service.get(session, visit.about.id)
    if booking.state is not BookingState.CONFIRMED:
        return [BookingCancelled()]
    longer = booking.minutes * 60.0 > visit.granted
    visitors = {visitor.person for visitor in booking.visitors}
    return [
        *([Extended(booking.minutes * 60.0, booking.slot_ends_at)] if longer else []),
        *(
            VisitorDropped(seat.id)
            for seat in seats
            if seat.role.visits and seat.state is not SeatState.REMOVED and seat.person not in visitors
        ),
    ]


async def complete(session: Session, booking_id: str, record: RoomRecord, *, told: bool = True) -> None:
    """Tells the scheduler how the visit ended, in the transaction that ends the room. `told`: the family may read why
    an officer ended it; otherwise that stands with the room alone."""
    reason = record.end_reason
    if reason is None or reason is EndReason.CANCELLED:
        return  # the scheduler knows: it was the one who cancelled
    code = record.end_code if told else ""
    text = words.REASONS.get(code) or words.ENDS[reason]
    await scheduler.service.complete(
        session,
        booking_id,
        outcome_of(record),
        fault=record.fault,
        reason=Reason(code or reason.value, text),
    )


def outcome_of(record: RoomRecord) -> BookingState:
    """What becomes of the booking. A visit that the prison or we broke off, or that never began, is not
    counted against the family's allowance; one that nobody of the family came to is a no-show."""
    if record.end_reason is EndReason.FAMILY_NO_SHOW:
        return BookingState.NO_SHOW
    if record.live_at is None or record.fault in (Fault.PRISON, Fault.PLATFORM):
        return BookingState.CANCELLED
    return BookingState.COMPLETED
