"""What the worker does for recordings: take in what dead processes left behind, and seal what is finished."""

import asyncio
import errno
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import ledger.record
from core import clock, keys
from core.db import Database, Session
from core.errors import Conflict, Misconfigured
from core.ids import SYSTEM, Ref, new_id
from core.log import fields
from core.settings import Settings
from recording import finding, folder, repository, retention, service, vault
from recording.errors import MasterKeyMissing
from recording.model import INTERRUPTED, LEASE_S, RecordingState, RetentionClass
from recording.sealing import Facts, Sealed, event_details, is_for_people, seal_folder
from recording.tables import EventRow, RecordingRow, TrackRow

CLAIM = timedelta(minutes=10)  # for one track at the most; renewed before each
CLAIM_ANSWER_S = 30  # a loop that does not answer for so long has stopped
AGAIN = timedelta(seconds=15)  # after a failed try, twice as long after each further one
TRIES = 8  # then it is `failed`, about half an hour after the first try
_FULL = (errno.ENOSPC, errno.EDQUOT)

_log = logging.getLogger(__name__)


class _NotMineError(Exception):
    """Another process has the claim now."""


async def recover(db: Database, settings: Settings) -> int:
    """Recordings whose process is gone: those that were written become due for sealing, as interrupted;
    those that never began, or whose folder is gone, fail. Answers how many there were."""
    async with db.read() as session:
        rows = await repository.left_over(session, clock.now() - timedelta(seconds=LEASE_S))
    for one in rows:
        state = RecordingState(one.state)
        there = await asyncio.to_thread((folder.root(settings) / one.folder).is_dir)
        try:
            async with db.write() as session:
                if state is RecordingState.ARMED or not there:
                    await service.fail(session, one.id, state, "never-began" if not there else INTERRUPTED)
                else:
                    await service.finish(session, one.id, INTERRUPTED, ended_at=one.beat_at)
        except Conflict:
            continue  # another worker was first, or the node is alive after all
        _log.warning("- recording %s", fields(id=one.id, state=f"{state} -> {INTERRUPTED}"))
    return len(rows)


async def seal_finished(db: Database, settings: Settings) -> int:
    """Seals all that is due, the oldest first; answers how many were sealed. Where no recordings are at all, storage
    that others share is not mounted: nothing is said to be gone then."""
    if not await asyncio.to_thread(folder.mounted, settings):
        return 0
    await recover(db, settings)
    async with db.read() as session:
        ids = await repository.due(session, clock.now())
    done = 0
    for recording_id in ids:
        done += await _seal(db, settings, recording_id)
    return done


async def _seal(db: Database, settings: Settings, recording_id: str) -> bool:
    token = new_id("claim")
    if not await _claim(db, recording_id, token):
        return False
    async with db.read() as session:
        one = await repository.row(session, recording_id)
        previous = await _previous(session, one)
        kept, until = await retention.decided(session, settings, one)
        try:
            key = await vault.key_of(session, settings, recording_id)
            signer = await asyncio.to_thread(keys.signer, settings.data_dir)
        except (MasterKeyMissing, Misconfigured, OSError):
            _log.exception("x seal %s", fields(id=recording_id))
            return False  # once the claim has run out it is tried again: nothing is lost by waiting
    path = folder.root(settings) / one.folder
    if not await asyncio.to_thread(path.is_dir):
        _log.critical("x recording %s", fields(id=recording_id, trouble="folder-missing"))
        async with db.write() as session:
            await service.fail(session, recording_id, RecordingState.SEALING, "folder-missing")
        return False
    loop = asyncio.get_running_loop()

    def alive() -> None:
        if not asyncio.run_coroutine_threadsafe(_claim(db, recording_id, token), loop).result(CLAIM_ANSWER_S):
            raise _NotMineError

    try:
        sealed = await asyncio.to_thread(
            seal_folder, path, _facts(one, previous, kept, until), settings, signer, alive, key
        )
        await _sealed(db, one, sealed, token)
    except (_NotMineError, Conflict):
        return False
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one, others go on and somebody is told
        _log.exception("x seal %s", fields(id=recording_id))
        full = isinstance(error, OSError) and error.errno in _FULL
        await _failed_try(db, recording_id, token, at_last=not full)
        return False
    _log.info("- recording %s", fields(id=recording_id, state="sealing -> sealed", manifest=sealed.digest))
    return True


