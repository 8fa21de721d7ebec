"""Loads what the rules look at, in a handful of queries however many slots there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, case, cast, func, or_, select

from core import clock
from core.db import Session, rows
from core.errors import NotFound
from people import repository as people
from people.model import LIVE_RELATIONSHIPS, Inmate, InmateStatus, RelationshipState
from people.tables import InmateRow, RelationshipRow, RelativeRow
from policy import calendar, clocks
from policy import repository as policies
from policy.model import Period, PolicySet
from policy.rulebook import Channel, Span
from scheduler import audience, capacity, obstacles, places
from scheduler.case import Case, InmateFacts, SlotFacts, VisitorFacts, kind_of
from scheduler.model import BookingState, ClaimKind, Prison, VisitKind
from scheduler.obstacles import Befallen, Claimed
from scheduler.places import Ignoring
from scheduler.planning_tables import PlanRow
from scheduler.tables import AccountRow, BookingRow, PlaceRow, PrisonRow, SlotRow, TemplateRow, WingRow


@dataclass(frozen=True, slots=True)
class Ground:
    """The inmate's prison and wing, and the rules at this moment."""

    now: datetime
    inmate: Inmate
    prison: Prison
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


async def ground(session: Session, inmate_id: str, policy: PolicySet | None = None) -> Ground:
    """Raises `NotFound` for an unknown inmate or one whose prison is not on the platform. `policy`: by which to judge
    what is booked, instead of the rules in force; that stands in a prison that is switched off, too."""
    now = clock.now()
    found = await rows(session, _GROUND, {"inmate": inmate_id, "at": now})
    return await _ground(session, now, found, policy)


def _about(*columns: Any) -> Select[Any]:
    """Of an inmate: these columns, the inmate, the prison, the wing, and what is in force there at `:at`."""
    about = (
        select(*columns, *people.INMATE, *_PRISON, WingRow.name)
        .select_from(InmateRow)
        .join(PrisonRow, PrisonRow.id == InmateRow.prison_id)
        .join(WingRow, WingRow.id == InmateRow.wing_id)
        .where(InmateRow.id == bindparam("inmate"))
    )
    return policies.with_rules(about, InmateRow.wing_id)


async def _ground(
    session: Session, now: datetime, found: Sequence[Sequence[Any]], policy: PolicySet | None = None
) -> Ground:
    """`found`: what `_about` answers without columns of its own."""
    if not found:
        raise NotFound
    inmate, prison = people.inmate_of(found[0][:_TO_PRISON]), Prison(*found[0][_TO_PRISON:_TO_WING])
    if not prison.active and policy is None:
        raise NotFound
    return Ground(now, inmate, prison, found[0][_TO_WING], policy or await policies.merged(session, found))


_PRISON = (PrisonRow.id, PrisonRow.name, PrisonRow.zone, PrisonRow.help_phone, PrisonRow.active)
_TO_PRISON = len(people.INMATE)
_TO_WING = _TO_PRISON + len(_PRISON)
_GROUND = _about()
_WHO = (
    RelationshipRow.id, RelativeRow.name, RelativeRow.born, RelationshipRow.kinship, RelationshipRow.state,
)  # fmt: skip
_ASKING = (
    _about(*_WHO)
    .join(RelationshipRow, RelationshipRow.inmate_id == InmateRow.id)
    .join(RelativeRow, RelativeRow.id == RelationshipRow.relative_id)
    .where(RelationshipRow.relative_id == bindparam("relative"))
    .order_by(RelationshipRow.applied_at.desc(), RelationshipRow.id.desc())
)


async def asking(session: Session, relative_id: str, inmate_id: str) -> tuple[Ground, Visiting]:
    """The ground, and the relative as visitor: by the live relationship with the inmate, else the latest.

    Raises `NotFound` for a relative who never applied, and as `ground`.
    """
    now = clock.now()
    found = await rows(session, _ASKING, {"relative": relative_id, "inmate": inmate_id, "at": now})
    if not found:
        raise NotFound
    live = (one for one in found if one[4] in LIVE_RELATIONSHIPS)
    key, name, born, kinship, state, *_ = next(live, found[0])
    who = Visiting(key, relative_id, name, born, kinship, RelationshipState(state))
    return await _ground(session, now, [one[len(_WHO) :] for one in found if one[0] == key]), who


