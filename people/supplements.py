"""Papers that are missing from an application: asked for in words, all together, as often as the rules let (once at
most). The application waits on, undecided, and its clock stands still until they are there (`legalaid.approvals`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, Reason, Unavailable
from core.ids import Ref, new_id
from ledger.record import record
from people import forms, letters, proofs, relationships
from people.means import Means
from people.model import PROOFS_MAX, Identity, Relationship, RelationshipState, Role
from people.proofs import Upload
from people.tables import RelationshipRow, SupplementRow
from policy import repository as policies

_WORDS_MAX = 500


class AskedAlready(Conflict):
    code = "papers-asked"
    text = (
        "Papers that are missing cannot be asked for (again). They are asked for once at most, all together."
    )


class NothingAsked(Conflict):
    code = "papers-not-asked"
    text = "No papers are waited for. Look at the application as it is now."


@dataclass(frozen=True, slots=True)
class Supplement:
    """What was asked for, and when the family answered; `answered_at` None: it is waited for."""

    id: str
    words: str
    asked_at: datetime
    answered_at: datetime | None


async def of(session: Session, relationship_id: str) -> list[Supplement]:
    """Whatever was asked for, the first one first."""
    rows = await session.scalars(
        select(SupplementRow)
        .where(SupplementRow.relationship_id == relationship_id)
        .order_by(SupplementRow.asked_at, SupplementRow.id)
        .execution_options(populate_existing=True)
    )
    return [Supplement(row.id, row.words, row.asked_at, row.answered_at) for row in rows]


def waits(found: Sequence[Supplement]) -> Supplement | None:
    """What is waited for."""
    return next((one for one in found if one.answered_at is None), None)


def stood_still(found: Sequence[Supplement]) -> timedelta:
    """How long the application has waited for the family in all, as far as it was answered."""
    return sum((one.answered_at - one.asked_at for one in found if one.answered_at), timedelta())


async def left(session: Session, view: Relationship) -> int:
    """How often papers may still be asked for; never where the rules are not complete."""
    if view.state is not RelationshipState.PENDING:
        return 0
    try:
        most = (await policies.current(session, view.prison_id, clock.now())).values.supplements
    except Unavailable:
        return 0
    asked = select(func.count()).select_from(SupplementRow).where(SupplementRow.relationship_id == view.id)
    return max(0, most - (await session.scalar(asked) or 0))


async def ask(session: Session, actor: Identity, relationship_id: str, words: str) -> None:
    """By the officer who would decide. Raises as `relationships.approve`, `AskedAlready`, `Refused` without words."""
    view = await relationships.to_decide(session, actor, relationship_id)
    forms.raise_all(_problems(words))
    await _lock(session, relationship_id)
    if not await left(session, view):
        raise AskedAlready
    row = SupplementRow(
        id=new_id("sup"),
        relationship_id=relationship_id,
        words=words.strip(),
        asked_at=clock.now(),
        asked_by=actor.subject.id,
        answered_at=None,
    )
    session.add(row)
    await session.flush()
    subject = Ref("relationship", relationship_id)
    record(
        session, "officer:relationship:papers-asked", actor=actor.subject, subject=subject, supplement=row.id
    )
    dedupe = f"relationship:{relationship_id}:papers:{row.id}"
    await letters.tell(session, view.relative_id, "relationship-papers", {}, dedupe=dedupe)


def _problems(words: str) -> list[Reason]:
    if not words.strip():
        return [forms.reason("papers", "missing", "Please write which papers are missing.")]
    if len(words) > _WORDS_MAX:
        text = "This is too long. {limit} characters at most."
        return [forms.reason("papers", "too-long", text, limit=_WORDS_MAX)]
    return []


async def _lock(session: Session, relationship_id: str) -> None:
    """Of two who ask at once the second waits, and finds that it was asked. Raises `Conflict` once it is decided."""
    pending = await session.scalar(
        update(RelationshipRow)
        .where(RelationshipRow.id == relationship_id, RelationshipRow.state == RelationshipState.PENDING)
        .values(state=RelationshipState.PENDING)
        .returning(RelationshipRow.id)
        .execution_options(synchronize_session=False)
    )
    if pending is None:
        raise Conflict


async def answer(
    session: Session, means: Means, actor: Identity, relationship_id: str, files: Sequence[Upload]
) -> None:
    """The family sends the papers. Raises `Refused` with everything wrong in the files, `NothingAsked`."""
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    await relationships.relationship_for(session, actor, relationship_id)
    reasons = []
    if not files:
        reasons.append(forms.reason("proof", "missing", "Please add a picture of the papers."))
    if len(files) > PROOFS_MAX:
        reasons.append(forms.reason("proof", "too-many", "{limit} files at most.", limit=PROOFS_MAX))
    contents, broken = await proofs.examined(files[:PROOFS_MAX])
    forms.raise_all([*reasons, *broken])
    await _lock(session, relationship_id)
    answered = await session.scalar(
        update(SupplementRow)
        .where(SupplementRow.relationship_id == relationship_id, SupplementRow.answered_at.is_(None))
        .values(answered_at=clock.now())
        .returning(SupplementRow.id)
        .execution_options(synchronize_session=False)
    )
    if answered is None:
        raise NothingAsked
    kept = await proofs.keep(session, means, relationship_id, contents)
    subject = Ref("relationship", relationship_id)
    record(
        session,
        "family:relationship:papers-sent",
        actor=actor.subject,
        subject=subject,
        supplement=answered,
        proofs=kept,
    )
