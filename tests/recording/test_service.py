"""From the start of a recording to its seal, on both databases."""

import asyncio
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

import ledger.read
from core import clock, keys
from core.db import Database
from core.errors import Conflict, NotFound
from core.ids import Ref
from core.settings import Settings
from ledger.chain import Entry
from people.model import Identity, Role
from recording import folder, repository, seal, sealing, service, tasks
from recording.errors import RecordingUnavailable, TrackMissing
from recording.model import LEASE_S, MOVES, RecordingState, RecordingView
from recording.service import Recorders
from recording.tables import RecordingRow, TrackRow
from rooms.client import MediaKind
from tests.recording.conftest import act, prison
from tests.recording.media import FakeLeg

OFFICER = Identity(
    "ses_1", Ref("officer", "off_1"), frozenset({Role.MONITOR}), "Chen", "zh", False, "prison_1", True
)


async def visit(recorders: Recorders, booking: str = "bok_1") -> str:
    """A whole visit; answers the recording's id."""
    recorder = await recorders.start("room_1", booking)
    act(recorder)
    await recorder.finish("said-goodbye")
    return recorder.recording_id


async def view_of(db: Database, recording_id: str) -> RecordingView:
    async with db.read() as session:
        return await service.get(session, recording_id)


async def entries_of(db: Database, recording_id: str) -> list[Entry]:
    async with db.read() as session:
        return list(await ledger.read.about(session, Ref("recording", recording_id)))


