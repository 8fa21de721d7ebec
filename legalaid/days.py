"""Help days: made from their weekly template, joined by lawyers, planned, and planned anew."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from legalaid import access, day_terminals, matching, moving, replanning, repository, rest, rota
from legalaid.access import Actor, tag
from legalaid.matching import Ask, Helper
from legalaid.model import Coming, HelpDay, QuestionState, TurnState
from legalaid.rest import Seat, Standing
from legalaid.tables import (
    ComingRow,
    ConflictRow,
    DeskRow,
    HelpDayRow,
    HelpDayTemplateRow,
    QuestionRow,
    TurnRow,
)
from people import letters
from people.model import Identity
from scheduler import repository as scheduler

HORIZON = timedelta(days=28)  # so far ahead lawyers see their days
_PLANNABLE = (QuestionState.ASKED, QuestionState.PLANNED)


class DayOver(Conflict):
    code = "help-day-over"
    text = "This help day is over."


async def materialise(session: Session, template: HelpDayTemplateRow) -> int:
    """Makes the template's days of the next four weeks that are not there yet, and keeps terminals for all that are to
    come; answers how many were made."""
    station = await session.get_one(DeskRow, template.station_id)
    prison = await scheduler.prison(session, station.prison_id)
    if prison is None:
        raise NotFound
    today = clock.now().astimezone(ZoneInfo(prison.zone)).date()
    known = set(await session.scalars(select(HelpDayRow.day).where(HelpDayRow.template_id == template.id)))
    days = [d for d in rota.days(template.weekday, today, today + HORIZON) if d not in known]
    for day in days:
        starts_at, ends_at = rota.hours(day, template.starts, template.minutes, prison.zone)
        row = HelpDayRow(
            id=new_id("hlp"),
            template_id=template.id,
            station_id=station.id,
            prison_id=prison.id,
            zone=prison.zone,
            day=day,
            starts_at=starts_at,
            ends_at=ends_at,
            rooms=template.rooms,
            turn_minutes=template.turn_minutes,
            languages=template.languages,
            topics=template.topics,
            planned_at=None,
            closed_at=None,
            carried=None,
        )
        session.add(row)
        await session.flush()
        for staff_id in template.roster:
            session.add(
                ComingRow(help_day_id=row.id, staff_id=staff_id, coming=Coming.COMES, said_at=clock.now())
            )
    await session.flush()
    await day_terminals.keep(session, template, prison.id)
    return len(days)


async def say_coming(session: Session, actor: Identity, help_day_id: str, coming: Coming) -> None:
    """What a lawyer says about a day: who comes in somebody's place says so as well. If the day was planned
    already, it is planned anew. Raises `DayOver`, `NotFound` for another station's day."""
    lawyer = await access.lawyer(session, actor)
    day = await session.get(HelpDayRow, help_day_id)
    if day is None or day.station_id != lawyer.station_id:
        raise NotFound
    if day.closed_at is not None or day.ends_at <= clock.now():
        raise DayOver
    said = await session.get(ComingRow, (help_day_id, lawyer.staff_id))
    if said is None:
        session.add(
            ComingRow(help_day_id=help_day_id, staff_id=lawyer.staff_id, coming=coming, said_at=clock.now())
        )
    else:
        said.coming, said.said_at, said.absence_id = coming, clock.now(), None
    await session.flush()
    subject = Ref("help-day", help_day_id)
    record(session, "counsel:help-day:answered", actor=actor.subject, subject=subject, coming=coming.value)
    if day.planned_at is not None:
        await plan(session, actor, help_day_id)


async def say_here(session: Session, actor: Identity, help_day_id: str) -> None:
    """The lawyer is there: from now on turns are planned for this very moment. Raises `DayOver`, `NotFound`."""
    lawyer = await access.lawyer(session, actor)
    day = await session.get(HelpDayRow, help_day_id)
    if day is None or day.station_id != lawyer.station_id:
        raise NotFound
    if day.closed_at is not None or day.ends_at <= clock.now():
        raise DayOver
    came = await session.scalar(
        update(ComingRow)
        .where(
            ComingRow.help_day_id == help_day_id,
            ComingRow.staff_id == lawyer.staff_id,
            ComingRow.coming == Coming.COMES,
        )
        .values(here_at=func.coalesce(ComingRow.here_at, clock.now()))
        .returning(ComingRow.staff_id)
        .execution_options(synchronize_session=False)
    )
    if came is None:
        raise NotFound
    record(session, "counsel:help-day:here", actor=actor.subject, subject=Ref("help-day", help_day_id))
    if day.planned_at is not None:
        await plan(session, actor, help_day_id)


async def declare_conflict(session: Session, actor: Identity, inmate_id: str) -> None:
    """From now on this lawyer is never matched with that inmate, nor shown their texts; days on which the two
    were to meet are planned anew. The lawyer cannot take it back. Raises `Conflict` if it was declared."""
    lawyer = await access.lawyer(session, actor)
    if await session.get(ConflictRow, (lawyer.staff_id, inmate_id)) is not None:
        raise Conflict
    session.add(ConflictRow(staff_id=lawyer.staff_id, inmate_id=inmate_id, declared_at=clock.now()))
    await session.flush()
    record(session, "counsel:conflict:declared", actor=actor.subject, subject=Ref("inmate", inmate_id))
    met = await session.scalars(
        select(TurnRow.help_day_id)
        .where(
            TurnRow.lawyer_id == lawyer.staff_id,
            TurnRow.inmate_id == inmate_id,
            TurnRow.state == TurnState.PLANNED,
        )
        .distinct()
    )
    for help_day_id in met.all():
        await plan(session, actor, help_day_id)


