"""How long recordings are kept, and what happens then (rules P7, R6).

Each recording knows from its birth until when it is kept. Once that has passed, and only while no legal hold
lies on it, its row goes to `deleting` in one conditional UPDATE: whoever holds it first wins, and from there
on it can no longer be held. Only then do the files go; the proof of it stays.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

import ledger.record
from core import clock, keys
from core.db import Database, Session
from core.errors import Conflict, Misconfigured
from core.ids import SYSTEM, Ref
from core.log import fields
from core.settings import Settings
from policy import repository as policies
from policy.model import BadPolicy, PolicyIncomplete, PolicyUnknown
from recording import deletion, finding, folder, repository, seal, storing, vault
from recording.deletion import Deletion
from recording.errors import StoreUnavailable
from recording.model import MOVES, RecordingState
from recording.store import Shelf
from recording.tables import EventRow, HoldRow, RecordingRow, TrackRow

DELETED = "system:recording:deleted"
_MORTAL = tuple(state for state in RecordingState if RecordingState.DELETING in MOVES[state])
_WHY = "kept-long-enough"

_log = logging.getLogger(__name__)


async def keep_until(session: Session, settings: Settings, prison_id: str, started_at: datetime) -> datetime:
    """Until when a recording is kept: as long as the prison's rules say, and never longer than the installation does,
    which is what the privacy page tells people. Raises `Misconfigured` where nobody has decided that."""
    if settings.recording_days is None:
        raise Misconfigured(problem="KINBRIDGE_RECORDING_DAYS: must be set, there is no lawful default")
    days = settings.recording_days
    with contextlib.suppress(PolicyUnknown, PolicyIncomplete, BadPolicy):  # no reason to lose a recording
        days = min(days, (await policies.current(session, prison_id, started_at)).values.recording_kept_days)
    return started_at + timedelta(days=days)


async def delete_expired(db: Database, settings: Settings) -> int:
    """Deletes what is past its time and not held, and goes on with what was cut off; answers how many went."""
    async with db.read() as session:
        due = await _due(session, clock.now())
    done = 0
    for recording_id, state in due:
        if state is not RecordingState.DELETING and not await _begin(db, recording_id, state):
            continue
        done += await _finish(db, settings, recording_id)
    return done


def _unheld() -> tuple[ColumnElement[bool], ...]:
    """The row's count decides a race with a hold; the holds themselves decide for a take that began later."""
    active = exists().where(HoldRow.booking_id == RecordingRow.booking_id, HoldRow.released_at.is_(None))
    return RecordingRow.holds == 0, ~active


async def _due(session: Session, now: datetime) -> Sequence[tuple[str, RecordingState]]:
    mortal = RecordingRow.state.in_([state.value for state in _MORTAL])
    rows = await session.execute(
        select(RecordingRow.id, RecordingRow.state)
        .where(
            or_(
                RecordingRow.state == RecordingState.DELETING.value,
                mortal & (RecordingRow.keep_until < now) & _unheld()[0] & _unheld()[1],
            )
        )
        .order_by(RecordingRow.keep_until, RecordingRow.id)
    )
    return [(row[0], RecordingState(row[1])) for row in rows]


async def _begin(db: Database, recording_id: str, state: RecordingState) -> bool:
    now = clock.now()
    past = RecordingRow.keep_until < now
    try:
        async with db.write() as session:
            await repository.move(
                session, recording_id, state, RecordingState.DELETING, past, *_unheld(), deleted_at=now
            )
            key = await vault.destroy(session, recording_id, now)  # no copy opens from here on
            subject = Ref("recording", recording_id)
            ledger.record.record(
                session, "system:recording:expired", actor=SYSTEM, subject=subject, state=state.value, key=key
            )
    except Conflict:
        return False  # held meanwhile, or another worker was first
    return True


async def _finish(db: Database, settings: Settings, recording_id: str) -> bool:
    async with db.read() as session:
        one = await repository.row(session, recording_id)
        shredded = await vault.destroyed(session, recording_id)
    why = Deletion(
        one.id, one.booking_id, one.retention, one.keep_until, one.deleted_at or clock.now(), _WHY, shredded
    )
    try:
        path = folder.root(settings) / one.folder
        known = {} if one.damage else await asyncio.to_thread(seal.digests, path)  # it says what really went
        shelf = None if one.store is None else await asyncio.to_thread(storing.shelf_of, settings, one)
        proof = await asyncio.to_thread(_delete, settings, path, why, known, shelf)
        await _deleted(db, one, proof)
    except (OSError, StoreUnavailable) as error:  # it stays `deleting` and is tried again at the next turn
        _log.error("x delete %s", fields(id=recording_id, error=error))
        return False
    except Conflict:
        return False  # another worker has finished it
    _log.info("- recording %s", fields(id=recording_id, state="deleting -> deleted", proof=proof))
    return True


def _delete(
    settings: Settings, path: Path, why: Deletion, known: Mapping[str, str], shelf: Shelf | None
) -> str:
    return deletion.delete(path, why, known, keys.signer(settings.data_dir), shelf)


async def _deleted(db: Database, one: RecordingRow, proof: str) -> None:
    """One transaction: the state, what the rows still told of its content, the ledger's entry."""
    async with db.write() as session:
        await repository.move(session, one.id, RecordingState.DELETING, RecordingState.DELETED)
        await session.execute(delete(EventRow).where(EventRow.recording_id == one.id))
        await session.execute(
            update(TrackRow).where(TrackRow.recording_id == one.id).values(file_name="", bytes=0, gaps="[]")
        )
        await finding.index(session, one.id)  # what its notes said is found no more
        ledger.record.record(
            session,
            DELETED,
            actor=SYSTEM,
            subject=Ref("recording", one.id),
            manifest=one.manifest_digest,
            proof=proof,
            why=_WHY,
        )
