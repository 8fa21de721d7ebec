"""Copies that leave: asked for with a purpose, approved by a second person, fetched once, then gone (rules P9).

asked → approved → ready → fetched; or refused, failed, expired. What is rendered is in `recording.bundling`.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, select, update

import ledger.record
from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused
from core.ids import SYSTEM, Ref, new_id
from people.model import Identity, Role
from recording import repository
from recording.errors import NothingToHandOut
from recording.export_table import ExportRow
from recording.model import RecordingState

PURPOSES = frozenset({"court", "procuratorate", "counsel", "complaint", "subject", "authority"})
RECEIVER_MAX, WORDS_MAX = 60, 300
LASTS = timedelta(hours=72)  # how long a bundle waits for whoever it is for
_DECIDES = frozenset({Role.APPROVER, Role.ADMIN})
_ASKS = frozenset({Role.MONITOR, Role.APPROVER, Role.ADMIN})


class ExportState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"  # the worker makes it
    READY = "ready"
    FETCHED = "fetched"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"  # nobody fetched it in time


MOVES: Mapping[ExportState, frozenset[ExportState]] = {
    ExportState.ASKED: frozenset({ExportState.APPROVED, ExportState.REFUSED}),
    ExportState.APPROVED: frozenset({ExportState.READY, ExportState.FAILED}),
    ExportState.READY: frozenset({ExportState.FETCHED, ExportState.EXPIRED}),
    ExportState.FETCHED: frozenset(),
    ExportState.REFUSED: frozenset(),
    ExportState.FAILED: frozenset(),
    ExportState.EXPIRED: frozenset(),
}


async def ask(
    session: Session, actor: Identity, booking_id: str, purpose: str, words: str, receiver: str
) -> str:
    """Answers the export's id. Raises `Refused` with all that is missing, `NothingToHandOut`."""
    if not actor.roles & _ASKS:
        raise Forbidden
    reasons = []
    if purpose not in PURPOSES:
        reasons.append(Reason("purpose-missing", "Please choose what the copy is for.", {"field": "purpose"}))
    if not 0 < len(words.strip()) <= WORDS_MAX:
        reasons.append(
            Reason(
                "words-missing", "Please say why in a few words, or give the file number.", {"field": "words"}
            )
        )
    if not 0 < len(receiver.strip()) <= RECEIVER_MAX:
        reasons.append(
            Reason(
                "receiver-missing",
                "Please name who receives it: it will stand over the picture.",
                {"field": "receiver"},
            )
        )
    if reasons:
        raise Refused(reasons)
    takes = await repository.of_booking(session, booking_id)
    if not any(take.state is RecordingState.SEALED for take in takes):
        raise NothingToHandOut
    export_id = new_id("exp")
    session.add(
        ExportRow(
            id=export_id,
            booking_id=booking_id,
            prison_id=await repository.prison_of(session, booking_id),
            state=ExportState.ASKED.value,
            purpose=purpose,
            words=words.strip(),
            receiver=receiver.strip(),
            asked_kind=actor.subject.kind,
            asked_id=actor.subject.id,
            asked_at=clock.now(),
        )
    )
    _enter(session, f"{actor.subject.kind}:export:asked", actor.subject, export_id, purpose=purpose)
    return export_id


async def decide(session: Session, actor: Identity, export_id: str, approved: bool, words: str = "") -> None:
    """Somebody else than who asked approves or refuses. Raises `Forbidden`, `Refused`, `Conflict`."""
    one = await get(session, export_id)
    if not may_decide(actor, one):
        raise Forbidden
    if not approved and not words.strip():
        raise Refused(
            [Reason("words-missing", "Please say in a few words why it is refused.", {"field": "words"})]
        )
    new = ExportState.APPROVED if approved else ExportState.REFUSED
    who = {"decided_kind": actor.subject.kind, "decided_id": actor.subject.id, "decided_at": clock.now()}
    await move(session, export_id, ExportState.ASKED, new, refusal=words.strip()[:WORDS_MAX], **who)
    tag = f"{actor.subject.kind}:export:{new.value}"
    _enter(session, tag, actor.subject, export_id, booking=one.booking_id)


