"""What is handed out is asked for, approved by another, fetched once; and proves itself to a stranger."""

import asyncio
import contextlib
import hashlib
import io
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sqlalchemy import update

import ledger.read
import ledger.record
from core import keys
from core.db import Database
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import Ref
from core.settings import Settings, from_environment
from ledger.chain import canonical
from people.model import Identity, Role
from recording import bundle, bundling, composite, handing_out, masters, originals, repository, tasks, vault
from recording.clear import Local
from recording.composite import Pixels
from recording.errors import NothingToHandOut
from recording.export_table import ExportRow
from recording.handing_out import ExportState
from recording.locked import Growing, Key
from recording.matroska import LiveWriter
from recording.model import RecordingState
from recording.service import Recorders
from tests.conftest import FakeClock
from tests.recording.conftest import act, prison


def officer(name: str, *roles: Role) -> Identity:
    return Identity("ses", Ref("officer", name), frozenset(roles), name, "zh", False, "prison_1", True)


CHEN, ZHOU = officer("off_1", Role.MONITOR, Role.APPROVER), officer("off_2", Role.APPROVER)


def marked(words: str, size: tuple[int, int]) -> Pixels:
    """White where the receiver's name would stand."""
    assert words.startswith("Court of Baihu")
    sheet = np.zeros((size[1], size[0], 3), np.uint8)
    sheet[:20, :20] = 255
    return sheet


@pytest.fixture
async def asked(
    recorders: Recorders, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setattr(repository, "prison_of", prison)
    return await ask(recorders, db, settings)


async def ask(recorders: Recorders, db: Database, settings: Settings) -> str:
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder, seconds=2)
    await recorder.finish("over")
    await tasks.seal_finished(db, settings)
    async with db.write() as session:
        return await handing_out.ask(session, CHEN, "bok_1", "court", "2026-17", "Court of Baihu")


@pytest.fixture
async def ready(asked: str, db: Database, settings: Settings) -> str:
    async with db.write() as session:
        await handing_out.decide(session, ZHOU, asked, approved=True)
    assert await bundling.render_due(db, settings, marked) == 1
    return asked


async def fetched(db: Database, settings: Settings, secret: str) -> bytes:
    async with db.write() as session:
        one = await handing_out.use(session, secret)
        clear = await bundling.open_bundle(session, settings, one.id)
    with clear:
        return b"".join(clear.pieces())


async def linked(db: Database, export_id: str) -> str:
    async with db.write() as session:
        return await handing_out.link(session, CHEN, export_id)


async def test_a_copy_needs_a_purpose_a_receiver_and_a_second_person(asked: str, db: Database) -> None:
    async with db.write() as session:
        with pytest.raises(Refused) as refused:
            await handing_out.ask(session, CHEN, "bok_1", "curiosity", " ", "")
        assert len(refused.value.reasons) == 3
        with pytest.raises(NothingToHandOut):
            await handing_out.ask(session, CHEN, "bok_2", "court", "x", "y")
    for who in (CHEN, officer("off_3", Role.MONITOR)):  # whoever asked, and whoever does not decide
        async with db.write() as session:
            with pytest.raises(Forbidden):
                await handing_out.decide(session, who, asked, approved=True)
    async with db.write() as session:
        with pytest.raises(Refused):
            await handing_out.decide(session, ZHOU, asked, approved=False)
        await handing_out.decide(session, ZHOU, asked, approved=False, words="not this one")
    async with db.write() as session:
        with pytest.raises(Conflict):
            await handing_out.decide(session, ZHOU, asked, approved=True)


