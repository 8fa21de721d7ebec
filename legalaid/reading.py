"""Opening texts: for whom it concerns, each time entered in the ledger. Prison staff are never among them."""

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import access, personal
from legalaid.access import tag
from legalaid.forms import Voice
from legalaid.means import LegalMeans
from legalaid.model import AdviceView, AtDesk
from legalaid.tables import AdviceRow, QuestionRow, VoiceRow
from people.model import Identity, Role
from people.tables import StaffRow

Reader = Identity | AtDesk


async def words(session: Session, means: LegalMeans, actor: Reader, question_id: str) -> str:
    """What was asked: for the inmate, for a lawyer of the station without conflict, and for the relative who
    wrote it. Raises `Forbidden` (and enters the attempt) for staff, `NotFound` for others'."""
    row = await _readable(session, actor, question_id, answers=False)
    subject = Ref("question", row.id)
    record(session, tag(actor, "question:read"), actor=access.ref(actor), subject=subject)
    return means.texts.open(row.words_sealed, row.id).decode()


async def voice_seconds(session: Session, question_id: str) -> int | None:
    """How long somebody spoke; None for a question that was only written."""
    return await session.scalar(select(VoiceRow.seconds).where(VoiceRow.question_id == question_id))


async def voice(session: Session, means: LegalMeans, actor: Identity, question_id: str) -> Voice:
    """What was spoken: for a lawyer of the station without conflict, and nobody else. The hearing is entered.

    Raises `NotFound`, `Forbidden` (and enters the attempt) for staff.
    """
    question = await _readable(session, actor, question_id, answers=True)
    row = await session.get(VoiceRow, question_id)
    if row is None or Role.COUNSEL not in actor.roles:
        raise NotFound
    record(session, "counsel:voice:heard", actor=actor.subject, subject=Ref("question", question.id))
    data = means.texts.open(row.sealed, f"{question_id}:voice")
    return Voice(data, row.media_type, row.seconds)


async def advice(session: Session, means: LegalMeans, actor: Reader, question_id: str) -> list[AdviceView]:
    """What lawyers wrote about it, the first one first: for the inmate and the lawyers only.

    The inmate's first look is kept as the receipt.
    """
    question = await _readable(session, actor, question_id, answers=True)
    found = await session.execute(
        select(AdviceRow, StaffRow.name)
        .join(StaffRow, StaffRow.id == AdviceRow.lawyer_id)
        .where(AdviceRow.question_id == question.id)
        .order_by(AdviceRow.written_at, AdviceRow.id)
        .execution_options(populate_existing=True)
    )
    rows = found.all()
    if isinstance(actor, AtDesk) and any(row.received_at is None for row, _ in rows):
        await _received(session, actor, question.id)
    return [
        AdviceView(
            row.id,
            question.id,
            name,
            means.texts.open(row.words_sealed, row.id).decode(),
            row.written_at,
            row.received_at,
        )
        for row, name in rows
    ]


async def _received(session: Session, desk: AtDesk, question_id: str) -> None:
    await session.execute(
        update(AdviceRow)
        .where(AdviceRow.question_id == question_id, AdviceRow.received_at.is_(None))
        .values(received_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    subject = Ref("question", question_id)
    record(session, "inmate:advice:received", actor=access.ref(desk), subject=subject)


async def _readable(session: Session, actor: Reader, question_id: str, *, answers: bool) -> QuestionRow:
    row = await session.get(QuestionRow, question_id)
    if row is None:
        raise NotFound
    if isinstance(actor, AtDesk):
        fits = row.inmate_id == actor.inmate_id and row.generation == actor.generation
        if not fits or not await personal.still(session, actor):
            raise NotFound
    elif Role.COUNSEL in actor.roles:
        await access.lawyer_of(session, actor, row)
    elif Role.RELATIVE in actor.roles:
        if answers or (row.asked_by_kind, row.asked_by_id) != (actor.subject.kind, actor.subject.id):
            raise NotFound
    else:
        raise access.refused_reading(session, actor, question_id)
    return row
