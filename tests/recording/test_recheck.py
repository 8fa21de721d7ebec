"""The nightly re-check: finds damage and says so, is cut off and goes on, reads no faster than it may."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

import ledger.read
from core import keys
from core.db import Database
from core.ids import Ref
from core.settings import Settings
from recording import folder, recheck, seal, sealing, service
from recording.digest import digest_of
from recording.finalise import FinishedStream
from recording.model import RecordingState
from recording.problem import Problem
from recording.recheck import Pace
from recording.retention import delete_expired
from recording.seal import SealVerdict
from recording.service import Recorders
from recording.tables import RecheckRow
from tests.conftest import FakeClock
from tests.recording.test_retention import path_of, sealed_visit, state_of

FAST = 1e12


async def report(db: Database) -> tuple[str, int, int, bool]:
    """Night, checked, damaged, finished."""
    async with db.read() as session:
        run = await recheck.latest(session)
    assert run is not None
    return run.id, run.checked, run.damaged, run.finished_at is not None


async def tags(db: Database, subject: Ref) -> list[str]:
    async with db.read() as session:
        return [entry.tag for entry in await ledger.read.about(session, subject)]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def three(recorders: Recorders, db: Database, settings: Settings) -> list[str]:
    """In the order in which they are read: their ids'."""
    return sorted([await sealed_visit(recorders, db, settings, f"bok_{n}") for n in range(3)])


