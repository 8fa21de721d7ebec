"""What the inmate says, before the first meeting, of a lawyer whom a relative engaged."""

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import SYSTEM, Ref
from ledger.record import record
from legalaid import mandates, meetings
from legalaid.mandate_table import MandateRow
from legalaid.meeting_model import EngagedBy, MeetingState
from legalaid.meeting_tables import MeetingRow
from policy.running import ClockState


async def answer(session: Session, inmate: Ref, sitting_id: str, *, confirmed: bool) -> None:
    """What the inmate says, once. A no ends this meeting and all others that rest on the same mandate.

    Raises `NotFound` where nothing is asked of this inmate.
    """
    row = await mandates.of_sitting(session, sitting_id)
    if row is None or row.inmate_id != inmate.id or not await mandates.asked(session, row):
        raise NotFound
    for lawyer_id in mandates.lawyers(row):
        if await session.get(MandateRow, (lawyer_id, row.inmate_id)) is None:
            session.add(
                MandateRow(
                    lawyer_id=lawyer_id,
                    inmate_id=row.inmate_id,
                    confirmed=confirmed,
                    answered_at=clock.now(),
                )
            )
    await session.flush()
    record(session, "inmate:mandate:answered", actor=inmate, subject=Ref(meetings.MATTER, row.id))
    if not confirmed:
        for resting in await _resting(session, row):
            await meetings.end(session, SYSTEM, resting, MeetingState.FAILED, "", ClockState.DONE)


async def _resting(session: Session, row: MeetingRow) -> list[MeetingRow]:
    found = await session.scalars(
        select(MeetingRow).where(
            MeetingRow.lawyer_id == row.lawyer_id,
            MeetingRow.inmate_id == row.inmate_id,
            MeetingRow.engaged_by == EngagedBy.RELATIVE,
            MeetingRow.state.in_((MeetingState.ASKED, MeetingState.ARRANGED)),
        )
    )
    return list(found)