async def test_what_is_made_lies_locked_and_is_fetched_once(
    ready: str, db: Database, settings: Settings
) -> None:
    path = bundling.path_of(settings, ready)
    assert path.read_bytes()[:4] == b"KBL1"
    assert b"Court of Baihu" not in path.read_bytes()
    async with db.read() as session:
        assert await vault.versions(session) == {1: 2}
    old = await linked(db, ready)
    secret = await linked(db, ready)
    async with db.read() as session:
        with pytest.raises(NotFound):
            await handing_out.by_link(session, old)
    content = await fetched(db, settings, secret)
    with pytest.raises(NotFound):
        await fetched(db, settings, secret)
    with pytest.raises(Conflict):
        await linked(db, ready)
    await bundling.forget(db, settings, ready)
    assert not path.exists()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        stated = json.loads(archive.read("export.json"))
        with av.open(io.BytesIO(archive.read("composite.webm")), "r") as container:
            pictures = list(container.decode(video=0))
    assert (stated["receiver"], stated["asked_by"], stated["approved_by"]) == (
        "Court of Baihu",
        "officer:off_1",
        "officer:off_2",
    )
    assert len(pictures) == 2 * composite.FPS
    assert pictures[5].to_ndarray(format="gray")[2:15, 2:15].mean() > 200  # the mark is over every picture
    async with db.read() as session:
        entries = await ledger.read.about(session, Ref("export", ready))
    assert [entry.tag for entry in entries] == [
        "officer:export:asked",
        "officer:export:approved",
        "system:export:made",
        "officer:export:linked",
        "officer:export:linked",
        "system:export:fetched",
    ]


async def test_what_nobody_fetches_goes(
    clock: FakeClock, ready: str, db: Database, settings: Settings
) -> None:
    secret = await linked(db, ready)
    clock.move(hours=73)
    with pytest.raises(NotFound):
        await fetched(db, settings, secret)
    await bundling.render_due(db, settings, marked)
    async with db.read() as session:
        assert (await handing_out.get(session, ready)).state == ExportState.EXPIRED.value
    assert not bundling.path_of(settings, ready).exists()


async def test_what_cannot_be_made_is_tried_again_and_then_said(
    clock: FakeClock, asked: str, db: Database, settings: Settings, tmp_path: Path
) -> None:
    async with db.write() as session:
        await handing_out.decide(session, ZHOU, asked, approved=True)
    masters.path_of(settings).rename(tmp_path / "away")
    for _ in range(bundling.TRIES):
        assert await bundling.render_due(db, settings, marked) == 0
        clock.move(minutes=3)
    async with db.read() as session:
        assert (await handing_out.get(session, asked)).state == ExportState.FAILED.value
    assert not bundling.path_of(settings, asked).exists()


