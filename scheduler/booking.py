"""What a family does with its pick: confirm it, let it go, withdraw the visit. Picking stands in `picking`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, insert

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound, Reason, Refused
from core.ids import Ref, new_id
from people.model import Identity
from policy import calendar, clocks
from policy import repository as policies
from scheduler import access, accounts, booths, facts, moves, picking, places, repository
from scheduler.access import Actor
from scheduler.facts import Ground, Guest
from scheduler.judging import Verdict
from scheduler.model import BookingState, BookingView, ClaimKind, Fault, Visitor, VisitorChoice, ticks
from scheduler.picking import BadKey, Purpose, check_key, expire_hold, hold
from scheduler.repository import get
from scheduler.tables import BookingRow, VisitorRow

__all__ = [
    "AlreadyRequested",
    "BadKey",
    "bring",
    "confirm_pick",
    "expire_hold",
    "get",
    "get_for",
    "hold",
    "own",
    "release",
    "request",
    "withdraw",
]

VISIT_BEGUN = Reason(
    "visit-begun", "The time of this visit has come. It can no longer be withdrawn; you may simply end it."
)
WITHDRAWN_LATE = Reason(
    "withdrawn-late", "This visit was withdrawn later than {hours} hours before its time."
)


class AlreadyRequested(Conflict):
    code = "already-requested"
    text = "This visit has been requested already. You find it among your visits."


async def own(session: Session, actor: Identity, booking_id: str) -> BookingView:
    """The booking, if the acting relative asked for it; raises `NotFound` otherwise."""
    view = await get(session, booking_id)
    if view.requested_by != access.relative_id(actor):
        raise NotFound
    return view


async def release(session: Session, actor: Identity, booking_id: str) -> None:
    """Lets a pick go (a change of mind); doing it again, or after it ran out, changes nothing."""
    await own(session, actor, booking_id)
    held = BookingRow.state == BookingState.HELD
    await moves.try_move(session, actor, booking_id, BookingState.WITHDRAWN, only_if=held)


async def request(
    session: Session,
    actor: Identity,
    booking_id: str,
    visitors: list[VisitorChoice],
    key: str,
    booth_id: str | None = None,
) -> BookingView:
    """The family confirms its pick and names who comes; with the same `key` again it answers the same. `booth_id`:
    they would sit there, having no device of their own.

    Raises `Refused` with every reason (`hold-expired` if it came too late); the pick then stays as it was.
    """
    before = await own(session, actor, booking_id)
    view = await confirm_pick(session, actor, before, visitors, key)
    if booth_id is not None and before.state is BookingState.HELD:
        await booths.sit(session, before, booth_id)
    return view


async def confirm_pick(
    session: Session,
    actor: Identity,
    before: BookingView,
    visitors: Sequence[VisitorChoice],
    key: str,
    *,
    extra: bool = False,
) -> BookingView:
    """As `request`, whoever acts. `extra`: the place is one beyond the capacity."""
    check_key(key)
    booking_id = before.id
    if before.state is not BookingState.HELD or before.held_until is None or before.held_until <= clock.now():
        return await _requested_before(session, booking_id, key)
    ground = await facts.ground(session, before.inmate_id)
    guests = await facts.guests(session, before.inmate_id, [choice.relationship_id for choice in visitors])
    replaced = None if before.replaces is None else await get(session, before.replaces)
    purpose = Purpose(replaced, before.link, before.part, extra=extra, starter=None)  # asked at the pick
    slot = await picking.look(session, ground, before.slot_id, booking_id, purpose)
    case, verdict = await picking.judged(session, ground, guests, slot, booking_id, purpose)
    chain = (*(desk for desk, _ in ground.policy.values.desks), *verdict.chain)
    values = _confirming(ground, before, key, verdict) | {"chain": list(chain)}
    came_from = await moves.try_move(
        session,
        actor,
        booking_id,
        BookingState.REQUESTED,
        only_if=and_(BookingRow.held_until > clock.now(), BookingRow.state == BookingState.HELD),
        values=values,
        details={"visitors": len(visitors), **({"chain": list(chain)} if chain else {})},
        view=before,
    )
    if came_from is None:
        return await _requested_before(session, booking_id, key)
    coming = await bring(session, ground, before, guests)
    await picking.settle_visit(session, case, slot, verdict, before.id, replaced)
    if case.counted(slot):
        await accounts.use(session, ground, before, case.period(slot.day).key)
    return replace(
        before,
        state=BookingState.REQUESTED,
        visitors=coming,
        held_until=None,
        reply_by=values["reply_by"],
        exceptions=verdict.excepted,
        chain=chain,
        state_since=clock.now(),
    )


def _confirming(ground: Ground, before: BookingView, key: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "request_key": key,
        "reply_by": _reply_by(ground, before),
        "held_until": None,
        "exceptions": [
            {"code": one.code, "text": one.text, "params": one.params} for one in verdict.excepted
        ],
    }


async def _requested_before(session: Session, booking_id: str, key: str) -> BookingView:
    view = await get(session, booking_id)
    row = await session.get_one(BookingRow, booking_id)
    if row.request_key == key:
        return view
    if view.state in (BookingState.HELD, BookingState.EXPIRED, BookingState.WITHDRAWN):
        raise Refused([picking.HOLD_EXPIRED])
    raise AlreadyRequested


async def bring(
    session: Session, ground: Ground, booking: BookingView, guests: Sequence[Guest], *, anew: bool = False
) -> tuple[Visitor, ...]:
    """Writes down who comes and claims their time; who asked but does not come is free again. `anew`: nobody's time
    is claimed yet, not even that of the one who asked."""
    numbers = ticks(booking.starts_at, booking.slot_ends_at)
    coming = {guest.relative_id for guest in guests}
    if booking.requested_by not in coming and not anew:
        mine = places.ticks_of(ClaimKind.VISITOR, booking.requested_by, numbers)
        await places.unclaim(session, mine, booking.id)
    others = [
        key
        for relative_id in sorted(coming if anew else coming - {booking.requested_by})
        for key in places.ticks_of(ClaimKind.VISITOR, relative_id, numbers)
    ]
    if booking.replaces is not None:
        others = await places.not_held_by(session, others, booking.replaces)
    if not await places.claim(session, others, booking.id):
        raise moves.Moved
    visitors = [_visitor(booking, guest, ground) for guest in guests]
    await session.execute(insert(VisitorRow), [_visitor_row(booking.id, one) for one in visitors])
    return repository.in_order(visitors, booking.requested_by)


def _visitor(booking: BookingView, guest: Guest, ground: Ground) -> Visitor:
    day, born = booking.starts_at.astimezone(ground.zone).date(), guest.relative_born
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return Visitor(
        id=new_id("vis"),
        person=Ref("relative", guest.relative_id),
        name=guest.relative_name,
        kinship=guest.kinship,
        born=born,
        minor=age < ground.policy.values.adult_age,
        relationship_id=guest.id,
    )


def _visitor_row(booking_id: str, visitor: Visitor) -> dict[str, Any]:
    return {
        "id": visitor.id,
        "booking_id": booking_id,
        "relationship_id": visitor.relationship_id,
        "relative_id": visitor.person.id if visitor.person else "",
        "name": visitor.name,
        "kinship": visitor.kinship,
        "born": visitor.born,
        "minor": visitor.minor,
    }


def _reply_by(ground: Ground, booking: BookingView) -> datetime:
    """The policy's deadline, or the opening of the lobby if that comes before: later nobody is served."""
    values = ground.policy.values
    due = clocks.reply_by(
        calendar.load(values.calendar),
        ground.zone,
        ground.now,
        values.reply_working_days,
        values.office_closes,
    )
    return min(due, booking.opens_at if booking.opens_at > ground.now else booking.slot_ends_at)


