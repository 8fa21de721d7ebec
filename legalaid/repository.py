"""Queries of legal aid: rows to values. No text is opened here, and nobody is narrowed: services do that."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from core.db import Session
from core.ids import Ref
from legalaid.model import (
    WAITING,
    Channel,
    Desk,
    DeskKind,
    HelpDay,
    Lawyer,
    Light,
    QuestionState,
    QuestionView,
    TurnState,
    TurnView,
)
from legalaid.tables import (
    ComingRow,
    DeskRow,
    HelpDayRow,
    LawyerRow,
    MatterClockRow,
    QuestionRow,
    TurnRow,
)
from people.tables import InmateRow, StaffRow
from policy.lights import Colour
from policy.running import ClockState


def as_desk(row: DeskRow) -> Desk:
    return Desk(
        row.id, row.prison_id, row.name, DeskKind(row.kind), row.phone, row.superior_id, row.tier, row.area
    )


def as_help_day(row: HelpDayRow) -> HelpDay:
    return HelpDay(
        id=row.id,
        station_id=row.station_id,
        prison_id=row.prison_id,
        zone=row.zone,
        day=row.day,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        rooms=row.rooms,
        turn_minutes=row.turn_minutes,
        languages=frozenset(row.languages),
        topics=frozenset(row.topics),
        closed=row.closed_at is not None,
    )


def as_question(row: QuestionRow, light: Light | None = None) -> QuestionView:
    return QuestionView(
        id=row.id,
        reference=row.reference,
        prison_id=row.prison_id,
        station_id=row.station_id,
        inmate_id=row.inmate_id,
        channel=Channel(row.channel),
        asked_by=Ref(row.asked_by_kind, row.asked_by_id),
        topic=row.topic,
        language=row.language,
        limitation_on=row.limitation_on,
        urgent=row.urgent,
        state=QuestionState(row.state),
        lawyer_id=row.lawyer_id,
        thread_id=row.thread_id,
        asked_at=row.asked_at,
        carried=row.carried,
        answered_at=row.answered_at,
        generation=row.generation,
        light=light,
        wish_id=row.wish_id,
        hand=row.hand,
        long=bool(row.long),
    )


async def desks(session: Session, prison_id: str) -> list[Desk]:
    rows = await session.scalars(select(DeskRow).where(DeskRow.prison_id == prison_id).order_by(DeskRow.id))
    return [as_desk(row) for row in rows]


async def lawyers(session: Session, prison_id: str) -> list[Lawyer]:
    """The lawyers of a prison's stations, by name."""
    rows = await session.execute(
        select(LawyerRow, StaffRow.name)
        .join(StaffRow, StaffRow.id == LawyerRow.staff_id)
        .join(DeskRow, DeskRow.id == LawyerRow.station_id)
        .where(DeskRow.prison_id == prison_id, StaffRow.active)
        .order_by(StaffRow.name, StaffRow.id)
    )
    return [
        Lawyer(row.staff_id, name, row.station_id, frozenset(row.topics), frozenset(row.languages))
        for row, name in rows.all()
    ]


