"""What lawyers usually take of a prison (`scheduler.meetings.Usual`), read from what they asked for of late; and what
of theirs lies in time that would be out of use. For the scheduler's rehearsal: nothing here is promised to anybody."""

import statistics
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from core import clock
from core.db import Session
from legalaid import day_terminals, meeting_desk, meeting_times
from legalaid.meeting_hours import hours_of
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRow
from legalaid.model import TurnState
from legalaid.tables import HelpDayRow, TurnRow
from people.tables import InmateRow
from rooms.agreed import SittingState
from rooms.confidentiality import Confidentiality
from rooms.tables import SittingRow
from scheduler.meetings import STEP, OutOfUse, Usual
from scheduler.timetable import instant

_LOOKED_BACK = 8  # weeks
_ASKED_AGAIN = 200  # requests that are looked at, the newest ones


async def usual(session: Session, prison_id: str, first: datetime, last: datetime) -> Usual:
    """By the requests of the last eight weeks, the prison's hours, and the help days that stand in the calendar."""
    since = clock.now() - timedelta(weeks=_LOOKED_BACK)
    lately = (MeetingRow.prison_id == prison_id, MeetingRow.asked_at >= since)
    count = await session.scalar(select(func.count()).select_from(MeetingRow).where(*lately)) or 0
    rows = await session.scalars(
        select(MeetingRow)
        .where(*lately)
        .order_by(MeetingRow.asked_at.desc(), MeetingRow.id)
        .limit(_ASKED_AGAIN)
    )
    asked = rows.all()
    help_days = await day_terminals.kept(session, prison_id, first, last)
    if not asked:
        return Usual(help_days=help_days)
    minutes = int(statistics.median_high(row.minutes for row in asked))
    decisions = [await meeting_desk.decision_for(session, row) for row in asked]
    watched = sum(one.confidentiality is Confidentiality.OFFICER_PRESENT for one in decisions)
    return Usual(
        weekly=count / _LOOKED_BACK,
        minutes=minutes,
        lawyers=len({row.lawyer_id for row in asked}),
        watched=watched / len(asked),
        beginnings=await _beginnings(session, prison_id, first, last, minutes),
        help_days=help_days,
    )


async def _beginnings(
    session: Session, prison_id: str, first: datetime, last: datetime, minutes: int
) -> tuple[datetime, ...]:
    hours = await hours_of(session, prison_id, first, last)
    return tuple(
        at
        for day, spans in hours.days.items()
        for starts, ends in spans
        for at in meeting_times.beginnings(
            instant(day, starts, hours.zone), instant(day, ends, hours.zone), minutes, STEP, first
        )
    )


async def touched(session: Session, prison_id: str, span: OutOfUse) -> tuple[int, int]:
    """(arranged meetings, planned turns) of that time; of one terminal only the meetings arranged there, since a turn
    takes whichever is free."""
    meetings: list[ColumnElement[bool]] = [
        MeetingRow.prison_id == prison_id,
        MeetingRow.state == MeetingState.ARRANGED,
        SittingRow.state == SittingState.AGREED,
        SittingRow.starts_at < span.last,
        SittingRow.ends_at > span.first,
    ]
    turns: list[ColumnElement[bool]] = [
        HelpDayRow.prison_id == prison_id,
        TurnRow.state == TurnState.PLANNED,
        TurnRow.starts_at < span.last,
        TurnRow.starts_at >= span.first,
    ]
    if span.wing_id:
        meetings.append(InmateRow.wing_id == span.wing_id)
        turns.append(InmateRow.wing_id == span.wing_id)
    if span.terminal_id:
        meetings.append(SittingRow.terminal_id == span.terminal_id)
    of_meetings = (
        select(func.count(MeetingRow.id))
        .join(SittingRow, SittingRow.id == MeetingRow.sitting_id)
        .join(InmateRow, InmateRow.id == MeetingRow.inmate_id)
        .where(*meetings)
    )
    of_turns = (
        select(func.count(TurnRow.id))
        .join(HelpDayRow, HelpDayRow.id == TurnRow.help_day_id)
        .join(InmateRow, InmateRow.id == TurnRow.inmate_id)
        .where(*turns)
    )
    held = await session.scalar(of_meetings) or 0
    return held, 0 if span.terminal_id else await session.scalar(of_turns) or 0
