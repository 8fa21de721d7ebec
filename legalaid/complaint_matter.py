"""What a complaint is about: a case or a question of one's own, and the lawyers who worked on it."""

from dataclasses import dataclass

from sqlalchemy import select, union

from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref
from legalaid import personal
from legalaid.case_tables import CaseLetterRow, CaseRow
from legalaid.model import AtDesk
from legalaid.tables import AdviceRow, QuestionRow, TurnRow
from people.model import Identity, Role
from people.tables import StaffRow


@dataclass(frozen=True, slots=True)
class About:
    """`matter`: `case:…` or `question:…`. `topic`: a key of `wording.TOPICS`."""

    matter: Ref
    reference: str
    topic: str
    prison_id: str
    inmate_id: str


async def own(session: Session, actor: Identity | AtDesk, matter: Ref) -> About:
    """A matter that the actor may complain about: the inmate's, or the one that the relative brought.

    Raises `NotFound` for others', `NotYou` if the inmate's code was taken away, `Forbidden` for staff.
    """
    row = await _row(session, matter)
    if isinstance(actor, AtDesk):
        if not await personal.still(session, actor):
            raise personal.NotYou
        fits = row.inmate_id == actor.inmate_id and row.generation == actor.generation
    elif Role.RELATIVE in actor.roles:
        fits = actor.subject == _brought_by(row)
    else:
        raise Forbidden
    if not fits:
        raise NotFound
    return _about(row)


async def of(session: Session, matter: Ref) -> About:
    """Without permission check. Raises `NotFound`."""
    return _about(await _row(session, matter))


async def _row(session: Session, matter: Ref) -> CaseRow | QuestionRow:
    row: CaseRow | QuestionRow | None = None
    if matter.kind == "case":
        row = await session.get(CaseRow, matter.id)
    elif matter.kind == "question":
        row = await session.get(QuestionRow, matter.id)
    if row is None:
        raise NotFound
    return row


def _about(row: CaseRow | QuestionRow) -> About:
    kind = "case" if isinstance(row, CaseRow) else "question"
    return About(Ref(kind, row.id), row.reference, row.topic, row.prison_id, row.inmate_id)


def _brought_by(row: CaseRow | QuestionRow) -> Ref:
    if isinstance(row, CaseRow):
        return Ref(row.applied_by_kind, row.applied_by_id)
    return Ref(row.asked_by_kind, row.asked_by_id)


async def lawyers(session: Session, matter: Ref) -> dict[str, str]:
    """Id -> name of everybody who is or was the lawyer of it: none of them judges a complaint about it."""
    if matter.kind == "case":
        found = union(
            select(CaseRow.lawyer_id).where(CaseRow.id == matter.id),
            select(CaseLetterRow.lawyer_id).where(CaseLetterRow.case_id == matter.id),
        )
    else:
        found = union(
            select(QuestionRow.lawyer_id).where(QuestionRow.id == matter.id),
            select(AdviceRow.lawyer_id).where(AdviceRow.question_id == matter.id),
            select(TurnRow.lawyer_id).where(TurnRow.question_id == matter.id, TurnRow.began_at.is_not(None)),
        )
    rows = await session.execute(
        select(StaffRow.id, StaffRow.name).where(StaffRow.id.in_(found)).order_by(StaffRow.name, StaffRow.id)
    )
    return dict(rows.all())
