"""Use cases of rooms for the pages: tickets, and how a room stands."""

from collections.abc import Sequence

import ledger.record
import scheduler.service
from core import clock
from core.db import Hook, Session, after_failure
from core.errors import Forbidden, KinbridgeError, NotFound
from core.ids import Ref, new_id
from people import repository as people
from people.model import Identity, RelationshipState, Role
from rooms import bookings, repository, tickets
from rooms.model import ActView, Phase, Purpose, RoomView, SeatRole, SeatState, SeatView
from rooms.powers import power
from rooms.refusals import RelationshipEnded, SeatRefused, VisitNotOpen, VisitOver
from rooms.tables import RoomRow
from rooms.tickets import IssuedTicket
from scheduler import repository as scheduling
from scheduler.model import BookingState, BookingView

_TO_COME = frozenset(
    {BookingState.HELD, BookingState.REQUESTED, BookingState.APPROVED, BookingState.ASSIGNED}
)


async def issue_ticket(session: Session, identity: Identity, booking_id: str) -> IssuedTicket:
    """A way into the room of a booking for this person.

    Raises `NotFound` (no such visit, or not theirs), `VisitNotOpen`, `VisitOver`, `RelationshipEnded`,
    `SeatRefused`, `Forbidden` (an officer who does not monitor). Each refusal is in the ledger.
    """
    try:
        return await _issue(session, identity, booking_id)
    except KinbridgeError as refusal:
        after_failure(session, _attempt(identity, booking_id, refusal))
        raise


async def _issue(session: Session, identity: Identity, booking_id: str) -> IssuedTicket:
    booking = await scheduler.service.get(session, booking_id)
    who = await _seat_for(session, identity, booking)
    _check_open(booking)
    room_id = await bookings.prepare(session, booking)
    room = await session.get_one(RoomRow, room_id, populate_existing=True)
    if room.phase == Phase.ENDED.value:
        raise VisitOver
    seat = await repository.seat_of(session, room_id, who.person)
    if seat is None:
        seat = await repository.add_seat(session, room_id, who)
    if seat.state is SeatState.REMOVED:
        raise SeatRefused
    return tickets.issue(session, identity, Purpose.SEAT, room_id, seat.id)


def _check_open(booking: BookingView) -> None:
    now = clock.now()
    if booking.state in _TO_COME or (booking.state is BookingState.CONFIRMED and now < booking.opens_at):
        raise VisitNotOpen(booking.opens_at)
    if booking.state is not BookingState.CONFIRMED or now >= booking.slot_ends_at:
        raise VisitOver


async def _seat_for(session: Session, identity: Identity, booking: BookingView) -> SeatView:
    """Whose seat this person would take. Raises `NotFound` where the visit is none of their business."""
    if identity.subject.kind == "terminal":
        terminal = await scheduling.terminal_of_device(session, identity.subject.id)
        if terminal is None or terminal.id != booking.terminal_id:
            raise NotFound
        return SeatView(
            new_id("seat"), SeatRole.INMATE, Ref("inmate", booking.inmate_id), booking.inmate_name
        )
    if identity.subject.kind in ("officer", "admin"):
        return _monitor_seat(identity, booking)
    return await _visitor_seat(session, identity, booking)


def _monitor_seat(identity: Identity, booking: BookingView) -> SeatView:
    if identity.prison_id != booking.prison_id:
        raise NotFound
    if Role.MONITOR not in identity.roles or power(booking.kind, SeatRole.MONITOR) is None:
        raise Forbidden
    return SeatView(new_id("seat"), SeatRole.MONITOR, identity.subject, identity.name)


async def _visitor_seat(session: Session, identity: Identity, booking: BookingView) -> SeatView:
    visitor = next((v for v in booking.visitors if v.person == identity.subject), None)
    if visitor is None:
        if identity.subject.id == booking.requested_by:
            raise RelationshipEnded  # they booked it, and are no longer one of its visitors
        raise NotFound
    role = bookings.ROLES[identity.subject.kind]
    if role is SeatRole.RELATIVE:
        relationship = await people.relationship(session, identity.subject.id, booking.inmate_id)
        if relationship is None or relationship.state is not RelationshipState.APPROVED:
            raise RelationshipEnded
    return SeatView(
        new_id("seat"), role, identity.subject, visitor.name, visitor.kinship, visitor.relationship_id
    )


def _attempt(identity: Identity, booking_id: str, why: KinbridgeError) -> Hook:
    """The ledger's entry of a refusal, written after the refused transaction was rolled back."""
    side = {"relative": "family", "terminal": "inmate"}.get(identity.subject.kind, identity.subject.kind)

    async def enter(session: Session) -> None:
        booking = Ref("booking", booking_id)
        ledger.record.record(
            session, f"{side}:ticket:refused", actor=identity.subject, subject=booking, code=why.code
        )

    return enter


async def issue_check_ticket(session: Session, identity: Identity) -> IssuedTicket:
    """A way to the device check, for whoever is signed in."""
    return tickets.issue(session, identity, Purpose.CHECK)


async def room_of(session: Session, booking_id: str) -> RoomView | None:
    """How the room of a booking stands; `None` as long as nobody came. Raises `NotFound` for the booking."""
    return await repository.view(session, await scheduler.service.get(session, booking_id))


async def acts_of(session: Session, booking_id: str) -> Sequence[ActView]:
    """What officers did in the room of a booking, in order, with their words: for the prison only."""
    row = await repository.room_row(session, booking_id)
    return await repository.acts(session, row.id) if row is not None else ()