async def withdraw(session: Session, actor: Identity, booking_id: str, words: str = "") -> BookingView:
    """The family does not want the visit any more; possible until it begins. Later than the policy asks for it is
    noted as late, and the visit counts as used where the policy says so."""
    view = await own(session, actor, booking_id)
    if view.starts_at <= clock.now():
        raise Refused([VISIT_BEGUN])
    values = (await policies.current(session, view.wing_id, clock.now())).values
    late = view.state is not BookingState.HELD and (
        view.starts_at - clock.now() < timedelta(hours=values.withdraw_hours)
    )
    reason = None
    if late:
        reason = Reason(WITHDRAWN_LATE.code, WITHDRAWN_LATE.text, {"hours": values.withdraw_hours})
    await moves.move(
        session,
        actor,
        booking_id,
        BookingState.WITHDRAWN,
        reason=reason,
        words=words,
        fault=Fault.FAMILY,
        keep_allowance=late and "late-withdrawal" in values.consumed_by,
    )
    await _without_its_heir(session, actor, booking_id)
    return await get(session, booking_id)


async def _without_its_heir(session: Session, actor: Actor, booking_id: str) -> None:
    """A change of a visit that the family itself does not want any more is not wanted either."""
    for heir in await repository.views(session, BookingRow.replaces == booking_id):
        await moves.try_move(session, actor, heir.id, BookingState.WITHDRAWN, fault=Fault.FAMILY)


async def get_for(session: Session, actor: Actor, booking_id: str) -> BookingView:
    """The booking, if it is the actor's to see: who asked or comes, staff of the prison, its terminal.

    Raises `NotFound` for everybody else.
    """
    view = await get(session, booking_id)
    if await access.may_see(session, actor, view):
        return view
    raise NotFound
