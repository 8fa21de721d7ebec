"""Seals recordings in processes that end at a step, as at a loss of power, and then brings them to their end.

    python -m tests.recording.sealing_process FOLDER SEED POINTS

FOLDER/before holds a data folder with a recording that is written and not sealed. For each point a copy of it is
sealed in a process that ends at a line of our own code: half of the points are lines where it passes for the first
time, half lie anywhere on its way. What was not synced by then is torn. Prints a JSON line for each point: where it
ended, what state it left, and what came of it after the next start.
"""

import asyncio
import gc
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

from sqlalchemy.orm import configure_mappers

import ledger.read
import ledger.record
from core import clock, keys
from core import settings as core_settings
from core.db import Database
from core.settings import Settings
from recording import folder, seal, tasks
from recording.tables import RecordingRow
from tests.conftest import FakeClock

ROOT = Path(__file__).resolve().parents[2]
WATCHED = tuple(str(ROOT / part) for part in ("recording/", "core/db.py", "core/keys.py", "ledger/"))
CUT = 9  # exit code of a process that ended at its point


@dataclass
class Steps:
    """Counts the lines of our code that run, in every thread; `at`: the number of the one at which all ends."""

    at: int = -1
    count: int = 0
    firsts: dict[str, int] = field(default_factory=dict)  # "file:line" -> number of its first passing
    synced: set[tuple[int, int]] = field(default_factory=set)  # inode, size
    home: Path = Path()

    def watch(self) -> None:
        for name in ("fsync", "fdatasync"):
            setattr(os, name, self._noting(getattr(os, name)))
        threading.settrace(self._enter)
        sys.settrace(self._enter)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(WATCHED) else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self.firsts.setdefault(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}", self.count)
            if self.count == self.at:
                sys.settrace(None)
                self._power_off()
            self.count += 1
        return self._line

    def _noting(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def sync(handle: int) -> None:
            real(handle)
            found = os.fstat(handle)
            self.synced.add((found.st_ino, found.st_size))

        return sync

    def note_all(self) -> None:
        """What lies there at the start is safe."""
        for path in self.home.rglob("*"):
            found = path.stat()
            self.synced.add((found.st_ino, found.st_size))

    def _power_off(self) -> None:
        """Of a file that was not synced, the half is lost. The database looks after itself."""
        for path in folder.root(settings_of(self.home)).rglob("*"):
            found = path.stat()
            if path.is_file() and (found.st_ino, found.st_size) not in self.synced:
                os.truncate(path, found.st_size // 2)
        os._exit(CUT)


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


async def outcome(home: Path) -> dict[str, Any]:
    """What stands in the database, and what the folder itself proves."""
    db = Database.connect(settings_of(home).sqlalchemy_url)
    try:
        async with db.read() as session:
            (row,) = (
                await session.scalars(RecordingRow.__table__.select().with_only_columns(RecordingRow.id))
            ).all()
            one = await session.get(RecordingRow, row)
        assert one is not None
        path = folder.root(settings_of(home)) / one.folder
        verdict = seal.verify_folder(path, keys.public_keys(home / "keys"))
        chain = await ledger.read.verify(db)
    finally:
        await db.close()
    manifest = seal.read_manifest(path) if verdict.intact else None
    media = [stream for track in manifest["tracks"] for stream in track["media"]] if manifest else []
    return {
        "state": one.state,
        "intact": verdict.intact,
        "same": verdict.intact and verdict.manifest == one.manifest_digest,
        "ledger": chain.intact,
        "frames": sorted((stream["frames"], stream["frames_sha256"]) for stream in media),
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


def attempt(base: Path, at: int) -> dict[str, Any]:
    """One point: seal up to it, look, start again, look again."""
    home = base / "point"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(base / "before", home)
    steps = Steps(at=at, home=home)

    async def cut() -> None:
        steps.note_all()
        steps.watch()
        await sealing(home)

    async def start_again() -> dict[str, Any]:
        left = await outcome(home)
        await sealing(home, timedelta(minutes=11))  # past the claim of the one that died
        return {"left": left, "after": await outcome(home)}

    return {"at": at, "cut": forked(cut) == CUT, **(answered(start_again) or {})}


def main(base: Path, seed: int, points: int) -> None:
    home = base / "whole"
    shutil.copytree(base / "before", home)
    configure_mappers()  # once, and not in each process
    gc.collect()
    gc.freeze()

    async def measure() -> dict[str, Any]:
        steps = Steps(home=home)
        steps.watch()
        await sealing(home)
        sys.settrace(None)
        return {"steps": steps.count, "firsts": sorted(steps.firsts.values()), "whole": await outcome(home)}

    whole = answered(measure)
    print(json.dumps(whole), flush=True)
    total, firsts = whole["steps"], whole["firsts"]
    choose = random.Random(seed)
    half = min(points // 2, len(firsts))
    chosen = {*choose.sample(firsts, half)}
    while len(chosen) < points:
        chosen.add(choose.randrange(total))
    for at in sorted(chosen):
        print(json.dumps(attempt(base, at)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