async def plan(session: Session, actor: Actor, help_day_id: str) -> int:
    """Matches the waiting questions with the lawyers who come; answers how many have a turn.

    What was planned and has not begun is planned anew; on a day that runs, as little as can be is moved. Raises
    `DayOver`.
    """
    row = await session.get(HelpDayRow, help_day_id)
    if row is None:
        raise NotFound
    now = clock.now()
    if row.closed_at is not None or row.ends_at <= now:
        raise DayOver
    day = repository.as_help_day(row)
    running = now >= day.starts_at
    planned = await (replanning.replan if running else _afresh)(session, actor, day)
    await session.execute(
        update(HelpDayRow)
        .where(HelpDayRow.id == day.id)
        .values(planned_at=now)
        .execution_options(synchronize_session=False)
    )
    subject = Ref("help-day", day.id)
    record(
        session,
        tag(actor, "help-day:planned"),
        actor=access.ref(actor),
        subject=subject,
        planned=planned,
    )
    return planned


async def _afresh(session: Session, actor: Actor, day: HelpDay) -> int:
    """The best plan of a day that has not begun."""
    await _take_back(session, actor, day)
    grid = rota.grid(day.starts_at, day.ends_at, day.turn_minutes)
    asks = await replanning.asks(session, day, clock.now())
    helpers = await replanning.helpers(session, day, len(grid), clock.now())
    seats = _seats(asks, helpers, day, grid)
    for seat in seats:
        await replanning.add(session, actor, day, seat)
    return len(seats)


def _seats(
    asks: Sequence[Ask], helpers: Sequence[Helper], day: HelpDay, grid: Sequence[datetime]
) -> list[Seat]:
    """On a grid of equal turns, which is exact; with long ones among them there is no grid."""
    if any(ask.long for ask in asks):
        rooms = dict.fromkeys(range(1, day.rooms + 1), day.starts_at)
        return rest.plan(asks, helpers, Standing(rooms), replanning.hours_of(day, day.starts_at))
    inmates = {ask.id: ask.inmate for ask in asks}
    return [
        Seat(one.ask, one.helper, inmates[one.ask], one.room, grid[one.turn], day.turn_minutes)
        for one in matching.plan(asks, helpers, day.rooms)
    ]


async def say_long(session: Session, actor: Identity, question_id: str, *, long: bool) -> None:
    """A lawyer who has read a question says whether it needs two turns; the day for which it is planned is
    planned anew. Raises `QuestionMoved` for one that waits no more, and as `access.lawyer_of`."""
    question = await session.get(QuestionRow, question_id, populate_existing=True)
    if question is None:
        raise NotFound
    await access.lawyer_of(session, actor, question)
    said = await session.scalar(
        update(QuestionRow)
        .where(QuestionRow.id == question_id, QuestionRow.state.in_(_PLANNABLE))
        .values(long=long)
        .returning(QuestionRow.id)
        .execution_options(synchronize_session=False)
    )
    if said is None:
        raise moving.QuestionMoved
    subject = Ref("question", question_id)
    record(session, "counsel:question:measured", actor=actor.subject, subject=subject, long=long)
    planned = select(TurnRow.help_day_id).where(
        TurnRow.question_id == question_id, TurnRow.state == TurnState.PLANNED
    )
    for help_day_id in (await session.scalars(planned)).all():
        await plan(session, actor, help_day_id)


async def _take_back(session: Session, actor: Actor, day: HelpDay) -> None:
    for turn in await repository.turns(session, day.id, states=(TurnState.PLANNED,)):
        await moving.turn(session, actor, turn.id, TurnState.CANCELLED)
        await moving.question(session, actor, turn.question_id, QuestionState.ASKED, lawyer_id=None)


async def close(session: Session, help_day_id: str) -> int:
    """Ends a day: what was not reached ages, and comes first next time. Answers how many were carried over."""
    closed = await session.scalar(
        update(HelpDayRow)
        .where(HelpDayRow.id == help_day_id, HelpDayRow.closed_at.is_(None))
        .values(closed_at=clock.now())
        .returning(HelpDayRow.id)
        .execution_options(synchronize_session=False)
    )
    if closed is None:
        raise DayOver
    await day_terminals.give_back(session, help_day_id)
    day = await session.get_one(HelpDayRow, help_day_id, populate_existing=True)
    for turn in await repository.turns(session, help_day_id, states=(TurnState.PLANNED, TurnState.RUNNING)):
        await replanning.carry(session, SYSTEM, turn.id, turn.question_id, None)
    aged = await session.scalars(
        update(QuestionRow)
        .where(
            QuestionRow.station_id == day.station_id,
            QuestionRow.state == QuestionState.ASKED,
            QuestionRow.asked_at < day.ends_at,
        )
        .values(carried=QuestionRow.carried + 1)
        .returning(QuestionRow)
        .execution_options(synchronize_session=False)
    )
    waiting = aged.all()
    await _tell(session, day, waiting)
    day.carried = carried = len(waiting)
    subject = Ref("help-day", help_day_id)
    record(session, "system:help-day:closed", actor=SYSTEM, subject=subject, carried=carried)
    return carried


async def _tell(session: Session, day: HelpDayRow, waiting: Sequence[QuestionRow]) -> None:
    """A relative who asked hears that the question was not reached, and comes first next time."""
    for row in waiting:
        if row.asked_by_kind == "relative":
            dedupe = f"question:{row.id}:carried:{day.id}"
            await letters.tell(session, row.asked_by_id, "question-carried", {}, dedupe=dedupe, zone=day.zone)
