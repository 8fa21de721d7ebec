"""Who may visit whom: applied for by the family with proof, decided by an officer of the prison.

Naming an inmate tells nothing: name and number must fit together in that prison, and every other case has
one and the same answer, a limited number of times. A case is decided by nobody who is part of it.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused
from core.ids import Ref, new_id
from ledger.record import record
from people import forms, gate, letters, proofs, repository
from people.errors import AlreadyApplied, NoMatch, OwnCase
from people.forms import ApplicationForm
from people.means import Caller, Means
from people.model import (
    ENDING_TEXTS,
    LIVE_RELATIONSHIPS,
    PROOFS_MAX,
    REFUSAL_TEXTS,
    RELATIONSHIP_MOVES,
    Identity,
    Inmate,
    InmateStatus,
    Kinship,
    Relationship,
    RelationshipState,
    Role,
)
from people.proof_content import Content
from people.proofs import Upload
from people.tables import InmateRow, RelationshipRow, RelativeRow, StaffRow

_WORDS_MAX = 500


async def apply(
    session: Session,
    means: Means,
    actor: Identity,
    caller: Caller,
    form: ApplicationForm,
    files: Sequence[Upload],
) -> Relationship:
    """A new application with its proofs, for oneself or a minor of the account.

    Raises `Refused` with everything wrong in the form and the files, `NoMatch`, `AlreadyApplied`, `TooMany`.
    """
    visitor = await _visitor(session, actor, form)
    reasons = forms.application_problems(form, len(files), PROOFS_MAX)
    contents, broken = await proofs.examined(files[:PROOFS_MAX])
    reasons += broken
    if visitor.guardian_id is not None and not form.consent:
        reasons.append(forms.reason("consent", "missing", "The guardian must consent for a minor."))
    if reasons:
        raise Refused(reasons)
    await gate.match_try(means, caller, actor.subject.id)
    held = await _matched(session, form)
    guardian_id = await _guardian(session, visitor, held, form)
    present = await repository.relationship(session, visitor.id, held.id)
    if present is not None and present.state in LIVE_RELATIONSHIPS:
        raise AlreadyApplied
    row = _new(visitor, held, form, guardian_id)
    session.add(row)
    await session.flush()
    await _keep_proofs(session, means, actor, row, contents)
    await letters.tell(
        session, visitor.id, "relationship-received", {}, dedupe=f"relationship:{row.id}:received"
    )
    return await _view(session, row.id)


async def _visitor(session: Session, actor: Identity, form: ApplicationForm) -> RelativeRow:
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    visitor = await session.get(RelativeRow, form.visitor_id or actor.subject.id)
    if visitor is None or actor.subject.id not in (visitor.id, visitor.guardian_id):
        raise NotFound
    return visitor


def _folded(name: str) -> str:
    """Names are compared without blanks and with every kind of middle dot alike."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join("·" if c in "·・•‧∙." else c for c in text if not c.isspace())


async def _matched(session: Session, form: ApplicationForm) -> Inmate:
    number = unicodedata.normalize("NFKC", form.inmate_number).strip()
    held = await repository.find_inmate(session, form.prison_id, number)
    here = held is not None and held.status in (InmateStatus.PRESENT, InmateStatus.AWAY)
    if held is None or not here or _folded(held.name) != _folded(form.inmate_name):
        raise NoMatch
    return held


async def _guardian(
    session: Session, visitor: RelativeRow, held: Inmate, form: ApplicationForm
) -> str | None:
    """Who accompanies a minor: the account's holder, or another adult approved for the same inmate."""
    if visitor.guardian_id is None:
        return None
    if form.guardian_id in (None, visitor.guardian_id):
        return visitor.guardian_id
    approved = await repository.approved_of_inmate(session, held.id)
    if not any(one.relative_id == form.guardian_id and not one.minor for one in approved):
        text = "This guardian is not approved to visit the same person."
        raise Refused([forms.reason("guardian_id", "not-approved", text)])
    return form.guardian_id


def _new(
    visitor: RelativeRow, held: Inmate, form: ApplicationForm, guardian_id: str | None
) -> RelationshipRow:
    now = clock.now()
    return RelationshipRow(
        id=new_id("rsp"),
        relative_id=visitor.id,
        inmate_id=held.id,
        kinship=Kinship(form.kinship),
        note=form.note.strip(),
        state=RelationshipState.PENDING,
        reason=None,
        words="",
        guardian_id=guardian_id,
        guardian_consent_at=now if guardian_id else None,
        applied_at=now,
        decided_by_kind=None,
        decided_by_id=None,
        decided_at=None,
    )


async def _keep_proofs(
    session: Session, means: Means, actor: Identity, row: RelationshipRow, contents: list[Content]
) -> None:
    ids = await proofs.keep(session, means, row.id, contents)
    subject = Ref("relationship", row.id)
    record(
        session,
        "family:relationship:applied",
        actor=actor.subject,
        subject=subject,
        inmate=row.inmate_id,
        relative=row.relative_id,
        kinship=row.kinship,
        proofs=ids,
        guardian=row.guardian_id,
    )


async def _view(session: Session, relationship_id: str) -> Relationship:
    view = await repository.relationship_by_id(session, relationship_id)
    if view is None:
        raise NotFound
    return view


async def relationship_for(session: Session, actor: Identity, relationship_id: str) -> Relationship:
    """One that concerns the actor: own or of a minor in one's care, or in the officer's prison."""
    view = await _view(session, relationship_id)
    if Role.RELATIVE in actor.roles:
        row = await session.get(RelativeRow, view.relative_id)
        theirs = row is not None and actor.subject.id in (row.id, row.guardian_id)
    else:
        theirs = bool({Role.APPROVER, Role.MONITOR} & actor.roles) and actor.prison_id == view.prison_id
    if not theirs:
        raise NotFound
    return view


