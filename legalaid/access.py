"""Who may do what with questions. Prison staff may read no text, whatever their role (rules A13)."""

from sqlalchemy import select

from core.db import Session, after_failure
from core.errors import Forbidden, NotFound
from core.ids import Ref
from ledger.record import record
from legalaid.model import AtDesk
from legalaid.tables import ConflictRow, DeskRow, LawyerRow, QuestionRow
from people.model import Identity, Role

Actor = Identity | AtDesk | Ref  # a Ref acts for the platform itself

_TAG_OF = {
    "relative": "family",
    "officer": "officer",
    "counsel": "counsel",
    "admin": "admin",
    "inmate": "inmate",
}


class ConflictOfInterest(Forbidden):
    code = "conflict-of-interest"
    text = "You have declared a conflict of interest with this person. Another lawyer answers."


class NotALawyer(Forbidden):
    code = "not-a-lawyer"
    text = "Your account does not belong to a legal-aid station yet. Please ask the administrator."


def ref(actor: Actor) -> Ref:
    if isinstance(actor, Ref):
        return actor
    return Ref("inmate", actor.inmate_id) if isinstance(actor, AtDesk) else actor.subject


def tag(actor: Actor, rest: str) -> str:
    """The ledger tag for what `actor` did; `rest` is `object:action`."""
    return f"{_TAG_OF.get(ref(actor).kind, 'system')}:{rest}"


async def lawyer(session: Session, actor: Identity) -> LawyerRow:
    """The acting lawyer. Raises `Forbidden` for anybody else, `NotALawyer` for counsel without a station."""
    if Role.COUNSEL not in actor.roles or not actor.strong:
        raise Forbidden
    row = await session.get(LawyerRow, actor.subject.id)
    if row is None:
        raise NotALawyer
    return row


async def lawyer_of(session: Session, actor: Identity, question: QuestionRow) -> LawyerRow:
    """The acting lawyer, who may see and answer this question.

    Raises `NotFound` for another station's, `ConflictOfInterest`.
    """
    row = await lawyer(session, actor)
    if row.station_id != question.station_id:
        raise NotFound
    if await session.get(ConflictRow, (row.staff_id, question.inmate_id)) is not None:
        raise ConflictOfInterest
    return row


def admin_of(actor: Identity | Ref, prison_id: str) -> None:
    """Raises `Forbidden` for who is no administrator, `NotFound` for another prison. The platform may."""
    if isinstance(actor, Ref):
        return
    if Role.ADMIN not in actor.roles or not actor.strong:
        raise Forbidden
    if actor.prison_id not in (None, prison_id):
        raise NotFound


async def station_of(session: Session, prison_id: str) -> DeskRow | None:
    """The station that answers a prison's questions."""
    return await session.scalar(
        select(DeskRow).where(DeskRow.prison_id == prison_id, DeskRow.kind == "station").order_by(DeskRow.id)
    )


def refused_reading(session: Session, actor: Identity, question_id: str) -> Forbidden:
    """The attempt is entered although nothing was read."""

    async def note(later: Session) -> None:
        subject = Ref("question", question_id)
        record(later, tag(actor, "question:reading-refused"), actor=actor.subject, subject=subject)

    after_failure(session, note)
    return Forbidden()
