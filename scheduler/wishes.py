"""Requests with ranked times, for the weekly planning: a family says when it would like to come, dearest first, and is
told what it got. A wish takes nothing from anybody until a plan is published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound, Reason, Refused
from core.ids import SYSTEM, Ref, new_id, reference
from ledger.record import record
from people.model import Identity, RelationshipState
from people.tables import RelationshipRow
from policy import repository as policies
from scheduler import access, booths, facts, making_good, openings, plans
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.model import VisitorChoice
from scheduler.planning_tables import PlanRow, ProposalRow, WishChoiceRow, WishRow, WishVisitorRow

RANKS = 3  # times in order; any number of days may share one
_DAYS = 14  # in one wish
_KEY_LENGTH = 100
_EVIDENCE_MAX = 200  # characters
# Why a wish comes before others; the policy says which of them a prison uses, and whether proof must be seen.
GROUNDS: Mapping[str, str] = {
    "age": "Old age",
    "illness": "Illness",
    "distance": "A long way",
    "bereavement": "A death in the family",
    "grave-illness": "Somebody in the family is gravely ill",
    "release-soon": "Released within a month",
    "far-away": "The family lives far away",
    "hearing": "A hearing is near",
}
NO_SUCH_TIME = Reason(
    "no-visits-then",
    "The prison has no visits for this wing at any of these times. Please choose others from the calendar.",
)


class WishState(StrEnum):
    OPEN = "open"
    SERVED = "served"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"  # its days are over and nobody could serve it
    ENDED = "ended"  # by what befell: the inmate left


class BadWish(Malformed):
    code = "bad-wish"
    text = "Please give at least one day with a time from when until when, and at most {ranks} in order of preference."
    status = 422


class BadGround(Malformed):
    code = "bad-ground"
    text = "This prison does not let a request come first for this reason."
    status = 422


class EvidenceMissing(Malformed):
    code = "evidence-missing"
    text = "Please say what paper you have seen: nobody comes first without one."
    status = 422


class WishOpen(Conflict):
    code = "wish-open"
    text = (
        "You have said already when you would like to come. Withdraw that first if your wishes have changed."
    )


class WishOver(Conflict):
    code = "wish-over"
    text = "This request has been settled in the meantime. Your visits page shows how."


@dataclass(frozen=True, slots=True)
class Choice:
    """From `starts` to `ends` on `day`, by the prison's clocks; rank 0 is the dearest."""

    rank: int
    day: date
    starts: time
    ends: time

    def holds(self, begins: datetime, minutes: int, zone: ZoneInfo) -> bool:
        """Whether a visit of this length fits into it."""
        first = begins.astimezone(zone)
        last = (begins + timedelta(minutes=minutes)).astimezone(zone)
        return (
            first.date() == self.day == last.date()
            and self.starts <= first.time()
            and last.time() <= self.ends
        )


@dataclass(frozen=True, slots=True)
class Wish:
    id: str
    reference: str
    prison_id: str
    inmate_id: str
    requested_by: str
    state: WishState
    ground: str
    evidence: str  # which paper was seen
    waiting_since: datetime
    choices: tuple[Choice, ...]
    relationships: tuple[str, ...]
    booking_id: str | None
    made_at: datetime
    booth_id: str | None

    def waited_days(self, now: datetime) -> int:
        return max(0, (now - self.waiting_since).days)


async def make(
    session: Session,
    actor: Identity,
    inmate_id: str,
    visitors: Sequence[VisitorChoice],
    choices: Sequence[Choice],
    key: str,
    booth_id: str | None = None,
) -> Wish:
    """A family's wish; the same `key` again is the same wish. Waiting goes on from an earlier wish for this inmate
    that nobody could serve. `booth_id`: they have no device and would sit there.

    Raises `BadWish`, `WishOpen`, `Refused` when the timetable has nothing at these times, `NotFound` for an inmate
    whom the relative is not approved to see, or another prison's booth.
    """
    relative_id = access.relative_id(actor)
    await _one_at_a_time(session, relative_id, inmate_id)
    known = await find(session, WishRow.requested_by == relative_id, WishRow.request_key == key)
    if known:
        return known[0]
    ground, who = await facts.asking(session, relative_id, inmate_id)
    if who.state is not RelationshipState.APPROVED:
        raise NotFound
    _check(choices, ground.bookable, key)
    if booth_id is not None and booth_id not in {
        one.id for one in await booths.of_prison(session, ground.prison.id)
    }:
        raise NotFound
    guests = await facts.guests(session, inmate_id, [choice.relationship_id for choice in visitors])
    mine = (WishRow.requested_by == relative_id, WishRow.inmate_id == inmate_id)
    if await find(session, *mine, WishRow.state == WishState.OPEN):
        raise WishOpen
    if not await _has_time(session, ground, guests, choices):
        raise Refused([NO_SUCH_TIME])
    now = clock.now()
    row = WishRow(
        id=new_id("wsh"),
        reference=reference(),
        prison_id=ground.prison.id,
        inmate_id=inmate_id,
        requested_by=relative_id,
        request_key=key,
        state=WishState.OPEN,
        ground="",
        ground_by=None,
        waiting_since=min([now, *await _waits(session, relative_id, inmate_id)]),
        last_day=max(choice.day for choice in choices),
        booking_id=None,
        booth_id=booth_id,
        made_at=now,
        state_since=now,
    )
    session.add(row)
    await session.flush()
    await _write(session, row.id, choices, [guest.id for guest in guests])
    record(
        session, tag(actor, "wish:made"), actor=ref(actor), subject=Ref("wish", row.id), choices=len(choices)
    )
    return await get(session, row.id)


