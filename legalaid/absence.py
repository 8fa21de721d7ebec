"""A lawyer who is away, as the prison or the station learns of it: the help days of that time are planned anew without
them, and arranged meetings are named, for the visits office to settle each with the lawyer. Nothing is cancelled."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import days, repository
from legalaid.access import ref, tag
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
    """What it touches: `days` planned without the lawyer; `meetings`: (id, beginning) of those arranged with them."""

    days: int
    meetings: tuple[tuple[str, datetime], ...]


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
    record(
        session,
        tag(actor, "lawyer:away"),
        actor=ref(actor),
        subject=Ref("counsel", lawyer_id),
        first=first.isoformat(),
        last=last.isoformat(),
    )
    touched = await _without(session, actor, lawyer, first, last)
    return Absence(touched, await _meetings(session, lawyer_id, first, last))


async def _without(
    session: Session, actor: Identity, lawyer: LawyerRow, first: datetime, last: datetime
) -> int:
    """Takes the lawyer out of the help days of that time; answers how many were changed."""
    changed = 0
    for day in await repository.help_days(session, lawyer.station_id, max(first, clock.now()), last):
        said = await session.get(ComingRow, (day.id, lawyer.staff_id))
        if day.closed or said is None or said.coming != Coming.COMES:
            continue
        said.coming, said.said_at = Coming.AWAY, clock.now()
        await session.flush()
        changed += 1
        if (await session.get_one(HelpDayRow, day.id)).planned_at is not None:
            await days.plan(session, actor, day.id)
    return changed


async def _meetings(
    session: Session, lawyer_id: str, first: datetime, last: datetime
) -> tuple[tuple[str, datetime], ...]:
    rows = await session.execute(
        select(MeetingRow.id, SittingRow.starts_at)
        .join(SittingRow, SittingRow.id == MeetingRow.sitting_id)
        .where(
            MeetingRow.lawyer_id == lawyer_id,
            MeetingRow.state == MeetingState.ARRANGED,
            SittingRow.starts_at < last,
            SittingRow.ends_at > first,
        )
        .order_by(SittingRow.starts_at)
    )
    return tuple((meeting_id, starts_at) for meeting_id, starts_at in rows)
