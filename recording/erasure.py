"""What somebody asks to be erased (PIPL arts. 45, 47 and 50): asked for, decided by a second person, carried out.

asked → agreed → done; or refused (with words), or withdrawn. What the law lets go goes at once; what must be kept
still is named with the reason, and looked at again until its time has come. Entries of the ledger stay: they name
people by id, and after this the id leads to nobody.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, select, update

from core import clock
from core.db import Database, Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused
from core.ids import SYSTEM, Ref, new_id
from core.log import fields
from ledger.record import record
from people.erasing import Share
from people.model import Identity, Role
from people.tables import RelativeRow, StaffRow
from recording.erasure_table import ErasureRow
from recording.errors import AskedBefore

WORDS_MAX = 300
AGAIN = timedelta(days=1)  # how soon what has no known end is looked at again
FOREVER = frozenset({"ledger", "case-file", "acts"})  # reasons that do not pass
_WHO = {
    "relative": "family",
    "officer": "officer",
    "counsel": "counsel",
    "admin": "admin",
    "auditor": "auditor",
}
_DECIDES = frozenset({Role.APPROVER, Role.ADMIN})
_log = logging.getLogger(__name__)

Part = Callable[[Session, Sequence[str]], Awaitable[list[Share]]]  # erases what may go of those people's


class ErasureState(StrEnum):
    ASKED = "asked"
    AGREED = "agreed"  # under way: something must still be kept
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[ErasureState, frozenset[ErasureState]] = {
    ErasureState.ASKED: frozenset({ErasureState.AGREED, ErasureState.REFUSED, ErasureState.WITHDRAWN}),
    ErasureState.AGREED: frozenset({ErasureState.DONE}),
    ErasureState.DONE: frozenset(),
    ErasureState.REFUSED: frozenset(),
    ErasureState.WITHDRAWN: frozenset(),
}
OVER = frozenset(state for state, moves in MOVES.items() if not moves)


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one kind of data so far. `until`: ISO 8601, empty where nobody can know."""

    what: str
    erased: int
    kept: int
    why: str
    until: str


@dataclass(frozen=True, slots=True)
class Wish:
    """`problem`: the first thing that stands in its way, as from `recording.erasure_parts.in_the_way`."""

    words: str
    prison_id: str | None
    problem: Reason | None = None


async def ask(session: Session, actor: Identity, wish: Wish) -> str:
    """Answers the secret of the page that tells how it stands, for whose account will be gone. Raises `Refused`,
    `Forbidden`, `AskedBefore`."""
    if actor.subject.kind not in _WHO:
        raise Forbidden
    if wish.problem is not None:
        raise Refused([wish.problem])
    if await of_subject(session, actor.subject) is not None:
        raise AskedBefore
    secret = secrets.token_urlsafe(24)
    row = ErasureRow(
        id=new_id("era"),
        subject_kind=actor.subject.kind,
        subject_id=actor.subject.id,
        open_for=actor.subject.id,
        prison_id=wish.prison_id,
        state=ErasureState.ASKED.value,
        words=wish.words.strip()[:WORDS_MAX],
        asked_at=clock.now(),
        receipt=_digest(secret),
    )
    session.add(row)
    await session.flush()
    tag = f"{_WHO[row.subject_kind]}:erasure:asked"
    record(session, tag, actor=actor.subject, subject=Ref("erasure", row.id))
    return secret


async def withdraw(session: Session, actor: Identity) -> None:
    """Raises `NotFound`, `Conflict` where it was decided meanwhile."""
    one = await of_subject(session, actor.subject)
    if one is None:
        raise NotFound
    await _move(session, one.id, ErasureState.ASKED, ErasureState.WITHDRAWN)
    tag = f"{_WHO[one.subject_kind]}:erasure:withdrawn"
    record(session, tag, actor=actor.subject, subject=Ref("erasure", one.id))


async def decide(
    session: Session, actor: Identity, erasure_id: str, agreed: bool, words: str, problem: Reason | None
) -> ErasureRow:
    """Raises `NotFound` (another prison's, as none), `Forbidden` for one's own, `Refused`, `Conflict`."""
    one = await theirs(session, actor, erasure_id)
    if await _own(session, actor, one):
        raise Forbidden
    if agreed and problem is not None:
        raise Refused([problem])
    if not agreed and not words.strip():
        text = "Please say in a few words why it is refused."
        raise Refused([Reason("words-missing", text, {"field": "words"})])
    now = clock.now()
    new = ErasureState.AGREED if agreed else ErasureState.REFUSED
    values = {"decided_kind": actor.subject.kind, "decided_id": actor.subject.id, "decided_at": now}
    refusal = "" if agreed else words.strip()[:WORDS_MAX]
    next_at = now if agreed else None
    await _move(session, one.id, ErasureState.ASKED, new, refusal=refusal, next_at=next_at, **values)
    tag = f"{actor.subject.kind}:erasure:{new.value}"
    record(session, tag, actor=actor.subject, subject=Ref("erasure", one.id))
    return one


async def carry_out(db: Database, parts: Sequence[Part]) -> int:
    """Erases what may go now of all that was agreed to; answers of how many people."""
    async with db.read() as session:
        due = (ErasureRow.state == ErasureState.AGREED.value, ErasureRow.next_at <= clock.now())
        ids = (await session.scalars(select(ErasureRow.id).where(*due).order_by(ErasureRow.id))).all()
    done = 0
    for erasure_id in ids:
        try:
            async with db.write() as session:
                await _carry_out(session, erasure_id, parts)
        except Conflict:  # another worker has just done it
            continue
        done += 1
        _log.info("- erasure %s", fields(id=erasure_id))
    return done


