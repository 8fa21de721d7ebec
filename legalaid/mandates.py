"""The first meeting of a lawyer whom a relative engaged: the inmate is asked (Rules on lawyers' meetings, art. 5).

Asked at the terminal, when the meeting may be entered and before the inmate has a seat in it; never on a page of the
family's. What was answered is in no ledger and on no page of the prison: a refusal reads there as a meeting that
did not take place. It ends the mandate.
"""

from sqlalchemy import select

from core.db import Session
from core.errors import Conflict, Reason
from legalaid.forms import reason
from legalaid.mandate_table import MandateRow
from legalaid.meeting_model import EngagedBy, MeetingState
from legalaid.meeting_tables import MeetingRow


class MandateUnconfirmed(Conflict):
    code = "mandate-unconfirmed"
    text = "Please say first whether this lawyer shall act for you."


def lawyers(row: MeetingRow) -> list[str]:
    return [one for one in (row.lawyer_id, row.second_id) if one is not None]


async def of_sitting(session: Session, sitting_id: str) -> MeetingRow | None:
    return await session.scalar(
        select(MeetingRow)
        .where(MeetingRow.sitting_id == sitting_id)
        .execution_options(populate_existing=True)
    )


async def asked(session: Session, row: MeetingRow) -> bool:
    """Whether the inmate still has to say yes or no before this meeting."""
    if row.engaged_by != EngagedBy.RELATIVE or row.state != MeetingState.ARRANGED:
        return False
    answers = [await session.get(MandateRow, (one, row.inmate_id)) for one in lawyers(row)]
    return any(answer is None for answer in answers)


async def demand(session: Session, sitting_id: str) -> None:
    """Raises `MandateUnconfirmed` while the inmate has not answered."""
    row = await of_sitting(session, sitting_id)
    if row is not None and await asked(session, row):
        raise MandateUnconfirmed


async def ended(session: Session, lawyer_id: str, inmate_id: str) -> list[Reason]:
    """Why this lawyer cannot come once more for a relative: the inmate said no."""
    answer = await session.get(MandateRow, (lawyer_id, inmate_id))
    if answer is None or answer.confirmed:
        return []
    return [
        reason(
            "engaged_by",
            "ended",
            "The client has not confirmed this mandate. It has ended; a new one must come from the client.",
        )
    ]


async def refused_by(session: Session, lawyer_id: str) -> frozenset[str]:
    """The inmates who said no to this lawyer: for the lawyer's own page only."""
    found = await session.scalars(
        select(MandateRow.inmate_id).where(MandateRow.lawyer_id == lawyer_id, MandateRow.confirmed.is_(False))
    )
    return frozenset(found)
