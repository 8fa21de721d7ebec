"""Loads what the rules look at, in a handful of queries however many slots there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, case, cast, func, or_, select

from core import clock
from core.db import Session, rows
from core.errors import NotFound
from people.model import LIVE_RELATIONSHIPS, Inmate, InmateStatus, RelationshipState
from people.repository import as_inmate
from people.tables import InmateRow, RelationshipRow, RelativeRow
from policy import calendar, clocks
from policy import repository as policies
from policy.model import PolicySet
from policy.rulebook import Channel, Span
from scheduler import audience, capacity, obstacles, places
from scheduler.case import Case, InmateFacts, SlotFacts, VisitorFacts, kind_of
from scheduler.model import BookingState, ClaimKind, VisitKind
from scheduler.obstacles import Befallen, Claimed
from scheduler.places import Ignoring
from scheduler.planning_tables import PlanRow
from scheduler.tables import AccountRow, BookingRow, PlaceRow, PrisonRow, SlotRow, TemplateRow, WingRow


@dataclass(frozen=True, slots=True)
class Ground:
    """The inmate's prison and wing, and the rules at this moment."""

    now: datetime
    inmate: Inmate
    prison: PrisonRow
    wing_name: str
    policy: PolicySet

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.prison.zone)

    @property
    def bookable(self) -> tuple[date, date]:
        """The first and last day that can be booked now."""
        here = self.now.astimezone(self.zone)
        values = self.policy.values
        return clocks.bookable_days(calendar.load(values.calendar), here.date(), values, here.time())


class Guest(Protocol):
    """Somebody who wants to come: a `Relationship` of people, or what `asking` answers."""

    @property
    def id(self) -> str: ...
    @property
    def relative_id(self) -> str: ...
    @property
    def relative_name(self) -> str: ...
    @property
    def relative_born(self) -> date: ...
    @property
    def kinship(self) -> str: ...
    @property
    def state(self) -> RelationshipState: ...


@dataclass(frozen=True, slots=True)
class Visiting:
    """One relative and one inmate, as far as booking needs it."""

    id: str
    relative_id: str
    relative_name: str
    relative_born: date
    kinship: str
    state: RelationshipState


async def ground(session: Session, inmate_id: str) -> Ground:
    """Raises `NotFound` for an unknown inmate or one whose prison is not on the platform."""
    found = (await session.execute(_GROUND, {"inmate": inmate_id})).first()
    if found is None:
        raise NotFound
    return await _ground(session, *found)


_GROUND = (
    select(InmateRow, PrisonRow, WingRow.name)
    .join(PrisonRow, PrisonRow.id == InmateRow.prison_id)
    .join(WingRow, WingRow.id == InmateRow.wing_id)
    .where(InmateRow.id == bindparam("inmate"))
)


async def _ground(session: Session, inmate: InmateRow, prison: PrisonRow, wing_name: str) -> Ground:
    if not prison.active:
        raise NotFound
    now = clock.now()
    policy = await policies.current(session, inmate.wing_id, now)
    return Ground(now, as_inmate(inmate), prison, wing_name, policy)


_ASKING = (
    select(RelationshipRow, RelativeRow.name, RelativeRow.born, InmateRow, PrisonRow, WingRow.name)
    .join(RelativeRow, RelativeRow.id == RelationshipRow.relative_id)
    .join(InmateRow, InmateRow.id == RelationshipRow.inmate_id)
    .join(PrisonRow, PrisonRow.id == InmateRow.prison_id)
    .join(WingRow, WingRow.id == InmateRow.wing_id)
    .where(
        RelationshipRow.relative_id == bindparam("relative"), RelationshipRow.inmate_id == bindparam("inmate")
    )
    .order_by(RelationshipRow.applied_at.desc(), RelationshipRow.id.desc())
)


async def asking(session: Session, relative_id: str, inmate_id: str) -> tuple[Ground, Visiting]:
    """The ground, and the relative as visitor: by the live relationship with the inmate, else the latest.

    Raises `NotFound` for a relative who never applied, and as `ground`.
    """
    found = (await session.execute(_ASKING, {"relative": relative_id, "inmate": inmate_id})).all()
    if not found:
        raise NotFound
    live = (one for one in found if one[0].state in LIVE_RELATIONSHIPS)
    row, name, born, inmate, prison, wing_name = next(live, found[0])
    who = Visiting(row.id, relative_id, name, born, row.kinship, RelationshipState(row.state))
    return await _ground(session, inmate, prison, wing_name), who


def _counted(*, run_out: ColumnElement[bool], ignored: ColumnElement[bool]) -> list[ColumnElement[Any]]:
    """Of a slot: seats, seats taken, when the first of the holds among them runs out, seats of holds run out."""
    has = PlaceRow.booking_id.is_not(None)
    counts = and_(has, ~run_out, ~ignored)
    return [
        func.coalesce(func.sum(case((PlaceRow.extra.is_(False), 1), else_=0)), 0),
        func.coalesce(func.sum(case((counts, 1), else_=0)), 0),
        func.min(
            case((and_(BookingRow.state == BookingState.HELD, counts), BookingRow.held_until), else_=None)
        ),
        func.coalesce(func.sum(case((and_(has, run_out, ~ignored), 1), else_=0)), 0),
    ]


