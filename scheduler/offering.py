"""Offers of another time: worked out for all flagged bookings of a prison together, each held for its family, taken
with one tap, gone when they run out. The old visit stays until the family has taken the new one; nothing else moves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound, Reason, Refused
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from people.model import Identity
from scheduler import (
    access,
    booking,
    booths,
    decision,
    facts,
    flags,
    moves,
    openings,
    picking,
    repository,
    telling,
)
from scheduler.access import Actor, ref, tag
from scheduler.assign import repair
from scheduler.assign.columns import Way, array, of_ways
from scheduler.case import SlotFacts
from scheduler.flags import FlagState
from scheduler.model import OPEN_STATES, BookingState, BookingView, VisitorChoice
from scheduler.openings import Opening
from scheduler.picking import Purpose
from scheduler.planning_tables import OfferRow
from scheduler.tables import BookingRow

_KEPT_HOURS = 48  # how long an offer is kept, and never beyond the evening before
_NOTICE = timedelta(hours=2)  # before an offered visit nobody can be reached any more
_NEAREST = 30  # times looked at for each booking
LINK = "offer:"  # begins the `link` of every booking that keeps an offered seat

NOTHING_OPEN = Reason(
    "nothing-open", "Within the days that can be booked there is no other time that all rules allow."
)
TAKEN_BY_OTHERS = Reason(
    "taken-by-others", "The times that would be open are needed for others who must move too."
)


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    TAKEN_BACK = "taken-back"  # the cause is gone, or an officer decided otherwise


class OfferGone(Conflict):
    code = "offer-gone"
    text = "This offer is no longer open. Your visits page shows how things stand; you can also pick a time yourself."


@dataclass(frozen=True, slots=True)
class Offer:
    id: str
    flag_id: str
    booking_id: str
    hold_id: str
    starts_at: datetime
    minutes: int
    state: OfferState
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """Another time for a booking, or why there is none."""

    view: BookingView
    slot: SlotFacts | None
    reason: Reason | None = None


async def work_out(session: Session, views: Sequence[BookingView]) -> list[Found]:
    """The best other times for these bookings of one prison, all at once; nothing is changed."""
    if not views:
        return []
    without = {view.id for view in views}
    open_for = [await _openings(session, view, without) for view in views]
    prison_id = views[0].prison_id
    supply = await _supply(session, prison_id, open_for, without)
    sits = await booths.of_bookings(session, without)
    at = supply.moments(one.slot.starts_at for found in open_for for one in found) if supply else []
    seats = await booths.free(session, prison_id, at if sits else ())
    outside = _Booths({visit: one.id for visit, one in sits.items()}, seats)
    chosen = _choose(views, open_for, supply, outside)
    return [
        Found(view, slot, None if slot else outside.reason(view, found, at))
        for view, found, slot in zip(views, open_for, chosen, strict=True)
    ]


async def _openings(session: Session, view: BookingView, without: Collection[str]) -> list[Opening]:
    """The open times nearest to the old one; none in a prison that is switched off."""
    try:
        ground = await facts.ground(session, view.inmate_id)
    except NotFound:
        return []
    guests = await facts.guests(session, view.inmate_id, [v.relationship_id for v in view.visitors])
    if ground.prison.id != view.prison_id:
        return []
    found = await openings.of(session, ground, guests, ground.bookable, without)
    usable = [
        one
        for one in found
        if not one.reasons and one.slot.id != view.slot_id and one.slot.starts_at > ground.now + _NOTICE
    ]
    return sorted(usable, key=lambda one: abs(one.slot.starts_at - view.starts_at))[:_NEAREST]


async def _supply(
    session: Session, prison_id: str, open_for: Sequence[Sequence[Opening]], without: Collection[str]
) -> openings.Supply | None:
    slots = [one.slot for found in open_for for one in found]
    if not slots:
        return None
    span = (min(slot.starts_at for slot in slots), max(slot.ends_at for slot in slots))
    return await openings.supply(session, prison_id, span, without)


@dataclass(frozen=True, slots=True)
class _Booths:
    """`of`: visit -> the booth in which its family sits; `seats`: (booth, moment) -> seats that are left."""

    of: Mapping[str, str]
    seats: Mapping[tuple[str, datetime], int]

    def rows(self, view: BookingView, slot: SlotFacts, at: Sequence[datetime]) -> dict[str, int]:
        """What a visit takes of its booth in that slot, and how much of it there is."""
        if view.id not in self.of:
            return {}
        booth_id = self.of[view.id]
        return {
            f"booth:{booth_id}:{moment.isoformat()}": self.seats.get((booth_id, moment), 0)
            for moment in at
            if slot.starts_at <= moment < slot.ends_at
        }

    def reason(self, view: BookingView, found: Sequence[Opening], at: Sequence[datetime]) -> Reason:
        """Why a visit has no other time."""
        if not found:
            return NOTHING_OPEN
        full = all(0 in self.rows(view, one.slot, at).values() for one in found)
        return booths.NO_SEAT if full else TAKEN_BY_OTHERS


def _choose(
    views: Sequence[BookingView],
    open_for: Sequence[Sequence[Opening]],
    supply: openings.Supply | None,
    outside: _Booths,
) -> list[SlotFacts | None]:
    """One time each, as few left without one as possible, then as near as possible to the old ones."""
    if supply is None:
        return [None] * len(views)
    slots = {one.slot.id: one.slot for found in open_for for one in found}
    at = supply.moments(slot.starts_at for slot in slots.values())
    capacity = supply.capacities(at) | {f"seat:{s.id}": s.capacity - s.taken for s in slots.values()}
    ways, meant = [], []
    for number, (view, found) in enumerate(zip(views, open_for, strict=True)):
        for one in found:
            people = [f"inmate:{view.inmate_id}", *(f"visitor:{v.relationship_id}" for v in view.visitors)]
            starts, ends = one.slot.starts_at, one.slot.ends_at
            rows = [row for person in people for row in openings.busy(person, starts, ends, at)]
            booth = outside.rows(view, one.slot, at)
            capacity |= dict.fromkeys(rows, 1) | {f"allowance:{one.period}": one.left} | booth
            rows += [f"seat:{one.slot.id}", f"allowance:{one.period}", *booth]
            for taken in supply.ways(openings.call_in(one.slot, view.wing_id), at).values():
                if all(capacity.get(row, 1) > 0 for row in (*rows, *taken)):
                    ways.append(Way(number, 0, _worth(view, one.slot), (*rows, *taken)))
                    meant.append(one.slot)
    columns = of_ways(ways, capacity, len(views))
    nobody = array([-1] * len(views))
    answer = repair.repair(columns, nobody, array([1] * len(views)))
    return [meant[column] if column >= 0 else None for column in answer.chosen]


def _worth(view: BookingView, slot: SlotFacts) -> int:
    """10,000 for the same time; each day away costs 200, each hour of the day 40; earlier costs twice."""
    zone = ZoneInfo(view.zone)
    old, new = view.starts_at.astimezone(zone), slot.starts_at.astimezone(zone)
    days = (new.date() - old.date()).days
    hours = abs(new.hour + new.minute / 60 - old.hour - old.minute / 60)
    return max(1, 10_000 - 200 * (days if days >= 0 else -2 * days) - int(40 * hours))


def kept_until(now: datetime, starts_at: datetime) -> datetime:
    """How long a time is kept for an answer; not after `now` where nobody can answer in time any more."""
    return min(now + timedelta(hours=_KEPT_HOURS), starts_at - _NOTICE)


async def offer(session: Session, actor: Actor, flag_id: str, slot_id: str) -> Offer:
    """Holds the time for the family and tells them. Raises `Refused` when it has been taken meanwhile,
    `FlagDecided` when the flag is not open any more."""
    flag = await flags.get(session, flag_id)
    view = await repository.get(session, flag.booking_id)
    if flag.state is not FlagState.OPEN:
        raise flags.FlagDecided
    offer_id, now = new_id("off"), clock.now()
    await take_back(session, actor, view.id)
    held = await _keep(session, view, slot_id, offer_id)
    expires = kept_until(now, held.starts_at)
    if view.starts_at > now:  # a call that broke has its beginning behind it
        expires = min(expires, view.starts_at)
    await session.execute(
        update(BookingRow)
        .where(BookingRow.id == held.id)
        .values(held_until=expires)
        .execution_options(synchronize_session=False)
    )
    row = OfferRow(
        id=offer_id,
        flag_id=flag_id,
        booking_id=view.id,
        hold_id=held.id,
        slot_id=slot_id,
        starts_at=held.starts_at,
        minutes=held.minutes,
        state=OfferState.OPEN,
        expires_at=expires,
        made_at=now,
        answered_at=None,
    )
    session.add(row)
    await session.flush()
    _enter(session, actor, "offered", row)
    await telling.of_offer(session, held.id)
    return _offer(row)


async def _keep(session: Session, view: BookingView, slot_id: str, offer_id: str) -> BookingView:
    """Holds a place for the family, and a seat in the booth where it would sit."""
    held = await picking.hold(
        session,
        access.in_the_name_of(view.requested_by),
        view.inmate_id,
        slot_id,
        offer_id,
        Purpose(view if view.state in OPEN_STATES else None, f"{LINK}{offer_id}", starter=None),
    )
    for booth in (await booths.of_bookings(session, [view.id])).values():
        await booths.sit(session, held, booth.id)
    return held


async def offer_all(session: Session, actor: Actor, wanted: Sequence[flags.Flag]) -> list[Found]:
    """Offers other times for these open flags of one prison, worked out together."""
    by_booking = {flag.booking_id: flag for flag in wanted if flag.state is FlagState.OPEN}
    views = [await repository.get(session, booking_id) for booking_id in by_booking]
    answer = []
    for found in await work_out(session, views):
        if found.slot is not None:
            try:
                async with session.begin_nested():
                    await offer(session, actor, by_booking[found.view.id].id, found.slot.id)
            except Refused as refused:
                answer.append(Found(found.view, None, refused.reasons[0]))
                continue
        answer.append(found)
    return answer


async def accept(session: Session, actor: Identity, offer_id: str) -> BookingView:
    """The family takes the offered time: one tap. The prison has offered it, so nobody need approve it again.

    The same tap again answers the same. Raises `OfferGone`, and `NotFound` for somebody else's offer.
    """
    row = await _own(session, actor, offer_id)
    if row.state == OfferState.ACCEPTED:
        return await repository.get(session, row.hold_id)
    old = await repository.get(session, row.booking_id)
    if not await _answer(session, offer_id, OfferState.ACCEPTED, OfferRow.expires_at > clock.now()):
        raise OfferGone
    choice = [VisitorChoice(visitor.relationship_id) for visitor in old.visitors]
    await booking.request(session, actor, row.hold_id, choice, offer_id)
    await decision.approve(session, SYSTEM, row.hold_id)
    await flags.settle(session, old.id, FlagState.MOVED)
    _enter(session, actor, "offer-accepted", row)
    return await repository.get(session, row.hold_id)


async def decline(session: Session, actor: Identity, offer_id: str) -> None:
    """The family does not want this time; the flag stays, an officer sees it. Raises as `accept`."""
    row = await _own(session, actor, offer_id)
    if not await _answer(session, offer_id, OfferState.DECLINED):
        raise OfferGone
    await _let_go(session, actor, row)
    _enter(session, actor, "offer-declined", row)


async def take_back(session: Session, actor: Actor, booking_id: str) -> int:
    """The prison takes back what it has offered for this booking; answers how many offers that were."""
    return await _end(session, actor, OfferState.TAKEN_BACK, OfferRow.booking_id == booking_id)


async def expire(session: Session) -> int:
    """Ends the offers that ran out, and those whose held seat is gone; answers how many."""
    lost = select(BookingRow.id).where(BookingRow.state != BookingState.HELD)
    over = (OfferRow.expires_at <= clock.now()) | OfferRow.hold_id.in_(lost)
    return await _end(session, SYSTEM, OfferState.EXPIRED, over)


async def _end(session: Session, actor: Actor, to: OfferState, which: ColumnElement[bool]) -> int:
    rows = await session.scalars(select(OfferRow).where(which, OfferRow.state == OfferState.OPEN))
    ended = 0
    for row in rows.all():
        if await _answer(session, row.id, to):
            await _let_go(session, actor, row)
            _enter(session, actor, f"offer-{to}", row)
            ended += 1
    return ended


async def _answer(session: Session, offer_id: str, to: OfferState, *only_if: ColumnElement[bool]) -> bool:
    answered = await session.scalar(
        update(OfferRow)
        .where(OfferRow.id == offer_id, OfferRow.state == OfferState.OPEN, *only_if)
        .values(state=to, answered_at=clock.now())
        .returning(OfferRow.id)
        .execution_options(synchronize_session=False)
    )
    return answered is not None


async def _let_go(session: Session, actor: Actor, row: OfferRow) -> None:
    held = BookingRow.state == BookingState.HELD
    await moves.try_move(session, actor, row.hold_id, BookingState.WITHDRAWN, only_if=held)


def _enter(session: Session, actor: Actor, what: str, row: OfferRow) -> None:
    record(
        session,
        tag(actor, f"booking:{what}"),
        actor=ref(actor),
        subject=Ref("booking", row.booking_id),
        offer=row.id,
        slot=row.slot_id,
    )


async def _own(session: Session, actor: Identity, offer_id: str) -> OfferRow:
    row = await session.get(OfferRow, offer_id, populate_existing=True)
    if row is None:
        raise NotFound
    await booking.own(session, actor, row.booking_id)
    return row


async def get(session: Session, actor: Identity, offer_id: str) -> Offer:
    """The offer, if it is this relative's; raises `NotFound`."""
    return _offer(await _own(session, actor, offer_id))


async def of_bookings(session: Session, booking_ids: Collection[str]) -> dict[str, Offer]:
    """Booking -> its newest offer, whatever became of it."""
    rows = await session.scalars(
        select(OfferRow)
        .where(OfferRow.booking_id.in_(booking_ids))
        .order_by(OfferRow.id)
        .execution_options(populate_existing=True)
    )
    return {row.booking_id: _offer(row) for row in rows}


def _offer(row: OfferRow) -> Offer:
    return Offer(
        row.id,
        row.flag_id,
        row.booking_id,
        row.hold_id,
        row.starts_at,
        row.minutes,
        OfferState(row.state),
        row.expires_at,
    )
