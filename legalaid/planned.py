"""What the weekly plan asks of legal aid (`scheduler.meetings.Meetings`): which lawyers' requests may be planned and
when each might begin; and to arrange one at the time and terminal that were found.

Of what keeps somebody away the plan is told here: lawyers and inmates who are needed elsewhere, lawyers on a help day,
inmates at court or ill, wings that are locked, days on which nobody works.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import NotFound, Reason
from core.ids import Ref
from legalaid import mandates, meeting_desk, meeting_flags, meeting_times, usual
from legalaid.absence_table import MeetingFlagRow
from legalaid.confidential import CaseState, Ground
from legalaid.meeting_hours import Hours, hours_of
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRow
from legalaid.meeting_times import Time
from legalaid.model import Coming
from legalaid.tables import ComingRow, HelpDayRow
from people.tables import InmateRow
from rooms.confidentiality import Confidentiality
from scheduler import obstacles
from scheduler.meetings import STEP, TURNAROUND, Meeting, OutOfUse, Usual, call_of
from scheduler.model import ticks
from scheduler.openings import Call
from scheduler.timetable import instant

_NOTICE = timedelta(hours=2)  # before a meeting nobody can be reached any more
NOT_IN_HOURS = Reason(
    "not-in-hours",
    "None of the times that suit the lawyer lies in the hours of these days in which meetings are held.",
)
NEEDED_ELSEWHERE = Reason(
    "needed-elsewhere", "At all these times the lawyer or the inmate is needed elsewhere or cannot come."
)


class PlannedMeetings:
    """Stateless: everything is read from the session given."""

    async def wanted(
        self, session: Session, prison_id: str, first: datetime, last: datetime
    ) -> Sequence[Meeting]:
        """Those whose papers an officer has found in order, but for whom a time is kept already."""
        offered = select(MeetingFlagRow.meeting_id).where(
            MeetingFlagRow.state == meeting_flags.FlagState.OFFERED
        )
        rows = await session.scalars(
            select(MeetingRow)
            .where(
                MeetingRow.prison_id == prison_id,
                MeetingRow.state == MeetingState.ASKED,
                MeetingRow.admitted_at.is_not(None),
                MeetingRow.id.not_in(offered),
            )
            .order_by(MeetingRow.asked_at, MeetingRow.id)
        )
        asked = rows.all()
        if not asked:
            return []
        hours = await hours_of(session, prison_id, first, last)
        times = await meeting_times.named(session, [row.id for row in asked])
        return [
            await meeting_of(session, row, hours, times.get(row.id, []), max(first, clock.now() + _NOTICE))
            for row in asked
        ]

    async def arrange(
        self, session: Session, actor: Ref, meeting_id: str, starts_at: datetime, terminal_id: str
    ) -> str:
        """As an officer does by hand, in the name of the one who published the plan."""
        row = await session.get(MeetingRow, meeting_id, populate_existing=True)
        if row is None:
            raise NotFound
        return await meeting_desk.arrange_row(session, actor, row, starts_at, terminal_id)

    async def usual(self, session: Session, prison_id: str, first: datetime, last: datetime) -> Usual:
        return await usual.usual(session, prison_id, first, last)

    async def touched(self, session: Session, prison_id: str, span: OutOfUse) -> tuple[int, int]:
        return await usual.touched(session, prison_id, span)


async def meeting_of(
    session: Session, row: MeetingRow, hours: Hours, times: Sequence[Time], not_before: datetime
) -> Meeting:
    """A request with every time of those hours at which it might begin."""
    inmate = await session.get_one(InmateRow, row.inmate_id)
    ranked = _ranked(row.minutes, hours, times, not_before)
    free = await _free(session, row, inmate, mandates.lawyers(row), hours, ranked)
    decision = await meeting_desk.decision_for(session, row)
    reasons = () if free else (NEEDED_ELSEWHERE if ranked else NOT_IN_HOURS,)
    return Meeting(
        id=row.id,
        inmate_id=row.inmate_id,
        wing_id=inmate.wing_id,
        people=tuple(mandates.lawyers(row)),
        minutes=row.minutes,
        waiting_since=row.asked_at,
        urgent=row.ground == Ground.DEFENCE and row.case_state == CaseState.OPEN,
        watched=decision.confidentiality is Confidentiality.OFFICER_PRESENT,
        beginnings=tuple(free.items()),
        reasons=reasons,
    )


async def possible(session: Session, row: MeetingRow, starts_at: datetime) -> Call | None:
    """What the meeting would take of the prison at that time; None where the inmate, or one of the lawyers who are not
    said to be away, cannot come, or none of the lawyers does."""
    inmate = await session.get_one(InmateRow, row.inmate_id)
    span = (starts_at, starts_at + timedelta(minutes=row.minutes))
    coming = [one for one in mandates.lawyers(row) if not await meeting_flags.away(session, [one], span)]
    hours = await hours_of(session, row.prison_id, *span)
    if not coming or not await _free(session, row, inmate, coming, hours, {starts_at: 1}):
        return None
    decision = await meeting_desk.decision_for(session, row)
    watched = decision.confidentiality is Confidentiality.OFFICER_PRESENT
    return call_of(starts_at, row.minutes, inmate.wing_id, watched=watched)


def _ranked(minutes: int, hours: Hours, times: Sequence[Time], not_before: datetime) -> dict[datetime, int]:
    """Beginning -> the best rank of the lawyer's times that it meets."""
    found: dict[datetime, int] = {}
    for day, spans in hours.days.items():
        for starts, ends, rank in meeting_times.within(day, spans, times):
            span = _instants(day, starts, ends, hours.zone)
            for at in meeting_times.beginnings(*span, minutes, STEP, not_before):
                found[at] = min(rank, found.get(at, rank))
    return dict(sorted(found.items()))