def _slots(
    where: Iterable[ColumnElement[bool]], run_out: ColumnElement[bool], ignored: ColumnElement[bool]
) -> Select[Any]:
    """The columns of `SlotFacts`, in its order. Bookings that are ignored are as if their seats were free."""
    seats = func.coalesce(func.sum(case((PlaceRow.extra.is_(False), 1), else_=0)), 0)
    gone = func.coalesce(func.sum(case((run_out, 1), else_=0)), 0)
    waits = and_(BookingRow.state == BookingState.HELD, ~run_out)
    return (
        select(
            SlotRow.id, SlotRow.wing_id, SlotRow.day, SlotRow.starts_at, SlotRow.ends_at, SlotRow.minutes,
            seats, func.count(BookingRow.id) - gone, func.min(case((waits, BookingRow.held_until))),
            SlotRow.closed, SlotRow.closed_words, gone, SlotRow.audience, cast(SlotRow.limits, Text),
        )
        .outerjoin(PlaceRow, PlaceRow.slot_id == SlotRow.id)
        .outerjoin(BookingRow, and_(BookingRow.id == PlaceRow.booking_id, ~ignored))
        .where(*where)
        .group_by(SlotRow.id)
        .order_by(SlotRow.starts_at, SlotRow.id)
    )  # fmt: skip


_ONE = _slots(
    [SlotRow.id == bindparam("slot"), SlotRow.prison_id == bindparam("prison")], places.STALE, places.IGNORED
)


def _of_families(prison_id: Any, wing_id: Any, first: Any, last: Any) -> list[ColumnElement[bool]]:
    """What is shown to the families of a wing between two days: slots of the prison, for the wing or for every wing."""
    return [
        SlotRow.prison_id == prison_id,
        SlotRow.kind == VisitKind.FAMILY,
        SlotRow.day.between(first, last),
        or_(SlotRow.wing_id.is_(None), SlotRow.wing_id == wing_id),
        SlotRow.closed != "withdrawn",
    ]


_SHOWN = _slots(
    _of_families(*(bindparam(name) for name in ("prison", "wing", "first", "last"))),
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
    """What is shown to the family of this inmate between two days; as `slots`."""
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
    return [SlotFacts(*(*row[:-2], audience.read(row[-2]), capacity.read(row[-1]))) for row in found]


def family_slots(ground: Ground, first: date, last: date) -> list[ColumnElement[bool]]:
    """Which slots `shown` answers."""
    return _of_families(ground.prison.id, ground.inmate.wing_id, first, last)


async def judge(
    session: Session,
    ground: Ground,
    guests: Sequence[Guest],
    wanted: Sequence[SlotFacts],
    *,
    ignoring: Ignoring | ColumnElement[bool],
    channel: Channel | None = Channel.REMOTE_PHONE,
    starter: str | None = None,
    days: tuple[date, date] | None = None,
) -> Case:
    """The case of these visitors for these slots. `ignoring`: bookings that do not stand in the way. `starter`: see
    `Case`. `days`: between which closed days are wanted, if not between the bookable ones."""
    relatives = [guest.relative_id for guest in guests]
    values, inmate = ground.policy.values, ground.inmate
    periods = _periods(ground, (slot.day for slot in wanted))
    owners = _owners(ground, periods)
    buffer = timedelta(minutes=values.appointment_buffer_minutes)
    place, bookable = (ground.prison.id, inmate.wing_id, inmate.id, relatives), ground.bookable
    if isinstance(ignoring, Ignoring):
        about = obstacles.About(*place, owners, ground.zone, buffer, days or bookable)
        taken, befell = await obstacles.in_the_way(session, wanted, about, ignoring)
    else:
        taken = await obstacles.claimed(session, wanted, inmate.id, relatives, owners, ignoring)
        befell = await obstacles.befallen(session, *place, ground.zone, buffer)
    return Case(
        now=ground.now,
        zone=ground.zone,
        policy=values,
        first_day=bookable[0],
        last_day=bookable[1],
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
        closed=befell.closed,
        periods=periods,
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


def _periods(ground: Ground, days: Iterable[date]) -> dict[date, Period]:
    inmate, values = ground.inmate, ground.policy.values
    return {day: values.period_of(day, inmate.level, convicted=inmate.convicted) for day in set(days)}


def _owners(ground: Ground, periods: Mapping[date, Period]) -> dict[str, str]:
    """Owner of the claims on an allowance -> key of its period."""
    return {f"{ground.inmate.id}/{period.key}": period.key for period in periods.values()}


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
    owners = _owners(ground, _periods(ground, days))
    taken = await obstacles.claimed(session, [], "", [], owners, ignoring or Ignoring())
    return {owners[owner]: len(numbers) for owner, numbers in taken.visits.items()}
