"""Making the bundles that were approved (`recording.bundle` tells what is in one), and taking them away again.

A bundle lies locked in `data_dir/handouts` until it is fetched; its key lies wrapped in its row and goes with it.
"""

import asyncio
import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select, update

import ledger.record
from core import clock, keys, placing
from core.db import Database, Session
from core.errors import Conflict
from core.ids import SYSTEM, Ref, new_id
from core.log import fields
from core.settings import Settings
from ledger.chain import canonical
from recording import (
    bundle,
    clear,
    composite,
    folder,
    handing_out,
    masters,
    originals,
    repository,
    seal,
    storing,
    vault,
)
from recording.composite import Pixels, Take
from recording.export_table import ExportRow
from recording.handing_out import ExportState
from recording.locked import Growing, Key
from recording.model import RecordingState, RecordingView
from recording.tables import RecordingRow

CLAIM = timedelta(minutes=2)  # renewed about once a second of the recording
TRIES = 3
_RECORD = 64 << 10  # clear bytes that are locked at once
_ANSWER_S = 30  # a loop that does not answer for so long has stopped

Mark = Callable[[str, tuple[int, int]], Pixels]  # words, (width, height) -> what lies over the picture

_log = logging.getLogger(__name__)


class _NotMineError(Exception):
    """Another process has the claim now."""


