"""A lawyer who is away, as the prison learns of it or the lawyer says: the help days of that time are planned anew
without them, and each arranged meeting is flagged and settled by `legalaid.meeting_offers`. Nothing else moves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from legalaid import access, days, meeting_flags, meeting_offers, repository
from legalaid.absence_table import LawyerAbsenceRow, MeetingFlagRow
from legalaid.access import ref, tag
from legalaid.meeting_flags import Flag
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRow
from legalaid.model import Coming
from legalaid.tables import ComingRow, DeskRow, HelpDayRow, LawyerRow
from people.model import Identity
from rooms.tables import SittingRow
from scheduler.access import SUPERVISORS, require


class BadAbsence(Malformed):
    code = "bad-absence"
    text = "Please say which lawyer, and from when until when."
    status = 422


@dataclass(frozen=True, slots=True)
class Absence:
    """What it touches: `days` planned without the lawyer; `meetings`: the newest flag of each that was arranged."""

    days: int
    meetings: tuple[Flag, ...]


async def report(
    session: Session, actor: Identity, lawyer_id: str, first: datetime, last: datetime
) -> Absence:
    """Raises `BadAbsence`, `NotFound` for a lawyer of another prison's station. Reported twice, it is the same."""
    if last <= first or last <= clock.now():
        raise BadAbsence
    lawyer = await session.get(LawyerRow, lawyer_id)
    station = None if lawyer is None else await session.get(DeskRow, lawyer.station_id)
    if lawyer is None or station is None:
        raise NotFound
    require(actor, station.prison_id, SUPERVISORS)
    return await _report(session, actor, lawyer, first, last)


async def own(session: Session, actor: Identity, first: datetime, last: datetime) -> Absence:
    """The lawyer's own word. Raises `BadAbsence`, `Forbidden` for anybody else."""
    if last <= first or last <= clock.now():
        raise BadAbsence
    return await _report(session, actor, await access.lawyer(session, actor), first, last)


async def _report(
    session: Session, actor: Identity, lawyer: LawyerRow, first: datetime, last: datetime
) -> Absence:
    absence_id = await _written(session, lawyer.staff_id, first, last)
    record(
        session,
        tag(actor, "lawyer:away"),
        actor=ref(actor),
        subject=Ref("counsel", lawyer.staff_id),
        first=first.isoformat(),
        last=last.isoformat(),
    )
    touched = await _without(session, actor, lawyer, absence_id, (first, last))
    arranged = await _meetings(session, lawyer.staff_id, first, last)
    for meeting_id in arranged:
        await meeting_offers.flag(session, actor, absence_id, meeting_id)
    flagged = await meeting_flags.find(session, MeetingFlagRow.absence_id == absence_id)
    return Absence(touched, tuple(flagged))


async def _written(session: Session, lawyer_id: str, first: datetime, last: datetime) -> str:
    """The absence's id; the same for what is reported twice, and again after it was taken back."""
    known = await session.scalar(
        select(LawyerAbsenceRow).where(
            LawyerAbsenceRow.lawyer_id == lawyer_id,
            LawyerAbsenceRow.starts_at == first,
            LawyerAbsenceRow.ends_at == last,
        )
    )
    if known is not None:
        known.taken_back_at = None
        await session.flush()
        return known.id
    row = LawyerAbsenceRow(
        id=new_id("abs"), lawyer_id=lawyer_id, starts_at=first, ends_at=last, reported_at=clock.now()
    )
    session.add(row)
    await session.flush()
    return row.id


async def _without(
    session: Session, actor: Identity, lawyer: LawyerRow, absence_id: str, span: tuple[datetime, datetime]
) -> int:
    """Takes the lawyer out of the help days of that time; answers how many were changed."""
    changed = 0
    for day in await repository.help_days(session, lawyer.station_id, max(span[0], clock.now()), span[1]):
        said = await session.get(ComingRow, (day.id, lawyer.staff_id))
        if day.closed or said is None or said.coming != Coming.COMES:
            continue
        said.coming, said.said_at, said.absence_id = Coming.AWAY, clock.now(), absence_id
        await session.flush()
        changed += 1
        if (await session.get_one(HelpDayRow, day.id)).planned_at is not None:
            await days.plan(session, actor, day.id)
    return changed


async def _meetings(session: Session, lawyer_id: str, first: datetime, last: datetime) -> list[str]:
    """Arranged meetings of that time that have not begun, the first one first."""
    rows = await session.scalars(
        select(MeetingRow.id)
        .join(SittingRow, SittingRow.id == MeetingRow.sitting_id)
        .where(
            (MeetingRow.lawyer_id == lawyer_id) | (MeetingRow.second_id == lawyer_id),
            MeetingRow.state == MeetingState.ARRANGED,
            SittingRow.starts_at < last,
            SittingRow.ends_at > first,
            SittingRow.starts_at > clock.now(),
        )
        .order_by(SittingRow.starts_at, MeetingRow.id)
    )
    return list(rows)