async def to_decide(session: Session, actor: Identity, relationship_id: str) -> Relationship:
    """An application that the acting officer may decide. Raises `Forbidden`, `NotFound`, `OwnCase`."""
    if Role.APPROVER not in actor.roles or not actor.strong:
        raise Forbidden
    view = await relationship_for(session, actor, relationship_id)
    if await _is_part(session, actor, view):
        raise OwnCase
    return view


async def _is_part(session: Session, actor: Identity, view: Relationship) -> bool:
    """Whether the officer's own document is the visitor's, the guardian's or another visitor's of the inmate."""
    officer = await session.get(StaffRow, actor.subject.id)
    if officer is None or officer.person_index is None:
        return False
    visitors = select(RelationshipRow.relative_id).where(RelationshipRow.inmate_id == view.inmate_id)
    own = select(RelativeRow.id).where(
        RelativeRow.document_index == officer.person_index,
        RelativeRow.id.in_(visitors) | (RelativeRow.id == view.guardian_id),
    )
    return await session.scalar(own) is not None


async def _move(
    session: Session, view: Relationship, to: RelationshipState, by: Ref, **values: Any
) -> Relationship:
    """The only way to another state; whoever comes second gets `Conflict`."""
    moved = await session.execute(
        update(RelationshipRow)
        .where(RelationshipRow.id == view.id, RelationshipRow.state.in_(RELATIONSHIP_MOVES[to]))
        .values(state=to, decided_by_kind=by.kind, decided_by_id=by.id, decided_at=clock.now(), **values)
        .returning(RelationshipRow.id)
    )
    if moved.first() is None:
        raise Conflict
    return await _view(session, view.id)


async def approve(session: Session, actor: Identity, relationship_id: str) -> Relationship:
    """Raises `NotFound`, `Forbidden`, `OwnCase`, `Conflict`."""
    view = await to_decide(session, actor, relationship_id)
    decided = await _move(session, view, RelationshipState.APPROVED, actor.subject)
    record(
        session, "officer:relationship:approved", actor=actor.subject, subject=Ref("relationship", view.id)
    )
    await letters.tell(
        session, view.relative_id, "relationship-approved", {}, dedupe=f"relationship:{view.id}:approved"
    )
    return decided


async def refuse(
    session: Session, actor: Identity, relationship_id: str, reason: str, words: str
) -> Relationship:
    """`reason`: a code of `REFUSAL_TEXTS`; the relative reads its sentence and `words`. Raises as `approve`,
    and `Refused` (`reason-missing`, `words-missing`).
    """
    view = await to_decide(session, actor, relationship_id)
    forms.raise_all(_reason_problems(reason, words, REFUSAL_TEXTS))
    decided = await _move(
        session, view, RelationshipState.REFUSED, actor.subject, reason=reason, words=words.strip()
    )
    subject = Ref("relationship", view.id)
    record(session, "officer:relationship:refused", actor=actor.subject, subject=subject, reason=reason)
    await letters.tell(
        session, view.relative_id, "relationship-refused", {}, dedupe=f"relationship:{view.id}:refused"
    )
    return decided


def _reason_problems(reason: str, words: str, texts: dict[str, str]) -> list[Reason]:
    """A refusal says why: a code of the list, and words where the code says nothing."""
    problems = []
    if reason not in texts:
        problems.append(forms.reason("reason", "missing", "Please choose a reason."))
    if reason == "other" and not words.strip():
        problems.append(forms.reason("words", "missing", "Please give the reason in words."))
    if len(words) > _WORDS_MAX:
        text = "This is too long. {limit} characters at most."
        problems.append(forms.reason("words", "too-long", text, limit=_WORDS_MAX))
    return problems


async def end(
    session: Session, actor: Identity, relationship_id: str, reason: str, words: str
) -> Relationship:
    """Ends an approved one; `reason`: a code of `ENDING_TEXTS`. The caller then tells the scheduler."""
    view = await to_decide(session, actor, relationship_id)
    forms.raise_all(_reason_problems(reason, words, ENDING_TEXTS))
    ended = await _move(
        session, view, RelationshipState.ENDED, actor.subject, reason=reason, words=words.strip()
    )
    subject = Ref("relationship", view.id)
    record(session, "officer:relationship:ended", actor=actor.subject, subject=subject, reason=reason)
    await letters.tell(
        session, view.relative_id, "relationship-ended", {}, dedupe=f"relationship:{view.id}:ended"
    )
    return ended


async def withdraw(session: Session, actor: Identity, relationship_id: str) -> Relationship:
    """By the family, before or after approval. The caller then tells the scheduler."""
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    view = await relationship_for(session, actor, relationship_id)
    withdrawn = await _move(session, view, RelationshipState.WITHDRAWN, actor.subject)
    record(
        session, "family:relationship:withdrawn", actor=actor.subject, subject=Ref("relationship", view.id)
    )
    return withdrawn


async def seed_relationship(
    session: Session, by: Ref, relative_id: str, inmate_id: str, kinship: Kinship
) -> Relationship:
    """One that was approved elsewhere, on paper (or in a demonstration), without proof files."""
    visitor, held = await session.get(RelativeRow, relative_id), await session.get(InmateRow, inmate_id)
    if visitor is None or held is None:
        raise NotFound
    form = ApplicationForm(held.prison_id, held.number, held.name, kinship)
    row = _new(visitor, repository.as_inmate(held), form, visitor.guardian_id)
    session.add(row)
    await session.flush()
    view = await _view(session, row.id)
    record(
        session, "admin:relationship:entered", actor=by, subject=Ref("relationship", row.id), kinship=kinship
    )
    return await _move(session, view, RelationshipState.APPROVED, by)
