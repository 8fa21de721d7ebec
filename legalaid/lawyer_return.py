"""A lawyer who was said to be away and comes after all: the absence is taken back, help days count on them again, and
each meeting that lost its time and has no new one yet gets the old one back, unless somebody has taken it meanwhile.
What was arranged anew stays, and nothing else moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import access, days, meeting_desk, meeting_flags, meeting_offers, planned
from legalaid.absence import Absence
from legalaid.absence_table import LawyerAbsenceRow
from legalaid.access import ref, tag
from legalaid.meeting_flags import Flag, FlagState
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRow
from legalaid.model import Coming
from legalaid.tables import ComingRow, DeskRow, HelpDayRow, LawyerRow
from people.model import Identity, Role
from people.tables import StaffRow
from rooms import sittings
from scheduler import meeting_proposals
from scheduler.access import SUPERVISORS, require


class AbsenceOver(Conflict):
    code = "absence-over"
    text = "This absence is over. There is nothing left of it that could be taken back."


class _NotFree(Exception):
    """The old time is somebody else's by now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An absence that is not over: of whom, and when."""

    id: str
    lawyer_name: str
    starts_at: datetime
    ends_at: datetime


async def standing(session: Session, prison_id: str) -> list[Standing]:
    """Of the lawyers of this prison's stations, the first one first."""
    return await _standing(session, DeskRow.prison_id == prison_id)


async def own(session: Session, actor: Identity) -> list[Standing]:
    """The acting lawyer's. Raises `Forbidden` for anybody else."""
    lawyer = await access.lawyer(session, actor)
    return await _standing(session, LawyerAbsenceRow.lawyer_id == lawyer.staff_id)


async def _standing(session: Session, which: ColumnElement[bool]) -> list[Standing]:
    rows = await session.execute(
        select(LawyerAbsenceRow.id, StaffRow.name, LawyerAbsenceRow.starts_at, LawyerAbsenceRow.ends_at)
        .join(LawyerRow, LawyerRow.staff_id == LawyerAbsenceRow.lawyer_id)
        .join(StaffRow, StaffRow.id == LawyerRow.staff_id)
        .join(DeskRow, DeskRow.id == LawyerRow.station_id)
        .where(which, LawyerAbsenceRow.taken_back_at.is_(None), LawyerAbsenceRow.ends_at > clock.now())
        .order_by(LawyerAbsenceRow.starts_at, LawyerAbsenceRow.id)
    )
    return [Standing(*row) for row in rows]


async def take_back(session: Session, actor: Identity, absence_id: str) -> Absence:
    """By the lawyer, or by who supervises in the prison of the lawyer's station; said twice, it is the same.

    Answers the help days on which they are counted again, and each meeting that has its old time again. Raises
    `AbsenceOver`, `NotFound` for another's.
    """
    row = await session.get(LawyerAbsenceRow, absence_id, populate_existing=True)
    if row is None:
        raise NotFound
    await _may(session, actor, row.lawyer_id)
    over = await session.scalar(
        update(LawyerAbsenceRow)
        .where(
            LawyerAbsenceRow.id == absence_id,
            LawyerAbsenceRow.taken_back_at.is_(None),
            LawyerAbsenceRow.ends_at > clock.now(),
        )
        .values(taken_back_at=clock.now())
        .returning(LawyerAbsenceRow.id)
        .execution_options(synchronize_session=False)
    )
    if over is None:
        if row.taken_back_at is None:
            raise AbsenceOver
        return Absence(0, ())
    record(
        session,
        tag(actor, "lawyer:comes"),
        actor=ref(actor),
        subject=Ref("counsel", row.lawyer_id),
        absence=absence_id,
    )
    touched = await _days(session, actor, row.lawyer_id, absence_id)
    return Absence(touched, tuple(await _meetings(session, actor, row.lawyer_id)))


async def _may(session: Session, actor: Identity, lawyer_id: str) -> None:
    if Role.COUNSEL in actor.roles:
        if (await access.lawyer(session, actor)).staff_id != lawyer_id:
            raise NotFound
        return
    lawyer = await session.get_one(LawyerRow, lawyer_id)
    require(actor, (await session.get_one(DeskRow, lawyer.station_id)).prison_id, SUPERVISORS)