def _slots(
    where: Iterable[ColumnElement[bool]], run_out: ColumnElement[bool], ignored: ColumnElement[bool]
) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [*_SLOT, *_counted(run_out=run_out, ignored=ignored)]
    return (
        select(*columns)
        .outerjoin(PlaceRow, PlaceRow.slot_id == SlotRow.id)
        .outerjoin(BookingRow, BookingRow.id == PlaceRow.booking_id)
        .where(*where)
        .group_by(SlotRow.id)
        .order_by(SlotRow.starts_at, SlotRow.id)
    )


_SLOT: tuple[Any, ...] = (
    SlotRow.id, SlotRow.wing_id, SlotRow.day, SlotRow.starts_at, SlotRow.ends_at, SlotRow.minutes, SlotRow.closed,
    SlotRow.closed_words, SlotRow.audience, cast(SlotRow.limits, Text),
)  # fmt: skip
_ONE = _slots(
    [SlotRow.id == bindparam("slot"), SlotRow.prison_id == bindparam("prison")], places.STALE, places.IGNORED
)
_SHOWN = _slots(
    [
        SlotRow.prison_id == bindparam("prison"),
        SlotRow.kind == VisitKind.FAMILY,
        SlotRow.day.between(bindparam("first"), bindparam("last")),
        or_(SlotRow.wing_id.is_(None), SlotRow.wing_id == bindparam("wing")),
        SlotRow.closed != "withdrawn",
    ],
    places.STALE,
    places.IGNORED,
)


async def slot(session: Session, ground: Ground, slot_id: str, ignoring: Ignoring) -> SlotFacts | None:
    """One slot of the inmate's prison, as `slots`."""
    given = {"slot": slot_id, "prison": ground.prison.id} | ignoring.given
    return next(iter(_facts(await rows(session, _ONE, given))), None)


async def shown(
    session: Session, ground: Ground, first: date, last: date, ignoring: Ignoring
) -> list[SlotFacts]:
    """What is shown to the family of this inmate between two days: slots of the prison, for the wing or for every
    wing; as `slots`."""
    given = {"prison": ground.prison.id, "wing": ground.inmate.wing_id, "first": first, "last": last}
    return _facts(await rows(session, _SHOWN, given | ignoring.given))


async def slots(
    session: Session,
    where: Iterable[ColumnElement[bool]],
    *,
    ignoring: ColumnElement[bool],
) -> list[SlotFacts]:
    """Slots with how many of their seats are taken; bookings that `ignoring` names leave theirs free. Seats beyond the
    capacity are no capacity: only staff give them."""
    return _facts(await session.execute(_slots(where, places.stale(clock.now()), ignoring)))


def _facts(found: Iterable[Any]) -> list[SlotFacts]:
    return [
        SlotFacts(
            id=row[0],
            wing_id=row[1],
            day=row[2],
            starts_at=row[3],
            ends_at=row[4],
            minutes=row[5],
            capacity=row[10],
            taken=row[11],
            released_at=row[12],
            closed=row[6],
            closed_words=row[7],
            stale=row[13],
            audience=audience.read(row[8]),
            limits=capacity.read(row[9]),
        )
        for row in found
    ]


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
    guests: Sequence[Guest],
    wanted: Sequence[SlotFacts],
    *,
    ignoring: Ignoring | ColumnElement[bool],
    channel: Channel | None = Channel.REMOTE_PHONE,
    starter: str | None = None,
) -> Case:
    """The case of these visitors for these slots. `ignoring`: bookings that do not stand in the way. `starter`: see
    `Case`."""
    relatives = [guest.relative_id for guest in guests]
    values, inmate = ground.policy.values, ground.inmate
    owners = _owners(ground, [slot.day for slot in wanted])
    buffer = timedelta(minutes=values.appointment_buffer_minutes)
    place = (ground.prison.id, inmate.wing_id, inmate.id, relatives)
    if isinstance(ignoring, Ignoring):
        about = obstacles.About(*place, owners, ground.zone, buffer)
        taken, befell = await obstacles.in_the_way(session, wanted, about, ignoring)
    else:
        taken = await obstacles.claimed(session, wanted, inmate.id, relatives, owners, ignoring)
        befell = await obstacles.befallen(session, *place, ground.zone, buffer)
    first_day, last_day = ground.bookable
    return Case(
        now=ground.now,
        zone=ground.zone,
        policy=values,
        first_day=first_day,
        last_day=last_day,
        inmate=await _inmate(session, ground, wanted, taken, befell),
        visitors=tuple(_visitor(guest, taken) for guest in guests),
        used={owners[owner]: len(numbers) for owner, numbers in taken.visits.items()},
        numbers={owners[owner]: numbers for owner, numbers in taken.visits.items()},
        used_weekend={owners[owner]: count for owner, count in taken.weekend.items()},
        bans=tuple(befell.bans),
        balance=await balance(session, ground),
        lockdowns=tuple(befell.lockdowns),
        used_limits=taken.limits,
        channel=channel,
        kind=kind_of(guest.kinship for guest in guests),
        starter=starter,
        given_until=await _given_until(session, ground) if starter else None,
    )


