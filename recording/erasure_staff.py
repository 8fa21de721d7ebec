"""What is erased of somebody who supervised: their name in notes and reviews, once no recording of it is left.

Until then it says who watched, warned and listened, which families and courts may ask.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update

from core.db import Session
from people.erasing import ERASED, Share
from people.tables import StaffRow
from recording import terms
from recording.model import RecordingState
from recording.tables import RecordingRow
from recording.term_table import TermRow
from rooms.desk_tables import NoteRow, ReviewRow
from scheduler.tables import PrisonRow


async def prison_of(session: Session, staff_id: str) -> str | None:
    """The prison that the account is for, or `None`: it decides."""
    return await session.scalar(select(StaffRow.prison_id).where(StaffRow.id == staff_id))


async def supervised(session: Session, ids: Sequence[str]) -> list[Share]:
    """Of whoever acted in recorded visits."""
    kept, held, until = await _recorded(session, ids)
    if kept:
        return [Share("supervised", 0, kept, "held" if held else "retention", until)]
    written, listened = NoteRow.officer_id.in_(ids), ReviewRow.taken_by.in_(ids)
    done = await _count(session, NoteRow, written & (NoteRow.officer_name != ERASED))
    done += await _count(session, ReviewRow, listened & (ReviewRow.taken_name != ERASED))
    await session.execute(update(NoteRow).where(written).values(officer_name=ERASED))
    await session.execute(update(ReviewRow).where(listened).values(taken_name=ERASED))
    return [Share("supervised", done)] if done else []


async def _recorded(session: Session, ids: Sequence[str]) -> tuple[int, bool, datetime | None]:
    """How many recordings there still are in which they acted, whether one is held, until when the last is kept."""
    theirs = select(TermRow.recording_id).where(
        TermRow.prison_id.in_(select(PrisonRow.id)), TermRow.term.in_([terms.OFFICER + one for one in ids])
    )
    row = (
        await session.execute(
            select(func.count(), func.max(RecordingRow.holds), func.max(RecordingRow.keep_until)).where(
                RecordingRow.id.in_(theirs), RecordingRow.state != RecordingState.DELETED.value
            )
        )
    ).one()
    return row[0], bool(row[1]), row[2]


async def _count(session: Session, table: type[NoteRow | ReviewRow], where: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).select_from(table).where(where)) or 0
