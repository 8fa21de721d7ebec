"""The review of a prison's legal aid over a day, a month or a quarter, and what stations report each week.

Numbers, references and times: no text of anybody is opened for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref
from legalaid import review
from legalaid.case_tables import CaseRow
from legalaid.model import DeskKind, TurnState
from legalaid.review import Group, Line, Phase, Span, Step
from legalaid.tables import ClockEventRow, DeskRow, HelpDayRow, MatterClockRow, QuestionRow, TurnRow
from people.model import Identity, Role
from policy.running import OPEN
from scheduler.timetable import instant


@dataclass(frozen=True, slots=True)
class Matter:
    """A line of the drill-down."""

    reference: str
    matter: Ref
    phase: Phase


@dataclass(frozen=True, slots=True)
class Duty:
    """What a station reports of one week: consultations, the persons who had them, cases applied for."""

    week: date  # its Monday
    station: str
    turns: int
    written: int
    persons: int
    cases: int

    @property
    def consultations(self) -> int:
        return self.turns + self.written


def may(actor: Identity, prison_id: str) -> None:
    """Administrators and lawyers of that prison. Raises `Forbidden`, `NotFound`."""
    if not actor.roles & {Role.ADMIN, Role.COUNSEL} or not actor.strong:
        raise Forbidden
    if actor.prison_id not in (None, prison_id):
        raise NotFound


def bounds(of: Span, zone: str) -> tuple[datetime, datetime]:
    """The moments at which a span begins and ends in a place."""
    return instant(of.first, time(), zone), instant(of.last + timedelta(days=1), time(), zone)


async def summary(session: Session, actor: Identity, prison_id: str, of: Span, zone: str) -> list[Line]:
    """By kind of promise."""
    may(actor, prison_id)
    begins, ends = bounds(of, zone)
    steps, _ = await _steps(session, prison_id, begins, ends)
    return review.lines(review.phases(steps), begins, ends)


async def drill(
    session: Session, actor: Identity, prison_id: str, of: Span, zone: str, code: str, group: Group
) -> list[Matter]:
    """The matters behind one number, the oldest first."""
    may(actor, prison_id)
    begins, ends = bounds(of, zone)
    steps, matters = await _steps(session, prison_id, begins, ends)
    return [
        Matter(*matters[phase.clock_id], phase)
        for phase in review.phases(steps)
        if phase.code == code and group in review.groups(phase, begins, ends)
    ]


async def _steps(
    session: Session, prison_id: str, begins: datetime, ends: datetime
) -> tuple[Sequence[Step], dict[str, tuple[str, Ref]]]:
    """Histories of the clocks that ran in the span, and clock id -> (reference, matter)."""
    ran = (
        select(MatterClockRow.id)
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .where(
            DeskRow.prison_id == prison_id,
            or_(
                MatterClockRow.state.in_(OPEN),
                select(ClockEventRow.id)
                .where(ClockEventRow.clock_id == MatterClockRow.id, ClockEventRow.at >= begins)
                .exists(),
            ),
        )
    )
    rows = await session.execute(
        select(ClockEventRow, DeskRow.name, MatterClockRow)
        .join(MatterClockRow, MatterClockRow.id == ClockEventRow.clock_id)
        .join(DeskRow, DeskRow.id == ClockEventRow.desk_id)
        .where(ClockEventRow.clock_id.in_(ran), ClockEventRow.at < ends)
        .order_by(ClockEventRow.at, ClockEventRow.clock_id, ClockEventRow.number)
    )
    steps, matters = [], {}
    for event, desk, clock in rows.all():
        steps.append(Step(clock.id, event.at, event.what, event.code, event.late, desk))
        matters[clock.id] = (clock.reference, Ref(clock.matter_kind, clock.matter_id))
    return steps, matters


async def duty(session: Session, actor: Identity, prison_id: str, of: Span, zone: str) -> list[Duty]:
    """Week by week and station by station; weeks that lie only partly in the span are cut at its ends."""
    may(actor, prison_id)
    begins, ends = bounds(of, zone)
    place = ZoneInfo(zone)
    named = await session.execute(
        select(DeskRow.id, DeskRow.name).where(
            DeskRow.prison_id == prison_id, DeskRow.kind == DeskKind.STATION
        )
    )
    stations = {key: name for key, name in named.all()}  # noqa: C416 - rows are no pairs to the type checker
    facts = [
        *await _held(session, prison_id, begins, ends),
        *await _written(session, prison_id, begins, ends),
        *await _cases(session, prison_id, begins, ends),
    ]
    weeks: dict[tuple[date, str], list[tuple[str, str]]] = {}
    for at, station, what, inmate in facts:
        day = at.astimezone(place).date()
        monday = day - timedelta(days=day.weekday())
        weeks.setdefault((monday, stations.get(station, "")), []).append((what, inmate))
    return [_duty(week, station, found) for (week, station), found in sorted(weeks.items())]


def _duty(week: date, station: str, found: list[tuple[str, str]]) -> Duty:
    kinds = [what for what, _ in found]
    return Duty(
        week=week,
        station=station,
        turns=kinds.count("turn"),
        written=kinds.count("written"),
        persons=len({inmate for what, inmate in found if what != "case"}),
        cases=kinds.count("case"),
    )


Fact = tuple[datetime, str, str, str]  # when, station, what, inmate


async def _held(session: Session, prison_id: str, begins: datetime, ends: datetime) -> list[Fact]:
    rows = await session.execute(
        select(TurnRow.ended_at, HelpDayRow.station_id, TurnRow.inmate_id)
        .join(HelpDayRow, HelpDayRow.id == TurnRow.help_day_id)
        .where(
            HelpDayRow.prison_id == prison_id,
            TurnRow.state == TurnState.DONE,
            TurnRow.ended_at >= begins,
            TurnRow.ended_at < ends,
        )
    )
    return [(at, station, "turn", inmate) for at, station, inmate in rows.all() if at is not None]


async def _written(session: Session, prison_id: str, begins: datetime, ends: datetime) -> list[Fact]:
    """Answered without a turn."""
    in_turn = select(TurnRow.id).where(TurnRow.question_id == QuestionRow.id, TurnRow.state == TurnState.DONE)
    rows = await session.execute(
        select(QuestionRow.answered_at, QuestionRow.station_id, QuestionRow.inmate_id).where(
            QuestionRow.prison_id == prison_id,
            QuestionRow.answered_at >= begins,
            QuestionRow.answered_at < ends,
            ~in_turn.exists(),
        )
    )
    return [(at, station, "written", inmate) for at, station, inmate in rows.all() if at is not None]


async def _cases(session: Session, prison_id: str, begins: datetime, ends: datetime) -> list[Fact]:
    rows = await session.execute(
        select(CaseRow.applied_at, CaseRow.station_id, CaseRow.inmate_id).where(
            CaseRow.prison_id == prison_id, CaseRow.applied_at >= begins, CaseRow.applied_at < ends
        )
    )
    return [(at, station, "case", inmate) for at, station, inmate in rows.all()]