async def _carry_out(session: Session, erasure_id: str, parts: Sequence[Part]) -> None:
    """One transaction: the data, the report and its entry. Claimed by moving its next time first."""
    now = clock.now()
    due = (ErasureRow.next_at <= now,)
    await _changed(session, erasure_id, ErasureState.AGREED, *due, next_at=now + AGAIN)
    one = await get(session, erasure_id)
    people = await people_of(session, one)
    shares = [share for part in parts for share in await part(session, people)]
    lines = _added(lines_of(one), shares)
    entered = {
        "erased": {share.what: share.erased for share in shares if share.erased},
        "kept": {share.what: [share.kept, share.why] for share in shares if share.kept},
    }
    waits = [share for share in shares if share.kept and share.why not in FOREVER]
    report = json.dumps([asdict(line) for line in lines])
    if entered["erased"] or not waits:
        subject = Ref("erasure", erasure_id)
        record(session, "system:erasure:carried-out", actor=SYSTEM, subject=subject, **entered)
    if waits:
        known = [share.until for share in waits if share.until is not None and share.until > now]
        until = min(known) if len(known) == len(waits) else now + AGAIN
        await _changed(session, erasure_id, ErasureState.AGREED, report=report, next_at=until)
    else:
        values = {"report": report, "next_at": None, "done_at": now}
        await _move(session, erasure_id, ErasureState.AGREED, ErasureState.DONE, **values)


def _added(before: Sequence[Line], shares: Iterable[Share]) -> list[Line]:
    """What was erased adds up over all turns; what is kept is as the last one found it."""
    erased = {line.what: line.erased for line in before}
    lines = []
    for share in shares:
        until = share.until.isoformat(timespec="seconds") if share.until else ""
        total = erased.get(share.what, 0) + share.erased
        lines.append(Line(share.what, total, share.kept, share.why, until))
    return lines


def lines_of(one: ErasureRow) -> list[Line]:
    return [Line(**line) for line in json.loads(one.report or "[]")]


async def people_of(session: Session, one: ErasureRow) -> list[str]:
    """Ids: whoever asked, and the children in that account."""
    children = (
        select(RelativeRow.id).where(RelativeRow.guardian_id == one.subject_id).order_by(RelativeRow.id)
    )
    return [one.subject_id, *(await session.scalars(children))]


async def of_subject(session: Session, subject: Ref) -> ErasureRow | None:
    """The wish that is not over."""
    return await session.scalar(select(ErasureRow).where(ErasureRow.open_for == subject.id))


async def latest_of(session: Session, subject: Ref) -> ErasureRow | None:
    query = select(ErasureRow).where(ErasureRow.subject_id == subject.id).order_by(ErasureRow.id.desc())
    return await session.scalar(query.limit(1))


async def by_receipt(session: Session, secret: str) -> ErasureRow:
    """Raises `NotFound`."""
    found = await session.scalar(select(ErasureRow).where(ErasureRow.receipt == _digest(secret)))
    if found is None:
        raise NotFound
    return found


async def get(session: Session, erasure_id: str) -> ErasureRow:
    """Raises `NotFound`."""
    found = await session.get(ErasureRow, erasure_id, populate_existing=True)
    if found is None:
        raise NotFound
    return found


async def theirs(session: Session, actor: Identity, erasure_id: str) -> ErasureRow:
    """One that the actor may decide. Raises `Forbidden`, `NotFound`."""
    if not actor.roles & _DECIDES:
        raise Forbidden
    one = await get(session, erasure_id)
    if not _reaches(actor, one.prison_id):
        raise NotFound
    return one


async def to_decide(session: Session, actor: Identity, limit: int = 100) -> list[ErasureRow]:
    """All within the actor's reach, what waits first, then the newest."""
    waiting = (ErasureRow.state == ErasureState.ASKED.value).desc()
    query = select(ErasureRow).order_by(waiting, ErasureRow.id.desc()).limit(limit)
    if actor.prison_id is not None:
        query = query.where(ErasureRow.prison_id == actor.prison_id)
    return [one for one in await session.scalars(query) if _reaches(actor, one.prison_id)]


def _reaches(actor: Identity, prison_id: str | None) -> bool:
    """Administrators without a prison are there for all of them; everybody else for their own."""
    everywhere = actor.prison_id is None and Role.ADMIN in actor.roles
    return everywhere or (prison_id is not None and actor.prison_id == prison_id)


async def _own(session: Session, actor: Identity, one: ErasureRow) -> bool:
    """Whether it is the decider's own account, or their document that of somebody in it."""
    if actor.subject.id == one.subject_id:
        return True
    officer = await session.get(StaffRow, actor.subject.id)
    if officer is None or officer.person_index is None:
        return False
    people = await people_of(session, one)
    own = select(RelativeRow.id).where(
        RelativeRow.document_index == officer.person_index, RelativeRow.id.in_(people)
    )
    return await session.scalar(own) is not None


async def _move(
    session: Session, erasure_id: str, old: ErasureState, new: ErasureState, **values: Any
) -> None:
    if new not in MOVES[old]:
        raise ValueError(f"no move from {old} to {new}")
    if new in OVER:
        values["open_for"] = None
    await _changed(session, erasure_id, old, state=new.value, **values)


async def _changed(
    session: Session, erasure_id: str, old: ErasureState, *where: ColumnElement[bool], **values: Any
) -> None:
    result = await session.execute(
        update(ErasureRow)
        .where(ErasureRow.id == erasure_id, ErasureRow.state == old.value, *where)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    if result.rowcount != 1:
        raise Conflict


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