async def _one_at_a_time(session: Session, relative_id: str, inmate_id: str) -> None:
    """Who wishes twice at once, from two windows, waits here for the first of them."""
    theirs = RelationshipRow.relative_id == relative_id, RelationshipRow.inmate_id == inmate_id
    wanted = select(RelationshipRow.id).where(*theirs).order_by(RelationshipRow.id)
    await session.execute(wanted.with_for_update(key_share=True))


async def _waits(session: Session, relative_id: str, inmate_id: str) -> list[datetime]:
    """Since when the two wait for what nobody could give them: a wish, a call that broke."""
    unserved = await find(
        session,
        WishRow.requested_by == relative_id,
        WishRow.inmate_id == inmate_id,
        WishRow.state == WishState.EXPIRED,
        WishRow.booking_id.is_(None),
    )
    broken = await making_good.waiting_since(session, relative_id, inmate_id)
    return [*(one.waiting_since for one in unserved[-1:]), *([broken] if broken else [])]


def _check(choices: Sequence[Choice], bookable: tuple[date, date], key: str) -> None:
    fine = all(
        0 <= choice.rank < RANKS and choice.starts < choice.ends and bookable[0] <= choice.day <= bookable[1]
        for choice in choices
    )
    if not fine or not 0 < len(choices) <= _DAYS * RANKS or not 0 < len(key) <= _KEY_LENGTH:
        raise BadWish(ranks=RANKS)


async def _has_time(
    session: Session, ground: facts.Ground, guests: Sequence[facts.Guest], choices: Sequence[Choice]
) -> bool:
    """Whether the timetable has any slot that meets the wish, full or not."""
    days = (min(choice.day for choice in choices), max(choice.day for choice in choices))
    found = await openings.of(session, ground, guests, days, ())
    return any(
        choice.holds(one.slot.starts_at, one.slot.minutes, ground.zone) for one in found for choice in choices
    )


async def _write(
    session: Session, wish_id: str, choices: Sequence[Choice], relationships: Sequence[str]
) -> None:
    session.add_all(
        WishChoiceRow(
            wish_id=wish_id, number=number, rank=one.rank, day=one.day, starts=one.starts, ends=one.ends
        )
        for number, one in enumerate(choices)
    )
    session.add_all(WishVisitorRow(wish_id=wish_id, relationship_id=one) for one in relationships)
    await session.flush()


async def find(session: Session, *where: ColumnElement[bool]) -> list[Wish]:
    """Wishes by conditions on `WishRow`, who waits longest first."""
    rows = (
        await session.scalars(
            select(WishRow)
            .where(*where)
            .order_by(WishRow.waiting_since, WishRow.id)
            .execution_options(populate_existing=True)
        )
    ).all()
    ids = [row.id for row in rows]
    choices: dict[str, list[Choice]] = {}
    wanted = select(WishChoiceRow).where(WishChoiceRow.wish_id.in_(ids))
    for one in await session.scalars(wanted.order_by(WishChoiceRow.rank, WishChoiceRow.number)):
        choices.setdefault(one.wish_id, []).append(Choice(one.rank, one.day, one.starts, one.ends))
    coming: dict[str, list[str]] = {}
    for visitor in await session.scalars(select(WishVisitorRow).where(WishVisitorRow.wish_id.in_(ids))):
        coming.setdefault(visitor.wish_id, []).append(visitor.relationship_id)
    return [_wish(row, choices.get(row.id, []), coming.get(row.id, [])) for row in rows]


