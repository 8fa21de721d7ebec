"""The only writer of the ledger. An entry belongs to the transaction of the session it is recorded in.

`record` only notes the entry; `append_pending`, registered as the database's last hook before a commit,
numbers and chains all that was noted, holding the head's lock for that instant alone. If the transaction
fails, neither the change nor its entry exists.
"""

from datetime import UTC
from typing import Any

from sqlalchemy import select

from core import clock
from core.db import Database, Session
from core.ids import Ref
from ledger import chain, tags
from ledger.tables import EntryRow, HeadRow


def record(session: Session, tag: str, *, actor: Ref, subject: Ref, **details: Any) -> None:
    """Notes one step. `details` must be JSON values; they name people by id only.

    Raises `ValueError` or `TypeError` at once for a bad tag or details without canonical form.
    """
    now = clock.now().astimezone(UTC).isoformat(timespec="microseconds")
    text = chain.canonical(details)
    session.info.setdefault("ledger", []).append((now, tags.check(tag), actor, subject, text))


async def append_pending(session: Session) -> None:
    """Chains what `record` noted in this session; the last thing before its commit."""
    pending = session.info.pop("ledger", [])
    if not pending:
        return
    head = await session.scalar(
        select(HeadRow).where(HeadRow.id == 1).with_for_update().execution_options(populate_existing=True)
    )
    if head is None:
        raise RuntimeError("the ledger has no head: the database was not migrated")
    for at, tag, actor, subject, details in pending:
        blank = chain.Entry(
            head.seq + 1, at, tag, actor.kind, actor.id, subject.kind, subject.id, details, head.digest, ""
        )
        digest = chain.digest(blank)
        session.add(
            EntryRow(
                seq=blank.seq,
                at=at,
                tag=tag,
                actor_kind=actor.kind,
                actor_id=actor.id,
                subject_kind=subject.kind,
                subject_id=subject.id,
                details=details,
                previous=head.digest,
                digest=digest,
            )
        )
        head.seq, head.digest = blank.seq, digest
    await session.flush()


def install(db: Database) -> None:
    """Makes `db` chain the ledger before each commit; every process that writes calls it once."""
    db.before_commit(append_pending)
