"""Lawyers' meetings of a planned week, beside the families' visits: who meets whom when, arranged or planned, and whose
request found no time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.db import Session
from core.errors import Reason
from legalaid.meeting_tables import MeetingRow
from people.tables import InmateRow, StaffRow
from rooms import sittings
from rooms.agreed import SittingState
from rooms.confidentiality import Confidentiality
from rooms.model import SeatRole
from scheduler import meeting_proposals, planning
from scheduler.meeting_proposals import MeetingProposal
from scheduler.model import VisitKind
from scheduler.plans import GIVEN, Plan, ProposalState
from scheduler.timetable import instant
from web.load_board import Call


@dataclass(frozen=True, slots=True)
class Request:
    """A lawyer's request as people know it."""

    reference: str
    inmate: str
    lawyer: str
    waited: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A meeting on the board. `tone`: booked (arranged), planned."""

    starts_at: datetime
    minutes: int
    inmate: str
    lawyer: str
    tone: str


@dataclass(frozen=True, slots=True)
class Left:
    request: Request
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class MeetingBoard:
    """`days`: every day of the plan. `calls`: what the meetings take of terminals and officers. `given`: requests that
    get a time, or got it; `todo`: those of them that are still to be published."""

    days: tuple[tuple[date, tuple[Entry, ...]], ...]
    left: tuple[Left, ...]
    stale: tuple[Left, ...]
    calls: tuple[Call, ...]
    given: int
    todo: int

    @property
    def empty(self) -> bool:
        return not any(entries for _, entries in self.days)

    def planned_on(self, day: date) -> int:
        return sum(one.tone == "planned" for at, entries in self.days if at == day for one in entries)


async def of(session: Session, plan: Plan, zone: str, now: datetime) -> MeetingBoard:
    proposals = await meeting_proposals.of_plan(session, plan.id)
    known = await _requests(session, [one.meeting_id for one in proposals], now)
    entries, calls = await _arranged(session, plan, zone)
    for one in proposals:
        if one.starts_at is not None and one.state is ProposalState.PROPOSED and one.meeting_id in known:
            who, call = known[one.meeting_id], one.call_at(one.starts_at)
            entries.append(Entry(one.starts_at, one.minutes, who.inmate, who.lawyer, "planned"))
            span = (call.starts_at, call.ends_at)
            calls.append(Call(one.id, one.wing_id, span, True, None, call.kind, call.watched, one.minutes))
    entries.sort(key=lambda entry: entry.starts_at)
    in_zone = ZoneInfo(zone)
    return MeetingBoard(
        days=tuple(
            (day, tuple(one for one in entries if one.starts_at.astimezone(in_zone).date() == day))
            for day in planning.days(plan)
        ),
        left=_with_reasons(proposals, ProposalState.LEFT_OUT, known),
        stale=_with_reasons(proposals, ProposalState.STALE, known),
        calls=tuple(calls),
        given=sum(one.state in GIVEN for one in proposals),
        todo=sum(one.state is ProposalState.PROPOSED for one in proposals),
    )


async def _requests(session: Session, meeting_ids: Sequence[str], now: datetime) -> dict[str, Request]:
    rows = await session.execute(
        select(MeetingRow.id, MeetingRow.reference, InmateRow.name, StaffRow.name, MeetingRow.asked_at)
        .join(InmateRow, InmateRow.id == MeetingRow.inmate_id)
        .join(StaffRow, StaffRow.id == MeetingRow.lawyer_id)
        .where(MeetingRow.id.in_(meeting_ids))
    )
    return {
        meeting_id: Request(reference, inmate, lawyer, max(0, (now - asked_at).days))
        for meeting_id, reference, inmate, lawyer, asked_at in rows
    }


async def _arranged(session: Session, plan: Plan, zone: str) -> tuple[list[Entry], list[Call]]:
    """What is arranged already in these days."""
    first = instant(plan.first_day, time(), zone)
    last = instant(plan.last_day + timedelta(days=1), time(), zone)
    entries, calls = [], []
    for view in await sittings.on_day(session, plan.prison_id, first, last):
        agreed = view.agreed
        lawyers = [one.name for one in agreed.parties if one.role is SeatRole.COUNSEL]
        if agreed.kind.value != VisitKind.LEGAL or view.state is SittingState.CANCELLED or not lawyers:
            continue
        entries.append(
            Entry(agreed.starts_at, agreed.minutes, agreed.inmate_name, "、".join(lawyers), "booked")
        )
        present = agreed.confidentiality is Confidentiality.OFFICER_PRESENT
        span = (agreed.starts_at, agreed.ends_at)
        terminal = agreed.terminal_id
        calls.append(
            Call(agreed.about.id, "", span, False, terminal, VisitKind.LEGAL, present, agreed.minutes)
        )
    return entries, calls


def _with_reasons(
    proposals: Sequence[MeetingProposal], state: ProposalState, known: Mapping[str, Request]
) -> tuple[Left, ...]:
    found = [
        Left(known[one.meeting_id], one.reasons)
        for one in proposals
        if one.state is state and one.meeting_id in known
    ]
    return tuple(sorted(found, key=lambda left: -left.request.waited))