async def test_from_the_first_packet_to_the_seal(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    before = await view_of(db, recording_id)
    assert (before.state, before.reason, before.tracks) == (RecordingState.SEALING, "said-goodbye", ())
    assert await tasks.seal_finished(db, settings) == 1
    view = await view_of(db, recording_id)
    assert view.state is RecordingState.SEALED
    assert (view.booking_id, view.room_id) == ("bok_1", "room_1")
    family, inmate = view.tracks
    assert (family.person, family.role, family.name) == (Ref("relative", "rel_1"), "relative", "王桂兰")
    assert (family.kinds, family.codecs) == ((MediaKind.AUDIO, MediaKind.VIDEO), ("opus", "vp8"))
    assert inmate.kinds == (MediaKind.AUDIO,)
    assert family.duration_ms == pytest.approx(4000, abs=20)
    assert family.file_name == "relative-1.webm"
    warned = next(event for event in view.events if event.tag == "officer:visit:warned")
    assert warned.details == {"warning": "dress"}
    assert not any(event.tag.startswith("track:clock") for event in view.events)
    assert view.seal is not None
    entries = await entries_of(db, recording_id)
    assert [entry.tag for entry in entries] == [
        "system:recording:started",
        "system:recording:finished",
        "system:recording:sealed",
    ]
    assert entries[-1].parsed()["manifest"] == view.seal.digest
    assert "王桂兰" not in "".join(entry.details for entry in entries)
    assert (await service.verify(db, settings, recording_id)).intact
    assert await tasks.seal_finished(db, settings) == 0


async def test_the_newest_come_first_and_only_a_prisons_own(recorders: Recorders, db: Database) -> None:
    first, second = await visit(recorders), await visit(recorders)
    async with db.read() as session:
        assert [one.id for one in await service.recent(session, "prison_1")] == [second, first]
        assert [one.id for one in await service.recent(session, "prison_1", 1)] == [second]
        assert await service.recent(session, "prison_2") == []
        assert [one.id for one in await service.of_booking(session, "bok_1")] == [first, second]
        assert await service.prison_of(session, first) == "prison_1"
        with pytest.raises(NotFound):
            await service.get(session, "rec_unknown")


async def test_a_second_take_names_the_first(recorders: Recorders, db: Database, settings: Settings) -> None:
    first, second = await visit(recorders), await visit(recorders)
    assert await tasks.seal_finished(db, settings) == 2
    async with db.read() as session:
        manifest = seal.read_manifest(await service.path_of(session, settings, second))
    sealed = (await view_of(db, first)).seal
    assert manifest is not None
    assert sealed is not None
    assert manifest["previous"]["recording"] == first
    assert manifest["previous"]["manifest"] == sealed.digest


async def test_two_workers_never_seal_one_recording_twice(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    done = await asyncio.gather(*(tasks.seal_finished(db, settings) for _ in range(4)))
    assert sum(done) == 1
    tags = [entry.tag for entry in await entries_of(db, recording_id)]
    assert tags.count("system:recording:sealed") == 1


async def test_who_lost_the_claim_does_not_seal(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    now = clock.now()
    async with db.write() as session:
        assert await repository.claim(session, recording_id, "claim_other", now, now + tasks.CLAIM)
    assert await tasks.seal_finished(db, settings) == 0
    async with db.write() as session:
        assert await repository.claim(session, recording_id, "claim_third", now + 2 * tasks.CLAIM, now)
    assert await tasks.seal_finished(db, settings) == 1


async def test_a_seal_of_which_the_database_was_not_told_is_taken_over(
    recorders: Recorders, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = await visit(recorders)

    async def power_failure(*_args: object) -> None:
        raise OSError(5, "power failure")

    monkeypatch.setattr(tasks, "_sealed", power_failure)
    monkeypatch.setattr(tasks, "AGAIN", -tasks.AGAIN)
    assert await tasks.seal_finished(db, settings) == 0
    async with db.read() as session:
        path = await service.path_of(session, settings, recording_id)
    manifest = (path / folder.MANIFEST).read_bytes()
    monkeypatch.undo()
    assert await tasks.seal_finished(db, settings) == 1
    assert (path / folder.MANIFEST).read_bytes() == manifest
    assert (await service.verify(db, settings, recording_id)).intact


async def test_sealing_that_fails_is_tried_again_later_and_failed_at_last(
    recorders: Recorders, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = await visit(recorders)

    def broken(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(tasks, "seal_folder", broken)
    assert await tasks.seal_finished(db, settings) == 0
    assert (await view_of(db, recording_id)).state is RecordingState.SEALING
    async with db.read() as session:
        assert await repository.due(session, clock.now()) == []  # not at once again
    monkeypatch.setattr(tasks, "AGAIN", -tasks.AGAIN)
    for _ in range(tasks.TRIES):
        async with db.write() as session:
            await session.execute(update(RecordingRow).values(claimed_until=None))
        await tasks.seal_finished(db, settings)
    view = await view_of(db, recording_id)
    assert (view.state, view.reason) == (RecordingState.FAILED, "not-sealable")
    assert (await entries_of(db, recording_id))[-1].tag == "system:recording:failed"


async def test_a_full_disk_fails_no_recording_however_long_it_is_full(
    recorders: Recorders, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = await visit(recorders)

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "seal_folder", full)
        for _ in range(tasks.TRIES + 60):
            async with db.write() as session:
                await session.execute(update(RecordingRow).values(claimed_until=None))
            await tasks.seal_finished(db, settings)
    async with db.write() as session:
        until = (await repository.row(session, recording_id)).claimed_until
        assert until is not None
        assert until - clock.now() <= tasks.AGAIN * 2**tasks.TRIES
        await session.execute(update(RecordingRow).values(claimed_until=None))
    assert await tasks.seal_finished(db, settings) == 1
    assert (await service.verify(db, settings, recording_id)).intact


async def test_what_nobody_foresaw_holds_up_no_other_and_fails_at_last(
    recorders: Recorders, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await visit(recorders), await visit(recorders, "bok_2")
    real = sealing.seal_folder

    def broken(path: Path, *rest: Any) -> sealing.Sealed:
        if path.name == first:
            raise KeyError("file")
        return real(path, *rest)

    monkeypatch.setattr(tasks, "seal_folder", broken)
    assert await tasks.seal_finished(db, settings) == 1
    assert (await view_of(db, second)).state is RecordingState.SEALED
    for _ in range(tasks.TRIES):
        async with db.write() as session:
            await session.execute(update(RecordingRow).values(claimed_until=None))
        await tasks.seal_finished(db, settings)
    assert (await view_of(db, first)).state is RecordingState.FAILED


async def test_who_lost_the_claim_fails_nothing(
    recorders: Recorders, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = await visit(recorders)
    loop = asyncio.get_running_loop()

    async def take() -> None:
        async with db.write() as session:
            later = clock.now() + tasks.CLAIM
            await session.execute(update(RecordingRow).values(claim="another", claimed_until=later))

    def overtaken(*_args: object) -> None:
        asyncio.run_coroutine_threadsafe(take(), loop).result()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(tasks, "seal_folder", overtaken)
    monkeypatch.setattr(tasks, "TRIES", 1)
    assert await tasks.seal_finished(db, settings) == 0
    assert (await view_of(db, recording_id)).state is RecordingState.SEALING
    async with db.read() as session:
        assert (await repository.row(session, recording_id)).claim == "another"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_storage_that_is_not_mounted_makes_nothing_fail(
    recorders: Recorders, db: Database, settings: Settings, tmp_path: Path
) -> None:
    recording_id = await visit(recorders)
    folder.root(settings).rename(tmp_path / "elsewhere")
    assert await tasks.seal_finished(db, settings) == 0
    assert (await view_of(db, recording_id)).state is RecordingState.SEALING
    (tmp_path / "elsewhere").rename(folder.root(settings))
    assert await tasks.seal_finished(db, settings) == 1


async def test_a_folder_that_is_gone_is_a_failure(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    async with db.read() as session:
        shutil.rmtree(await service.path_of(session, settings, recording_id))
    assert await tasks.seal_finished(db, settings) == 0
    view = await view_of(db, recording_id)
    assert (view.state, view.reason) == (RecordingState.FAILED, "folder-missing")


async def test_a_visit_of_which_no_packet_came_is_sealed_too(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recorder = await recorders.start("room_1", "bok_1")
    recorder.add(FakeLeg("leg_1"), Ref("relative", "rel_1"), "relative", "王桂兰")
    await recorder.finish("family-no-show")
    assert await tasks.seal_finished(db, settings) == 1
    (track,) = (await view_of(db, recorder.recording_id)).tracks
    assert (track.file_name, track.bytes, track.kinds, track.duration_ms) == ("", 0, (), 0)
    assert (await service.verify(db, settings, recorder.recording_id)).intact
    async with db.read() as session:
        with pytest.raises(TrackMissing):
            await service.open_track(session, settings, recorder.recording_id, track.id)


async def silence(db: Database, recording_id: str) -> None:
    """As if the node had not told of itself for longer than its lease."""
    async with db.write() as session:
        await session.execute(
            update(RecordingRow)
            .where(RecordingRow.id == recording_id)
            .values(beat_at=clock.now() - timedelta(seconds=LEASE_S + 1))
        )


async def test_a_node_that_was_taken_for_dead_gives_up(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder)
    await asyncio.sleep(0.3)
    await silence(db, recorder.recording_id)
    assert await tasks.seal_finished(db, settings) == 1
    async with asyncio.timeout(30):
        while "lost" not in recorder.troubles:
            await asyncio.sleep(0.05)
    assert not recorder.healthy
    await recorder.finish("over")
    view = await view_of(db, recorder.recording_id)
    assert (view.state, view.reason) == (RecordingState.SEALED, "interrupted")
    assert (await service.verify(db, settings, recorder.recording_id)).intact


async def test_a_node_that_beats_keeps_its_recording(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recorder = await recorders.start("room_1", "bok_1")
    await silence(db, recorder.recording_id)
    async with asyncio.timeout(30):
        while True:
            async with db.read() as session:
                if (
                    clock.now() - (await repository.row(session, recorder.recording_id)).beat_at
                    < tasks.AGAIN / 10
                ):
                    break
            await asyncio.sleep(0.05)
    assert await tasks.recover(db, settings) == 0
    assert recorder.healthy


async def test_what_never_began_fails(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    recorders = Recorders(settings, db, "node_1", prison_of=prison)
    monkeypatch.setattr(folder, "make", full)
    with pytest.raises(RecordingUnavailable):
        await recorders.start("room_1", "bok_1")
    async with db.read() as session:
        (view,) = await service.of_booking(session, "bok_1")
    assert (view.state, view.reason) == (RecordingState.FAILED, "not-writable")
    assert (await entries_of(db, view.id))[-1].tag == "system:recording:failed"
    await recorders.close()


async def test_without_room_on_the_disk_nothing_begins(
    recorders: Recorders, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FLOOR", 1 << 60)
    with pytest.raises(RecordingUnavailable):
        await recorders.start("room_1", "bok_1")
    async with db.read() as session:
        assert await service.of_booking(session, "bok_1") == []


async def test_a_place_that_is_no_folder_is_said_at_once(recorders: Recorders, settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    folder.root(settings).write_text("in the way")
    with pytest.raises(RecordingUnavailable):
        await recorders.start("room_1", "bok_1")


async def test_a_booking_that_is_not_there_cannot_be_recorded(db: Database, settings: Settings) -> None:
    recorders = Recorders(settings, db, "node_1")
    with pytest.raises(NotFound):
        await recorders.start("room_1", "bok_unknown")
    await recorders.close()


async def test_closing_the_process_finishes_what_runs(db: Database, settings: Settings) -> None:
    recorders = Recorders(settings, db, "node_1", prison_of=prison)
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder)
    await recorders.close()
    view = await view_of(db, recorder.recording_id)
    assert (view.state, view.reason) == (RecordingState.SEALING, "shutdown")


@pytest.mark.parametrize("old", RecordingState)
@pytest.mark.parametrize("new", RecordingState)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_only_the_moves_of_the_table_are_made(
    db: Database, old: RecordingState, new: RecordingState
) -> None:
    async with db.write() as session:
        for index, state in enumerate(RecordingState):
            session.add(_row(f"rec_{index}", state))
    chosen = f"rec_{list(RecordingState).index(old)}"
    async with db.write() as session:
        if new in MOVES[old]:
            await repository.move(session, chosen, old, new)
            with pytest.raises(Conflict):
                await repository.move(session, chosen, old, new)
        else:
            with pytest.raises(ValueError, match="no move"):
                await repository.move(session, chosen, old, new)


def _row(recording_id: str, state: RecordingState) -> RecordingRow:
    now = clock.now()
    return RecordingRow(
        id=recording_id,
        booking_id="bok_1",
        room_id="room_1",
        prison_id="prison_1",
        state=state.value,
        node_id="node_1",
        beat_at=now,
        folder="x",
        started_at=now,
        retention="family",
        keep_until=now,
    )


async def test_files_are_given_out_of_the_recordings_own_folder_only(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    await tasks.seal_finished(db, settings)
    track = (await view_of(db, recording_id)).tracks[0]
    async with db.read() as session:
        path = await service.path_of(session, settings, recording_id) / track.file_name
        with await service.open_track(session, settings, recording_id, track.id) as clear:
            assert clear[:4] == b"\x1a\x45\xdf\xa3"
        assert path.read_bytes()[:4] == b"KBL1"
        with pytest.raises(TrackMissing):
            await service.open_track(session, settings, recording_id, "track_unknown")
    for name in ("../../../../../secret", "/etc/passwd", "manifest.json/../../x", "link.webm", "."):
        (path.parent / "link.webm").unlink(missing_ok=True)
        (path.parent / "link.webm").symlink_to("/etc/passwd")
        async with db.write() as session:
            await session.execute(update(TrackRow).where(TrackRow.id == track.id).values(file_name=name))
        async with db.read() as session:
            with pytest.raises(TrackMissing):
                await service.open_track(session, settings, recording_id, track.id)


async def test_the_ledger_catches_a_folder_that_was_sealed_anew(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    """Whoever has the signing key can make a folder that is intact in itself, but not change the ledger."""
    recording_id = await visit(recorders)
    await tasks.seal_finished(db, settings)
    async with db.read() as session:
        path = await service.path_of(session, settings, recording_id)
    manifest = seal.read_manifest(path)
    assert manifest is not None
    digest = seal.sign(path, {**manifest, "reason": "rewritten"}, keys.signer(settings.data_dir))
    verdict = await service.verify(db, settings, recording_id)
    assert verdict.broken_at is not None
    assert verdict.broken_at.code == "ledger-differs"
    async with db.write() as session:
        await session.execute(update(RecordingRow).values(manifest_digest=digest))
    assert not (await service.verify(db, settings, recording_id)).intact


async def test_an_old_manifest_that_is_put_back_is_found(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    """Another take's, with its own true signature; and one of the same take that was signed before."""
    first, second = await visit(recorders), await visit(recorders)
    while await tasks.seal_finished(db, settings):
        pass
    async with db.read() as session:
        older, path = [await service.path_of(session, settings, one) for one in (first, second)]
    good = await service.verify(db, settings, second)
    assert good.intact
    assert "the ledger knows this manifest and no other of this recording" in good.report()["proved"]
    kept = {name: (path / name).read_bytes() for name in (folder.MANIFEST, folder.SIGNATURE)}
    for name in kept:
        (path / name).write_bytes((older / name).read_bytes())
    found = await service.verify(db, settings, second)
    assert {"other-recording", "ledger-differs"} <= {one.code for one in found.problems}
    before = {**json.loads(kept[folder.MANIFEST]), "sealed_at": "2026-11-20T00:00:00.000+00:00"}
    seal.sign(path, before, keys.signer(settings.data_dir))
    found = await service.verify(db, settings, second)
    assert [one.code for one in found.problems] == ["ledger-differs"]
    for name, content in kept.items():
        (path / name).write_bytes(content)
    assert (await service.verify(db, settings, second)).intact


async def test_a_recording_that_is_not_sealed_is_not_intact(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    assert not (await service.verify(db, settings, recording_id)).intact
