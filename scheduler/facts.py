"""Loads what the rules look at, in a handful of queries however many slots there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from core import clock
from core.db import Session
from core.errors import NotFound
from people import repository as people
from people.model import Inmate, InmateStatus, Relationship, RelationshipState
from policy import calendar, clocks
from policy import repository as policies
from policy.model import PolicySet
from scheduler.model import BookingState, ClaimKind, VisitKind, ticks
from scheduler.places import stale
from scheduler.rules import BanFacts, Case, InmateFacts, SlotFacts, VisitorFacts
from scheduler.tables import BanRow, BookingRow, ClaimRow, PlaceRow, PrisonRow, SlotRow


@dataclass(frozen=True, slots=True)
class Ground:
    """The inmate's prison and its rules at this moment."""

    now: datetime
    inmate: Inmate
    prison: PrisonRow
    policy: PolicySet

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.prison.zone)

    @property
    def bookable(self) -> tuple[date, date]:
        """The first and last day that can be booked now."""
        today = self.now.astimezone(self.zone).date()
        values = self.policy.values
        return clocks.bookable_days(calendar.load(values.calendar), today, values)


async def ground(session: Session, inmate_id: str) -> Ground:
    """Raises `NotFound` for an unknown inmate or one whose prison is not on the platform."""
    now = clock.now()
    inmate = await people.inmate(session, inmate_id)
    prison = None if inmate is None else await session.get(PrisonRow, inmate.prison_id)
    if inmate is None or prison is None or not prison.active:
        raise NotFound
    return Ground(now, inmate, prison, await policies.current(session, inmate.wing_id, now))


async def slots(
    session: Session,
    where: Iterable[ColumnElement[bool]],
    *,
    ignoring: ColumnElement[bool],
) -> list[SlotFacts]:
    """Slots with how many of their seats are taken; bookings that `ignoring` names leave theirs free."""
    now = clock.now()
    counts = and_(PlaceRow.booking_id.is_not(None), ~stale(now), ~ignoring)
    held = and_(BookingRow.state == BookingState.HELD, counts)
    query = (
        select(
            SlotRow,
            func.count(PlaceRow.id),
            func.coalesce(func.sum(case((counts, 1), else_=0)), 0),
            func.min(case((held, BookingRow.held_until), else_=None)),
        )
        .outerjoin(PlaceRow, PlaceRow.slot_id == SlotRow.id)
        .outerjoin(BookingRow, BookingRow.id == PlaceRow.booking_id)
        .where(*where)
        .group_by(SlotRow.id)
        .order_by(SlotRow.starts_at, SlotRow.id)
    )
    return [_slot(row, seats, taken, freed) for row, seats, taken, freed in await session.execute(query)]


def _slot(row: SlotRow, seats: int, taken: int, released_at: datetime | None) -> SlotFacts:
    return SlotFacts(
        id=row.id,
        wing_id=row.wing_id,
        day=row.day,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        minutes=row.minutes,
        capacity=seats,
        taken=taken,
        released_at=released_at,
        closed=row.closed,
        closed_words=row.closed_words,
    )


def family_slots(ground: Ground, first: date, last: date) -> list[ColumnElement[bool]]:
    """Which slots are shown to the family of this inmate: of the prison, for the wing or for every wing."""
    return [
        SlotRow.prison_id == ground.prison.id,
        SlotRow.kind == VisitKind.FAMILY,
        SlotRow.day.between(first, last),
        or_(SlotRow.wing_id.is_(None), SlotRow.wing_id == ground.inmate.wing_id),
        SlotRow.closed != "withdrawn",
    ]


async def judge(
    session: Session,
    ground: Ground,
    relationships: Sequence[Relationship],
    wanted: Sequence[SlotFacts],
    *,
    ignoring: ColumnElement[bool],
) -> Case:
    """The case of these visitors for these slots. `ignoring`: bookings that do not stand in the way."""
    relatives = [entry.relative_id for entry in relationships]
    busy = await _busy(session, ground.inmate.id, relatives, wanted, ignoring)
    first_day, last_day = ground.bookable
    return Case(
        now=ground.now,
        zone=ground.zone,
        policy=ground.policy.values,
        first_day=first_day,
        last_day=last_day,
        inmate=InmateFacts(
            id=ground.inmate.id,
            wing_id=ground.inmate.wing_id,
            level=ground.inmate.level,
            present=ground.inmate.status == InmateStatus.PRESENT,
            busy=frozenset(busy.get((ClaimKind.INMATE, ground.inmate.id), ())),
        ),
        visitors=tuple(
            VisitorFacts(
                relative_id=entry.relative_id,
                name=entry.relative_name,
                born=entry.relative_born,
                approved=entry.state == RelationshipState.APPROVED,
                busy=frozenset(busy.get((ClaimKind.VISITOR, entry.relative_id), ())),
            )
            for entry in relationships
        ),
        used=await used(session, ground, [slot.day for slot in wanted], ignoring),
        bans=await _bans(session, ground, relatives),
    )


async def used(
    session: Session, ground: Ground, days: Iterable[date], ignoring: ColumnElement[bool]
) -> dict[str, int]:
    """Visits of each period that the days touch: every live booking of the inmate, whoever asked for it."""
    level, values = ground.inmate.level, ground.policy.values
    periods = {values.period_of(day, level).key for day in days}
    owners = {f"{ground.inmate.id}/{period}": period for period in periods}
    rows = await session.execute(
        select(ClaimRow.owner_id, func.count())
        .join(BookingRow, BookingRow.id == ClaimRow.booking_id)
        .where(
            ClaimRow.kind == ClaimKind.ALLOWANCE,
            ClaimRow.owner_id.in_(owners),
            ~stale(ground.now),
            ~ignoring,
        )
        .group_by(ClaimRow.owner_id)
    )
    return {owners[owner]: count for owner, count in rows}


async def _busy(
    session: Session,
    inmate_id: str,
    relatives: Collection[str],
    wanted: Sequence[SlotFacts],
    ignoring: ColumnElement[bool],
) -> dict[tuple[str, str], list[int]]:
    if not wanted:
        return {}
    first = ticks(min(s.starts_at for s in wanted), wanted[0].ends_at).start
    last = ticks(wanted[0].starts_at, max(s.ends_at for s in wanted)).stop
    rows = await session.execute(
        select(ClaimRow.kind, ClaimRow.owner_id, ClaimRow.number)
        .join(BookingRow, BookingRow.id == ClaimRow.booking_id)
        .where(
            or_(
                and_(ClaimRow.kind == ClaimKind.INMATE, ClaimRow.owner_id == inmate_id),
                and_(ClaimRow.kind == ClaimKind.VISITOR, ClaimRow.owner_id.in_(relatives)),
            ),
            ClaimRow.number.between(first, last - 1),
            ~stale(clock.now()),
            ~ignoring,
        )
    )
    busy: dict[tuple[str, str], list[int]] = {}
    for kind, owner, number in rows:
        busy.setdefault((kind, owner), []).append(number)
    return busy


async def _bans(session: Session, ground: Ground, relatives: Collection[str]) -> tuple[BanFacts, ...]:
    rows = await session.scalars(
        select(BanRow).where(
            BanRow.prison_id == ground.prison.id,
            BanRow.lifted_at.is_(None),
            or_(BanRow.inmate_id.is_(None), BanRow.inmate_id == ground.inmate.id),
            or_(BanRow.relative_id.is_(None), BanRow.relative_id.in_(relatives)),
        )
    )
    return tuple(BanFacts(row.relative_id, row.inmate_id, row.first_day, row.last_day) for row in rows)