def may_decide(actor: Identity, one: ExportRow) -> bool:
    """Somebody who decides, and never on what they asked for themselves."""
    own = (one.asked_kind, one.asked_id) == (actor.subject.kind, actor.subject.id)
    return bool(actor.roles & _DECIDES) and not own


async def link(session: Session, actor: Identity, export_id: str) -> str:
    """The secret of the one link to a ready bundle; a new one makes the one before useless. Raises `Conflict`."""
    secret = secrets.token_urlsafe(32)
    ready = (ExportRow.id == export_id, ExportRow.state == ExportState.READY.value)
    if await _changed(session, *ready, link=_digest(secret)) != 1:
        raise Conflict
    _enter(session, f"{actor.subject.kind}:export:linked", actor.subject, export_id)
    return secret


async def by_link(session: Session, secret: str) -> ExportRow:
    """What a link leads to. Raises `NotFound` for one that was used, is too old or never was."""
    found = await session.scalar(
        select(ExportRow).where(
            ExportRow.link == _digest(secret),
            ExportRow.state == ExportState.READY.value,
            ExportRow.expires_at > clock.now(),
        )
    )
    if found is None:
        raise NotFound
    return found


async def use(session: Session, secret: str) -> ExportRow:
    """Uses a link up: of two at once exactly one gets the bundle, the other `NotFound`."""
    one = await by_link(session, secret)
    now = clock.now()
    try:
        await move(
            session,
            one.id,
            ExportState.READY,
            ExportState.FETCHED,
            ExportRow.expires_at > now,
            fetched_at=now,
        )
    except Conflict as error:
        raise NotFound from error
    _enter(session, "system:export:fetched", SYSTEM, one.id, booking=one.booking_id)
    return one


async def get(session: Session, export_id: str) -> ExportRow:
    """Raises `NotFound`."""
    found = await session.get(ExportRow, export_id, populate_existing=True)
    if found is None:
        raise NotFound
    return found


async def of_prison(session: Session, prison_id: str, limit: int = 50) -> list[ExportRow]:
    """The newest first."""
    query = select(ExportRow).where(ExportRow.prison_id == prison_id).order_by(ExportRow.id.desc())
    return list(await session.scalars(query.limit(limit)))


async def move(
    session: Session,
    export_id: str,
    old: ExportState,
    new: ExportState,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> None:
    """Raises `ValueError` for a move that the table does not have, `Conflict` where the state was another."""
    if new not in MOVES[old]:
        raise ValueError(f"no move from {old} to {new}")
    where = (ExportRow.id == export_id, ExportRow.state == old.value, *conditions)
    if await _changed(session, *where, state=new.value, **values) != 1:
        raise Conflict


async def claim(session: Session, export_id: str, token: str, until: datetime, progress: int = 0) -> bool:
    """Takes or keeps the right to make a bundle, telling how far it is; False where another has it."""
    free = (
        (ExportRow.claim == token)
        | ExportRow.claimed_until.is_(None)
        | (ExportRow.claimed_until < clock.now())
    )
    where = (ExportRow.id == export_id, ExportRow.state == ExportState.APPROVED.value, free)
    values = {"claim": token, "claimed_until": until, "progress": progress}
    return await _changed(session, *where, **values) == 1


async def try_again(session: Session, export_id: str, token: str, not_before: datetime) -> int:
    """Gives a failed try back; answers how many there were, 0 where another has the claim."""
    mine = (
        ExportRow.id == export_id,
        ExportRow.claim == token,
        ExportRow.state == ExportState.APPROVED.value,
    )
    values = {"claim": None, "claimed_until": not_before, "tries": ExportRow.tries + 1}
    changed = await _changed(session, *mine, **values)
    return (await get(session, export_id)).tries if changed else 0


async def _changed(session: Session, *where: ColumnElement[bool], **values: Any) -> int:
    result = await session.execute(
        update(ExportRow).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    return result.rowcount


def _enter(session: Session, tag: str, actor: Ref, export_id: str, **details: str) -> None:
    ledger.record.record(session, tag, actor=actor, subject=Ref("export", export_id), **details)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
