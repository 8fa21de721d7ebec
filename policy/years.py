"""Years of working days that this installation enters itself: one person enters, another one approves.

What is approved is taken over by every process (`refresh`), within half a minute, and comes before the files of
the package. Days that are past are never changed by it.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter

from sqlalchemy import select, update

from core import clock
from core.db import Database, Session
from core.errors import Conflict, Misconfigured, NotFound, Reason, Refused
from core.ids import Ref, new_id
from ledger.record import record
from policy import calendar, year_text
from policy.calendar import Calendar, YearTable
from policy.service import SamePerson
from policy.tables import CalendarYearRow
from policy.year_text import Days

_NAME = re.compile(r"[A-Z]{2}(-[A-Z]{2,20}){0,2}")
_SOURCE_MAX = 300
YEARS = range(2020, 2101)


class PastDays(Conflict):
    code = "past-days-changed"
    text = "Days that are past stay as they were: deadlines have been reckoned with them."


@dataclass(frozen=True, slots=True)
class Entered:
    """`open`: it waits for a second person."""

    id: str
    calendar: str
    year: int
    table: YearTable
    entered_by: Ref
    entered_at: datetime
    approved_at: datetime | None
    open: bool


def _entered(row: CalendarYearRow) -> Entered:
    table = YearTable(
        frozenset(map(date.fromisoformat, row.holidays)),
        frozenset(map(date.fromisoformat, row.workdays)),
        row.source,
        provisional=False,
    )
    waits = row.approved_at is None and row.dropped_at is None
    by = Ref(row.entered_by_kind, row.entered_by_id)
    return Entered(row.id, row.calendar, row.year, table, by, row.entered_at, row.approved_at, waits)


async def listed(session: Session) -> list[Entered]:
    """All that was entered and not dropped, the newest first."""
    rows = await session.scalars(
        select(CalendarYearRow)
        .where(CalendarYearRow.dropped_at.is_(None))
        .order_by(CalendarYearRow.entered_at.desc(), CalendarYearRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [_entered(row) for row in rows]


def present(name: str) -> Calendar | None:
    """The calendar as it is in force in this process; None for a place that has none yet."""
    try:
        return calendar.load(name)
    except Misconfigured:
        return None


async def enter(
    session: Session, actor: Ref, name: str, year: int, text: str, source: str
) -> tuple[str, Days]:
    """A year for a second person to approve; answers its id and what was read.

    Raises `Refused` with every problem of the form and every line that was not taken: then nothing is kept.
    """
    name = name.strip().upper()
    around = present(name) or present(name.partition("-")[0])
    problems = _problems(name, year, source, around)
    days = year_text.read(text, year, around.weekend if around else frozenset({6, 7}))
    problems += [_line(one) for one in days.findings]
    if not days.findings and not days.holidays | days.workdays:
        problems.append(Reason("days-missing", "Please enter at least one day.", {"field": "days"}))
    if problems:
        raise Refused(problems)
    row = CalendarYearRow(
        id=new_id("cyr"),
        calendar=name,
        year=year,
        holidays=sorted(day.isoformat() for day in days.holidays),
        workdays=sorted(day.isoformat() for day in days.workdays),
        source=source.strip(),
        entered_by_kind=actor.kind,
        entered_by_id=actor.id,
        entered_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    subject = Ref("calendar-year", row.id)
    record(session, "admin:calendar:entered", actor=actor, subject=subject, calendar=name, year=year)
    return row.id, days


def _problems(name: str, year: int, source: str, around: Calendar | None) -> list[Reason]:
    problems = []
    if not _NAME.fullmatch(name) or around is None or around.years is None:
        text = "A calendar is a nation's, such as CN, or a place's in it, such as CN-LHASA."
        problems.append(Reason("calendar-invalid", text, {"field": "calendar"}))
    if year not in YEARS:
        problems.append(Reason("year-invalid", "Please enter a year, such as 2027.", {"field": "year"}))
    if not 0 < len(source.strip()) <= _SOURCE_MAX:
        text = "Please say where this stands: the notice, its number and date."
        problems.append(Reason("source-missing", text, {"field": "source"}))
    return problems


def _line(one: year_text.Finding) -> Reason:
    """The sentence of a line that was not taken; the form names its number."""
    return Reason(one.code, year_text.FINDINGS[one.code], {"field": f"line-{one.line}", "line": one.line})


async def approve(session: Session, actor: Ref, entry_id: str, today: date) -> Entered:
    """In force from now on. `today`: where the approving administrator is.

    Raises `NotFound`, `Conflict` if it was decided before, `SamePerson`, `PastDays`.
    """
    row = await session.get(CalendarYearRow, entry_id, populate_existing=True)
    if row is None:
        raise NotFound
    if (row.entered_by_kind, row.entered_by_id) == (actor.kind, actor.id):
        raise SamePerson
    _only_to_come(_entered(row), today)
    done = await session.scalar(
        update(CalendarYearRow)
        .where(
            CalendarYearRow.id == entry_id,
            CalendarYearRow.approved_at.is_(None),
            CalendarYearRow.dropped_at.is_(None),
        )
        .values(approved_by_kind=actor.kind, approved_by_id=actor.id, approved_at=clock.now())
        .returning(CalendarYearRow.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise Conflict
    subject = Ref("calendar-year", entry_id)
    record(session, "admin:calendar:approved", actor=actor, subject=subject, year=row.year)
    await session.refresh(row)
    return _entered(row)


def _only_to_come(entry: Entered, today: date) -> None:
    """Raises `PastDays` where a day before today would become another than it was reckoned as.

    A place's own table is compared with its own: what the nation decided is not changed by it.
    """
    before = present(entry.calendar)
    table = before.years.get(entry.year) if before is not None and before.years else None
    if table is None:
        return
    nation = present(entry.calendar.partition("-")[0])
    wider = nation.years.get(entry.year) if nation is not None and nation.years else None
    place = "-" in entry.calendar and wider is not None
    for old, new, of_wider in (
        (table.holidays, entry.table.holidays, wider.holidays if wider and place else frozenset()),
        (table.workdays, entry.table.workdays, wider.workdays if wider and place else frozenset()),
    ):
        if any(day < today for day in (old ^ new) - of_wider):
            raise PastDays


async def drop(session: Session, actor: Ref, entry_id: str) -> None:
    """Takes back what nobody will approve. Raises `Conflict` once it is approved or dropped."""
    done = await session.scalar(
        update(CalendarYearRow)
        .where(
            CalendarYearRow.id == entry_id,
            CalendarYearRow.approved_at.is_(None),
            CalendarYearRow.dropped_at.is_(None),
        )
        .values(dropped_at=clock.now())
        .returning(CalendarYearRow.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise Conflict
    record(session, "admin:calendar:dropped", actor=actor, subject=Ref("calendar-year", entry_id))


async def in_force(session: Session) -> dict[str, dict[int, YearTable]]:
    """Calendar -> year -> its days: what was approved last."""
    found = [(entry.approved_at, entry.id, entry) for entry in await listed(session) if entry.approved_at]
    years: dict[str, dict[int, YearTable]] = defaultdict(dict)
    for _, _, entry in sorted(found, key=itemgetter(0, 1)):
        years[entry.calendar][entry.year] = entry.table
    return dict(years)


async def refresh(db: Database) -> bool:
    """Takes over in this process what is approved; answers whether anything is new."""
    async with db.read() as session:
        return calendar.put_entered(await in_force(session))
