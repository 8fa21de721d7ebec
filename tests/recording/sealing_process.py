"""Seals a recording in processes that end at a step, as at a loss of power, and then brings each to its end.

    python -m tests.recording.sealing_process FOLDER SEED POINTS

FOLDER/before holds a data folder with a recording that is written and not sealed. A copy of it is sealed once, and at
each point, a line of our own code, the process forks: one of the two ends there, after what was not synced by then is
torn in a copy of the disk, and the other goes on to the next point. Half of the points are lines where it passes for
the first time, half lie anywhere on its way. What the next start makes of a disk is looked at once for each disk, for
points between two writes leave the same. Prints a JSON line for each point: where it ended, what state it left, and
what came of it after the next start.
"""

import asyncio
import gc
import hashlib
import json
import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import av
from sqlalchemy.orm import configure_mappers

import ledger.read
import ledger.record
from core import clock, keys
from core import settings as core_settings
from core.db import Database
from core.settings import Settings
from recording import clear, folder, seal, tasks, vault
from recording.locked import Key
from recording.tables import RecordingRow
from tests.conftest import FakeClock

ROOT = Path(__file__).resolve().parents[2]
WATCHED = tuple(
    str(ROOT / part) for part in ("recording/", "core/db.py", "core/keys.py", "core/placing.py", "ledger/")
)
CUT = 9  # exit code of a process that ended at its point