def _wish(row: WishRow, choices: Sequence[Choice], relationships: Sequence[str]) -> Wish:
    return Wish(
        id=row.id,
        reference=row.reference,
        prison_id=row.prison_id,
        inmate_id=row.inmate_id,
        requested_by=row.requested_by,
        state=WishState(row.state),
        ground=row.ground,
        evidence=row.ground_evidence,
        waiting_since=row.waiting_since,
        choices=tuple(choices),
        relationships=tuple(sorted(relationships)),
        booking_id=row.booking_id,
        made_at=row.made_at,
        booth_id=row.booth_id,
    )


async def get(session: Session, wish_id: str) -> Wish:
    found = await find(session, WishRow.id == wish_id)
    if not found:
        raise NotFound
    return found[0]


async def of_relative(session: Session, relative_id: str) -> list[Wish]:
    """What this relative waits for."""
    return await find(session, WishRow.requested_by == relative_id, WishRow.state == WishState.OPEN)


async def open_in(session: Session, prison_id: str) -> list[Wish]:
    return await find(session, WishRow.prison_id == prison_id, WishRow.state == WishState.OPEN)


async def withdraw(session: Session, actor: Identity, wish_id: str) -> None:
    """Raises `WishOver` when it was settled before, `NotFound` for somebody else's."""
    wish = await get(session, wish_id)
    if wish.requested_by != access.relative_id(actor):
        raise NotFound
    if not await move(session, actor, wish_id, WishState.WITHDRAWN):
        raise WishOver


async def grant(session: Session, actor: Actor, wish_id: str, ground: str, evidence: str = "") -> Wish:
    """An officer lets a wish come before others, or (empty) takes that back. `evidence`: the paper that was seen.

    Raises `BadGround`, and `EvidenceMissing` where the policy wants one.
    """
    wish = await get(session, wish_id)
    require(actor, wish.prison_id, DECIDERS)
    if ground:
        values = (await policies.current(session, wish.prison_id, clock.now())).values
        if ground not in values.priority_grounds or ground not in GROUNDS or len(evidence) > _EVIDENCE_MAX:
            raise BadGround
        if values.priority_needs_evidence and not evidence.strip():
            raise EvidenceMissing
    await session.execute(
        update(WishRow)
        .where(WishRow.id == wish_id, WishRow.state == WishState.OPEN)
        .values(
            ground=ground,
            ground_by=ref(actor).id if ground else None,
            ground_evidence=evidence.strip() if ground else "",
        )
        .execution_options(synchronize_session=False)
    )
    subject = Ref("wish", wish_id)
    record(session, tag(actor, "wish:priority"), actor=ref(actor), subject=subject, ground=ground)
    return await get(session, wish_id)


async def move(
    session: Session, actor: Actor, wish_id: str, to: WishState, booking_id: str | None = None
) -> bool:
    """Ends an open wish; False when it was ended before."""
    moved = await session.scalar(
        update(WishRow)
        .where(WishRow.id == wish_id, WishRow.state == WishState.OPEN)
        .values(state=to, booking_id=booking_id, state_since=clock.now())
        .returning(WishRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        return False
    record(
        session, tag(actor, f"wish:{to}"), actor=ref(actor), subject=Ref("wish", wish_id), booking=booking_id
    )
    return True


async def end_of_inmate(session: Session, actor: Actor, inmate_id: str) -> None:
    """The inmate has left: nobody can serve these any more."""
    for wish in await find(session, WishRow.inmate_id == inmate_id, WishRow.state == WishState.OPEN):
        await move(session, actor, wish.id, WishState.ENDED)


async def expire(session: Session, prison_id: str, today: date) -> int:
    """Wishes whose days are over; answers how many. A new wish goes on waiting from their beginning."""
    over = await find(
        session,
        WishRow.prison_id == prison_id,
        WishRow.state == WishState.OPEN,
        WishRow.last_day < today,
    )
    return sum([await move(session, SYSTEM, wish.id, WishState.EXPIRED) for wish in over])


async def last_reasons(session: Session, wish_id: str) -> tuple[Reason, ...]:
    """Why the newest published plan had no time for it; empty when none has looked at it yet."""
    row = await session.scalar(
        select(ProposalRow)
        .join(PlanRow, PlanRow.id == ProposalRow.plan_id)
        .where(ProposalRow.wish_id == wish_id, PlanRow.state == "published")
        .order_by(ProposalRow.id.desc())
        .limit(1)
    )
    return () if row is None else plans.read_back(row.reasons)