@dataclass(slots=True)
class _LockedFile(io.RawIOBase):
    """A file that is written clear and lies locked."""

    path: Path
    growing: Growing
    handle: io.BufferedWriter = field(init=False)
    held: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        placing.make(self.path.parent)
        self.path.unlink(missing_ok=True)
        self.handle = self.path.open("xb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.held += data
        while len(self.held) >= _RECORD:
            self.handle.write(self.growing.lock(bytes(self.held[:_RECORD])))
            del self.held[:_RECORD]
        return len(data)

    def close(self) -> None:
        if not self.closed and not self.handle.closed:
            if self.held:
                self.handle.write(self.growing.lock(bytes(self.held)))
            self.handle.close()
        io.RawIOBase.close(self)


@dataclass(slots=True)
class _Sources:
    """All that a bundle is made of. `takes`: with the key of each; `missing`: those that cannot be handed out."""

    settings: Settings
    one: ExportRow
    takes: list[tuple[RecordingView, RecordingRow, Key | None]]
    missing: list[RecordingView]
    signer: keys.Signer


def path_of(settings: Settings, export_id: str) -> Path:
    return settings.data_dir / "handouts" / f"{export_id}.zip"


async def render_due(db: Database, settings: Settings, mark: Mark) -> int:
    """Makes what was approved, takes away what was fetched or waited too long; answers how many were made."""
    await _expire(db, settings)
    async with db.read() as session:
        free = or_(ExportRow.claimed_until.is_(None), ExportRow.claimed_until < clock.now())
        query = select(ExportRow.id).where(ExportRow.state == ExportState.APPROVED.value, free)
        due = (await session.scalars(query.order_by(ExportRow.id))).all()
    done = 0
    for export_id in due:
        done += await _render(db, settings, export_id, mark)
    return done


async def open_bundle(session: Session, settings: Settings, export_id: str) -> clear.Clear:
    """A ready bundle in the clear, to be closed after use. Raises `OSError`, `MasterKeyMissing`."""
    one = await handing_out.get(session, export_id)
    if one.wrapped is None or one.key_version is None:
        raise FileNotFoundError(export_id)
    found = await asyncio.to_thread(masters.load, settings)
    key = found.unwrap(one.key_version, one.wrapped, one.id)
    return await asyncio.to_thread(clear.open_file, path_of(settings, export_id), key)


async def forget(db: Database, settings: Settings, export_id: str) -> None:
    """The bundle's key and file go; idempotent."""
    async with db.write() as session:
        await session.execute(
            update(ExportRow).where(ExportRow.id == export_id).values(wrapped=None, link=None)
        )
    await asyncio.to_thread(path_of(settings, export_id).unlink, missing_ok=True)


async def _expire(db: Database, settings: Settings) -> None:
    async with db.read() as session:
        over = ExportRow.expires_at < clock.now()
        used = ExportRow.state.in_((ExportState.FETCHED.value, ExportState.EXPIRED.value))
        late = (ExportRow.state == ExportState.READY.value) & over
        old = (
            used & ExportRow.wrapped.is_not(None) & (over | (ExportRow.fetched_at < clock.now() - CLAIM * 30))
        )
        rows = (await session.scalars(select(ExportRow).where(late | old))).all()
    for one in rows:
        if one.state == ExportState.READY.value:
            try:
                async with db.write() as session:
                    await handing_out.move(session, one.id, ExportState.READY, ExportState.EXPIRED)
                    subject = Ref("export", one.id)
                    ledger.record.record(session, "system:export:expired", actor=SYSTEM, subject=subject)
            except Conflict:
                continue
        await forget(db, settings, one.id)


async def _render(db: Database, settings: Settings, export_id: str, mark: Mark) -> bool:
    token, loop = new_id("claim"), asyncio.get_running_loop()

    async def keep(progress: int) -> bool:
        async with db.write() as session:
            return await handing_out.claim(session, export_id, token, clock.now() + CLAIM, progress)

    def told(share: float) -> None:
        if not asyncio.run_coroutine_threadsafe(keep(round(share * 100)), loop).result(_ANSWER_S):
            raise _NotMineError

    if not await keep(0):
        return False
    try:
        async with db.read() as session:
            sources = await _sources(session, settings, export_id)
        key = Key.fresh()
        size = await asyncio.to_thread(_make, sources, key, mark, told)
        version, wrapped = (await asyncio.to_thread(masters.load, settings)).wrap(key, export_id)
        async with db.write() as session:
            mine = ExportRow.claim == token
            now = clock.now()
            values = {
                "key_version": version,
                "wrapped": wrapped,
                "bytes": size,
                "progress": 100,
                "claim": None,
            }
            expires = {"expires_at": now + handing_out.LASTS}
            await handing_out.move(
                session, export_id, ExportState.APPROVED, ExportState.READY, mine, **values, **expires
            )
            subject = Ref("export", export_id)
            ledger.record.record(session, "system:export:made", actor=SYSTEM, subject=subject, bytes=size)
    except (_NotMineError, Conflict):
        return False
    except Exception:  # noqa: BLE001 - whatever is wrong with these files, others go on and somebody is told
        _log.exception("x export %s", fields(id=export_id))
        await _failed(db, settings, export_id, token)
        return False
    return True


async def _failed(db: Database, settings: Settings, export_id: str, token: str) -> None:
    async with db.write() as session:
        tries = await handing_out.try_again(session, export_id, token, clock.now() + CLAIM)
        if tries < TRIES:
            return
        await handing_out.move(session, export_id, ExportState.APPROVED, ExportState.FAILED)
        subject = Ref("export", export_id)
        ledger.record.record(session, "system:export:failed", actor=SYSTEM, subject=subject)
    await asyncio.to_thread(path_of(settings, export_id).unlink, missing_ok=True)


async def _sources(session: Session, settings: Settings, export_id: str) -> _Sources:
    one = await handing_out.get(session, export_id)
    every = await repository.of_booking(session, one.booking_id)
    takes = [
        (take, await repository.row(session, take.id), await vault.key_of(session, settings, take.id))
        for take in every
        if take.state is RecordingState.SEALED
    ]
    missing = [take for take in every if take.state is not RecordingState.SEALED]
    return _Sources(settings, one, takes, missing, await asyncio.to_thread(keys.signer, settings.data_dir))


def _make(sources: _Sources, key: Key, mark: Mark, told: Callable[[float], None]) -> int:
    """Writes the locked zip; answers its clear size."""
    path = path_of(sources.settings, sources.one.id)
    listed: list[dict[str, Any]] = []
    with (
        _LockedFile(path, Growing(key, path.name)) as out,
        zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, pieces in _contents(sources, mark, told):
            listed.append(_put(archive, name, pieces))
        content = canonical(_statement(sources, listed)).encode()
        _put(archive, bundle.EXPORT, iter([content]))
        _put(archive, bundle.SIGNATURE, iter([sources.signer.sign(content)]))
    with clear.open_file(path, key) as found:
        return len(found)


def _put(archive: zipfile.ZipFile, name: str, pieces: Iterator[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"file": name, "bytes": size, "sha256": digest.hexdigest()}


def _contents(
    sources: _Sources, mark: Mark, told: Callable[[float], None]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each file, in the order in which they lie in the bundle."""
    for take, row, key in sources.takes:
        home = folder.root(sources.settings) / row.folder
        for name in (folder.MANIFEST, folder.SIGNATURE, folder.INCLUSION):
            if (home / name).is_file():
                yield f"{take.id}/{name}", iter([(home / name).read_bytes()])
        for name in [*(track.file_name for track in take.tracks if track.file_name), folder.EVENTS]:
            with storing.opened(sources.settings, row, key, name) as found:
                yield f"{take.id}/{name}", found.pieces()
        yield from _originals(sources.settings, take, row, key)
    yield bundle.COMPOSITE, iter([_composite(sources, mark, told)])
    for public in sorted((sources.settings.data_dir / "keys").glob("*.pub")):
        yield f"{bundle.KEYS}/{public.name}", iter([public.read_bytes()])
    yield bundle.README, iter([_readme(sources).encode()])


def _originals(
    settings: Settings, take: RecordingView, row: RecordingRow, key: Key | None
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The sealed files of its tracks, and the keys of these: what is in the clear is proved by them."""
    tracks = (seal.read_manifest(folder.root(settings) / row.folder) or {}).get("tracks", [])
    names = [one["file"] for track in tracks if originals.is_laid(track) for one in (track, track["written"])]
    if key is None or not names:
        return
    opens = {}
    for name in names:
        source = storing.source(settings, row, name)
        try:
            opens[name] = originals.key_of(key, source, name)
            starts = range(0, source.size, clear.STEP)
            yield (
                f"{take.id}/{originals.FOLDER}/{name}",
                (source.read(at, min(at + clear.STEP, source.size)) for at in starts),
            )
        finally:
            source.close()
    yield f"{take.id}/{originals.FOLDER}/{originals.KEYS}", iter([canonical(opens).encode()])


def _composite(sources: _Sources, mark: Mark, told: Callable[[float], None]) -> bytes:
    begin = min(take.started_at for take, _, _ in sources.takes)
    places: dict[str, int] = {}
    opened: list[Take] = []
    total = 0
    try:
        for take, row, key in sources.takes:
            base = round((take.started_at - begin).total_seconds() * 1000)
            for track in take.tracks:
                if not track.kinds:
                    continue
                tile = places.setdefault(str(track.person), len(places))
                found = storing.opened(sources.settings, row, key, track.file_name)
                opened.append(Take(found, tile, base + track.offset_ms))
                total = max(total, base + track.offset_ms + track.duration_ms)
        words = f"{sources.one.receiver} · {sources.one.id[-8:]}"
        size = composite.size_of(len(places))
        return composite.render(opened, len(places), total, mark(words, size), told)
    finally:
        for one in opened:
            one.clear.close()


def _statement(sources: _Sources, listed: list[dict[str, Any]]) -> dict[str, Any]:
    one = sources.one
    iso = partial(datetime.isoformat, timespec="seconds")
    return {
        "export": one.id,
        "booking": one.booking_id,
        "purpose": one.purpose,
        "words": one.words,
        "receiver": one.receiver,
        "asked_by": f"{one.asked_kind}:{one.asked_id}",
        "asked_at": iso(one.asked_at.astimezone(UTC)),
        "approved_by": f"{one.decided_kind}:{one.decided_id}",
        "approved_at": iso(one.decided_at.astimezone(UTC)) if one.decided_at else "",
        "made_at": iso(clock.now().astimezone(UTC)),
        "recordings": [take.id for take, _, _ in sources.takes],
        "missing": [{"recording": take.id, "state": take.state.value} for take in sources.missing],
        "files": listed,
        "signed_by": sources.signer.key_id,
        "version": bundle.VERSION,
    }


def _readme(sources: _Sources) -> str:
    one = sources.one
    missing = [f"{take.id} ({take.state.value})" for take in sources.missing]
    besides = f"Recorded too, and not in here 另有录像未包含在内: {', '.join(missing)}\n\n" if missing else ""
    return (
        f"Bundle {one.id}, handed to: {one.receiver}\n交付文件 {one.id}，接收人：{one.receiver}\n\n"
        "To look at it: composite.webm (a rendering). The evidence are the files of the folder(s) rec_…\n"
        "观看：composite.webm（合成画面，非证据）。证据为 rec_… 文件夹内的文件。\n\n"
        "To prove it, with the prison's public keys in the folder KEYS, that came to you another way:\n"
        "验证（KEYS 为另行取得的监狱公钥文件夹）：\n\n"
        "    kinbridge verify bundle THIS.zip --keys KEYS\n\n"
        f"{besides}{json.dumps({'purpose': one.purpose}, ensure_ascii=False)}\n"
        "Passing it on beyond this purpose is an offence. 超出用途转交须承担法律责任。\n"
    )