async def _questions(session: Session, *which: ColumnElement[bool]) -> list[QuestionView]:
    """With their lights; urgent ones first, then those carried over most often, then the oldest."""
    rows = await session.execute(
        select(QuestionRow, MatterClockRow, DeskRow.name)
        .outerjoin(MatterClockRow, MatterClockRow.of("question", QuestionRow.id))
        .outerjoin(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .where(*which)
        .order_by(QuestionRow.urgent.desc(), QuestionRow.carried.desc(), QuestionRow.asked_at, QuestionRow.id)
        .execution_options(populate_existing=True)
    )
    return [as_question(row, light_of(clock, desk)) for row, clock, desk in rows.all()]


def light_of(clock: MatterClockRow | None, desk: str | None) -> Light | None:
    if clock is None or desk is None:
        return None
    return Light(ClockState(clock.state), Colour(clock.colour), desk, clock.due_at, clock.level)


async def question(session: Session, question_id: str) -> QuestionView | None:
    found = await _questions(session, QuestionRow.id == question_id)
    return found[0] if found else None


async def of_inmate(session: Session, inmate_id: str) -> list[QuestionView]:
    """The newest first."""
    found = await _questions(session, QuestionRow.inmate_id == inmate_id)
    return sorted(found, key=lambda view: (view.asked_at, view.id), reverse=True)


async def asked_by(session: Session, by: Ref) -> list[QuestionView]:
    """The newest first."""
    found = await _questions(session, QuestionRow.asked_by_kind == by.kind, QuestionRow.asked_by_id == by.id)
    return sorted(found, key=lambda view: (view.asked_at, view.id), reverse=True)


async def waiting(session: Session, station_id: str) -> list[QuestionView]:
    return await _questions(session, QuestionRow.station_id == station_id, QuestionRow.state.in_(WAITING))


async def thread_lawyers(session: Session, threads: Iterable[str]) -> dict[str, str]:
    """Thread id -> the lawyer who answered in it last."""
    rows = await session.execute(
        select(QuestionRow.thread_id, QuestionRow.lawyer_id)
        .where(QuestionRow.thread_id.in_(set(threads)), QuestionRow.answered_at.is_not(None))
        .order_by(QuestionRow.answered_at)
    )
    return {thread: lawyer for thread, lawyer in rows.all() if lawyer is not None}


async def help_day(session: Session, help_day_id: str) -> HelpDay | None:
    row = await session.get(HelpDayRow, help_day_id)
    return as_help_day(row) if row else None


async def help_days(session: Session, station_id: str, since: datetime, until: datetime) -> list[HelpDay]:
    """Those that end after `since` and begin before `until`, the first one first."""
    rows = await session.scalars(
        select(HelpDayRow)
        .where(HelpDayRow.station_id == station_id, HelpDayRow.ends_at > since, HelpDayRow.starts_at < until)
        .order_by(HelpDayRow.starts_at, HelpDayRow.id)
    )
    return [as_help_day(row) for row in rows]


async def coming(session: Session, help_day_id: str) -> dict[str, str]:
    """Lawyer id -> `Coming`."""
    rows = await session.execute(
        select(ComingRow.staff_id, ComingRow.coming).where(ComingRow.help_day_id == help_day_id)
    )
    return dict(rows.all())


async def turns(
    session: Session,
    help_day_id: str,
    *,
    lawyer_id: str | None = None,
    states: Sequence[TurnState] = (TurnState.PLANNED, TurnState.RUNNING, TurnState.DONE, TurnState.CARRIED),
) -> list[TurnView]:
    """In the order of time."""
    query = (
        select(TurnRow, InmateRow.name, InmateRow.number, QuestionRow.long)
        .join(InmateRow, InmateRow.id == TurnRow.inmate_id)
        .join(QuestionRow, QuestionRow.id == TurnRow.question_id)
        .where(TurnRow.help_day_id == help_day_id, TurnRow.state.in_(states))
        .order_by(TurnRow.starts_at, TurnRow.room, TurnRow.id)
        .execution_options(populate_existing=True)
    )
    if lawyer_id is not None:
        query = query.where(TurnRow.lawyer_id == lawyer_id)
    rows = await session.execute(query)
    return [as_turn(row, name, number, long) for row, name, number, long in rows.all()]


def as_turn(row: TurnRow, name: str, number: str, long: bool | None) -> TurnView:
    return TurnView(
        id=row.id,
        help_day_id=row.help_day_id,
        question_id=row.question_id,
        lawyer_id=row.lawyer_id,
        inmate_id=row.inmate_id,
        inmate_name=name,
        inmate_number=number,
        room=row.room,
        starts_at=row.starts_at,
        minutes=row.minutes,
        state=TurnState(row.state),
        began_at=row.began_at,
        ended_at=row.ended_at,
        first_at=row.first_at,
        brought_at=row.brought_at,
        long=bool(long),
    )


async def planned_turns(session: Session, questions: Iterable[QuestionView]) -> dict[str, TurnView]:
    """Question id -> the turn that is planned for it or runs; one that waits for its time is not in it."""
    rows = await session.execute(
        select(TurnRow, InmateRow.name, InmateRow.number, QuestionRow.long)
        .join(InmateRow, InmateRow.id == TurnRow.inmate_id)
        .join(QuestionRow, QuestionRow.id == TurnRow.question_id)
        .where(
            TurnRow.question_id.in_([view.id for view in questions]),
            TurnRow.state.in_((TurnState.PLANNED, TurnState.RUNNING)),
        )
        .execution_options(populate_existing=True)
    )
    return {row.question_id: as_turn(row, name, number, long) for row, name, number, long in rows.all()}


async def here(session: Session, help_day_id: str) -> set[str]:
    """The lawyers who said that they are there, or have begun a turn of that day."""
    said = select(ComingRow.staff_id).where(
        ComingRow.help_day_id == help_day_id, ComingRow.here_at.is_not(None)
    )
    began = select(TurnRow.lawyer_id).where(TurnRow.help_day_id == help_day_id, TurnRow.began_at.is_not(None))
    return set(await session.scalars(said.union(began)))


async def turns_had(session: Session, station_id: str, since: datetime) -> dict[str, int]:
    """Lawyer id -> turns done since; who had none is not in it."""
    rows = await session.execute(
        select(TurnRow.lawyer_id, func.count())
        .join(LawyerRow, LawyerRow.staff_id == TurnRow.lawyer_id)
        .where(
            LawyerRow.station_id == station_id, TurnRow.state == TurnState.DONE, TurnRow.starts_at >= since
        )
        .group_by(TurnRow.lawyer_id)
    )
    return dict(rows.all())
