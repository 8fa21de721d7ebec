"""The movers of questions and turns. A move is one conditional UPDATE; whether it answers a row is the truth."""

from typing import Any

from sqlalchemy import update

from core.db import Session
from core.errors import Conflict
from core.ids import Ref
from ledger.record import record
from legalaid.access import Actor, ref, tag
from legalaid.model import QUESTION_MOVES, TURN_MOVES, QuestionState, TurnState
from legalaid.tables import QuestionRow, TurnRow


class QuestionMoved(Conflict):
    code = "question-moved"
    text = "This question has changed in the meantime. Look at its present state and decide again."


class TurnMoved(Conflict):
    code = "turn-moved"
    text = "This turn has changed in the meantime. Look at the list again."


async def question(
    session: Session, actor: Actor, question_id: str, to: QuestionState, **values: Any
) -> None:
    """Raises `QuestionMoved` from any state that does not lead there; then nothing has changed."""
    moved = await session.scalar(
        update(QuestionRow)
        .where(QuestionRow.id == question_id, QuestionRow.state.in_(QUESTION_MOVES[to]))
        .values(state=to, **values)
        .returning(QuestionRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise QuestionMoved
    subject = Ref("question", question_id)
    record(session, tag(actor, f"question:{to.value}"), actor=ref(actor), subject=subject)


async def turn(session: Session, actor: Actor, turn_id: str, to: TurnState, **values: Any) -> None:
    """Raises `TurnMoved` from any state that does not lead there; then nothing has changed."""
    moved = await session.scalar(
        update(TurnRow)
        .where(TurnRow.id == turn_id, TurnRow.state.in_(TURN_MOVES[to]))
        .values(state=to, **values)
        .returning(TurnRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise TurnMoved
    record(session, tag(actor, f"turn:{to.value}"), actor=ref(actor), subject=Ref("turn", turn_id))