@dataclass
class Steps:
    """Counts the lines of our code that run, in every thread; `ends`: the numbers of those at which a process ends."""

    home: Path
    disks: Path  # what is left at each end: a folder by its digest, and by the step's number which it was
    ends: frozenset[int] = frozenset()
    count: int = 0
    firsts: dict[str, int] = field(default_factory=dict)  # "file:line" -> number of its first passing
    codes: dict[int, int] = field(default_factory=dict)  # step -> exit code
    synced: set[tuple[int, int]] = field(default_factory=set)  # inode, size

    def watch(self) -> None:
        for path in self.home.rglob("*"):  # what lies there at the start is safe
            self._is_safe(path.stat())
        for name in ("fsync", "fdatasync"):
            setattr(os, name, self._noting(getattr(os, name)))
        threading.settrace(self._enter)
        sys.settrace(self._enter)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(WATCHED) else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self.firsts.setdefault(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}", self.count)
            if self.count in self.ends:
                self._end()
            self.count += 1
        return self._line

    def _noting(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def sync(handle: int) -> None:
            real(handle)
            self._is_safe(os.fstat(handle))

        return sync

    def _is_safe(self, found: os.stat_result) -> None:
        self.synced.add((found.st_ino, found.st_size))

    def _end(self) -> None:
        """The power fails here, in one of two. The other stands still meanwhile, so nothing of the disk moves."""
        child = os.fork()
        if child == 0:
            sys.settrace(None)
            try:
                self._power_off()
                os._exit(CUT)
            finally:
                os._exit(1)
        self.codes[self.count] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _power_off(self) -> None:
        """Of a file that was not synced, the half is lost. The database looks after itself; what its processes share of
        it besides is lost whole."""
        left = {}
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and not path.name.endswith("-shm"):
                found = path.stat()
                torn = path.is_relative_to(folder.root(settings_of(self.home))) and (
                    (found.st_ino, found.st_size) not in self.synced
                )
                left[str(path.relative_to(self.home))] = path.read_bytes()[: found.st_size // (1 + torn)]
        digest = hashlib.sha256()
        for name, content in left.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        disk = self.disks / digest.hexdigest()
        (self.disks / str(self.count)).write_text(disk.name)
        if not disk.exists():
            for name, content in left.items():
                (disk / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                (disk / name).touch(mode=0o600)
                (disk / name).write_bytes(content)


def settings_of(home: Path) -> Settings:
    return core_settings.from_environment({}, mode="test", data_dir=home)


def forked(run: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Runs it in a process of its own; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - a child must never go on with its parent's work
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def sealing(home: Path, later: timedelta = timedelta()) -> None:
    """One run of the worker's job, `later` than the recording's end."""
    hands = FakeClock()
    hands.set(hands.now() + timedelta(hours=1) + later)
    clock.set_source(hands)
    db = Database.connect(settings_of(home).sqlalchemy_url)
    ledger.record.install(db)
    try:
        await tasks.seal_finished(db, settings_of(home))
    finally:
        await db.close()


def frames(path: Path, key: Key | None) -> list[tuple[int, str]]:
    """How many packets FFmpeg finds in each stream, and a digest over them."""
    found: dict[tuple[str, int], list[bytes]] = {}
    for track in (seal.read_manifest(path) or {})["tracks"]:
        with clear.open_file(path / track["file"], key) as content, av.open(content.file(), "r") as container:
            for packet in container.demux():
                if packet.size:
                    found.setdefault((track["file"], packet.stream_index), []).append(bytes(packet))
    return sorted((len(one), hashlib.sha256(b"".join(one)).hexdigest()) for one in found.values())


async def outcome(home: Path) -> dict[str, Any]:
    """What stands in the database, and what the folder itself proves."""
    db = Database.connect(settings_of(home).sqlalchemy_url)
    try:
        async with db.read() as session:
            (row,) = (
                await session.scalars(RecordingRow.__table__.select().with_only_columns(RecordingRow.id))
            ).all()
            one = await session.get(RecordingRow, row)
            key = await vault.key_of(session, settings_of(home), row)
        assert one is not None
        path = folder.root(settings_of(home)) / one.folder
        verdict = seal.verify_folder(path, keys.public_keys(home / "keys"))
        chain = await ledger.read.verify(db)
    finally:
        await db.close()
    return {
        "state": one.state,
        "intact": verdict.intact,
        "same": verdict.intact and verdict.manifest == one.manifest_digest,
        "ledger": chain.intact,
        "frames": frames(path, key) if verdict.intact else [],
        "files": sorted(child.name for child in path.iterdir()),
    }


def answered(ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What it answers, from a process of its own; `None` when that fails."""
    reading, writing = os.pipe()

    async def tell() -> None:
        os.write(writing, json.dumps(await ask()).encode())

    code = forked(tell)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    return json.loads(said) if code == 0 else None


def run(base: Path, name: str, ends: frozenset[int]) -> dict[str, Any]:
    """Seals a copy from beginning to end, letting processes end on the way."""
    home, disks = base / name, base / "disks"
    shutil.copytree(base / "before", home)
    disks.mkdir(exist_ok=True)

    async def watched() -> dict[str, Any]:
        steps = Steps(home, disks, ends)
        steps.watch()
        await sealing(home)
        threading.settrace(None)
        sys.settrace(None)
        firsts = sorted(steps.firsts.values())
        return {"steps": steps.count, "firsts": firsts, "codes": steps.codes, "whole": await outcome(home)}

    found: dict[str, Any] = answered(watched)
    return found


def start_again(home: Path) -> dict[str, Any] | None:
    """What lies there, and what becomes of it."""

    async def look() -> dict[str, Any]:
        left = await outcome(home)
        await sealing(home, timedelta(minutes=11))  # past the claim of the one that died
        return {"left": left, "after": await outcome(home)}

    found: dict[str, Any] | None = answered(look)
    return found


def main(base: Path, seed: int, points: int) -> None:
    configure_mappers()  # once, and not in each process
    gc.collect()
    gc.freeze()
    whole = run(base, "whole", frozenset())
    print(json.dumps(whole), flush=True)
    total, firsts = whole["steps"], whole["firsts"]
    choose = random.Random(seed)
    chosen = {*choose.sample(firsts, min(points // 2, len(firsts)))}
    while len(chosen) < points:
        chosen.add(choose.randrange(total))
    codes = run(base, "cut", frozenset(chosen))["codes"]
    known: dict[str, dict[str, Any]] = {}
    for at in sorted(chosen):
        told = base / "disks" / str(at)
        disk = told.read_text() if told.exists() else ""
        if disk not in known:
            known[disk] = start_again(base / "disks" / disk) or {}
        print(
            json.dumps({"at": at, "cut": codes.get(str(at)) == CUT, "disk": disk, **known[disk]}), flush=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
