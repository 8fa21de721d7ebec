"""Recordings as the rest of the house uses them: starting one, looking at it, proving it."""

import asyncio
import contextlib
import functools
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

import ledger.read
import ledger.record
from core import clock, ending, placing
from core.db import Database, Session
from core.errors import Conflict, KinbridgeError, Misconfigured
from core.ids import SYSTEM, Ref, new_id
from core.keys import public_keys
from core.log import fields
from core.settings import Settings
from recording import finding, folder, holds, playing, repository, retention, seal, storing, vault
from recording.clear import Clear
from recording.errors import RecordingUnavailable, StoreUnavailable, TrackMissing
from recording.locked import DamagedError, Key
from recording.model import BEAT_S, RecordingState, RecordingView, RetentionClass
from recording.problem import Problem
from recording.recorder import RoomRecorder, Still
from recording.tables import RecordingRow
from recording.writer import Writer

FLOOR = 200 << 20  # bytes that must be free for a recording to begin

_log = logging.getLogger(__name__)


class Recorders:
    """Implements `rooms.client.RecorderFactory` for one process. Needs a running loop."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        node_id: str,
        *,
        prison_of: Callable[[Session, str], Awaitable[str]] = repository.prison_of,
    ) -> None:
        """`node_id` must be new at each start of the process: by it the row tells who writes."""
        self._settings = settings
        self._db = db
        self._node_id = node_id
        self._prison_of = prison_of
        self._writer = Writer()
        self._live: dict[str, RoomRecorder] = {}
        self._booked: dict[str, str] = {}  # recording -> booking
        self._beating: asyncio.Task[None] | None = None

    async def start(self, room_id: str, booking_id: str) -> RoomRecorder:
        """See `rooms.client.RecorderFactory`."""
        self._check_disk()
        await self._check_store()
        recording_id = new_id("rec")
        started_at = clock.now()
        place = folder.relative(recording_id, started_at)
        try:
            key = await self._arm(recording_id, room_id, booking_id, place, started_at)
        except (OSError, Misconfigured) as error:  # without a master key nothing is recorded
            _log.exception("x recording %s", fields(id=recording_id, room=room_id))
            raise RecordingUnavailable from error
        path = folder.root(self._settings) / place
        try:
            await asyncio.to_thread(folder.make, path)
            async with self._db.write() as session:
                await repository.move(
                    session, recording_id, RecordingState.ARMED, RecordingState.WRITING, beat_at=clock.now()
                )
        except (OSError, KinbridgeError) as error:
            _log.exception("x recording %s", fields(id=recording_id, room=room_id))
            await self._disarm(recording_id)
            raise RecordingUnavailable from error
        recorder = RoomRecorder(
            recording_id, path, self._writer, lambda reason: self._finished(recording_id, reason), key
        )
        self._live[recording_id] = recorder
        self._booked[recording_id] = booking_id
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())
        return recorder

    def stills(self) -> dict[str, Sequence[Still]]:
        """The newest picture of everybody who is recorded now, by booking."""
        return {self._booked[one]: recorder.stills() for one, recorder in self._live.items()}

    async def close(self) -> None:
        """Finishes what is still being written and stops."""
        live = tuple(self._live.values())
        for ended in await asyncio.gather(*(one.finish("shutdown") for one in live), return_exceptions=True):
            if ended is not None:  # it gives no sign of life any more: the worker takes it in
                _log.error("x recording %s", fields(error=repr(ended)))
        if self._beating is not None:
            await ending.end([self._beating])
            self._beating = None

    def _check_disk(self) -> None:
        root = folder.root(self._settings)
        try:
            placing.make(root)
            free = shutil.disk_usage(root).free
        except OSError as error:
            _log.exception("x recording")
            raise RecordingUnavailable from error
        if free < FLOOR:
            _log.error("x recording %s", fields(free=free, floor=FLOOR))
            raise RecordingUnavailable

    async def _check_store(self) -> None:
        try:
            async with self._db.read() as session:
                await storing.check(session, self._settings)
        except StoreUnavailable as error:
            _log.exception("x recording %s", fields(trouble="store-lags"))
            raise RecordingUnavailable from error

    async def _arm(
        self, recording_id: str, room_id: str, booking_id: str, place: str, started_at: datetime
    ) -> Key:
        """The row and the key: safe before the first byte is written."""
        async with self._db.write() as session:
            prison_id = await self._prison_of(session, booking_id)
            session.add(
                RecordingRow(
                    id=recording_id,
                    booking_id=booking_id,
                    room_id=room_id,
                    prison_id=prison_id,
                    state=RecordingState.ARMED.value,
                    node_id=self._node_id,
                    beat_at=started_at,
                    folder=place,
                    started_at=started_at,
                    previous_id=await repository.latest_of(session, booking_id),
                    retention=RetentionClass.FAMILY.value,
                    keep_until=await retention.keep_until(session, self._settings, prison_id, started_at),
                    holds=await holds.count(session, booking_id),
                )
            )
            await finding.index(session, recording_id)
            key = await vault.make(session, self._settings, recording_id)
            subject = Ref("recording", recording_id)
            ledger.record.record(
                session,
                "system:recording:started",
                actor=SYSTEM,
                subject=subject,
                booking=booking_id,
                room=room_id,
                key=key.fingerprint,
            )
        return key

    async def _disarm(self, recording_id: str) -> None:
        with contextlib.suppress(Conflict):
            async with self._db.write() as session:
                await fail(session, recording_id, RecordingState.ARMED, "not-writable")

    async def _finished(self, recording_id: str, reason: str) -> None:
        self._live.pop(recording_id, None)
        self._booked.pop(recording_id, None)
        try:
            async with self._db.write() as session:
                await finish(session, recording_id, reason)
        except Conflict:  # another node has taken it for dead and seals it
            _log.error("x recording %s", fields(id=recording_id, trouble="lost"))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                async with self._db.write() as session:
                    lost = await repository.beat(session, self._node_id, tuple(self._live), clock.now())
            except Exception:  # noqa: BLE001 - the database may be away; the next beat tells
                _log.exception("x beat")
                continue
            for recording_id in lost:
                recorder = self._live.get(recording_id)
                if recorder is not None:
                    recorder.give_up()


async def finish(
    session: Session, recording_id: str, reason: str, *, ended_at: datetime | None = None
) -> None:
    """Nothing is written any more; sealing is due. Raises `Conflict` if it is not being written."""
    await repository.move(
        session,
        recording_id,
        RecordingState.WRITING,
        RecordingState.SEALING,
        ended_at=ended_at or clock.now(),
        reason=reason,
    )
    subject = Ref("recording", recording_id)
    ledger.record.record(session, "system:recording:finished", actor=SYSTEM, subject=subject, reason=reason)


async def fail(session: Session, recording_id: str, state: RecordingState, reason: str) -> None:
    """It cannot be sealed: a state that somebody must look at. Raises `Conflict`."""
    await repository.move(
        session, recording_id, state, RecordingState.FAILED, ended_at=clock.now(), reason=reason, claim=None
    )
    subject = Ref("recording", recording_id)
    ledger.record.record(session, "system:recording:failed", actor=SYSTEM, subject=subject, reason=reason)


async def of_booking(session: Session, booking_id: str) -> list[RecordingView]:
    """All takes of a visit, the first first."""
    return await repository.of_booking(session, booking_id)


async def recent(session: Session, prison_id: str, limit: int = 50) -> list[RecordingView]:
    """The newest of a prison first."""
    return await repository.recent(session, prison_id, limit)


async def get(session: Session, recording_id: str) -> RecordingView:
    """Raises `NotFound`."""
    return (await repository.views(session, [await repository.row(session, recording_id)]))[0]


async def prison_of(session: Session, recording_id: str) -> str:
    """The prison whose recording it is, for the permission check; raises `NotFound`."""
    return (await repository.row(session, recording_id)).prison_id


async def path_of(session: Session, settings: Settings, recording_id: str) -> Path:
    """The recording's folder; raises `NotFound`."""
    return folder.root(settings) / (await repository.row(session, recording_id)).folder