async def _days(session: Session, actor: Identity, lawyer_id: str, absence_id: str) -> int:
    """Counts the lawyer in on the help days that this absence took them out of; answers how many those are."""
    rows = await session.execute(
        select(ComingRow, HelpDayRow)
        .join(HelpDayRow, HelpDayRow.id == ComingRow.help_day_id)
        .where(
            ComingRow.staff_id == lawyer_id,
            ComingRow.absence_id == absence_id,
            HelpDayRow.closed_at.is_(None),
            HelpDayRow.ends_at > clock.now(),
        )
        .order_by(HelpDayRow.starts_at, HelpDayRow.id)
    )
    changed = 0
    for said, day in rows.all():
        said.absence_id = await _other_absence(session, lawyer_id, day)
        if said.absence_id is not None:
            continue
        said.coming, said.said_at = Coming.COMES, clock.now()
        await session.flush()
        changed += 1
        if day.planned_at is not None:
            await days.plan(session, actor, day.id)
    return changed


async def _other_absence(session: Session, lawyer_id: str, day: HelpDayRow) -> str | None:
    """Another absence that still stands and meets the day."""
    found: str | None = await session.scalar(
        select(LawyerAbsenceRow.id)
        .where(
            LawyerAbsenceRow.lawyer_id == lawyer_id,
            LawyerAbsenceRow.taken_back_at.is_(None),
            LawyerAbsenceRow.starts_at < day.ends_at,
            LawyerAbsenceRow.ends_at > day.starts_at,
        )
        .limit(1)
    )
    return found


async def _meetings(session: Session, actor: Identity, lawyer_id: str) -> list[Flag]:
    """Gives the lawyer's meetings that wait their old times back; answers the flags of those for which it could."""
    mine = (MeetingRow.lawyer_id == lawyer_id) | (MeetingRow.second_id == lawyer_id)
    rows = await session.scalars(
        select(MeetingRow)
        .where(mine, MeetingRow.state.in_((MeetingState.ASKED, MeetingState.ARRANGED)))
        .execution_options(populate_existing=True)
    )
    meetings = {row.id: row for row in rows}
    newest = await meeting_flags.newest(session, meetings)
    flags = sorted(newest.values(), key=lambda one: (one.was_at, one.id))
    settled = [one.id for one in flags if await _settled(session, actor, meetings[one.meeting_id], one)]
    return await meeting_flags.of_ids(session, settled)


async def _settled(session: Session, actor: Identity, row: MeetingRow, flag: Flag) -> bool:
    """Whether somebody comes to the meeting now and it is, or stays, as it was arranged first."""
    span = (flag.was_at, flag.was_at + timedelta(minutes=row.minutes))
    undone = flag.state in meeting_flags.MOVES[FlagState.TAKEN_BACK]
    if not undone or not await meeting_offers.somebody_comes(session, row, span):
        return False
    if row.state == MeetingState.ARRANGED:
        if flag.state is not FlagState.WAITING:  # it was arranged anew
            return False
        return await meeting_flags.move(session, actor, flag.id, FlagState.TAKEN_BACK)
    if flag.was_at <= clock.now():
        return False
    try:
        async with session.begin_nested():
            await _put_back(session, actor, row, flag)
    except (_NotFree, sittings.PlaceTaken):
        await session.refresh(row)
        return False
    return True


async def _put_back(session: Session, actor: Identity, row: MeetingRow, flag: Flag) -> None:
    """Raises `_NotFree`, `PlaceTaken` where people or terminals are not free any more."""
    # First: people and terminal that an offer kept are free for it.
    await meeting_flags.move(session, actor, flag.id, FlagState.TAKEN_BACK)
    call = await planned.possible(session, row, flag.was_at)
    free = [] if call is None else await meeting_proposals.terminals(session, row.prison_id, call)
    if not free:
        raise _NotFree
    await meeting_desk.arrange_row(session, actor.subject, row, flag.was_at, free[0])
