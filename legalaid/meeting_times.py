"""Lawyers' requests on their way into the weekly plan: the times that suit the lawyer, the hours in which the prison
holds meetings, and the officer's word that the papers are in order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from sqlalchemy import delete, select

from core import clock
from core.db import Session
from core.errors import NotFound, Refused
from core.ids import Ref
from ledger.record import record
from legalaid import access, meetings
from legalaid.access import ref, tag
from legalaid.forms import reason
from legalaid.meeting_desk import meeting_of_office
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRuleRow
from legalaid.meeting_time_table import MeetingTimeRow
from legalaid.meetings import MATTER, MeetingMoved
from people.model import Identity

RANKS = 3
HOURS = "09:00-11:30, 14:00-17:00"  # of working days, where a prison has said nothing else
_MOST = 60  # times of one request
_HOURS_LENGTH = 100
_SPAN = re.compile(r"(\d{1,2}:\d{2})\s*[-–~至]\s*(\d{1,2}:\d{2})")
Span = tuple[time, time]


@dataclass(frozen=True, slots=True)
class Time:
    rank: int
    day: date
    starts: time
    ends: time


async def name(session: Session, actor: Identity, meeting_id: str, times: Sequence[Time]) -> None:
    """Says anew when it would suit; none: any of the prison's hours. Raises `MeetingMoved` once it is decided,
    `Refused` for times that end before they begin, `NotFound` for another's request."""
    row = await meetings.own(session, actor, meeting_id)
    if row.state != MeetingState.ASKED:
        raise MeetingMoved
    fine = all(0 <= one.rank < RANKS and one.starts < one.ends for one in times)
    if not fine or len(times) > _MOST:
        raise Refused([reason("times", "invalid", "Please give days, and times that end after they begin.")])
    await session.execute(delete(MeetingTimeRow).where(MeetingTimeRow.meeting_id == meeting_id))
    session.add_all(
        MeetingTimeRow(
            meeting_id=meeting_id,
            number=number,
            rank=one.rank,
            day=one.day,
            starts=one.starts,
            ends=one.ends,
        )
        for number, one in enumerate(times)
    )
    await session.flush()
    record(
        session, tag(actor, "meeting:times"), actor=ref(actor), subject=Ref(MATTER, row.id), times=len(times)
    )


async def named(session: Session, meeting_ids: Sequence[str]) -> dict[str, list[Time]]:
    """Request -> the times its lawyer named, the dearest first."""
    found: dict[str, list[Time]] = {}
    rows = await session.scalars(
        select(MeetingTimeRow)
        .where(MeetingTimeRow.meeting_id.in_(meeting_ids))
        .order_by(MeetingTimeRow.rank, MeetingTimeRow.day, MeetingTimeRow.number)
    )
    for row in rows:
        found.setdefault(row.meeting_id, []).append(Time(row.rank, row.day, row.starts, row.ends))
    return found


async def admit(session: Session, actor: Identity, meeting_id: str, *, admitted: bool) -> None:
    """The officer has seen the papers and lets the next weekly plan find the time, or takes that back.

    Raises `MeetingMoved` once it is decided, `NotFound`, `Forbidden`.
    """
    row = await meeting_of_office(session, actor, meeting_id)
    if row.state != MeetingState.ASKED:
        raise MeetingMoved
    row.admitted_at = clock.now() if admitted else None
    await session.flush()
    what = "meeting:admitted" if admitted else "meeting:not-admitted"
    record(session, tag(actor, what), actor=ref(actor), subject=Ref(MATTER, row.id))


async def hours(session: Session, prison_id: str) -> tuple[Span, ...]:
    """When, on working days, the prison holds lawyers' meetings."""
    row = await session.get(MeetingRuleRow, prison_id)
    return read_hours(row.hours if row is not None and row.hours else HOURS)


def read_hours(text: str) -> tuple[Span, ...]:
    """From `09:00-11:30, 14:00-17:00`. Raises `Refused` for anything else."""
    found = _SPAN.findall(text)
    rest = _SPAN.sub("", text).strip(" ,，;；、")
    try:
        spans = tuple((_wall(first), _wall(last)) for first, last in found)
    except ValueError:
        spans = ()
    in_order = all(first < last for first, last in spans) and all(
        one[1] <= other[0] for one, other in pairwise(spans)
    )
    if rest or not spans or not in_order or len(text) > _HOURS_LENGTH:
        raise Refused([reason("hours", "invalid", "Please write the hours as 09:00-11:30, 14:00-17:00.")])
    return spans


def _wall(text: str) -> time:
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))


async def set_hours(session: Session, actor: Identity, prison_id: str, text: str) -> None:
    """Raises `Refused` for what are no hours, `NotFound` where meetings by video are not allowed at all."""
    access.admin_of(actor, prison_id)
    read_hours(text)
    row = await session.get(MeetingRuleRow, prison_id)
    if row is None:
        raise NotFound
    row.hours = text.strip()
    await session.flush()
    record(session, tag(actor, "meeting-hours:set"), actor=ref(actor), subject=Ref("prison", prison_id))


def within(day: date, spans: Sequence[Span], times: Sequence[Time]) -> list[tuple[time, time, int]]:
    """The parts of the prison's hours of a day that suit the lawyer, each with its rank."""
    if not times:
        return [(first, last, 0) for first, last in spans]
    return [
        (max(first, one.starts), min(last, one.ends), one.rank)
        for one in times
        if one.day == day
        for first, last in spans
        if max(first, one.starts) < min(last, one.ends)
    ]


def beginnings(
    first: datetime, last: datetime, minutes: int, step: timedelta, not_before: datetime
) -> list[datetime]:
    """When a meeting of that length may begin between the two moments."""
    length, found, at = timedelta(minutes=minutes), [], first
    while at + length <= last:
        if at >= not_before:
            found.append(at)
        at += step
    return found
