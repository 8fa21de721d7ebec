"""A planned week as a board: wings, days and times, with who has a time already and who would get it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.db import Session
from core.errors import Reason
from people import repository as people
from scheduler import openings, planning, plans, repository, wishes
from scheduler.model import OPEN_STATES, BookingState, BookingView
from scheduler.planning_tables import WishRow
from scheduler.plans import GIVEN, Plan, Proposal, ProposalState
from scheduler.tables import BookingRow, PlaceRow, SlotRow
from scheduler.wishes import Wish
from web import load_board, meeting_board
from web.load_board import LoadBoard
from web.meeting_board import MeetingBoard


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody on the board. `tone`: booked, planned, first (planned by priority), stale."""

    name: str
    tone: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One slot of one wing: who is in it, and how many places it has."""

    starts_at: datetime
    minutes: int
    places: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One wing's week: cells by day."""

    wing: str
    days: tuple[tuple[date, tuple[Cell, ...]], ...]

    @property
    def empty(self) -> bool:
        return not any(cells for _, cells in self.days)


@dataclass(frozen=True, slots=True)
class Left:
    """A wish that gets no time: who, how long they wait, why."""

    wish: Wish
    name: str
    waited: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """One day: visits booked, visits and meetings planned, what terminals and officers could take (`None`: no
    roster)."""

    day: date
    booked: int
    planned: int
    terminals: int
    officers: int | None

    @property
    def most(self) -> int:
        """What the longest bar of this day shows."""
        return max(self.booked + self.planned, self.terminals, self.officers or 0)


@dataclass(frozen=True, slots=True)
class WeekBoard:
    """`given`: wishes that get a time, or got it when the plan was published; of these `first_choice` their dearest one
    and `priority` with a reason to come first. `booked`: visits that stood before. `todo`: still to be published."""

    lanes: tuple[Lane, ...]
    left: tuple[Left, ...]
    stale: tuple[Left, ...]
    loads: tuple[Load, ...]
    given: int
    first_choice: int
    priority: int
    booked: int
    todo: int
    burdens: LoadBoard
    meetings: MeetingBoard


async def of(session: Session, plan: Plan, zone: str, now: datetime) -> WeekBoard:
    """The board of a plan that is ready, or was published."""
    proposals = await plans.proposals(session, plan.id)
    ids = [one.wish_id for one in proposals]
    known = {wish.id: wish for wish in await wishes.find(session, WishRow.id.in_(ids))}
    names = await _names(session, known.values())
    slots = await _slots(session, plan)
    booked = await _booked(session, plan)
    lanes = await _lanes(session, plan, slots, booked, _planned(proposals, known, names))
    meetings = await meeting_board.of(session, plan, zone, now)
    given = [one for one in proposals if one.state in GIVEN]
    by_plan = {one.booking_id for one in proposals if one.state is ProposalState.APPLIED}
    return WeekBoard(
        lanes=lanes,
        left=_with_reasons(proposals, ProposalState.LEFT_OUT, known, names, now),
        stale=_with_reasons(proposals, ProposalState.STALE, known, names, now),
        loads=await _loads(session, plan, zone, slots, booked, proposals, meetings),
        given=len(given),
        first_choice=sum(one.rank == 0 for one in given),
        priority=sum(bool(known[one.wish_id].ground) for one in given if one.wish_id in known),
        booked=sum(view.id not in by_plan for view in booked),
        todo=sum(one.state is ProposalState.PROPOSED for one in proposals) + meetings.todo,
        burdens=await _burdens(session, plan, slots, booked, proposals, known, meetings),
        meetings=meetings,
    )


async def _burdens(
    session: Session,
    plan: Plan,
    slots: Sequence[tuple[SlotRow, int]],
    booked: Sequence[BookingView],
    proposals: Sequence[Proposal],
    known: Mapping[str, Wish],
    meetings: MeetingBoard,
) -> LoadBoard:
    rows = [row for row, _ in slots]
    wings: dict[str, str] = {}
    for wish in known.values():
        inmate = await people.inmate(session, wish.inmate_id)
        wings[wish.id] = inmate.wing_id if inmate else ""
    planned = [
        (one.id, one.slot_id, wings.get(one.wish_id, ""))
        for one in proposals
        if one.slot_id and one.state is ProposalState.PROPOSED
    ]
    calls = [*load_board.calls_of(booked, rows, planned), *meetings.calls]
    return await load_board.of(session, plan.prison_id, rows, calls)


async def _names(session: Session, known: Iterable[Wish]) -> dict[str, str]:
    """Inmate -> name."""
    found = {}
    for wish in known:
        inmate = await people.inmate(session, wish.inmate_id)
        found[wish.inmate_id] = inmate.name if inmate else "–"
    return found