async def open_track(session: Session, settings: Settings, recording_id: str, track_id: str) -> Clear:
    """A sealed track's clear text, to be closed after use. Raises `NotFound` for an unknown one, `TrackMissing`
    where the file is not in the recording's folder (links out of it included), `MasterKeyMissing`."""
    view = await get(session, recording_id)
    name = next((track.file_name for track in view.tracks if track.id == track_id), "")
    home = (await path_of(session, settings, recording_id)).resolve()
    if not name or (home / name).resolve().parent != home:
        raise TrackMissing
    one = await repository.row(session, recording_id)
    key = await vault.key_of(session, settings, recording_id)
    try:
        return await asyncio.to_thread(storing.opened, settings, one, key, name)
    except (OSError, DamagedError) as error:
        raise TrackMissing from error


async def verify(
    db: Database, settings: Settings, recording_id: str, pace: Callable[[int], None] | None = None
) -> seal.SealVerdict:
    """Checks the folder, and that its manifest is the one the ledger knows. Raises `NotFound`, and what `pace`
    does (see `seal.verify_folder`)."""
    async with db.read() as session:
        one = await repository.row(session, recording_id)
        path = folder.root(settings) / one.folder
        entries = await ledger.read.about(session, Ref("recording", recording_id))
    sealed = [entry.parsed().get("manifest") for entry in entries if entry.tag == "system:recording:sealed"]
    deleted = [entry.parsed().get("proof") for entry in entries if entry.tag == retention.DELETED]
    elsewhere = None if one.store is None else functools.partial(storing.source, settings, one)
    public = public_keys(settings.data_dir / "keys")
    reading = seal.Reading(pace, elsewhere)
    verdict = await asyncio.to_thread(seal.verify_folder, path, public, reading)
    return seal.compare(verdict, recording_id, one.manifest_digest, sealed, deleted)


async def play(
    db: Database, settings: Settings, recording_id: str, pace: Callable[[int], None] | None = None
) -> Problem | None:
    """What is wrong with the first track that does not play as its manifest says. Raises `NotFound`,
    `MasterKeyMissing`, `KeyDestroyed`, and what `pace` does."""
    async with db.read() as session:
        one = await repository.row(session, recording_id)
        key = await vault.key_of(session, settings, recording_id)
    return await asyncio.to_thread(_play, settings, one, key, pace)


def _play(
    settings: Settings, one: RecordingRow, key: Key | None, pace: Callable[[int], None] | None
) -> Problem | None:
    manifest = seal.read_manifest(folder.root(settings) / one.folder) or {}
    for track in (found for found in manifest.get("tracks", []) if found["media"]):
        try:
            with storing.opened(settings, one, key, track["file"]) as content:
                if problem := playing.problem_of(content, track):
                    return problem
                if pace is not None:
                    pace(len(content))
        except (OSError, DamagedError) as error:
            return Problem(playing.UNPLAYABLE, track["file"], f"it cannot be opened: {error}")
    return None
