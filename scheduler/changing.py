"""Another time for a visit, without losing the one it has.

A change is a request of its own that `replaces` the visit: the visit stands until the change is approved, and ends in
the same transaction. Refused or expired, the change leaves everything as it was. The two share what both need: the
inmate's and the visitors' time where it overlaps, and the visit of the allowance (`places.release` hands it over).
Who comes can be changed without another time, also where the slot is full by now (F17).
"""

from sqlalchemy import ColumnElement, delete

from core import clock
from core.db import Session
from core.errors import Conflict, Reason, Refused
from core.ids import SYSTEM
from ledger.record import record
from people.model import Identity
from scheduler import booking, booths, facts, linked, moves, picking, places, repository, telling
from scheduler.access import booking_ref, ref, tag
from scheduler.model import OPEN_STATES, BookingState, BookingView, ClaimKind, VisitorChoice, ticks
from scheduler.picking import Purpose, ignoring_of
from scheduler.rules import (
    Rule,
    adult_needed,
    lead_too_young,
    nobody_comes,
    refusals,
    relation_not_listed,
    suspended,
    too_many_adults,
    too_many_children,
    too_many_visitors,
    visitor_busy,
    visitor_not_approved,
)
from scheduler.tables import BookingRow, VisitorRow

CHANGED = Reason("changed", "The visit was moved to another time, as you asked.")
TOO_LATE = Reason(
    "change-too-late", "The time of the visit that should be changed has come. It stays as it was."
)
_OF_VISITORS: tuple[Rule, ...] = (
    visitor_not_approved, relation_not_listed, suspended, visitor_busy, nobody_comes, too_many_visitors,
    too_many_adults, too_many_children, adult_needed, lead_too_young,
)  # fmt: skip


class NotToChange(Conflict):
    code = "not-to-change"
    text = "This visit can no longer be changed. Look at it as it is now."


class ChangeWaits(Conflict):
    code = "change-waits"
    text = "Another time has been asked for already. Wait for the answer, or withdraw that request first."


class PartsTogether(Conflict):
    code = "parts-together"
    text = (
        "This visit is one of several parts that belong together. Withdraw them all, and ask for new times."
    )


async def changeable(session: Session, actor: Identity, booking_id: str, key: str = "") -> BookingView:
    """One's own visit, if another time may be asked for now. `key`: of the pick that may be there already.

    Raises `NotToChange`, also for a change that is not approved yet, `ChangeWaits` and `PartsTogether`; `NotFound` for
    another's.
    """
    old = await booking.own(session, actor, booking_id)
    if old.state not in OPEN_STATES - {BookingState.HELD} or old.starts_at <= clock.now():
        raise NotToChange
    if old.state is BookingState.REQUESTED and old.replaces is not None:
        first = await repository.get(session, old.replaces)
        if first.state in OPEN_STATES:
            raise NotToChange
    if await of(session, booking_id, BookingRow.hold_key != key) is not None:
        raise ChangeWaits
    if await linked.beside(session, old):
        raise PartsTogether
    return old


async def pick(session: Session, actor: Identity, booking_id: str, slot_id: str, key: str) -> BookingView:
    """Keeps another time for one's visit, as `picking.hold` keeps one for a new visit. Raises as `changeable`."""
    old = await changeable(session, actor, booking_id, key)
    return await picking.hold(session, actor, old.inmate_id, slot_id, key, Purpose(replaces=old))


async def change(
    session: Session,
    actor: Identity,
    booking_id: str,
    slot_id: str,
    visitors: list[VisitorChoice],
    key: str,
    booth_id: str | None = None,
) -> BookingView:
    """Asks for another time for one's visit; answers the new request, or for the same slot the visit itself with the
    new visitors. `booth_id`: where they would sit, at the old time or the new one. The same `key` again answers the
    same. Raises `Refused` with every reason; the visit then stands as it was."""
    old = await changeable(session, actor, booking_id, key)
    if slot_id == old.slot_id:
        await booths.sit_elsewhere(session, actor, old, booth_id)
        return await _other_visitors(session, actor, old, visitors)
    held = await pick(session, actor, booking_id, slot_id, key)
    if held.state is not BookingState.HELD:
        return held
    return await booking.request(session, actor, held.id, visitors, key, booth_id)


async def _other_visitors(
    session: Session, actor: Identity, old: BookingView, visitors: list[VisitorChoice]
) -> BookingView:
    """Other people at the same time. The place is the booking's own: only what is about people is asked."""
    ground = await facts.ground(session, old.inmate_id)
    guests = await facts.guests(session, old.inmate_id, [choice.relationship_id for choice in visitors])
    purpose = Purpose()
    slot = await picking.look(session, ground, old.slot_id, old.id, purpose)
    case = await facts.judge(session, ground, guests, [slot], ignoring=ignoring_of(old.id, purpose))
    if reasons := refusals(case, slot, _OF_VISITORS):
        raise Refused(reasons)
    numbers = ticks(old.starts_at, old.slot_ends_at)
    before = {old.requested_by, *(visitor.person.id for visitor in old.visitors if visitor.person)}
    for relative_id in sorted(before):
        await places.unclaim(session, places.ticks_of(ClaimKind.VISITOR, relative_id, numbers), old.id)
    await session.execute(
        delete(VisitorRow).where(VisitorRow.booking_id == old.id).execution_options(synchronize_session=False)
    )
    await booking.bring(session, ground, old, guests, anew=True)
    record(
        session,
        tag(actor, "booking:visitors-changed"),
        actor=ref(actor),
        subject=booking_ref(old.id),
        visitors=len(guests),
    )
    await telling.of_change(session, old.id)
    return await repository.get(session, old.id)


async def settle(session: Session, view: BookingView) -> None:
    """A change was approved: the visit that it replaces ends now, and so does any other request to change it.
    Raises `Refused` when its time has come: a change is nothing without it. The other requests end first, so that
    what the visit had goes over to this one."""
    if view.replaces is None:
        return
    old = await repository.get(session, view.replaces)
    if old.state not in OPEN_STATES:
        return
    if old.starts_at <= clock.now():
        raise Refused([TOO_LATE])
    for other in await repository.views(
        session, BookingRow.replaces == old.id, BookingRow.id != view.id, BookingRow.state.in_(OPEN_STATES)
    ):
        await moves.try_move(session, SYSTEM, other.id, BookingState.WITHDRAWN, reason=CHANGED)
    await moves.move(session, SYSTEM, old.id, BookingState.WITHDRAWN, reason=CHANGED)


async def of(session: Session, booking_id: str, *where: ColumnElement[bool]) -> BookingView | None:
    """The open change of a visit, if there is one."""
    asked = BookingRow.state.in_(OPEN_STATES - {BookingState.HELD})
    found = await repository.views(session, BookingRow.replaces == booking_id, asked, *where)
    return found[0] if found else None
