"""Recordings in an object store, against a real S3 server: sent, resumed, played, proved, deleted; and without it."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import update

import ledger.read
from core import clock
from core.db import Database
from core.ids import Ref
from core.settings import Settings, from_environment
from recording import folder, recheck, retention, service, storing, tasks
from recording import store as stores
from recording.errors import RecordingUnavailable, StoreUnavailable
from recording.model import RecordingState
from recording.service import Recorders
from recording.store import PART, Shelf, Store
from recording.tables import RecordingRow
from tests import services
from tests.recording.conftest import act, prison
from tests.recording.media import decode
from tests.recording.test_service import view_of


@pytest.fixture(scope="module")
def endpoint(service_folder: Path) -> Iterator[str]:
    with services.s3(service_folder / "s3") as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, endpoint: str) -> Settings:
    return from_environment(
        {},
        mode="test",
        data_dir=tmp_path / "var",
        store_url=f"s3://{services.S3_BUCKET}/{os.urandom(4).hex()}",
        store_endpoint=endpoint,
        store_key_id=services.S3_KEY,
        store_secret=services.S3_SECRET,
    )


@pytest.fixture
def store(settings: Settings) -> Store:
    found = stores.open_store(settings)
    assert found is not None
    with contextlib.suppress(found.client.exceptions.BucketAlreadyOwnedByYou):
        found.client.create_bucket(Bucket=services.S3_BUCKET)
    return found


@pytest.fixture
async def stored(store: Store, settings: Settings, db: Database) -> str:
    """A recording that was sealed and went to the store."""
    recorders = Recorders(settings, db, "node_1", prison_of=prison)
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder, seconds=2)
    await recorder.finish("over")
    await recorders.close()
    assert await tasks.seal_finished(db, settings) == 1
    assert await storing.store_sealed(db, settings) == 1
    return recorder.recording_id


async def row_of(db: Database, recording_id: str) -> RecordingRow:
    async with db.read() as session:
        found = await session.get(RecordingRow, recording_id)
    assert found is not None
    return found


async def test_it_lies_in_the_store_and_is_played_and_proved_from_there(
    stored: str, db: Database, settings: Settings, store: Store
) -> None:
    one = await row_of(db, stored)
    path = folder.root(settings) / one.folder
    assert one.store == "s3"
    assert sorted(child.name for child in path.iterdir()) == ["manifest.json", "manifest.sig"]
    shelf = store.shelf(one.folder)
    assert set(shelf.names()) == {
        "events.jsonl", "inmate-1.raw.webm", "inmate-1.webm", "manifest.json", "manifest.sig",
        "relative-1.raw.webm", "relative-1.webm",
    }  # fmt: skip
    (family, _) = (await view_of(db, stored)).tracks
    async with db.read() as session:
        clear = await service.open_track(session, settings, stored, family.id)
        entries = await ledger.read.about(session, Ref("recording", stored))
    with clear:
        assert decode(clear.file()).sound > 1.9
    assert shelf.open(family.file_name).read(0, 4) == b"KBL1"
    assert entries[-1].tag == storing.STORED
    assert (await service.verify(db, settings, stored)).intact
    assert await storing.store_sealed(db, settings) == 0
    assert await recheck.recheck(db, settings, rate=1e12) == 1
    assert (await view_of(db, stored)).state is RecordingState.SEALED


async def test_what_was_changed_or_lost_in_the_store_is_found(
    stored: str, db: Database, settings: Settings, store: Store, tmp_path: Path
) -> None:
    shelf = store.shelf((await row_of(db, stored)).folder)
    content = bytearray(shelf.open("inmate-1.webm").read(0, 1 << 20))
    content[len(content) // 2] ^= 1
    (tmp_path / "inmate-1.webm").write_bytes(content)
    shelf.put(tmp_path / "inmate-1.webm")
    shelf.delete("relative-1.webm")
    found = await service.verify(db, settings, stored)
    assert {(one.code, one.place) for one in found.problems} == {
        ("changed-file", "inmate-1.webm"),
        ("missing-file", "relative-1.webm"),
    }


async def test_deletion_reaches_the_store_and_the_proof_names_what_lay_there(
    stored: str, db: Database, settings: Settings, store: Store
) -> None:
    one = await row_of(db, stored)
    async with db.write() as session:
        await session.execute(update(RecordingRow).values(keep_until=clock.now() - timedelta(days=1)))
    assert await retention.delete_expired(db, settings) == 1
    assert store.shelf(one.folder).names() == {}
    found = await service.verify(db, settings, stored)
    assert (found.intact, found.files) == (True, 5)


def big(path: Path) -> bytes:
    content = os.urandom(2 * PART + 1000)
    path.write_bytes(content)
    return content


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return store.shelf("2026/11/22/rec_big")


def test_an_upload_that_was_cut_off_goes_on_where_it_was(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "relative-1.webm"
    content = big(path)
    sent: list[int] = []
    real = shelf.store.client.upload_part

    def flaky(**asked: object) -> object:
        number = asked["PartNumber"]
        assert isinstance(number, int)
        if number == 2 and not sent.count(2):
            sent.append(2)
            raise OSError("the cable was pulled")
        sent.append(number)
        return real(**asked)

    monkeypatch.setattr(shelf.store.client, "upload_part", flaky)
    with pytest.raises(OSError, match="cable"):
        shelf.put(path)
    assert shelf.names() == {}  # nothing half is ever seen
    shelf.put(path)
    assert sent == [1, 2, 2, 3]
    remote = shelf.open(path.name)
    assert hashlib.sha256(remote.read(0, remote.size)).digest() == hashlib.sha256(content).digest()
    assert remote.read(PART - 3, PART + 3) == content[PART - 3 : PART + 3]


def test_parts_of_another_content_are_sent_again(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "inmate-1.webm"
    content = big(path)
    where = {"Bucket": shelf.store.bucket, "Key": shelf.place + path.name}
    upload = shelf.store.client.create_multipart_upload(**where)["UploadId"]
    shelf.store.client.upload_part(**where, UploadId=upload, PartNumber=1, Body=os.urandom(PART))
    shelf.put(path)
    remote = shelf.open(path.name)
    assert remote.read(0, remote.size) == content


def test_a_store_that_encrypts_has_tags_of_its_own(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SSE-KMS a part's tag is not its MD5, and the store refuses every other."""
    client, own = shelf.store.client, {}
    upload_part, complete = client.upload_part, client.complete_multipart_upload

    def sent(**asked: Any) -> dict[str, str]:
        tag = f'"{os.urandom(16).hex()}"'
        own[tag] = upload_part(**asked)["ETag"]
        return {"ETag": tag}

    def completed(**asked: Any) -> Any:
        parts = asked["MultipartUpload"]["Parts"]
        if any(one["ETag"] not in own for one in parts):
            raise ClientError({"Error": {"Code": "InvalidPart"}}, "CompleteMultipartUpload")
        real = [{**one, "ETag": own[one["ETag"]]} for one in parts]
        return complete(**{**asked, "MultipartUpload": {"Parts": real}})

    monkeypatch.setattr(client, "upload_part", sent)
    monkeypatch.setattr(client, "complete_multipart_upload", completed)
    path = tmp_path / "relative-2.webm"
    content = big(path)
    shelf.put(path)
    remote = shelf.open(path.name)
    assert remote.read(0, remote.size) == content


async def test_a_store_that_does_not_answer_loses_nothing_and_pauses_new_calls_in_time(
    db: Database, settings: Settings
) -> None:
    dead = settings.model_copy(update={"store_endpoint": f"http://127.0.0.1:{services.free_port()}"})
    recorders = Recorders(dead, db, "node_1", prison_of=prison)
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder, seconds=1)
    await recorder.finish("over")
    await tasks.seal_finished(db, dead)
    with pytest.raises(StoreUnavailable):
        await storing.store_sealed(db, dead)
    async with db.read() as session:
        assert (await storing.waiting(session))[0] == 1
        await storing.check(session, dead)  # not yet: the policy gives it time
    assert (await service.verify(db, dead, recorder.recording_id)).intact
    async with db.write() as session:
        await session.execute(update(RecordingRow).values(sealed_at=clock.now() - timedelta(hours=5)))
    with pytest.raises(RecordingUnavailable):
        await recorders.start("room_2", "bok_2")
    patient = Recorders(dead.model_copy(update={"store_lag_minutes": 0}), db, "node_2", prison_of=prison)
    await (await patient.start("room_2", "bok_2")).finish("over")
    await recorders.close()
    await patient.close()
