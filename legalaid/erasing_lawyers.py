"""Erasing what legal aid keeps of a lawyer: calendar and rota at once; whoever was advised keeps who advised them.

Files of cases, answers and meetings are kept by law under the name of whoever is answerable for them.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update

from core import clock
from core.db import Base, Session
from core.errors import Reason
from legalaid.case_tables import CaseLetterRow, CaseRow
from legalaid.meeting_tables import MeetingRow
from legalaid.tables import AdviceRow, HelpDayTemplateRow, LawyerRow, TurnRow
from people.erasing import Share
from rooms.tables import SittingRow


async def work_ahead(session: Session, ids: Sequence[str]) -> Reason | None:
    """A case that lies with them, or a meeting to come: somebody else has to take it first."""
    case = select(CaseRow.reference).where(CaseRow.lawyer_id.in_(ids), CaseRow.ended_at.is_(None))
    meeting = (
        select(MeetingRow.reference)
        .join(SittingRow, SittingRow.id == MeetingRow.sitting_id)
        .where(
            MeetingRow.lawyer_id.in_(ids) | MeetingRow.second_id.in_(ids), SittingRow.ends_at > clock.now()
        )
    )
    for query in (case, meeting):
        if (found := await session.scalar(query.limit(1))) is not None:
            text = "{reference} is still with you. Please hand it over or bring it to its end first."
            return Reason("work-ahead", text, {"reference": found, "field": "agreed"})
    return None


async def lawyer(session: Session, ids: Sequence[str]) -> list[Share]:
    """What is left of their acts stays, whatever is asked."""
    gone = await _offers(session, ids)
    acts: tuple[tuple[type[Base], ColumnElement[bool]], ...] = (
        (AdviceRow, AdviceRow.lawyer_id.in_(ids)),
        (CaseRow, CaseRow.lawyer_id.in_(ids)),
        (CaseLetterRow, CaseLetterRow.by_id.in_(ids) | CaseLetterRow.lawyer_id.in_(ids)),
        (TurnRow, TurnRow.lawyer_id.in_(ids)),
        (MeetingRow, MeetingRow.lawyer_id.in_(ids) | MeetingRow.second_id.in_(ids)),
    )
    kept = 0
    for table, where in acts:
        kept += await session.scalar(select(func.count()).select_from(table).where(where)) or 0
    shares = [Share("offers", gone)] if gone else []
    return [*shares, Share("legal-acts", 0, kept, "acts")] if kept else shares


async def _offers(session: Session, ids: Sequence[str]) -> int:
    """The address of their calendar, and their place in rotas."""
    feeds = LawyerRow.staff_id.in_(ids) & LawyerRow.feed_digest.is_not(None)
    gone = await session.scalar(select(func.count()).select_from(LawyerRow).where(feeds)) or 0
    await session.execute(update(LawyerRow).where(feeds).values(feed_digest=None))
    for row in await session.scalars(select(HelpDayTemplateRow)):
        left = [one for one in row.roster if one not in ids]
        gone += len(row.roster) - len(left)
        if left != row.roster:
            row.roster = left
    return gone
