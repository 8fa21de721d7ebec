"""The recordings' own keys: made before the first byte, wrapped in the database, destroyed when the time has come.

Destroying a wrapped key makes every copy of the recording's files unreadable, wherever they lie.
"""

import asyncio
from collections import Counter
from datetime import datetime

from sqlalchemy import CursorResult, func, select, update

import ledger.record
from core import clock
from core.db import Database, Session
from core.ids import SYSTEM, Ref
from core.settings import Settings
from recording import masters
from recording.errors import KeyDestroyed
from recording.export_table import ExportRow
from recording.locked import Key
from recording.tables import KeyRow

REWRAPPED = "system:vault:rotated"
_BATCH = 200


async def make(session: Session, settings: Settings, recording_id: str) -> Key:
    """A new recording's key, wrapped by the newest master. Raises `Misconfigured`."""
    found = await asyncio.to_thread(masters.load, settings)
    key = Key.fresh()
    version, wrapped = found.wrap(key, recording_id)
    session.add(
        KeyRow(
            recording_id=recording_id,
            fingerprint=key.fingerprint,
            version=version,
            wrapped=wrapped,
            made_at=clock.now(),
        )
    )
    return key


async def key_of(session: Session, settings: Settings, recording_id: str) -> Key | None:
    """`None` for a recording from before files were locked. Raises `KeyDestroyed`, `MasterKeyMissing`."""
    row = await session.get(KeyRow, recording_id, populate_existing=True)
    if row is None:
        return None
    if row.wrapped is None:
        raise KeyDestroyed
    found = await asyncio.to_thread(masters.load, settings)
    return found.unwrap(row.version, row.wrapped, recording_id)


async def destroy(session: Session, recording_id: str, now: datetime) -> str | None:
    """Overwrites the wrapped key, for good; answers the fingerprint of what was destroyed, `None` where there
    was nothing to destroy (any more)."""
    row = await session.get(KeyRow, recording_id, populate_existing=True)
    if row is None or row.wrapped is None:
        return None
    row.wrapped, row.destroyed_at = None, now
    return row.fingerprint


async def destroyed(session: Session, recording_id: str) -> tuple[str, datetime] | None:
    """Fingerprint and moment of a destroyed key."""
    row = await session.get(KeyRow, recording_id, populate_existing=True)
    return None if row is None or row.destroyed_at is None else (row.fingerprint, row.destroyed_at)


async def versions(session: Session) -> dict[int, int]:
    """How many keys each version of the master wraps, those of bundles that wait to be fetched included."""
    found: Counter[int] = Counter()
    for version, wrapped in ((KeyRow.version, KeyRow.wrapped), (ExportRow.key_version, ExportRow.wrapped)):
        rows = await session.execute(
            select(version, func.count()).where(wrapped.is_not(None)).group_by(version)
        )
        found.update({int(row[0]): row[1] for row in rows if row[0] is not None})
    return dict(found)


async def rewrap(db: Database, settings: Settings) -> int:
    """Wraps anew, by the newest master, what older ones wrapped; no file is touched. May be cut off and done
    again, and run twice at once. Answers how many keys there were. Raises `MasterKeyMissing`."""
    found = await asyncio.to_thread(masters.load, settings)
    done = 0
    while True:
        async with db.write() as session:
            rows = (
                await session.scalars(
                    select(KeyRow)
                    .where(KeyRow.wrapped.is_not(None), KeyRow.version < found.newest)
                    .order_by(KeyRow.recording_id)
                    .limit(_BATCH)
                )
            ).all()
            for row in rows:
                done += await _rewrap(session, found, row)
            if not rows:
                ledger.record.record(
                    session, REWRAPPED, actor=SYSTEM, subject=Ref("vault", str(found.newest)), keys=done
                )
                return done


async def _rewrap(session: Session, found: masters.Masters, row: KeyRow) -> int:
    old = row.version
    if row.wrapped is None:
        return 0
    key = found.unwrap(old, row.wrapped, row.recording_id)
    version, wrapped = found.wrap(key, row.recording_id)
    same = (KeyRow.recording_id == row.recording_id, KeyRow.version == old, KeyRow.wrapped.is_not(None))
    result = await session.execute(
        update(KeyRow)
        .where(*same)
        .values(version=version, wrapped=wrapped)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    return result.rowcount
