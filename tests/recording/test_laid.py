"""Finished tracks that are laid out of what was taken in; and those from before, which were written anew."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from core import keys
from core.settings import Settings
from ledger.chain import canonical
from recording import bundle, clear, finalise, folder, seal, sealing
from recording.finalise import Files, FinishedTrack
from recording.locked import MAGIC, DamagedError, Growing, Key
from recording.model import INTERRUPTED
from recording.recorder import RoomRecorder
from recording.writer import Writer
from tests.recording.conftest import act, facts
from tests.recording.media import Sender, Wire, decode, in_order
from tests.recording.test_finalise import record

KEY = Key(b"k" * 32)
# Sealed before there were plans: its folder, its key, the public key.
LANDED = Path(__file__).parent / "landed"


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def grow(path: Path, content: bytes) -> None:
    """As the writer would have written it: in records of any length."""
    growing, choose, at = Growing(KEY, path.name), random.Random(7), 0
    with path.open("wb") as file:
        while at < len(content):
            length = choose.randrange(1, 9000)
            file.write(growing.lock(content[at : at + length]))
            at += length


def whole(sender: Sender) -> list[Wire]:
    return in_order(sender.video(4), sender.audio(4))


def pauses(sender: Sender) -> list[Wire]:
    return in_order([one for one in sender.audio(4) if one.sent % 1 < 0.2], sender.video(4))


def one_voice(sender: Sender) -> list[Wire]:
    return in_order(one for one in sender.audio(4) if not 1 < one.sent < 3)


def laid(home: Path, wires: list[Wire], *, left: bool = False) -> tuple[FinishedTrack, Path, Path, bytes]:
    """What came of it, the raw file, the plan, and what is to come out, as it would have been written."""
    take = record(home, wires)
    take.finish()
    raw, out = home / "b.raw.webm", home / "b.webm"
    grow(raw, take.raw.read_bytes())
    made = finalise.track(Files(raw, out, KEY, left), {}, None)
    assert made is not None
    return made, raw, out, take.out.read_bytes()


@pytest.mark.parametrize("wires", [whole, pauses, one_voice])
def test_what_is_laid_out_is_what_would_have_been_written(
    tmp_path: Path, wires: Callable[[Sender], list[Wire]]
) -> None:
    made, raw, out, expected = laid(tmp_path, wires(Sender()))
    before, plan = raw.read_bytes(), out.read_bytes()
    assert made.raw.pieces == (hashlib.sha256(before).hexdigest(),)
    assert len(plan) < len(expected)
    for left in (False, True):
        again = finalise.track(Files(raw, out, KEY, left), {}, None)
        assert (again, out.read_bytes(), raw.read_bytes()) == (made, plan, before)
    choose = random.Random(1)
    with clear.open_file(out, KEY) as text:
        assert len(text) == len(expected) == made.bytes
        assert b"".join(text.pieces()) == expected
        for _ in range(50):
            start = choose.randrange(len(expected))
            stop = choose.randrange(start, len(expected) + 1)
            assert text[start:stop] == expected[start:stop]
        with pytest.raises(DamagedError):
            text.read(0, len(expected) + 1)


def test_nothing_comes_out_of_changed_files_that_was_not_put_in(tmp_path: Path) -> None:
    _, raw, out, expected = laid(tmp_path, whole(Sender()))
    refused = 0
    for path in (raw, out):
        content = path.read_bytes()
        for place in range(len(MAGIC), len(content), len(content) // 15):
            flip(path, place)
            try:
                with clear.open_file(out, KEY) as text:
                    assert b"".join(text.pieces()) == expected  # the length before a record is not needed
            except DamagedError:
                refused += 1
            path.write_bytes(content)
    assert refused > 28


def test_a_torn_end_gives_way_to_what_is_whole_and_a_hole_in_the_middle_is_damage(tmp_path: Path) -> None:
    _, raw, out, _ = laid(tmp_path, whole(Sender()))
    content = raw.read_bytes()
    raw.write_bytes(content[:-100])
    made = finalise.track(Files(raw, out, KEY), {}, None)
    assert made is not None
    assert made.raw.bytes == raw.stat().st_size < len(content) - 100
    with clear.open_file(out, KEY) as text:
        assert decode(text.file()).sound > 3.5
    flip(raw, len(content) // 2)
    with pytest.raises(finalise.NotFinishedError):
        finalise.track(Files(raw, out, KEY), {}, None)


def test_whoever_was_taken_for_dead_writes_on_beside_what_was_sealed(tmp_path: Path) -> None:
    take = record(tmp_path, whole(Sender()))
    raw, out = tmp_path / "b.raw.webm", tmp_path / "b.webm"
    grow(raw, take.raw.read_bytes())
    with raw.open("ab") as slow:
        made = finalise.track(Files(raw, out, KEY, left=True), {}, None)
        sealed = raw.read_bytes()
        slow.write(b"later" * 100)
    assert made is not None
    assert raw.read_bytes() == sealed


@pytest.fixture
async def folder_of_two(settings: Settings) -> Path:
    """Sealed, its tracks locked."""

    async def finished(_reason: str) -> None:
        """No row moves on here."""

    path = folder.root(settings) / "rec_1"
    folder.make(path)
    recorder = RoomRecorder("rec_1", path, Writer(), finished, KEY)
    act(recorder, seconds=2)
    await recorder.finish("over")
    sealing.seal_folder(path, facts(), settings, keys.signer(settings.data_dir), lambda: None, KEY)
    return path


async def test_nor_into_what_could_not_be_finished(settings: Settings) -> None:
    path = folder.root(settings) / "rec_1"
    folder.make(path)
    stray, spoilt = path / "stray-1.raw.webm", path / "relative-1.raw.webm"
    details = {"track": "trk_1", "person": {"kind": "relative", "id": "rel_1"}, "role": "relative"}
    told = folder.Event(1, "", 0, "track:started", {**details, "name": "", "file": "relative-1"})
    (path / folder.EVENTS).write_bytes(Growing(KEY, folder.EVENTS).lock(told.line()))
    for raw in (stray, spoilt):
        raw.write_bytes(os.urandom(1000))
    with stray.open("ab") as first, spoilt.open("ab") as second:
        signer = keys.signer(settings.data_dir)
        sealing.seal_folder(path, facts(INTERRUPTED), settings, signer, lambda: None, KEY)
        for slow in (first, second):
            slow.write(b"later")
    assert codes(path, settings) == set()
    assert {raw.stat().st_size for raw in (stray, spoilt)} == {1000}


def codes(path: Path, settings: Settings) -> set[tuple[str, str]]:
    verdict = seal.verify_folder(path, keys.public_keys(settings.data_dir / "keys"))
    return {(one.code, one.place) for one in verdict.problems}


def resigned(path: Path, settings: Settings, change: Mapping[str, object]) -> None:
    content = canonical({**json.loads((path / folder.MANIFEST).read_bytes()), **change}).encode()
    (path / folder.MANIFEST).write_bytes(content)
    (path / folder.SIGNATURE).write_bytes(keys.signer(settings.data_dir).sign(content))


def test_no_key_is_needed_to_find_what_was_done_to_locked_files(
    folder_of_two: Path, settings: Settings
) -> None:
    assert codes(folder_of_two, settings) == set()
    entry = json.loads((folder_of_two / folder.MANIFEST).read_bytes())["tracks"][0]["written"]
    by_hand = ["split", "--bytes", "4M", "--filter", "sha256sum", entry["file"]]
    ran = subprocess.run(by_hand, cwd=folder_of_two, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == entry["pieces"]
    for name in ("relative-1.raw.webm", "relative-1.webm"):
        path = folder_of_two / name
        content = path.read_bytes()
        for place in {*range(0, len(content), len(content) // 10), len(content) - 1}:
            flip(path, place)
            assert codes(folder_of_two, settings) == {("changed-file", name)}, place
            path.write_bytes(content)
        path.write_bytes(content[:-1])
        assert codes(folder_of_two, settings) == {("changed-file", name)}
        path.unlink()
        assert codes(folder_of_two, settings) == {("missing-file", name)}
        path.write_bytes(content)
    resigned(folder_of_two, settings, {"version": 3})
    assert codes(folder_of_two, settings) == {("unknown-version", folder.MANIFEST)}


def test_an_interrupted_one_is_sealed_of_a_copy_and_all_of_it_is_there(
    folder_of_two: Path, settings: Settings
) -> None:
    before = (folder_of_two / "relative-1.raw.webm").stat()
    for name in (folder.MANIFEST, folder.SIGNATURE):
        (folder_of_two / name).unlink()
    done = sealing.seal_folder(
        folder_of_two, facts(INTERRUPTED), settings, keys.signer(settings.data_dir), lambda: None, KEY
    )
    after = (folder_of_two / "relative-1.raw.webm").stat()
    assert (after.st_size, after.st_ino != before.st_ino) == (before.st_size, True)
    assert done.manifest["tracks"][0]["media"][1]["frames"] == 50
    assert codes(folder_of_two, settings) == set()


def secret() -> Key:
    return Key(bytes.fromhex((LANDED / "key.hex").read_text()))


def test_what_was_sealed_before_there_were_plans_is_played_and_proved(tmp_path: Path) -> None:
    path, public = tmp_path / "recording", keys.public_keys(LANDED / "keys")
    shutil.copytree(LANDED / "recording", path)
    assert seal.verify_folder(path, public).intact
    manifest = json.loads((path / folder.MANIFEST).read_bytes())
    assert manifest["version"] == 1
    for entry in manifest["tracks"]:
        with clear.open_file(path / entry["file"], secret()) as text:
            content = b"".join(text.pieces())
            assert decode(text.file()).sound > 0.9
        assert hashlib.sha256(content).hexdigest() == entry["clear"]["sha256"]
        flip(path / entry["file"], 3000)
        (problem,) = seal.verify_folder(path, public).problems
        assert (problem.code, problem.place) == ("changed-file", entry["file"])
        flip(path / entry["file"], 3000)
    with contextlib.closing(clear.Local(path / folder.EVENTS)) as source:
        assert source.size == manifest["events"]["bytes"]


def test_a_bundle_of_it_is_proved_as_ever(tmp_path: Path) -> None:
    signer = keys.signer(tmp_path / "ours")
    manifest = json.loads((LANDED / "recording" / folder.MANIFEST).read_bytes())
    place = tmp_path / "bundle" / str(manifest["recording"])
    place.mkdir(parents=True)
    for name in (folder.MANIFEST, folder.SIGNATURE):
        shutil.copy(LANDED / "recording" / name, place)
    for name in (*(one["file"] for one in manifest["tracks"]), folder.EVENTS):
        with clear.open_file(LANDED / "recording" / name, secret()) as text:
            (place / name).write_bytes(b"".join(text.pieces()))
    files = [
        {
            "file": f"{place.name}/{one.name}",
            "bytes": one.stat().st_size,
            "sha256": hashlib.sha256(one.read_bytes()).hexdigest(),
        }
        for one in place.iterdir()
    ]
    said = dict.fromkeys(("export", "receiver", "purpose", "asked_by", "approved_by", "approved_at"), "x")
    stated = {**said, "recordings": [place.name], "files": files, "signed_by": signer.key_id}
    content = canonical(stated).encode()
    (place.parent / bundle.EXPORT).write_bytes(content)
    (place.parent / bundle.SIGNATURE).write_bytes(signer.sign(content))
    public = {**keys.public_keys(LANDED / "keys"), **keys.public_keys(tmp_path / "ours" / "keys")}
    verdict = bundle.verify(place.parent, public)
    assert verdict.intact, verdict.report()["text"]
    flip(place / "inmate-1.webm", 700)
    assert {one.code for one in bundle.verify(place.parent, public).problems} == {
        "changed-file",
        "not-as-sealed",
    }
