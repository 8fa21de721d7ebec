"""The only writer of the ledger. An entry belongs to the transaction of the session it is recorded in.

`record` only notes the entry; `append_pending`, registered as the database's last hook before a commit,
numbers and chains all that was noted, holding the head's lock for that instant alone. If the transaction
fails, neither the change nor its entry exists.
"""

from datetime import UTC
from typing import Any

from core import clock
from core.db import Database, Session
from core.ids import Ref
from ledger import appending, chain, tags
from ledger.chain import Noted


def record(session: Session, tag: str, *, actor: Ref, subject: Ref, **details: Any) -> None:
    """Notes one step. `details` must be JSON values; they name people by id only.

    Raises `ValueError` or `TypeError` at once for a bad tag or details without canonical form.
    """
    now = clock.now().astimezone(UTC).isoformat(timespec="microseconds")
    text = chain.canonical(details)
    noted = Noted(now, tags.check(tag), actor.kind, actor.id, subject.kind, subject.id, text)
    session.info.setdefault("ledger", []).append(noted)


async def append_pending(session: Session) -> None:
    """Chains what `record` noted in this session; the last thing before its commit."""
    if pending := session.info.pop("ledger", []):
        await appending.append(await session.connection(), pending)


def install(db: Database) -> None:
    """Makes `db` chain the ledger before each commit; every process that writes calls it once."""
    db.before_commit(append_pending)
