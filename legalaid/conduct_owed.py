"""A report that is owed about a meeting: by itself after an officer stopped it because rules were broken, or because
the visits office begins one. One meeting has one at most."""

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import SYSTEM, Ref, new_id, reference
from ledger.record import record
from legalaid import access, case_file, clocks
from legalaid.access import Actor
from legalaid.cases import zone_of
from legalaid.conduct_model import ReportState
from legalaid.conduct_table import ConductReportRow
from legalaid.meeting_tables import MeetingRow
from legalaid.model import DeskKind
from rooms.model import EndReason
from rooms.tables import RoomRow

MATTER = "conduct-report"
BREACH = "rules-broken"  # the officer's reason, of `rooms.words`
_STOPPED = frozenset({EndReason.BY_OFFICER, EndReason.REMOVED})


def matter(report_id: str) -> Ref:
    return Ref(MATTER, report_id)


async def owe(session: Session, meeting: MeetingRow) -> None:
    """After a meeting that an officer stopped because rules were broken; of others nothing is owed."""
    room = await room_of(session, meeting)
    if room is not None and room.end_reason in _STOPPED and room.end_code == BREACH:
        await open_report(session, SYSTEM, meeting)


async def open_report(session: Session, actor: Actor, meeting: MeetingRow) -> str:
    """Answers its id, also of one that is there; the clock runs at the visits office, else at the station."""
    known = await session.scalar(select(ConductReportRow.id).where(ConductReportRow.meeting_id == meeting.id))
    if known is not None:
        return known
    desk = await case_file.desk_of_kind(session, meeting.prison_id, DeskKind.OFFICE)
    desk = desk or await access.station_of(session, meeting.prison_id)
    if desk is None:
        raise NotFound
    row = ConductReportRow(
        id=new_id("cnd"),
        reference=reference(),
        prison_id=meeting.prison_id,
        meeting_id=meeting.id,
        lawyer_id=meeting.lawyer_id,
        desk_id=desk.id,
        state=ReportState.OWED,
        opened_at=clock.now(),
        breaches=[],
        copy_to_bar=False,
        words_sealed=None,
        written_by_id=None,
        written_at=None,
        answer_sealed=None,
        answered_at=None,
    )
    session.add(row)
    await session.flush()
    zone = await zone_of(session, meeting.prison_id)
    await clocks.start(session, actor, "conduct-report", matter(row.id), desk, zone, row.reference)
    tag = access.tag(actor, "conduct-report:opened")
    record(session, tag, actor=access.ref(actor), subject=matter(row.id), meeting=meeting.id)
    return row.id


async def room_of(session: Session, meeting: MeetingRow) -> RoomRow | None:
    if meeting.sitting_id is None:
        return None
    row: RoomRow | None = await session.scalar(
        select(RoomRow).where(RoomRow.sitting_id == meeting.sitting_id)
    )
    return row