def _instants(day: date, starts: time, ends: time, zone: str) -> tuple[datetime, datetime]:
    return instant(day, starts, zone), instant(day, ends, zone)


async def _free(
    session: Session,
    row: MeetingRow,
    inmate: InmateRow,
    lawyers: Sequence[str],
    hours: Hours,
    ranked: Mapping[datetime, int],
) -> dict[datetime, int]:
    """The beginnings at which nothing keeps these lawyers or the inmate away."""
    if not ranked or inmate.prison_id != row.prison_id:
        return {}
    length = timedelta(minutes=row.minutes)
    span = (min(ranked), max(ranked) + length + TURNAROUND)
    taken = await obstacles.ticks_of(session, [row.inmate_id, *lawyers], *span)
    befell = await obstacles.befallen(
        session, row.prison_id, inmate.wing_id, inmate.id, [], ZoneInfo(hours.zone), hours.buffer
    )
    away = [(one.starts_at, one.ends_at) for one in befell.away] + list(befell.lockdowns)
    away += await _help_days(session, lawyers, span)
    away += await meeting_flags.away(session, lawyers, span)
    return {
        at: rank
        for at, rank in ranked.items()
        if taken.isdisjoint(ticks(at, at + length))
        and not any(first < at + length and at < last for first, last in away)
    }


async def _help_days(
    session: Session, lawyers: Sequence[str], span: tuple[datetime, datetime]
) -> list[tuple[datetime, datetime]]:
    """When one of the lawyers sits at a help day."""
    rows = await session.execute(
        select(HelpDayRow.starts_at, HelpDayRow.ends_at)
        .join(ComingRow, ComingRow.help_day_id == HelpDayRow.id)
        .where(
            ComingRow.staff_id.in_(lawyers),
            ComingRow.coming == Coming.COMES,
            HelpDayRow.closed_at.is_(None),
            HelpDayRow.starts_at < span[1],
            HelpDayRow.ends_at > span[0],
        )
    )
    return [(starts_at, ends_at) for starts_at, ends_at in rows]
