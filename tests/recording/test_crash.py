"""What a killed process and a full disk leave behind."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

import ledger.read
from core import keys
from core.db import Database
from core.ids import Ref
from core.keys import public_keys
from core.settings import Settings
from recording import folder, seal, sealing, service, tasks
from recording.model import RecordingState
from tests.recording.conftest import facts
from tests.recording.media import decode

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """The recording process and what it last said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.given = 0.0
        self.troubles: list[str] = []

    async def line(self) -> None:
        assert self.process.stdout is not None
        said = json.loads(await self.process.stdout.readline())
        self.given, self.troubles = said["given"], said["troubles"]

    async def end(self) -> None:
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
        await self.process.communicate()


async def begin(settings: Settings, database_url: str, *more: str) -> Process:
    arguments = ["-m", "tests.recording.recording_process", str(settings.data_dir), database_url, *more]
    return Process(
        await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    )


@pytest.fixture
async def killed(settings: Settings, database_url: str) -> float:
    """A process was killed in the middle of a recording; how many seconds of media it had been given."""
    process = await begin(settings, database_url)
    try:
        while process.given < 4.3:
            await process.line()
    finally:
        await process.end()
    return process.given


async def test_a_killed_process_loses_less_than_two_seconds_and_nothing_of_the_ledger(
    killed: float, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.read() as session:
        (before,) = await service.of_booking(session, "bok_1")
    assert before.state is RecordingState.WRITING
    assert await tasks.recover(db, settings) == 0  # the lease still holds: it might be alive
    monkeypatch.setattr(tasks, "LEASE_S", 0)
    assert await tasks.seal_finished(db, settings) == 1
    async with db.read() as session:
        view = await service.get(session, before.id)
        path = await service.path_of(session, settings, before.id)
        clear = await service.open_track(session, settings, before.id, view.tracks[0].id)
        entries = await ledger.read.about(session, Ref("recording", before.id))
    assert (view.state, view.reason) == (RecordingState.SEALED, "interrupted")
    (track,) = view.tracks
    assert killed - 2 < track.duration_ms / 1000 <= killed + 0.1
    with clear:
        decoded = decode(clear.file())
    assert killed - 2 < decoded.pictures[-1] + track.offset_ms / 1000 <= killed + 0.1
    assert view.ended_at is not None
    assert [event.tag for event in view.events] == [
        "recording:started",
        "track:started",
        "visit:started",
        "recording:interrupted",
    ]
    assert [entry.tag for entry in entries] == [
        "system:recording:started",
        "system:recording:finished",
        "system:recording:sealed",
    ]
    manifest = seal.read_manifest(path)
    assert manifest is not None
    assert manifest["interruption"]["last_ms"] == pytest.approx(track.offset_ms + track.duration_ms, abs=500)
    assert seal.verify_folder(path, public_keys(settings.data_dir / "keys")).intact
    assert (await service.verify(db, settings, before.id)).intact
    assert (await ledger.read.verify(db)).intact


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_full_disk_stops_the_visit_and_leaves_what_fitted(
    settings: Settings, database_url: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 120_000
    process = await begin(settings, database_url, str(largest))
    try:
        async with asyncio.timeout(40):
            while "write" not in process.troubles:
                await process.line()
    finally:
        await process.end()
    monkeypatch.setattr(tasks, "LEASE_S", 0)
    assert await tasks.seal_finished(db, settings) == 1
    async with db.read() as session:
        (view,) = await service.of_booking(session, "bok_1")
        clear = await service.open_track(session, settings, view.id, view.tracks[0].id)
    (track,) = view.tracks
    assert 0.9 * largest < track.bytes < 1.1 * largest
    with clear:
        assert len(decode(clear.file()).pictures) > 25
    assert (await service.verify(db, settings, view.id)).intact


async def test_a_torn_time_line_is_read_up_to_the_tear(tmp_path: Path) -> None:
    path = tmp_path / folder.EVENTS
    lines = [
        folder.Event(index, "2026-11-21T08:00:00+00:00", index * 100, "visit:paused", {}).line()
        for index in (1, 2, 3)
    ]
    path.write_bytes(b"".join(lines)[:-5])
    assert [event.number for event in folder.events(path)] == [1, 2]
    path.write_bytes(lines[0] + b"\x00\x00\n" + lines[1])
    assert [event.number for event in folder.events(path)] == [1]
    assert list(folder.events(tmp_path / "missing")) == []


async def test_files_of_which_a_spoilt_time_line_does_not_tell_are_sealed_as_they_are(
    written: Path, settings: Settings
) -> None:
    (written / folder.EVENTS).write_bytes(b"\x00" * 400)
    before = {one.name: one.read_bytes() for one in written.glob("*.raw.webm")}
    sealing.seal_folder(written, facts(), settings, keys.signer(settings.data_dir), lambda: None)
    assert {one.name: one.read_bytes() for one in written.glob("*.webm")} == before
    assert seal.verify_folder(written, public_keys(settings.data_dir / "keys")).intact
