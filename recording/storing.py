"""Sealed recordings go to the store: sent, read back, and only then taken off this machine.

Everything can be cut off at any point and is done again. While the store does not answer, recordings stay where they
were sealed; when the oldest has waited for longer than the policy allows, no new visit begins (`check`).
"""

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

import ledger.record
from core import clock
from core.db import Database, Session
from core.errors import Conflict
from core.ids import SYSTEM, Ref
from core.log import fields
from core.settings import Settings
from recording import clear, folder, repository, seal
from recording.clear import Clear
from recording.digest import digest_from
from recording.errors import StoreUnavailable
from recording.locked import Key
from recording.model import RecordingState
from recording.store import Shelf, open_store
from recording.tables import RecordingRow

STORED = "system:recording:stored"
S3 = "s3"
_STAYS = frozenset({folder.MANIFEST, folder.SIGNATURE, folder.INCLUSION})
_TIDY = timedelta(hours=1)  # what was stored so lately may still lie here, where a process ended in between
_BATCH = 20

_log = logging.getLogger(__name__)


class NotAsSentError(Exception):
    """What the store gives back is not what it was given."""


async def store_sealed(db: Database, settings: Settings) -> int:
    """Stores what waits, the oldest first; answers how many recordings that were. Raises `StoreUnavailable`."""
    store = await asyncio.to_thread(open_store, settings)
    if store is None:
        return 0
    async with db.read() as session:
        rows = await _waiting(session, _BATCH)
        stored = await _lately(session, clock.now() - _TIDY)
    for one in stored:
        await asyncio.to_thread(_take_off, folder.root(settings) / one.folder)
    done = 0
    for one in rows:
        path = folder.root(settings) / one.folder
        try:
            await asyncio.to_thread(_send, path, store.shelf(one.folder))
            await _note(db, one.id)
        except (OSError, NotAsSentError):
            _log.exception("x store %s", fields(id=one.id))
            continue  # another one may still be whole
        except Conflict:
            continue  # it is being deleted, or another worker was first
        await asyncio.to_thread(_take_off, path)
        done += 1
        _log.info("- recording %s", fields(id=one.id, store=S3))
    return done


async def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many sealed recordings are not stored yet, and when the oldest of them was sealed."""
    rows = await _waiting(session, None)
    return len(rows), rows[0].sealed_at if rows else None


async def check(session: Session, settings: Settings) -> None:
    """Raises `StoreUnavailable` when the store lags so far behind that no new visit shall begin."""
    if not settings.store_url or not settings.store_lag_minutes:
        return
    oldest = next(iter(await _waiting(session, 1)), None)
    limit = timedelta(minutes=settings.store_lag_minutes)
    if oldest is not None and oldest.sealed_at is not None and clock.now() - oldest.sealed_at > limit:
        raise StoreUnavailable


async def _waiting(session: Session, limit: int | None) -> list[RecordingRow]:
    query = (
        select(RecordingRow)
        .where(RecordingRow.state == RecordingState.SEALED.value, RecordingRow.store.is_(None))
        .order_by(RecordingRow.sealed_at, RecordingRow.id)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def _lately(session: Session, since: datetime) -> list[RecordingRow]:
    return list(await session.scalars(select(RecordingRow).where(RecordingRow.stored_at > since)))


def _send(path: Path, shelf: Shelf) -> None:
    """All files of a recording, the manifest last, and all read back. Raises `OSError`, `NotAsSentError`."""
    there = shelf.names()
    for one in seal.listed(seal.read_manifest(path) or {}):
        size = (path / one.name).stat().st_size
        if there.get(one.name) != size or not _is_there(shelf, one):
            shelf.put(path / one.name)
            if not _is_there(shelf, one):
                raise NotAsSentError(one.name)
    for name in (folder.SIGNATURE, folder.MANIFEST):
        shelf.put(path / name)


def _is_there(shelf: Shelf, one: seal.Listed) -> bool:
    return one.is_same(digest_from(shelf.open(one.name), one.digester()))


async def _note(db: Database, recording_id: str) -> None:
    async with db.write() as session:
        await repository.stored(session, recording_id, S3, clock.now())
        ledger.record.record(session, STORED, actor=SYSTEM, subject=Ref("recording", recording_id), store=S3)


def _take_off(path: Path) -> None:
    """What the store has is not needed here any more."""
    for name in seal.digests(path):
        if name not in _STAYS:
            (path / name).unlink(missing_ok=True)


def source(settings: Settings, one: RecordingRow, name: str) -> clear.Source:
    """Where a file of a recording lies, open. Raises `OSError`, `StoreUnavailable`."""
    path = folder.root(settings) / one.folder / name
    if one.store is None or path.is_file():
        return clear.Local(path)
    return shelf_of(settings, one).open(name)


def opened(settings: Settings, one: RecordingRow, key: Key | None, name: str) -> Clear:
    """A file of a recording in the clear; of a track, the finished file. Raises `OSError`, `DamagedError`,
    `StoreUnavailable`."""
    return clear.opened(source(settings, one, name), key, name, lambda other: source(settings, one, other))


def shelf_of(settings: Settings, one: RecordingRow) -> Shelf:
    """Raises `StoreUnavailable` where a store is needed that is not configured (any more)."""
    store = open_store(settings)
    if store is None:
        raise StoreUnavailable
    return store.shelf(one.folder)
