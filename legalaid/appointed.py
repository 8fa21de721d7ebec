"""Who defends whom by appointment: a lawyer who was named on an authority's notice, while that case runs.

Such a lawyer's meetings with that person are defence in an open case, whatever the request says of the case: nobody
listens or looks on (`legalaid.confidential`).
"""

from sqlalchemy import select

from core.db import Session
from legalaid.case_model import CaseState, Entry
from legalaid.case_tables import CaseRow
from legalaid.confidential import CaseState as Stands
from legalaid.confidential import Ground
from legalaid.meeting_tables import MeetingRow


async def open_case(session: Session, row: MeetingRow) -> None:
    """Says of a meeting that is being asked for on the ground of defence that the case is open, where it is."""
    if row.ground != Ground.DEFENCE:
        return
    named = await session.scalar(
        select(CaseRow.id)
        .where(
            CaseRow.inmate_id == row.inmate_id,
            CaseRow.entry == Entry.NOTICE,
            CaseRow.state == CaseState.ASSIGNED,
            CaseRow.lawyer_id.in_([one for one in (row.lawyer_id, row.second_id) if one]),
        )
        .limit(1)
    )
    if named is not None:
        row.case_state = Stands.OPEN.value
