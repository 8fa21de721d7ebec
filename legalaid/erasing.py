"""Erasing what a relative wrote to legal aid: questions, also spoken, papers, complaints, names at mediations.

What is still being answered stays until it is; what belongs to a case stays with its file, which legal aid must keep.
What a lawyer answered is the inmate's, and stays.
"""

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from core.db import Session
from legalaid.case_tables import CaseRow
from legalaid.complaint_table import ComplaintRow
from legalaid.complaints import ComplaintState
from legalaid.gathering_model import GatheringState
from legalaid.gathering_tables import GatheringPartyRow, GatheringRow
from legalaid.help_tables import PrecheckPaperRow, PrecheckRow
from legalaid.means import LegalMeans
from legalaid.model import WAITING
from legalaid.prechecks import PrecheckState
from legalaid.tables import QuestionRow, VoiceRow
from people.erasing import ERASED, Share

_OVER = [
    state.value
    for state in (
        GatheringState.CLOSED,
        GatheringState.DECLINED,
        GatheringState.REFUSED,
        GatheringState.WITHDRAWN,
    )
]
_NOTHING = ERASED.encode()


async def legal_aid(session: Session, means: LegalMeans, ids: Sequence[str]) -> list[Share]:
    """Words are put in the place of words, so that pages which list them go on working."""
    done, in_cases, waiting = await _questions(session, means, ids)
    papers, open_papers = await _papers(session, means, ids)
    names, open_names = await _names(session, ids)
    said, open_complaints = await _complaints(session, means, ids)
    still = waiting + open_papers + open_names + open_complaints
    return [
        Share("questions", done + papers + names + said, still, "open-matter" if still else ""),
        Share("cases", 0, in_cases, "case-file" if in_cases else ""),
    ]


async def _questions(session: Session, means: LegalMeans, ids: Sequence[str]) -> tuple[int, int, int]:
    """How many were erased, belong to a case, wait for an answer."""
    filed = set(await session.scalars(select(CaseRow.question_id).where(CaseRow.question_id.is_not(None))))
    mine = (QuestionRow.asked_by_kind == "relative", QuestionRow.asked_by_id.in_(ids))
    done = in_cases = waiting = 0
    for row in (await session.scalars(select(QuestionRow).where(*mine))).all():
        if row.state in WAITING:
            waiting += 1
        elif row.id in filed:
            in_cases += 1
        elif means.texts.open(row.words_sealed, row.id) != _NOTHING:
            done += 1
            row.words_sealed = means.texts.seal(_NOTHING, row.id)
            await session.execute(delete(VoiceRow).where(VoiceRow.question_id == row.id))
    return done, in_cases, waiting


async def _papers(session: Session, means: LegalMeans, ids: Sequence[str]) -> tuple[int, int]:
    done = waiting = 0
    for row in (await session.scalars(select(PrecheckRow).where(PrecheckRow.asked_by_id.in_(ids)))).all():
        if row.state not in (PrecheckState.ASKED, PrecheckState.REFUSED):
            waiting += 1
        elif means.texts.open(row.words_sealed, row.id) != _NOTHING:
            done += 1
            row.words_sealed, row.note_sealed = means.texts.seal(_NOTHING, row.id), None
            await session.execute(delete(PrecheckPaperRow).where(PrecheckPaperRow.precheck_id == row.id))
    return done, waiting


async def _complaints(session: Session, means: LegalMeans, ids: Sequence[str]) -> tuple[int, int]:
    """How many were erased, wait for an answer."""
    mine = (ComplaintRow.made_by_kind == "relative", ComplaintRow.made_by_id.in_(ids))
    done = waiting = 0
    for row in (await session.scalars(select(ComplaintRow).where(*mine))).all():
        if row.state == ComplaintState.MADE:
            waiting += 1
        elif means.texts.open(row.words_sealed, row.id) != _NOTHING:
            done += 1
            row.words_sealed = means.texts.seal(_NOTHING, row.id)
            if row.answer_sealed is not None:
                row.answer_sealed = means.texts.seal(_NOTHING, f"{row.id}:answer")
    return done, waiting


async def _names(session: Session, ids: Sequence[str]) -> tuple[int, int]:
    over = select(GatheringRow.id).where(GatheringRow.state.in_(_OVER))
    theirs = GatheringPartyRow.person_id.in_(ids) & (GatheringPartyRow.name != ERASED)
    count = select(func.count()).select_from(GatheringPartyRow)
    done = await session.scalar(count.where(theirs, GatheringPartyRow.gathering_id.in_(over))) or 0
    waiting = await session.scalar(count.where(theirs, GatheringPartyRow.gathering_id.not_in(over))) or 0
    await session.execute(
        update(GatheringPartyRow)
        .where(theirs, GatheringPartyRow.gathering_id.in_(over))
        .values(name=ERASED, objection_sealed=None)
    )
    return done, waiting
