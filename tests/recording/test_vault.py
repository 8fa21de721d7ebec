"""Master keys and the recordings' own: wrapped, wrapped anew, destroyed; and what then still opens."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

import ledger.read
from core.db import Database
from core.errors import Misconfigured
from core.ids import Ref
from core.settings import Settings, from_environment
from recording import masters, retention, seal, service, tasks, vault
from recording.errors import KeyDestroyed, MasterKeyMissing, RecordingUnavailable
from recording.locked import Key
from recording.service import Recorders
from recording.tables import KeyRow, RecordingRow
from tests.recording.media import decode
from tests.recording.test_service import view_of, visit

EBML = b"\x1a\x45\xdf\xa3"


def test_a_wrapped_key_opens_for_its_own_recording_and_version_only(tmp_path: Path) -> None:
    one = masters.make(tmp_path / "vault.keys")
    assert (tmp_path / "vault.keys").stat().st_mode & 0o777 == 0o600
    key = Key.fresh()
    version, wrapped = one.wrap(key, "rec_1")
    two = masters.add(tmp_path / "vault.keys")
    assert (version, two.newest) == (1, 2)
    assert two.unwrap(1, wrapped, "rec_1") == key
    assert two.wrap(key, "rec_1")[0] == 2
    for number, content, recording in ((1, wrapped, "rec_2"), (2, wrapped, "rec_1"), (3, wrapped, "rec_1")):
        with pytest.raises(MasterKeyMissing):
            two.unwrap(number, content, recording)
    left = masters.drop(tmp_path / "vault.keys", 1)
    with pytest.raises(MasterKeyMissing):
        left.unwrap(1, wrapped, "rec_1")
    with pytest.raises(Misconfigured):
        masters.drop(tmp_path / "vault.keys", 2)
    with pytest.raises(FileExistsError):
        masters.make(tmp_path / "vault.keys")


@pytest.mark.parametrize("text", ["", "1 short", "1", "x " + "A" * 44, "1 AAAA", "# nothing"])
def test_a_file_without_keys_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "vault.keys").write_text(text)
    with pytest.raises(Misconfigured):
        masters.read(tmp_path / "vault.keys")


def test_a_chosen_file_is_never_made_by_itself(tmp_path: Path) -> None:
    chosen = from_environment({}, mode="test", data_dir=tmp_path, vault_keys=tmp_path / "elsewhere.keys")
    with pytest.raises(Misconfigured):
        masters.load(chosen)
    assert masters.load(from_environment({}, mode="test", data_dir=tmp_path)).newest == 1


async def test_what_lies_on_the_disk_is_locked_and_what_is_played_is_not(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    async with db.read() as session:
        path = await service.path_of(session, settings, recording_id)
    for raw in path.iterdir():
        assert raw.read_bytes()[:4] == b"KBL1"
    await tasks.seal_finished(db, settings)
    manifest = seal.read_manifest(path)
    assert manifest is not None
    view = await view_of(db, recording_id)
    for track, entry in zip(view.tracks, manifest["tracks"], strict=True):
        assert EBML not in (path / track.file_name).read_bytes()[:100]
        async with db.read() as session:
            clear = await service.open_track(session, settings, recording_id, track.id)
        with clear:
            assert clear[:4] == EBML
            assert len(clear) == entry["clear"]["bytes"]
            assert decode(clear.file()).sound > 3.9
    async with db.read() as session:
        row = await session.get(KeyRow, recording_id)
        key = await vault.key_of(session, settings, recording_id)
    assert row is not None
    assert key is not None
    assert manifest["locked"] == {"cipher": "AES-256-GCM", "key": row.fingerprint}
    assert row.wrapped is not None
    assert key.secret not in row.wrapped


async def test_rotation_wraps_anew_and_touches_no_file(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    await tasks.seal_finished(db, settings)
    async with db.read() as session:
        path = await service.path_of(session, settings, recording_id)
        before = await vault.key_of(session, settings, recording_id)
    content = {one.name: one.read_bytes() for one in path.iterdir()}
    masters.add(masters.path_of(settings))
    assert sorted(await asyncio.gather(vault.rewrap(db, settings), vault.rewrap(db, settings))) == [0, 1]
    async with db.read() as session:
        assert await vault.versions(session) == {2: 1}
        assert await vault.key_of(session, settings, recording_id) == before
    masters.drop(masters.path_of(settings), 1)
    async with db.read() as session:
        assert await vault.key_of(session, settings, recording_id) == before
    assert {one.name: one.read_bytes() for one in path.iterdir()} == content
    assert (await service.verify(db, settings, recording_id)).intact


async def test_without_the_master_key_nothing_begins_and_nothing_is_lost(
    recorders: Recorders, db: Database, settings: Settings, tmp_path: Path
) -> None:
    recording_id = await visit(recorders)
    keys = masters.path_of(settings)
    keys.rename(tmp_path / "away")
    keys.mkdir()
    with pytest.raises(RecordingUnavailable):
        await recorders.start("room_1", "bok_2")
    keys.rmdir()
    masters.make(keys)  # another one
    assert await tasks.seal_finished(db, settings) == 0
    keys.unlink()
    (tmp_path / "away").rename(keys)
    async with db.write() as session:
        await session.execute(update(RecordingRow).values(claimed_until=None))
    assert await tasks.seal_finished(db, settings) == 1
    assert (await service.verify(db, settings, recording_id)).intact


async def test_when_its_time_has_passed_the_key_goes_first_and_the_proof_names_it(
    recorders: Recorders, db: Database, settings: Settings, tmp_path: Path
) -> None:
    recording_id = await visit(recorders)
    await tasks.seal_finished(db, settings)
    async with db.write() as session:
        key = await vault.key_of(session, settings, recording_id)
        path = await service.path_of(session, settings, recording_id)
        row = await session.get(RecordingRow, recording_id)
        assert row is not None
        row.keep_until = row.started_at - timedelta(days=1)
    assert key is not None
    assert await retention.delete_expired(db, settings) == 1
    async with db.read() as session:
        with pytest.raises(KeyDestroyed):
            await vault.key_of(session, settings, recording_id)
        entries = await ledger.read.about(session, Ref("recording", recording_id))
        gone = await session.get(KeyRow, recording_id)
    assert gone is not None
    assert gone.wrapped is None
    proof = json.loads((path / "deletion.json").read_bytes())
    assert proof["key"]["fingerprint"] == key.fingerprint
    expired = next(entry for entry in entries if entry.tag == "system:recording:expired")
    assert expired.parsed()["key"] == key.fingerprint
    assert (await service.verify(db, settings, recording_id)).intact
    assert await vault.rewrap(db, settings) == 0
    if (base := tmp_path / "kinbridge.sqlite3").exists():
        assert key.secret not in base.read_bytes()


async def test_a_recording_without_a_key_goes_on_playing(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    """As one from before files were locked: no row, and files in the clear."""
    recording_id = await visit(recorders)
    await tasks.seal_finished(db, settings)
    view = await view_of(db, recording_id)
    async with db.write() as session:
        path = await service.path_of(session, settings, recording_id)
        with await service.open_track(session, settings, recording_id, view.tracks[0].id) as clear:
            content = b"".join(clear.pieces())
        await session.execute(delete(KeyRow))
    (path / view.tracks[0].file_name).write_bytes(content)
    async with db.read() as session:
        assert await vault.key_of(session, settings, recording_id) is None
        with await service.open_track(session, settings, recording_id, view.tracks[0].id) as clear:
            assert b"".join(clear.pieces()) == content