async def test_a_worker_that_lost_its_claim_does_not_spoil_what_another_made(
    asked: str, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.write() as session:
        await handing_out.decide(session, ZHOU, asked, approved=True)
    slow = bundling._make

    def overtaken(*work: Any) -> int:
        monkeypatch.setattr(bundling, "_make", slow)
        asyncio.run_coroutine_threadsafe(another(), loop).result()
        raise OSError("too late")

    async def another() -> None:
        async with db.write() as session:
            await session.execute(update(ExportRow).values(claimed_until=None))
        assert await bundling.render_due(db, settings, marked) == 1

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(bundling, "TRIES", 1)
    monkeypatch.setattr(bundling, "_make", overtaken)
    assert await bundling.render_due(db, settings, marked) == 0
    assert await fetched(db, settings, await linked(db, asked))


async def test_what_else_was_recorded_and_is_not_in_it_is_said(
    asked: str, recorders: Recorders, db: Database, settings: Settings, tmp_path: Path
) -> None:
    """Of a visit with two takes one was found damaged: the copy of the other does not pass for all there is."""
    second = await recorders.start("room_1", "bok_1")
    act(second, seconds=1)
    await second.finish("over")
    await tasks.seal_finished(db, settings)
    async with db.write() as session:
        move = (RecordingState.SEALED, RecordingState.DAMAGED)
        await repository.move(session, second.recording_id, *move)
        await handing_out.decide(session, ZHOU, asked, approved=True)
    assert await bundling.render_due(db, settings, marked) == 1
    (tmp_path / "bundle.zip").write_bytes(await fetched(db, settings, await linked(db, asked)))
    verdict = found(tmp_path / "bundle.zip", settings)
    assert verdict.intact
    assert f"{second.recording_id} (damaged) is not in it" in verdict.report()["text"]
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert second.recording_id in archive.read("README.txt").decode()


@pytest.mark.parametrize("name", ["{}", "/{}", "{}\0.exe", "empty/"])
def test_what_some_programs_unpack_instead_is_found(
    unpacked: Path, settings: Settings, tmp_path: Path, name: str
) -> None:
    """A zip may hold two files of one name, or of names that are one to some programs."""
    genuine, other = unpacked.with_name("bundle.zip"), tmp_path / "other.zip"
    with zipfile.ZipFile(genuine) as archive, zipfile.ZipFile(other, "w") as forged:
        hidden = zipfile.ZipInfo()
        hidden.filename = hidden.orig_filename = name.format("composite.webm")
        forged.writestr(hidden, b"" if name == "empty/" else b"something else")
        for entry in archive.infolist():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the name that is there already
                forged.writestr(entry, archive.read(entry))
    assert "extra-file" in {one.code for one in found(other, settings).problems}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A data folder with a bundle beside it: what is proved of bundles needs no database and one of them."""
    home = tmp_path_factory.mktemp("bundle")
    settings = from_environment({}, mode="test", data_dir=home / "var")
    shutil.copy(sqlite_template, settings.data_dir / "kinbridge.sqlite3")

    async def make() -> bytes:
        db = Database.connect(settings.sqlalchemy_url)
        ledger.record.install(db)
        recorders = Recorders(settings, db, "node_1", prison_of=prison)
        try:
            export_id = await ask(recorders, db, settings)
            async with db.write() as session:
                await handing_out.decide(session, ZHOU, export_id, approved=True)
            assert await bundling.render_due(db, settings, marked) == 1
            return await fetched(db, settings, await linked(db, export_id))
        finally:
            await recorders.close()
            await db.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository, "prison_of", prison)
        (home / "bundle.zip").write_bytes(asyncio.run(make()))
    return home


def test_a_zip_with_a_name_that_never_ends_holds_nobody_up(settings: Settings, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as forged:
        forged.writestr("//a", b"")
    assert {one.code for one in found(tmp_path / "bundle.zip", settings).problems} == {"no-export"}


@pytest.fixture
def unpacked(made: Path, settings: Settings, tmp_path: Path) -> Path:
    shutil.copytree(made / "var" / "keys", settings.data_dir / "keys")
    shutil.copy(made / "bundle.zip", tmp_path)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path / "bundle")
    return tmp_path / "bundle"


def found(path: Path, settings: Settings) -> bundle.BundleVerdict:
    return bundle.verify(path, keys.public_keys(settings.data_dir / "keys"))


def recording(path: Path) -> Path:
    return next(path.glob("rec_*"))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def restate(path: Path, settings: Settings) -> None:
    """As somebody inside would who has the signing key: the statement fits again, the seal does not."""
    stated = json.loads((path / "export.json").read_bytes())
    for entry in stated["files"]:
        content = (path / entry["file"]).read_bytes()
        entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    text = canonical(stated).encode()
    (path / "export.json").write_bytes(text)
    (path / "export.sig").write_bytes(keys.signer(settings.data_dir).sign(text))


def test_a_stranger_proves_it_with_the_public_key_alone(unpacked: Path, settings: Settings) -> None:
    for path in (unpacked, unpacked.with_name("bundle.zip")):
        verdict = found(path, settings)
        assert verdict.intact, verdict.report()["text"]
        text = verdict.report()["text"]
        assert text.startswith("Intact: bundle exp_")
        assert (
            "Proved: handed to Court of Baihu (court), asked by officer:off_1, approved by officer:off_2"
            in text
        )
        assert "Not proved: that the composite shows what the tracks hold" in text
    assert not bundle.verify(unpacked, {}).intact
    assert {one.code for one in bundle.verify(unpacked, {}).problems} == {"unknown-key"}
    # one byte anywhere
    for path in sorted(one for one in unpacked.rglob("*") if one.is_file()):
        content = path.read_bytes()
        for place in {0, len(content) // 2, len(content) - 1}:
            flip(path, place)
            assert not found(unpacked, settings).intact, (path, place)
            path.write_bytes(content)
    assert found(unpacked, settings).intact


def test_one_byte_of_the_zip_anywhere_is_found(unpacked: Path, settings: Settings) -> None:
    path = unpacked.with_name("bundle.zip")
    content = path.read_bytes()
    names = {one.filename: one for one in zipfile.ZipFile(path).infolist()}
    for name, entry in names.items():
        at = entry.header_offset + 30 + len(name) + 20 + entry.file_size // 2
        flip(path, at)
        assert not found(path, settings).intact, name
        path.write_bytes(content)
    path.write_bytes(content[: len(content) // 2])
    assert not found(path, settings).intact


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: (recording(path) / "inmate-1.webm").unlink(), "missing-file"),
        (lambda path: (path / "more.txt").write_text("x"), "extra-file"),
        (lambda path: flip(recording(path) / "inmate-1.webm", 500), "changed-file"),
        (lambda path: flip(path / "export.sig", 5), "export-changed"),
        (lambda path: flip(recording(path) / "manifest.sig", 5), "changed-file"),
        (lambda path: (path / "export.json").unlink(), "no-export"),
    ],
)
def test_what_was_done_to_it_is_named(
    unpacked: Path, settings: Settings, spoil: Callable[[Path], object], code: str
) -> None:
    spoil(unpacked)
    assert code in {one.code for one in found(unpacked, settings).problems}


def test_who_has_the_signing_key_still_cannot_change_what_was_sealed(
    unpacked: Path, settings: Settings
) -> None:
    flip(recording(unpacked) / "relative-1.webm", 5000)
    restate(unpacked, settings)
    assert {one.code for one in found(unpacked, settings).problems} == {"not-as-sealed"}


def sealed(path: Path, name: str) -> Path:
    return recording(path) / originals.FOLDER / name


def other_key(path: Path) -> None:
    opens = json.loads(sealed(path, originals.KEYS).read_bytes())
    sealed(path, originals.KEYS).write_bytes(canonical({**opens, "relative-1.raw.webm": "00" * 32}).encode())


def other_words(path: Path) -> None:
    """Sealed files, keys and the clear track of something else, that belong together."""
    taken, key = sealed(path, "relative-1.raw.webm"), Key.fresh()
    with taken.open("wb") as file:
        file.write(Growing(key, taken.name).lock(LiveWriter().start(None)))
    opens = json.loads(sealed(path, originals.KEYS).read_bytes())
    with contextlib.closing(Local(taken)) as source:
        opens[taken.name] = originals.key_of(key, source, taken.name)
    sealed(path, originals.KEYS).write_bytes(canonical(opens).encode())


def test_neither_by_changing_what_proves_it(unpacked: Path, settings: Settings, tmp_path: Path) -> None:
    attacks: list[Callable[[Path], object]] = [
        lambda path: flip(sealed(path, "relative-1.raw.webm"), 5000),
        lambda path: flip(sealed(path, "relative-1.webm"), 50),
        lambda path: sealed(path, originals.KEYS).write_text("[]"),
        lambda path: recording(path).joinpath("relative-1.webm").write_bytes(b""),
        other_key,
        other_words,
    ]
    for number, spoil in enumerate(attacks):
        copy = tmp_path / str(number)
        shutil.copytree(unpacked, copy)
        spoil(copy)
        restate(copy, settings)
        verdict = found(copy, settings)
        assert {one.code for one in verdict.problems} == {"not-as-sealed"}, verdict.report()["text"]
        assert any("relative-1" in f"{one.place} {one.text}" for one in verdict.problems)
