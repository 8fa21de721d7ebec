"""Answering in writing: advice is sealed, the question is answered, and the inmate reads it at the terminal."""

from core import clock
from core.db import Session
from core.errors import NotFound, Refused
from core.ids import Ref, new_id
from ledger.record import record
from legalaid import access, asking, clocks, forms, moving
from legalaid.means import LegalMeans
from legalaid.model import QuestionState
from legalaid.tables import AdviceRow, QuestionRow
from people import letters
from people.model import Identity
from policy.running import ClockState


async def write(session: Session, means: LegalMeans, actor: Identity, question_id: str, words: str) -> str:
    """Answers a waiting question in writing, or adds to an answered one; answers the advice's id.

    Raises `Refused`, `ConflictOfInterest`, `NotFound`; `QuestionMoved` for one that was taken back.
    """
    row = await session.get(QuestionRow, question_id, populate_existing=True)
    if row is None:
        raise NotFound
    lawyer = await access.lawyer_of(session, actor, row)
    if problems := forms.advice_problems(words):
        raise Refused(problems)
    now = clock.now()
    in_own_turn = row.state == QuestionState.IN_TURN
    if row.state != QuestionState.ANSWERED and not in_own_turn:
        await _answered(session, actor, row, lawyer.staff_id)
    advice_id = new_id("adv")
    session.add(
        AdviceRow(
            id=advice_id,
            question_id=row.id,
            lawyer_id=lawyer.staff_id,
            words_sealed=means.texts.seal(words.strip().encode(), advice_id),
            written_at=now,
            received_at=None,
        )
    )
    await session.flush()
    record(session, "counsel:advice:written", actor=actor.subject, subject=Ref("question", row.id))
    if row.asked_by_kind == "relative":
        await letters.tell(
            session, row.asked_by_id, "question-answered", {}, dedupe=f"question:{row.id}:answered"
        )
    return advice_id


async def _answered(session: Session, actor: Identity, row: QuestionRow, lawyer_id: str) -> None:
    await moving.question(
        session, actor, row.id, QuestionState.ANSWERED, answered_at=clock.now(), lawyer_id=lawyer_id
    )
    await asking.drop_turn(session, actor, row.id)
    await clocks.end(session, actor, Ref("question", row.id), ClockState.DONE)
