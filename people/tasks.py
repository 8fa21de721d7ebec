"""What the worker does for people: forgetting in time (PIPL arts. 19 and 47)."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from ledger.record import record
from people import proofs
from people.means import Means
from people.model import PROOF_KEPT_DAYS, RelationshipState
from people.tables import ChallengeRow, KnownDeviceRow, OneTimeCodeRow, ProofRow, RelationshipRow, SessionRow

_SECRETS_KEPT = timedelta(hours=1)  # codes and challenges, after they ran out
_SESSIONS_KEPT = timedelta(days=30)  # for the person's own list; the ledger keeps the facts
_DEVICES_KEPT = timedelta(days=400)
_ORPHAN_AGE = 3600  # seconds; a file younger than this may belong to a transaction that still runs
_OVER = (RelationshipState.REFUSED, RelationshipState.WITHDRAWN, RelationshipState.ENDED)


async def forget(db: Database) -> None:
    """Deletes secrets, sessions and browsers that have run out."""
    now = clock.now()
    async with db.write() as session:
        await session.execute(
            delete(OneTimeCodeRow).where(
                OneTimeCodeRow.expires_at < now - _SECRETS_KEPT,
                OneTimeCodeRow.register_until.is_(None) | (OneTimeCodeRow.register_until < now),
            )
        )
        await session.execute(delete(ChallengeRow).where(ChallengeRow.expires_at < now - _SECRETS_KEPT))
        await session.execute(delete(SessionRow).where(SessionRow.expires_at < now - _SESSIONS_KEPT))
        await session.execute(delete(KnownDeviceRow).where(KnownDeviceRow.seen_at < now - _DEVICES_KEPT))


async def delete_proofs(db: Database, means: Means) -> int:
    """Deletes the files of relationships that have been over for `PROOF_KEPT_DAYS`; answers how many."""
    async with db.write() as session:
        rows = (
            await session.scalars(
                select(ProofRow)
                .join(RelationshipRow, RelationshipRow.id == ProofRow.relationship_id)
                .where(
                    ProofRow.deleted_at.is_(None),
                    RelationshipRow.state.in_(_OVER),
                    RelationshipRow.decided_at < clock.now() - timedelta(days=PROOF_KEPT_DAYS),
                )
            )
        ).all()
        for row in rows:
            proofs.delete(session, means, row)
            record(session, "system:proof:deleted", actor=SYSTEM, subject=Ref("proof", row.id))
    return len(rows)


async def sweep_files(db: Database, means: Means) -> int:
    """Removes files that no row speaks of: their transaction failed, or a deletion was cut off."""
    gone = 0
    for folder in await asyncio.to_thread(_folders, means.proofs_dir):
        files = await asyncio.to_thread(_old_files, folder)
        async with db.read() as session:
            kept = set(
                await session.scalars(
                    select(ProofRow.file).where(
                        ProofRow.deleted_at.is_(None), ProofRow.file.startswith(folder.name, autoescape=True)
                    )
                )
            )
        for file in files:
            if file.suffix != ".box" or file.stem not in kept:
                with contextlib.suppress(FileNotFoundError):
                    await asyncio.to_thread(file.unlink)
                    gone += 1
    return gone


def _folders(root: Path) -> list[Path]:
    return [folder for folder in root.iterdir() if folder.is_dir()] if root.exists() else []


def _old_files(folder: Path) -> list[Path]:
    border = clock.now().timestamp() - _ORPHAN_AGE
    return [file for file in folder.iterdir() if file.is_file() and file.stat().st_mtime < border]