async def _given_until(session: Session, ground: Ground) -> date | None:
    """Where times are given out by wishes: the last day that a published plan has given out, or that is over."""
    if ground.policy.values.release_way == "first-come":
        return None
    planned = await session.scalar(
        select(func.max(PlanRow.last_day)).where(
            PlanRow.prison_id == ground.prison.id, PlanRow.state == "published"
        )
    )
    yesterday = ground.now.astimezone(ground.zone).date() - timedelta(days=1)
    return planned or yesterday


def _visitor(guest: Guest, taken: Claimed) -> VisitorFacts:
    return VisitorFacts(
        relative_id=guest.relative_id,
        name=guest.relative_name,
        born=guest.relative_born,
        approved=guest.state == RelationshipState.APPROVED,
        busy=frozenset(taken.busy.get((ClaimKind.VISITOR, guest.relative_id), ())),
        kinship=guest.kinship,
    )


async def _inmate(
    session: Session, ground: Ground, wanted: Sequence[SlotFacts], taken: Claimed, befell: Befallen
) -> InmateFacts:
    inmate = ground.inmate
    apart = {}
    if wanted and befell.apart:
        first, last = min(slot.day for slot in wanted), max(slot.day for slot in wanted)
        apart = await obstacles.visits_of(session, ground.prison.id, befell.apart, first, last)
    return InmateFacts(
        id=inmate.id,
        wing_id=inmate.wing_id,
        level=inmate.level,
        present=inmate.status == InmateStatus.PRESENT,
        busy=frozenset(taken.busy.get((ClaimKind.INMATE, inmate.id), ())),
        location=await _whereabouts(session, inmate),
        category=inmate.category,
        convicted=inmate.convicted,
        case_type=inmate.case_type,
        foreign=inmate.foreign,
        away=tuple(befell.away),
        apart=apart,
    )


async def _whereabouts(session: Session, inmate: Inmate) -> str:
    """Where the inmate counts as being; only of somebody in a temporary wing must the timetable be asked."""
    if "/" not in inmate.location:
        return inmate.location
    times = await session.scalars(
        select(TemplateRow.audience).where(
            TemplateRow.prison_id == inmate.prison_id, TemplateRow.active, TemplateRow.audience != ""
        )
    )
    return audience.whereabouts(inmate.location, [audience.read(row) for row in times])


_GUESTS = (
    select(
        RelationshipRow.id, RelationshipRow.relative_id, RelativeRow.name, RelativeRow.born,
        RelationshipRow.kinship, RelationshipRow.state,
    )
    .join(RelativeRow, RelativeRow.id == RelationshipRow.relative_id)
    .where(
        RelationshipRow.id.in_(bindparam("wanted", expanding=True)),
        RelationshipRow.inmate_id == bindparam("inmate"),
    )
)  # fmt: skip


async def guests(session: Session, inmate_id: str, relationship_ids: Iterable[str]) -> list[Visiting]:
    """Whom these relationships name, each person once, in the order asked for; raises `NotFound` for one that is
    with somebody else."""
    wanted = list(dict.fromkeys(relationship_ids))
    known = await rows(session, _GUESTS, {"wanted": wanted, "inmate": inmate_id})
    found = {
        key: Visiting(key, relative_id, name, born, kinship, RelationshipState(state))
        for key, relative_id, name, born, kinship, state in known
    }
    if len(found) < len(wanted):
        raise NotFound
    people = {found[one].relative_id: found[one] for one in wanted}
    return list(people.values())


def _owners(ground: Ground, days: Iterable[date]) -> dict[str, str]:
    """Owner of the claims on an allowance -> key of its period, for the periods that the days touch."""
    inmate, values = ground.inmate, ground.policy.values
    keys = {values.period_of(day, inmate.level, convicted=inmate.convicted).key for day in set(days)}
    return {f"{inmate.id}/{key}": key for key in keys}


async def balance(session: Session, ground: Ground) -> int:
    """What the inmate has where visits are granted and saved; 0 under other spans."""
    if ground.policy.values.allowance_span is not Span.BALANCE:
        return 0
    return (
        await session.scalar(select(AccountRow.balance).where(AccountRow.inmate_id == ground.inmate.id)) or 0
    )


async def used(
    session: Session, ground: Ground, days: Iterable[date], ignoring: Ignoring | None = None
) -> dict[str, int]:
    """Visits of each period that the days touch: every live booking of the inmate, whoever asked for it."""
    owners = _owners(ground, days)
    taken = await obstacles.claimed(session, [], "", [], owners, ignoring or Ignoring())
    return {owners[owner]: len(numbers) for owner, numbers in taken.visits.items()}
