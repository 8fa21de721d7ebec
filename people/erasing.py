"""Erasing what an account tells of a person (PIPL arts. 15 and 47): names, number, papers, and what signs in.

The row stays under its id, for visits and ledger entries name people by id only. Each step may be done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, select, update

from core import clock
from core.db import Session
from core.ids import SYSTEM, Ref
from people import proofs, sessions
from people.means import Means
from people.model import LIVE_RELATIONSHIPS, RelationshipState
from people.tables import (
    KnownDeviceRow,
    OneTimeCodeRow,
    ProofRow,
    RelationshipRow,
    RelativeRow,
    SessionRow,
)

ERASED = "—"  # stands where a name stood, in every language
NO_DAY = date(1900, 1, 1)  # stands where a birth date stood


@dataclass(frozen=True, slots=True)
class Share:
    """What became of one kind of data. `what`, `why`: codes of `recording.erasure`; `until`: when what was kept may go,
    as far as that is known."""

    what: str
    erased: int = 0
    kept: int = 0
    why: str = ""
    until: datetime | None = None


async def account(session: Session, means: Means, ids: Sequence[str], *, suspended: bool) -> list[Share]:
    """Accounts of relatives. `suspended`: the digest of the document stays, by which whoever may not visit is
    known again."""
    shares = [await _papers(session, means, ids)]
    erased = kept = 0
    rows = await session.scalars(select(RelativeRow).where(RelativeRow.id.in_(ids)))
    for row in rows.all():
        await _signed_out(session, means, row)
        kept += suspended
        gone = f"erased:{row.id}"
        if row.name == ERASED and (suspended or row.document_index == gone):
            continue
        erased += 1
        row.name, row.born, row.phone = ERASED, NO_DAY, None
        row.document_sealed, row.document_hint, row.password_hash = b"", ERASED, None
        if not suspended:
            row.document_index = gone
    return [*shares, Share("account", erased, kept, "suspension" if suspended else "")]


async def _signed_out(session: Session, means: Means, row: RelativeRow) -> None:
    me = Ref("relative", row.id)
    await sessions.revoke_all(session, me, SYSTEM, bus=means.bus)
    await session.flush()
    mine = (SessionRow.subject_kind == me.kind, SessionRow.subject_id == me.id)
    await session.execute(delete(SessionRow).where(*mine))
    await session.execute(delete(KnownDeviceRow).where(KnownDeviceRow.account_id == row.id))
    if row.phone is not None:
        await session.execute(delete(OneTimeCodeRow).where(OneTimeCodeRow.phone == row.phone))


async def _papers(session: Session, means: Means, ids: Sequence[str]) -> Share:
    """Who may visit whom ends; what was written about it and the papers that proved it go."""
    theirs = RelationshipRow.relative_id.in_(ids)
    await session.execute(
        update(RelationshipRow)
        .where(theirs, RelationshipRow.state.in_([state.value for state in LIVE_RELATIONSHIPS]))
        .values(
            state=RelationshipState.WITHDRAWN,
            decided_by_kind=SYSTEM.kind,
            decided_by_id=SYSTEM.id,
            decided_at=clock.now(),
        )
    )
    await session.execute(update(RelationshipRow).where(theirs).values(note="", words=""))
    mine = select(RelationshipRow.id).where(theirs)
    rows = await session.scalars(
        select(ProofRow).where(ProofRow.relationship_id.in_(mine), ProofRow.deleted_at.is_(None))
    )
    gone = rows.all()
    for row in gone:
        proofs.delete(session, means, row)
    return Share("papers", len(gone))
