"""What a family does: pick a slot, let it go, confirm the pick, withdraw."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import and_

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound, Reason, Refused
from core.ids import SYSTEM, new_id, reference
from ledger.record import record
from people import repository as people
from people.model import Identity, Relationship
from policy import calendar, clocks
from scheduler import access, facts, moves, places, repository
from scheduler.access import Actor, ref, tag
from scheduler.facts import Ground
from scheduler.model import (
    BookingState,
    BookingView,
    ClaimKind,
    Fault,
    VisitKind,
    VisitorChoice,
    ticks,
)
from scheduler.rules import SlotFacts, refusals
from scheduler.tables import BookingRow, SlotRow, VisitorRow

_KEY_LENGTH = 100  # characters of an idempotency key
_TRIES = 5  # of a pick, each time somebody else was faster by an instant

HOLD_EXPIRED = Reason(
    "hold-expired", "Your pick was held for you for a while and has run out. Please pick a time again."
)
VISIT_BEGUN = Reason(
    "visit-begun", "The time of this visit has come. It can no longer be withdrawn; you may simply end it."
)


class BadKey(Malformed):
    code = "bad-key"
    text = "This request came without a usable key. Please load the page again."


class AlreadyRequested(Conflict):
    code = "already-requested"
    text = "This visit has been requested already. You find it among your visits."


async def hold(session: Session, actor: Identity, inmate_id: str, slot_id: str, key: str) -> BookingView:
    """Keeps a place of the slot for the family for `hold_minutes`; the same `key` again is the same pick.

    An earlier pick of this relative for this inmate is let go. Raises `Refused` with every reason,
    `NotFound` for a slot or inmate that is not the relative's.
    """
    relative_id = access.relative_id(actor)
    if not 0 < len(key) <= _KEY_LENGTH:
        raise BadKey
    if (known := await repository.by_hold_key(session, relative_id, key)) is not None:
        return known
    relation = await people.relationship(session, relative_id, inmate_id)
    slot_row = await session.get(SlotRow, slot_id)
    if relation is None or slot_row is None or slot_row.prison_id != relation.prison_id:
        raise NotFound
    ground = await facts.ground(session, inmate_id)
    numbers = ticks(slot_row.starts_at, slot_row.ends_at)
    booking_id = new_id("bkg")
    for _ in range(_TRIES):
        await _push_aside(session, actor, slot_id, inmate_id, numbers)
        slot = await _judged(session, ground, [relation], slot_id, booking_id)
        async with session.begin_nested() as attempt:
            if not await _insert(session, ground, slot, relative_id, booking_id, key):
                known = await repository.by_hold_key(session, relative_id, key)
                if known is not None:
                    return known
            elif await _take(session, ground, slot, relative_id, booking_id):
                return await _held(session, actor, booking_id, slot_id)
            await attempt.rollback()
    raise moves.Moved


async def _push_aside(
    session: Session, actor: Identity, slot_id: str, inmate_id: str, numbers: range
) -> None:
    """Ends stale holds in the way, and the relative's own present pick."""
    in_the_way = await places.lock_in_the_way(session, slot_id, inmate_id, actor.subject.id, numbers)
    for booking_id, is_stale in in_the_way:
        if is_stale:
            await expire_hold(session, booking_id)
        else:
            await moves.try_move(session, actor, booking_id, BookingState.WITHDRAWN)


async def expire_hold(session: Session, booking_id: str) -> bool:
    """Ends a hold that has run out; False when it has not, or was ended before."""
    stale = places.stale(clock.now())
    came_from = await moves.try_move(
        session, SYSTEM, booking_id, BookingState.EXPIRED, only_if=stale, reason=HOLD_EXPIRED
    )
    return came_from is not None


async def _judged(
    session: Session, ground: Ground, relations: Sequence[Relationship], slot_id: str, booking_id: str
) -> SlotFacts:
    """The slot, if the rules allow it; raises `Refused` with every reason."""
    ignoring = BookingRow.id == booking_id
    (slot,) = await facts.slots(session, [SlotRow.id == slot_id], ignoring=ignoring)
    case = await facts.judge(session, ground, relations, [slot], ignoring=ignoring)
    if reasons := refusals(case, slot):
        raise Refused(reasons)
    return slot


async def _insert(
    session: Session, ground: Ground, slot: SlotFacts, relative_id: str, booking_id: str, key: str
) -> bool:
    values, now = ground.policy.values, clock.now()
    row = {
        "id": booking_id,
        "reference": reference(),
        "kind": VisitKind.FAMILY,
        "state": BookingState.HELD,
        "inmate_id": ground.inmate.id,
        "inmate_name": ground.inmate.name,
        "prison_id": ground.prison.id,
        "wing_id": ground.inmate.wing_id,
        "slot_id": slot.id,
        "day": slot.day,
        "starts_at": slot.starts_at,
        "slot_ends_at": slot.ends_at,
        "minutes": slot.minutes,
        "opens_at": slot.starts_at - timedelta(minutes=values.early_minutes),
        "requested_by": relative_id,
        "hold_key": key,
        "policy_version": ground.policy.version,
        "held_until": now + timedelta(minutes=values.hold_minutes),
        "state_since": now,
        "state_by_kind": "relative",
        "state_by_id": relative_id,
        "reason_params": {},
        "words": "",
        "fault": Fault.NOBODY,
        "created_at": now,
    }
    return bool(await places.insert_new(session, BookingRow, [row], BookingRow.id))


