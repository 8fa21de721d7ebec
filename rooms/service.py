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
from rooms import bookings, opening, proving, repository, sittings, tickets
from rooms.agreed import Agreed, Party, SittingState, SittingView
from rooms.model import ActView, Phase, Purpose, RoomView, SeatRole, SeatState, SeatView
from rooms.refusals import NoOfficerHere, RelationshipEnded, SeatRefused, VisitNotOpen, VisitOver
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
        booking = await scheduler.service.get(session, booking_id)
        agreed = bookings.agreed(booking)
        who = await _seat_for(session, identity, agreed, booking)
        _check_open(booking)
        return await _issue(session, identity, agreed, who)
    except KinbridgeError as refusal:
        after_failure(session, _attempt(identity, Ref("booking", booking_id), refusal))
        raise


async def issue_sitting_ticket(
    session: Session, identity: Identity, sitting_id: str, inmate_id: str = ""
) -> IssuedTicket:
    """The same for a sitting. `inmate_id`: who has shown their personal code at the terminal that asks.

    Also raises `ClosedRoomsUnproved`. An officer's ticket for an unmonitored room is `Forbidden`, always.
    """
    try:
        view = await sittings.get(session, sitting_id)
        who = await _seat_for(session, identity, view.agreed, None, inmate_id)
        _check_sitting_open(view)
        await proving.demand(session, view.agreed.topology)
        return await _issue(session, identity, view.agreed, who)
    except KinbridgeError as refusal:
        after_failure(session, _attempt(identity, Ref("sitting", sitting_id), refusal))
        raise


async def _issue(session: Session, identity: Identity, agreed: Agreed, who: SeatView) -> IssuedTicket:
    room_id = await opening.prepare(session, agreed)
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


def _check_sitting_open(view: SittingView) -> None:
    now = clock.now()
    if view.state is not SittingState.AGREED or now >= view.agreed.ends_at:
        raise VisitOver
    if now < view.agreed.opens_at:
        raise VisitNotOpen(view.agreed.opens_at)


async def _seat_for(
    session: Session, identity: Identity, agreed: Agreed, booking: BookingView | None, inmate_id: str = ""
) -> SeatView:
    """Whose seat this person would take. Raises `NotFound` where it is none of their business."""
    if identity.subject.kind == "terminal":
        return await _inmate_seat(session, identity, agreed, inmate_id)
    if identity.subject.kind in ("officer", "admin"):
        return _monitor_seat(identity, agreed)
    party = agreed.party(identity.subject)
    if party is None:
        if booking is not None and identity.subject.id == booking.requested_by:
            raise RelationshipEnded  # they booked it, and are no longer one of its visitors
        raise NotFound
    if party.role is SeatRole.RELATIVE:
        relationship = await people.relationship(session, identity.subject.id, agreed.inmate_id)
        if relationship is None or relationship.state is not RelationshipState.APPROVED:
            raise RelationshipEnded
    return _seat_of(party)


def _seat_of(party: Party) -> SeatView:
    return SeatView(
        new_id("seat"), party.role, party.person, party.name, party.kinship, party.relationship_id
    )


async def _inmate_seat(session: Session, identity: Identity, agreed: Agreed, inmate_id: str) -> SeatView:
    """At the terminal that was set aside for it; where none was, at any of the prison's, with the code shown."""
    terminal = await scheduling.terminal_of_device(session, identity.subject.id)
    inmate = agreed.party(Ref("inmate", agreed.inmate_id))
    theirs = terminal is not None and terminal.id == agreed.terminal_id
    if agreed.terminal_id is None:
        theirs = identity.prison_id == agreed.prison_id and inmate_id == agreed.inmate_id
    if inmate is None or not theirs:
        raise NotFound
    return _seat_of(inmate)


def _monitor_seat(identity: Identity, agreed: Agreed) -> SeatView:
    if identity.prison_id != agreed.prison_id:
        raise NotFound
    if agreed.topology.power(SeatRole.MONITOR) is None:
        raise NoOfficerHere
    if Role.MONITOR not in identity.roles or not identity.strong:
        raise Forbidden
    return SeatView(new_id("seat"), SeatRole.MONITOR, identity.subject, identity.name)


def _attempt(identity: Identity, about: Ref, why: KinbridgeError) -> Hook:
    """The ledger's entry of a refusal, written after the refused transaction was rolled back."""
    side = {"relative": "family", "terminal": "inmate"}.get(identity.subject.kind, identity.subject.kind)

    async def enter(session: Session) -> None:
        ledger.record.record(
            session, f"{side}:ticket:refused", actor=identity.subject, subject=about, code=why.code
        )

    return enter


async def issue_wall_ticket(session: Session, identity: Identity, booking_id: str) -> IssuedTicket:
    """A way to the wall of the node that hosts this booking's room, for whoever monitors its prison.

    Raises as `issue_ticket`. One wall shows all rooms of its node; those of another need a ticket of their own.
    """
    try:
        booking = await scheduler.service.get(session, booking_id)
        agreed = bookings.agreed(booking)
        if identity.subject.kind != "officer":
            raise Forbidden
        _monitor_seat(identity, agreed)
        _check_open(booking)
        room_id = await opening.prepare(session, agreed)
        return tickets.issue(session, identity, Purpose.WALL, room_id)
    except KinbridgeError as refusal:
        after_failure(session, _attempt(identity, Ref("booking", booking_id), refusal))
        raise


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
