"""The hours of working days in which a prison holds lawyers' meetings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from legalaid import meeting_times
from legalaid.meeting_times import Span
from policy import calendar
from policy import repository as policies
from scheduler.tables import ClosedDateRow, PrisonRow


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours in which meetings may be held: spans of each day. `buffer`: before and after a court date."""

    zone: str
    buffer: timedelta
    days: Mapping[date, tuple[Span, ...]]


async def hours_of(session: Session, prison_id: str, first: datetime, last: datetime) -> Hours:
    """Working days that are not closed."""
    prison = await session.get_one(PrisonRow, prison_id)
    zone = ZoneInfo(prison.zone)
    policy = (await policies.current(session, prison_id, clock.now())).values
    working = calendar.load(
        policy.calendar
    ).supposing()  # an officer sees the plan before anybody is promised
    start, end = first.astimezone(zone).date(), (last - timedelta(seconds=1)).astimezone(zone).date()
    closed = await session.scalars(
        select(ClosedDateRow.day).where(
            ClosedDateRow.prison_id == prison_id,
            ClosedDateRow.template_id.is_(None),
            ClosedDateRow.day.between(start, end),
        )
    )
    shut, spans = set(closed), await meeting_times.hours(session, prison_id)
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    open_ = [day for day in days if day not in shut and working.is_working_day(day)]
    buffer = timedelta(minutes=policy.appointment_buffer_minutes)
    return Hours(prison.zone, buffer, dict.fromkeys(open_, spans))