async def test_every_recording_is_read_once_a_night(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    made = await three(recorders, db, settings)
    clock.move(minutes=1)
    assert await recheck.recheck(db, settings, rate=FAST) == 3
    assert await report(db) == ("2026-11-20", 3, 0, True)
    async with db.read() as session:
        run = await recheck.latest(session)
        assert run is not None
        views = [await service.get(session, one) for one in made]
    assert run.bytes > sum(track.bytes for view in views for track in view.tracks)
    assert await recheck.recheck(db, settings, rate=FAST) == 0
    clock.move(hours=10)  # 18:01 UTC
    assert await recheck.recheck(db, settings, rate=FAST) == 3
    assert (await report(db))[0] == "2026-11-21"
    night = Ref("recheck", "2026-11-21")
    assert await tags(db, night) == ["system:recheck:started", "system:recheck:finished"]


async def test_storage_that_is_not_mounted_damages_and_deletes_nothing(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    made = await sealed_visit(recorders, db, settings)
    folder.root(settings).rename(tmp_path / "elsewhere")
    clock.move(days=31)
    assert await recheck.recheck(db, settings, rate=FAST) == 0
    assert await delete_expired(db, settings) == 0
    assert await state_of(db, made) is RecordingState.SEALED
    (tmp_path / "elsewhere").rename(folder.root(settings))
    clock.move(hours=1)
    assert await recheck.recheck(db, settings, rate=FAST) == 1
    assert await report(db) == ("2026-12-21", 1, 0, True)
    assert await delete_expired(db, settings) == 1


async def test_damage_is_a_state_until_it_is_mended(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    _, second, _ = await three(recorders, db, settings)
    path = await path_of(db, settings, second) / "relative-1.webm"
    flip(path)
    await recheck.recheck(db, settings, rate=FAST)
    assert await report(db) == ("2026-11-20", 3, 1, True)
    async with db.read() as session:
        view = await service.get(session, second)
        assert [one.id for one in await recheck.damaged(session, "prison_1")] == [second]
        assert await recheck.damaged(session, "prison_2") == []
        assert await recheck.count_damaged(session) == 1
        entry = (await ledger.read.about(session, Ref("recording", second)))[-1]
    assert (view.state, view.damage) == (RecordingState.DAMAGED, "changed-file relative-1.webm")
    assert (entry.tag, entry.parsed()) == (
        "system:recording:damaged",
        {"place": "relative-1.webm", "problem": "changed-file"},
    )
    clock.move(days=1)
    await recheck.recheck(db, settings, rate=FAST)
    assert (await tags(db, Ref("recording", second))).count("system:recording:damaged") == 1
    flip(path)
    clock.move(days=1)
    await recheck.recheck(db, settings, rate=FAST)
    assert await state_of(db, second) is RecordingState.SEALED
    assert (await tags(db, Ref("recording", second)))[-1] == "system:recording:mended"
    assert (await report(db))[2] == 0


async def test_what_is_as_it_was_sealed_and_does_not_play_is_found_in_its_first_night_and_stays_found(
    recorders: Recorders,
    db: Database,
    settings: Settings,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = sealing._media

    def one_more(stream: FinishedStream, size: tuple[int, int] | None) -> dict[str, Any]:
        return said(stream, size) | {"frames": stream.frames + 1}

    with monkeypatch.context() as wrong:
        wrong.setattr(sealing, "_media", one_more)
        recording_id = await sealed_visit(recorders, db, settings)
    for _ in range(2):
        await recheck.recheck(db, settings, rate=FAST)
        async with db.read() as session:
            view = await service.get(session, recording_id)
        assert (view.state, view.damage) == (RecordingState.DAMAGED, "unplayable relative-1.webm")
        assert (await service.verify(db, settings, recording_id)).intact
        clock.move(days=1)


async def test_what_is_damaged_is_deleted_in_time_and_the_proof_says_what_went(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    recording_id = await sealed_visit(recorders, db, settings)
    path = await path_of(db, settings, recording_id)
    flip(path / "relative-1.webm")
    really = digest_of(path / "relative-1.webm").sha256
    await recheck.recheck(db, settings, rate=FAST)
    clock.move(days=31)
    assert await delete_expired(db, settings) == 1
    proof = json.loads((path / "deletion.json").read_bytes())
    assert really in {one["sha256"] for one in proof["files"]}
    assert await recheck.recheck(db, settings, rate=FAST) == 0


async def test_a_run_that_is_cut_off_goes_on_where_it_was(
    recorders: Recorders,
    db: Database,
    settings: Settings,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = await three(recorders, db, settings)
    read: list[str] = []
    verify = service.verify

    async def counted(db: Database, settings: Settings, recording_id: str, pace: Pace) -> SealVerdict:
        if len(read) == 1 and recording_id == made[1]:
            read.append("cut off")
            raise OSError(5, "power failure")
        read.append(recording_id)
        return await verify(db, settings, recording_id, pace)

    monkeypatch.setattr(service, "verify", counted)
    with pytest.raises(OSError, match="power failure"):
        await recheck.recheck(db, settings, rate=FAST)
    assert await report(db) == ("2026-11-20", 1, 0, False)
    assert await recheck.recheck(db, settings, rate=FAST) == 0  # whoever read may be alive
    clock.move(days=1)  # and last night's is finished before tonight's begins
    assert await recheck.recheck(db, settings, rate=FAST) == 2
    assert read == [made[0], "cut off", made[1], made[2]]
    assert await report(db) == ("2026-11-20", 3, 0, True)
    assert await recheck.recheck(db, settings, rate=FAST) == 3


async def test_two_workers_read_nothing_twice(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    await three(recorders, db, settings)
    done = await asyncio.gather(*(recheck.recheck(db, settings, rate=FAST) for _ in range(3)))
    assert sorted(done) == [0, 0, 3]
    assert await report(db) == ("2026-11-20", 3, 0, True)


async def test_who_has_lost_the_run_enters_nothing(
    recorders: Recorders,
    db: Database,
    settings: Settings,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = await three(recorders, db, settings)
    flip(await path_of(db, settings, made[0]) / "relative-1.webm")
    verify = service.verify

    async def robbed(db: Database, settings: Settings, recording_id: str, pace: Pace) -> SealVerdict:
        async with db.write() as session:
            run = await recheck.latest(session)
            assert run is not None
            run.claim = "claim_other"
        return await verify(db, settings, recording_id, pace)

    monkeypatch.setattr(service, "verify", robbed)
    assert await recheck.recheck(db, settings, rate=FAST) == 1
    assert await report(db) == ("2026-11-20", 0, 0, False)
    assert await state_of(db, made[0]) is RecordingState.SEALED


async def test_a_recording_that_goes_while_it_is_read_is_not_called_damaged(
    recorders: Recorders,
    db: Database,
    settings: Settings,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording_id = await sealed_visit(recorders, db, settings)
    verify = service.verify

    async def going(db: Database, settings: Settings, recording_id: str, pace: Pace) -> SealVerdict:
        clock.move(days=31)
        (await path_of(db, settings, recording_id) / "relative-1.webm").unlink()
        assert await delete_expired(db, settings) == 1
        verdict = await verify(db, settings, recording_id, pace)
        return SealVerdict((Problem("missing-file", "relative-1.webm", "-"),), verdict.recording)

    monkeypatch.setattr(service, "verify", going)
    assert await recheck.recheck(db, settings, rate=FAST) == 1
    assert await state_of(db, recording_id) is RecordingState.DELETED
    assert "system:recording:damaged" not in await tags(db, Ref("recording", recording_id))


def test_reading_keeps_to_its_pace(sealed: Path, settings: Settings) -> None:
    size = sum(one.stat().st_size for one in sealed.iterdir() if not one.name.startswith("manifest"))
    pace = Pace(rate=size / 0.4)
    began = time.monotonic()
    assert seal.verify_folder(sealed, keys.public_keys(settings.data_dir / "keys"), seal.Reading(pace)).intact
    assert time.monotonic() - began >= 0.39
    assert pace.bytes == size


async def test_a_worker_that_is_stopped_stops_reading(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    await sealed_visit(recorders, db, settings)
    slow = asyncio.create_task(recheck.recheck(db, settings, rate=1000))  # minutes
    await asyncio.sleep(0.3)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    async with asyncio.timeout(30):
        await asyncio.get_running_loop().shutdown_default_executor()
    async with db.read() as session:
        run = await session.get(RecheckRow, "2026-11-20")
    assert run is not None
    assert (run.checked, run.finished_at) == (0, None)