async def _slots(session: Session, plan: Plan) -> list[tuple[SlotRow, int]]:
    """The slots of the days that stand open or have somebody, with their places."""
    rows = (
        await session.scalars(
            select(SlotRow)
            .where(
                SlotRow.prison_id == plan.prison_id,
                SlotRow.day.between(plan.first_day, plan.last_day),
                SlotRow.closed == "",
            )
            .order_by(SlotRow.starts_at, SlotRow.id)
        )
    ).all()
    places: dict[str, int] = {}
    for slot_id in await session.scalars(
        select(PlaceRow.slot_id).where(PlaceRow.slot_id.in_([row.id for row in rows]))
    ):
        places[slot_id] = places.get(slot_id, 0) + 1
    return [(row, places.get(row.id, 0)) for row in rows]


async def _booked(session: Session, plan: Plan) -> list[BookingView]:
    states = OPEN_STATES - {BookingState.HELD}
    return await repository.views(
        session,
        BookingRow.prison_id == plan.prison_id,
        BookingRow.day.between(plan.first_day, plan.last_day),
        BookingRow.state.in_(states),
    )


def _planned(
    proposals: Sequence[Proposal], known: Mapping[str, Wish], names: Mapping[str, str]
) -> dict[str, list[Entry]]:
    """Slot -> who would get it; what was applied is a booking by now."""
    found: dict[str, list[Entry]] = {}
    for one in proposals:
        if one.slot_id and one.state is ProposalState.PROPOSED and one.wish_id in known:
            wish = known[one.wish_id]
            tone = "first" if wish.ground else "planned"
            found.setdefault(one.slot_id, []).append(Entry(names[wish.inmate_id], tone))
    return found


async def _lanes(
    session: Session,
    plan: Plan,
    slots: Sequence[tuple[SlotRow, int]],
    booked: Sequence[BookingView],
    planned: Mapping[str, list[Entry]],
) -> tuple[Lane, ...]:
    there: dict[str, list[Entry]] = {}
    for view in booked:
        there.setdefault(view.slot_id, []).append(Entry(view.inmate_name, "booked"))
    lanes = []
    wings = [(wing.id, wing.name) for wing in await repository.wings(session, plan.prison_id)]
    for wing_id, name in [*wings, (None, "")]:
        days = []
        for day in planning.days(plan):
            cells = tuple(
                Cell(
                    row.starts_at,
                    row.minutes,
                    places,
                    (*there.get(row.id, ()), *planned.get(row.id, ())),
                )
                for row, places in slots
                if row.day == day and row.wing_id == wing_id
            )
            days.append((day, cells))
        lane = Lane(name, tuple(days))
        if not lane.empty:
            lanes.append(lane)
    return tuple(lanes)


def _with_reasons(
    proposals: Sequence[Proposal],
    state: ProposalState,
    known: Mapping[str, Wish],
    names: Mapping[str, str],
    now: datetime,
) -> tuple[Left, ...]:
    found = [
        Left(
            known[one.wish_id],
            names[known[one.wish_id].inmate_id],
            known[one.wish_id].waited_days(now),
            one.reasons,
        )
        for one in proposals
        if one.state is state and one.wish_id in known
    ]
    return tuple(sorted(found, key=lambda left: -left.waited))


async def _loads(
    session: Session,
    plan: Plan,
    zone: str,
    slots: Sequence[tuple[SlotRow, int]],
    booked: Sequence[BookingView],
    proposals: Sequence[Proposal],
    meetings: MeetingBoard,
) -> tuple[Load, ...]:
    planned = [one.slot_id for one in proposals if one.slot_id and one.state is ProposalState.PROPOSED]
    days = {row.id: row.day for row, _ in slots}
    loads = []
    for day in planning.days(plan):
        on_day = [row for row, _ in slots if row.day == day]
        if not on_day:
            continue
        span = (min(row.starts_at for row in on_day), max(row.ends_at for row in on_day))
        supply = await openings.supply(session, plan.prison_id, span, [view.id for view in booked])
        left = [supply.left(at) for at in {row.starts_at for row in on_day}]
        loads.append(
            Load(
                day,
                sum(view.starts_at.astimezone(ZoneInfo(zone)).date() == day for view in booked),
                sum(days.get(slot_id) == day for slot_id in planned) + meetings.planned_on(day),
                sum(sum(free.values()) for free, _ in left),
                sum(watching or 0 for _, watching in left) if supply.shifts else None,
            )
        )
    return tuple(loads)
