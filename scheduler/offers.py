"""What a family may choose from: a month with every slot and why it is not offered, and the nearest others."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, select

from core.db import Session
from core.errors import NotFound, Reason
from people import repository as people
from people.model import Identity, Relationship
from scheduler import access, facts
from scheduler.facts import Ground
from scheduler.model import Allowance, BookingState, DayOffer, SlotOffer
from scheduler.rules import CLOSED, SlotFacts, refusals
from scheduler.tables import BookingRow, ClosedDateRow, SlotRow

_ALTERNATIVES = 3  # as many as are offered elsewhere (rules N15)


async def _asking(session: Session, actor: Identity, inmate_id: str) -> tuple[Ground, Relationship]:
    relation = await people.relationship(session, access.relative_id(actor), inmate_id)
    if relation is None:
        raise NotFound
    return await facts.ground(session, inmate_id), relation


def _own_pick(actor: Identity, inmate_id: str) -> ColumnElement[bool]:
    """The present pick does not stand in the way of another: picking again lets it go."""
    return and_(
        BookingRow.state == BookingState.HELD,
        BookingRow.requested_by == actor.subject.id,
        BookingRow.inmate_id == inmate_id,
    )


async def _offers(
    session: Session, actor: Identity, ground: Ground, relation: Relationship, first: date, last: date
) -> list[tuple[SlotFacts, SlotOffer]]:
    ignoring = _own_pick(actor, ground.inmate.id)
    found = await facts.slots(session, facts.family_slots(ground, first, last), ignoring=ignoring)
    case = await facts.judge(session, ground, [relation], found, ignoring=ignoring)
    return [
        (
            slot,
            SlotOffer(
                slot.id, slot.starts_at, slot.minutes, slot.capacity - slot.taken, refusals(case, slot)
            ),
        )
        for slot in found
    ]


async def month(
    session: Session, actor: Identity, inmate_id: str, year: int, month_number: int
) -> list[DayOffer]:
    """Every day of the month in the prison's calendar, with every slot and all reasons against it."""
    ground, relation = await _asking(session, actor, inmate_id)
    first = date(year, month_number, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    by_day: dict[date, list[SlotOffer]] = {}
    for slot, offer in await _offers(session, actor, ground, relation, first, last):
        by_day.setdefault(slot.day, []).append(offer)
    shut = await _closed_days(session, ground.prison.id, first, last)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [DayOffer(day, tuple(by_day.get(day, ())), shut.get(day)) for day in days]


async def _closed_days(session: Session, prison_id: str, first: date, last: date) -> dict[date, Reason]:
    rows = await session.execute(
        select(ClosedDateRow.day, ClosedDateRow.words).where(
            ClosedDateRow.prison_id == prison_id,
            ClosedDateRow.template_id.is_(None),
            ClosedDateRow.day.between(first, last),
        )
    )
    text = CLOSED["prison-closed"]
    return {day: Reason("prison-closed", text, {"words": words}) for day, words in rows}


async def alternatives(session: Session, actor: Identity, inmate_id: str, slot_id: str) -> list[SlotOffer]:
    """The offered slots nearest in time to one that was refused, at most three."""
    ground, relation = await _asking(session, actor, inmate_id)
    wanted = await session.get(SlotRow, slot_id)
    if wanted is None or wanted.prison_id != ground.prison.id:
        raise NotFound
    first, last = ground.bookable
    offers = [
        offer
        for _, offer in await _offers(session, actor, ground, relation, first, last)
        if offer.offered and offer.slot_id != slot_id
    ]
    nearest = sorted(offers, key=lambda offer: (abs(offer.starts_at - wanted.starts_at), offer.starts_at))
    return nearest[:_ALTERNATIVES]


async def bookable_days(session: Session, inmate_id: str) -> tuple[date, date]:
    """The first and last day that can be booked for this inmate today, both included."""
    return (await facts.ground(session, inmate_id)).bookable


async def allowance(session: Session, inmate_id: str, day: date) -> Allowance:
    """How many visits the inmate has had or booked in the period of `day`, and how many there are."""
    ground = await facts.ground(session, inmate_id)
    period = ground.policy.values.period_of(day, ground.inmate.level)
    nothing = BookingRow.id.is_(None)
    used: dict[str, int] = await facts.used(session, ground, [day], nothing)
    return Allowance(period.key, used.get(period.key, 0), period.visits)


async def candidates(session: Session, actor: Identity, inmate_id: str) -> Sequence[Relationship]:
    """Whom the acting relative may bring: everybody who is approved for this inmate."""
    await _asking(session, actor, inmate_id)
    return await people.approved_of_inmate(session, inmate_id)
