"""All lights of a prison's legal aid on one board, and what the desks above decide. No text is in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from legalaid import access, clocks
from legalaid.forms import WORDS_MAX
from legalaid.tables import DeskRow, MatterClockRow, QuestionRow
from people.model import Identity
from policy.lights import Colour
from policy.running import OPEN, ClockState


@dataclass(frozen=True, slots=True)
class Line:
    """One open matter. `extension`: more time was asked for and not answered yet."""

    clock_id: str
    reference: str
    code: str
    desk: str
    state: ClockState
    colour: Colour
    level: int
    due_at: datetime
    extension: bool


async def lines(session: Session, actor: Identity, prison_id: str) -> list[Line]:
    """For administrators: what is late first, then what is due first."""
    access.admin_of(actor, prison_id)
    rows = await session.execute(
        select(MatterClockRow, DeskRow.name)
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .where(DeskRow.prison_id == prison_id, MatterClockRow.state.in_(OPEN))
        .order_by(MatterClockRow.level.desc(), MatterClockRow.due_at)
    )
    return [
        Line(
            clock_id=row.id,
            reference=row.reference,
            code=row.code,
            desk=desk,
            state=ClockState(row.state),
            colour=Colour(row.colour),
            level=row.level,
            due_at=row.due_at,
            extension=bool(row.extension),
        )
        for row, desk in rows.all()
    ]


async def ask_more_time(session: Session, actor: Identity, question_id: str, more: int, words: str) -> None:
    """A lawyer of the station asks; `more` in the unit of the clock. Raises as `policy.running.ask_extension`."""
    question = await session.get(QuestionRow, question_id)
    if question is None:
        raise NotFound
    await access.lawyer_of(session, actor, question)
    row = await clocks.of_matter(session, Ref("question", question_id))
    if row is None:
        raise NotFound
    await clocks.ask_extension(session, actor, row.id, more, words.strip()[:WORDS_MAX])


async def answer_more_time(session: Session, actor: Identity, clock_id: str, *, granted: bool) -> None:
    """An administrator of the prison answers. Raises as `policy.running.answer_extension`."""
    row = await clocks.row_of(session, clock_id)
    desk = await session.get_one(DeskRow, row.desk_id)
    access.admin_of(actor, desk.prison_id)
    await clocks.answer_extension(session, actor, clock_id, granted=granted, words="")