async def _claim(db: Database, recording_id: str, token: str) -> bool:
    now = clock.now()
    async with db.write() as session:
        return await repository.claim(session, recording_id, token, now, now + CLAIM)


async def _previous(session: Session, one: RecordingRow) -> dict[str, str | None] | None:
    if one.previous_id is None:
        return None
    before = await repository.row(session, one.previous_id)
    ended_at = before.ended_at.isoformat(timespec="milliseconds") if before.ended_at else None
    return {"recording": before.id, "ended_at": ended_at, "manifest": before.manifest_digest}


def _facts(
    one: RecordingRow, previous: dict[str, str | None] | None, kept: RetentionClass, until: datetime
) -> Facts:
    now = clock.now()
    ended_at = one.ended_at or now
    return Facts(
        recording=one.id,
        booking=one.booking_id,
        room=one.room_id,
        node=one.node_id,
        started_at=one.started_at,
        ended_at=ended_at,
        reason=one.reason,
        previous=previous,
        sealed_at=now,
        retention=kept.value,
        keep_until=until,
    )


async def _sealed(db: Database, one: RecordingRow, sealed: Sealed, token: str) -> None:
    """One transaction: the state, the index of tracks and events, the ledger's entry."""
    manifest = sealed.manifest
    async with db.write() as session:
        await repository.move(
            session,
            one.id,
            RecordingState.SEALING,
            RecordingState.SEALED,
            RecordingRow.claim == token,
            claim=None,
            manifest_digest=sealed.digest,
            key_id=manifest["signed_by"],
            sealed_at=datetime.fromisoformat(manifest["sealed_at"]),
            ended_at=datetime.fromisoformat(manifest["ended_at"]),
            retention=manifest["retention"]["class"],
            keep_until=max(one.keep_until, datetime.fromisoformat(manifest["retention"]["keep_until"])),
        )
        session.add_all(
            _track_row(one.id, index, track, sealed.names[track["id"]])
            for index, track in enumerate(manifest["tracks"])
        )
        session.add_all(
            EventRow(
                recording_id=one.id,
                number=event.number,
                offset_ms=event.ms,
                tag=event.tag,
                details=event_details(event),
            )
            for event in sealed.events
            if is_for_people(event)
        )
        await finding.index(session, one.id)
        ledger.record.record(
            session,
            "system:recording:sealed",
            actor=SYSTEM,
            subject=Ref("recording", one.id),
            manifest=sealed.digest,
            key=manifest["signed_by"],
            tracks=len(manifest["tracks"]),
            reason=one.reason,
        )


def _track_row(recording_id: str, position: int, track: dict[str, Any], name: str) -> TrackRow:
    media = track["media"]
    return TrackRow(
        id=track["id"],
        recording_id=recording_id,
        position=position,
        person_kind=track["person"]["kind"],
        person_id=track["person"]["id"],
        role=track["role"],
        name=name,
        kinds=",".join(one["kind"] for one in media),
        codecs=",".join(one["codec"] for one in media),
        file_name=track["file"] or "",
        bytes=track.get("clear", track)["bytes"],
        offset_ms=track["offset_ms"],
        duration_ms=track["duration_ms"],
        gaps=json.dumps([[one["kind"], *gap] for one in media for gap in one["gaps"]]),
    )


async def _failed_try(db: Database, recording_id: str, token: str, *, at_last: bool) -> None:
    """`at_last` it fails: nothing is thrown away, the folder stays as it is. What only lacks room is tried until
    somebody has made some: nothing is wrong with the recording."""
    async with db.write() as session:
        tries = (await repository.row(session, recording_id)).tries
        pause = AGAIN * 2 ** min(tries, TRIES - 1)
        mine = await repository.try_again(session, recording_id, token, clock.now() + pause)
        if mine and at_last and tries + 1 >= TRIES:
            _log.critical("x recording %s", fields(id=recording_id, state="sealing -> failed"))
            await service.fail(session, recording_id, RecordingState.SEALING, "not-sealable")