async def _take(session: Session, ground: Ground, slot: SlotFacts, relative_id: str, booking_id: str) -> bool:
    """Takes all that a pick needs, or says False and may have taken a part."""
    numbers = ticks(slot.starts_at, slot.ends_at)
    period = ground.policy.values.period_of(slot.day, ground.inmate.level)
    people_keys = [
        *places.ticks_of(ClaimKind.INMATE, ground.inmate.id, numbers),
        *places.ticks_of(ClaimKind.VISITOR, relative_id, numbers),
    ]
    return (
        await places.take_place(session, slot.id, booking_id)
        and await places.claim(session, people_keys, booking_id)
        and await places.claim_visit(session, ground.inmate.id, period.key, period.visits, booking_id)
    )


async def _held(session: Session, actor: Identity, booking_id: str, slot_id: str) -> BookingView:
    record(
        session,
        tag(actor, "booking:held"),
        actor=ref(actor),
        subject=access.booking_ref(booking_id),
        slot=slot_id,
    )
    return await get(session, booking_id)


async def get(session: Session, booking_id: str) -> BookingView:
    """Any booking, whoever asks; raises `NotFound`."""
    view = await repository.view(session, booking_id)
    if view is None:
        raise NotFound
    return view


async def _own(session: Session, actor: Identity, booking_id: str) -> BookingView:
    """The booking, if the acting relative asked for it; raises `NotFound` otherwise."""
    view = await get(session, booking_id)
    if view.requested_by != access.relative_id(actor):
        raise NotFound
    return view


async def release(session: Session, actor: Identity, booking_id: str) -> None:
    """Lets a pick go (a change of mind); doing it again, or after it ran out, changes nothing."""
    await _own(session, actor, booking_id)
    held = BookingRow.state == BookingState.HELD
    await moves.try_move(session, actor, booking_id, BookingState.WITHDRAWN, only_if=held)


async def request(
    session: Session, actor: Identity, booking_id: str, visitors: list[VisitorChoice], key: str
) -> BookingView:
    """The family confirms its pick and names who comes; with the same `key` again it answers the same.

    Raises `Refused` with every reason (`hold-expired` if it came too late); the pick then stays as it was.
    """
    before = await _own(session, actor, booking_id)
    if not 0 < len(key) <= _KEY_LENGTH:
        raise BadKey
    ground = await facts.ground(session, before.inmate_id)
    came_from = await moves.try_move(
        session,
        actor,
        booking_id,
        BookingState.REQUESTED,
        only_if=and_(BookingRow.held_until > clock.now(), BookingRow.state == BookingState.HELD),
        values={"request_key": key, "reply_by": _reply_by(ground, before), "held_until": None},
        details={"visitors": len(visitors)},
    )
    if came_from is None:
        return await _requested_before(session, booking_id, key)
    relations = await _chosen(session, ground.inmate.id, visitors)
    await _judged(session, ground, relations, before.slot_id, booking_id)
    await _bring(session, ground, before, relations)
    return await get(session, booking_id)


async def _requested_before(session: Session, booking_id: str, key: str) -> BookingView:
    view = await get(session, booking_id)
    row = await session.get_one(BookingRow, booking_id)
    if row.request_key == key:
        return view
    if view.state in (BookingState.HELD, BookingState.EXPIRED, BookingState.WITHDRAWN):
        raise Refused([HOLD_EXPIRED])
    raise AlreadyRequested


async def _chosen(session: Session, inmate_id: str, visitors: Sequence[VisitorChoice]) -> list[Relationship]:
    """The relationships that the family named; raises `NotFound` for one with somebody else."""
    chosen: dict[str, Relationship] = {}
    for choice in visitors:
        relation = await people.relationship_by_id(session, choice.relationship_id)
        if relation is None or relation.inmate_id != inmate_id:
            raise NotFound
        chosen[relation.relative_id] = relation
    return list(chosen.values())


async def _bring(
    session: Session, ground: Ground, booking: BookingView, relations: Sequence[Relationship]
) -> None:
    """Writes down who comes and claims their time; who asked but does not come is free again."""
    numbers = ticks(booking.starts_at, booking.slot_ends_at)
    coming = {relation.relative_id for relation in relations}
    if booking.requested_by not in coming:
        own = places.ticks_of(ClaimKind.VISITOR, booking.requested_by, numbers)
        await places.unclaim(session, own, booking.id)
    others = [
        key
        for relative_id in sorted(coming - {booking.requested_by})
        for key in places.ticks_of(ClaimKind.VISITOR, relative_id, numbers)
    ]
    if not await places.claim(session, others, booking.id):
        raise moves.Moved
    day = booking.starts_at.astimezone(ground.zone).date()
    session.add_all(_visitor(booking.id, entry, day, ground) for entry in relations)
    await session.flush()


def _visitor(booking_id: str, relation: Relationship, day: date, ground: Ground) -> VisitorRow:
    born = relation.relative_born
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return VisitorRow(
        id=new_id("vis"),
        booking_id=booking_id,
        relationship_id=relation.id,
        relative_id=relation.relative_id,
        name=relation.relative_name,
        kinship=relation.kinship,
        born=born,
        minor=age < ground.policy.values.adult_age,
    )


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
    """The family does not want the visit any more; possible until it begins."""
    view = await _own(session, actor, booking_id)
    if view.starts_at <= clock.now():
        raise Refused([VISIT_BEGUN])
    await moves.move(session, actor, booking_id, BookingState.WITHDRAWN, words=words, fault=Fault.FAMILY)
    return await get(session, booking_id)


async def get_for(session: Session, actor: Actor, booking_id: str) -> BookingView:
    """The booking, if it is the actor's to see: who asked or comes, staff of the prison, its terminal.

    Raises `NotFound` for everybody else.
    """
    view = await get(session, booking_id)
    if await access.may_see(session, actor, view):
        return view
    raise NotFound
