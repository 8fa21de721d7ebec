"""What a family may choose from: a month with every slot and why it is not offered, and the nearest others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.db import Session
from core.errors import NotFound, Reason
from people import repository as people
from people.model import Identity, Relationship, RelationshipState
from policy.rulebook import Span
from scheduler import access, facts, judging
from scheduler.case import SlotFacts
from scheduler.facts import Ground
from scheduler.model import Allowance, DayOffer, SlotOffer
from scheduler.places import Ignoring
from scheduler.rules import CLOSED
from scheduler.tables import SlotRow

_ALTERNATIVES = 3  # as many as are offered elsewhere (rules N15)


@dataclass(frozen=True, slots=True)
class Choice:
    """All that may be chosen from between two days, judged at once. `closed`: days without visits, and why.
    `approved`: whether the one who chooses may visit at all."""

    ground: Ground
    slots: tuple[tuple[SlotFacts, SlotOffer], ...]
    closed: dict[date, Reason]
    used: dict[str, int]
    approved: bool = True

    def month(self, year: int, number: int) -> list[DayOffer]:
        """Every day of the month in the prison's calendar."""
        first = date(year, number, 1)
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        by_day: dict[date, list[SlotOffer]] = {}
        for slot, offer in self.slots:
            by_day.setdefault(slot.day, []).append(offer)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [DayOffer(day, tuple(by_day.get(day, ())), self.closed.get(day)) for day in days]

    def day_of(self, slot_id: str) -> date | None:
        return next((slot.day for slot, _ in self.slots if slot.id == slot_id), None)

    def nearest(self, slot_id: str | None = None, at: datetime | None = None) -> list[SlotOffer]:
        """The offered slots nearest in time to this one, at most three; to none: the first ones. `at`: when it begins,
        for a slot that cannot be chosen from here."""
        offered = [offer for _, offer in self.slots if offer.offered and offer.slot_id != slot_id]
        at = next((offer.starts_at for _, offer in self.slots if offer.slot_id == slot_id), at)
        if at is not None:
            offered.sort(key=lambda offer: (abs(offer.starts_at - at), offer.starts_at))
        return offered[:_ALTERNATIVES]

    def allowance(self, day: date, balance: int = 0) -> Allowance:
        """How many visits the inmate has had or booked in the period of `day`, and how many there are."""
        inmate, values = self.ground.inmate, self.ground.policy.values
        period = values.period_of(day, inmate.level, convicted=inmate.convicted)
        limit = balance if values.allowance_span is Span.BALANCE else period.visits
        return Allowance(period.key, self.used.get(period.key, 0), limit)


async def choice(
    session: Session,
    actor: Identity,
    inmate_id: str,
    first: date | None = None,
    last: date | None = None,
    *,
    instead_of: str | None = None,
    starter: str = "family",
    coming: Sequence[facts.Visiting] = (),
) -> Choice:
    """What the acting relative may choose from: from the first of this month, or `first`, to the last bookable day, or
    `last`. `instead_of`: a booking that would be given up for it. `starter`: see `Case`. `coming`: the visitors for
    whom it must be possible, if not the acting relative alone. Raises `NotFound` for somebody else's inmate."""
    ground, who = await facts.asking(session, access.relative_id(actor), inmate_id)
    begin = first or ground.now.astimezone(ground.zone).date().replace(day=1)
    end = last or max(ground.bookable[1], begin)
    ignoring = Ignoring(replaced=instead_of or "", relative_id=actor.subject.id, inmate_id=inmate_id)
    found = await facts.shown(session, ground, begin, end, ignoring)
    case = await facts.judge(
        session, ground, coming or [who], found, ignoring=ignoring, starter=starter, days=(begin, end)
    )
    where = case.inmate
    found = [slot for slot in found if slot.audience.admits(where.location, where.category, where.level)]
    offers = tuple(
        (slot, _offer(slot, judging.verdict(case.policy, reasons)))
        for slot, reasons in zip(found, judging.month(case, found), strict=True)
    )
    text = CLOSED["prison-closed"]
    shut = {day: Reason("prison-closed", text, {"words": words}) for day, words in case.closed.items()}
    return Choice(ground, offers, shut, dict(case.used), who.state is RelationshipState.APPROVED)


def _offer(slot: SlotFacts, verdict: judging.Verdict) -> SlotOffer:
    free = slot.capacity - slot.taken
    if verdict is judging.FREE:
        return SlotOffer(slot.id, slot.starts_at, slot.minutes, free, ())
    reasons = (*verdict.refused, *verdict.excepted) if verdict.refused else ()
    return SlotOffer(
        slot.id, slot.starts_at, slot.minutes, free, reasons, () if reasons else verdict.excepted
    )


async def month(
    session: Session, actor: Identity, inmate_id: str, year: int, month_number: int
) -> list[DayOffer]:
    """Every day of the month in the prison's calendar, with every slot and all reasons against it."""
    first = date(year, month_number, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return (await choice(session, actor, inmate_id, first, last)).month(year, month_number)


async def alternatives(
    session: Session, actor: Identity, inmate_id: str, slot_id: str, coming: Sequence[facts.Visiting] = ()
) -> list[SlotOffer]:
    """The offered slots nearest in time to one that was refused, at most three. `coming`: as of `choice`."""
    chosen = await choice(session, actor, inmate_id, coming=coming)
    if chosen.day_of(slot_id) is not None:
        return chosen.nearest(slot_id)
    wanted = await session.get(SlotRow, slot_id)
    if wanted is None or wanted.prison_id != chosen.ground.prison.id:
        raise NotFound
    return chosen.nearest(slot_id, wanted.starts_at)


async def why_not(
    session: Session,
    actor: Identity,
    inmate_id: str,
    slot_id: str,
    relationship_ids: Iterable[str] = (),
) -> tuple[SlotOffer, list[SlotOffer]]:
    """One slot with every rule that removes it for these visitors (nobody named: the acting relative), before
    anything is asked for, and the nearest three others. Raises `NotFound` for a slot of another prison."""
    ground, who = await facts.asking(session, access.relative_id(actor), inmate_id)
    coming: list[facts.Visiting] = await facts.guests(session, inmate_id, relationship_ids) or [who]
    ignoring = Ignoring(relative_id=actor.subject.id, inmate_id=inmate_id)
    slot = await facts.slot(session, ground, slot_id, ignoring)
    if slot is None:
        raise NotFound
    case = await facts.judge(session, ground, coming, [slot], ignoring=ignoring, starter="family")
    (reasons,) = judging.month(case, [slot])
    offer = _offer(slot, judging.verdict(case.policy, reasons))
    return offer, await alternatives(session, actor, inmate_id, slot_id, coming)


async def bookable_days(session: Session, inmate_id: str) -> tuple[date, date]:
    """The first and last day that can be booked for this inmate today, both included."""
    return (await facts.ground(session, inmate_id)).bookable


async def allowance(session: Session, inmate_id: str, day: date) -> Allowance:
    """How many visits the inmate has had or booked in the period of `day`, and how many there are."""
    ground = await facts.ground(session, inmate_id)
    used = await facts.used(session, ground, [day])
    return Choice(ground, (), {}, used).allowance(day, await facts.balance(session, ground))


async def candidates(session: Session, actor: Identity, inmate_id: str) -> Sequence[Relationship]:
    """Whom the acting relative may bring: everybody who is approved for this inmate."""
    await facts.asking(session, access.relative_id(actor), inmate_id)
    return await people.approved_of_inmate(session, inmate_id)
