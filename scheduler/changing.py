"""Another time for a visit, without losing the one it has.

A change is a request of its own that `replaces` the visit: the visit stands until the change is approved, and ends in
the same transaction. Refused or expired, the change leaves everything as it was. The two share what both need: the
inmate's and the visitors' time where it overlaps, and the visit of the allowance (`places.release` hands it over).
Who comes can be changed without another time, also where the slot is full by now (F17).
"""

from sqlalchemy import delete

from core import clock
from core.db import Session
from core.errors import Conflict, Reason, Refused
from core.ids import SYSTEM
from ledger.record import record
from people.model import Identity
from scheduler import booking, facts, moves, picking, places, repository, telling
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


async def change(
    session: Session,
    actor: Identity,
    booking_id: str,
    slot_id: str,
    visitors: list[VisitorChoice],
    key: str,
) -> BookingView:
    """Asks for another time for one's visit; answers the new request, or for the same slot the visit itself with the
    new visitors. The same `key` again answers the same. Raises `Refused` with every reason; the visit then stands as
    it was."""
    old = await booking.own(session, actor, booking_id)
    if old.state not in OPEN_STATES - {BookingState.HELD} or old.starts_at <= clock.now():
        raise NotToChange
    if slot_id == old.slot_id:
        return await _other_visitors(session, actor, old, visitors)
    held = await picking.hold(session, actor, old.inmate_id, slot_id, key, Purpose(replaces=old))
    if held.state is not BookingState.HELD:
        return held
    return await booking.request(session, actor, held.id, visitors, key)


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
    """A change was approved: the visit that it replaces ends now. Raises `Refused` when its time has come: a change
    is nothing without it."""
    if view.replaces is None:
        return
    old = await repository.get(session, view.replaces)
    if old.state not in OPEN_STATES:
        return
    if old.starts_at <= clock.now():
        raise Refused([TOO_LATE])
    await moves.move(session, SYSTEM, old.id, BookingState.WITHDRAWN, reason=CHANGED)


async def of(session: Session, booking_id: str) -> BookingView | None:
    """The open change of a visit, if there is one."""
    found = await repository.views(
        session, BookingRow.replaces == booking_id, BookingRow.state.in_(OPEN_STATES - {BookingState.HELD})
    )
    return found[0] if found else None
