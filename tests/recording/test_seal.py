"""The seal finds whatever is done to a folder, and needs nothing but the folder and the public keys."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from core import keys, placing
from core.settings import Settings
from ledger.chain import canonical
from recording import digest, seal, sealing
from recording.digest import Digester
from recording.seal import SealVerdict
from tests.recording.conftest import facts
from tests.recording.media import decode

FILES = ["events.jsonl", "inmate-1.webm", "manifest.json", "manifest.sig", "relative-1.webm"]


def verdict(path: Path, settings: Settings) -> SealVerdict:
    return seal.verify_folder(path, keys.public_keys(settings.data_dir / "keys"))


def test_a_sealed_folder_holds_what_the_manifest_says_and_nothing_else(
    sealed: Path, settings: Settings
) -> None:
    assert sorted(one.name for one in sealed.iterdir()) == FILES
    manifest = json.loads((sealed / "manifest.json").read_bytes())
    assert canonical(manifest).encode() == (sealed / "manifest.json").read_bytes()
    family, inmate = manifest["tracks"]
    assert family["person"] == {"kind": "relative", "id": "rel_1"}
    assert [one["codec"] for one in family["media"]] == ["opus", "vp8"]
    assert [one["codec"] for one in inmate["media"]] == ["opus"]
    assert family["media"][1]["frames"] == 100
    assert (family["media"][1]["width"], family["media"][1]["height"]) == (192, 108)
    assert family["media"][0]["clock"]["source"] == "sender-reports"
    assert family["duration_ms"] == pytest.approx(4000, abs=20)
    assert family["written"]["sha256"] != family["sha256"]
    found = verdict(sealed, settings)
    assert found.report()["text"].startswith("Intact: recording rec_1, 3 files")
    assert "Proved: each of its 3 files is bit for bit what was sealed" in found.report()["text"]
    assert found.report()["text"].count("Not proved: ") == 3  # whose keys, when, whether the ledger knows it
    assert json.loads(json.dumps(found.report()))["intact"] is True


@pytest.mark.parametrize("name", FILES)
def test_any_changed_byte_of_any_file_is_found(sealed: Path, settings: Settings, name: str) -> None:
    path = sealed / name
    original = path.read_bytes()
    step = max(1, len(original) // 40)
    for place in {*range(0, len(original), step), len(original) - 1}:
        changed = bytearray(original)
        changed[place] ^= 0x20
        path.write_bytes(changed)
        found = verdict(sealed, settings)
        assert not found.intact, place
        assert found.broken_at is not None
        expected = {name} if name not in ("manifest.json", "manifest.sig") else {"manifest.json"}
        assert found.broken_at.place in expected
    path.write_bytes(original)
    assert verdict(sealed, settings).intact


def cut(path: Path) -> None:
    (path / "relative-1.webm").write_bytes((path / "relative-1.webm").read_bytes()[:-1])


def longer(path: Path) -> None:
    with (path / "inmate-1.webm").open("ab") as file:
        file.write(b"\x00")


def swap(path: Path) -> None:
    (path / "relative-1.webm").rename(path / "x")
    (path / "inmate-1.webm").rename(path / "relative-1.webm")
    (path / "x").rename(path / "inmate-1.webm")


def drop_event(path: Path) -> None:
    lines = (path / "events.jsonl").read_bytes().splitlines(keepends=True)
    (path / "events.jsonl").write_bytes(b"".join(line for line in lines if b"warned" not in line))


def link(path: Path) -> None:
    shutil.move(path / "inmate-1.webm", path.parent / "elsewhere.webm")
    (path / "inmate-1.webm").symlink_to(path.parent / "elsewhere.webm")


def forge(path: Path) -> None:
    """Whoever changes a file and signs anew has another key."""
    (path / "events.jsonl").write_bytes(b"")
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["events"].update(bytes=0, sha256=digest.digest_of(path / "events.jsonl").sha256, pieces=[])
    seal.sign(path, manifest, keys.signer(path / ".." / "forger"))


def edit_only(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["reason"] = "something else"
    (path / "manifest.json").write_bytes(canonical(manifest).encode())


def climb(path: Path) -> None:
    """A manifest that points out of its folder proves nothing about what is there."""
    shutil.copy(path / "inmate-1.webm", path.parent / "inmate-1.webm")
    text = (path / "manifest.json").read_text().replace('"inmate-1.webm"', '"../inmate-1.webm"')
    (path / "manifest.json").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "code", "place"),
    [
        (cut, "changed-file", "relative-1.webm"),
        (longer, "changed-file", "inmate-1.webm"),
        (swap, "changed-file", "relative-1.webm"),
        (drop_event, "changed-file", "events.jsonl"),
        (link, "missing-file", "inmate-1.webm"),
        (lambda path: (path / "inmate-1.webm").unlink(), "missing-file", "inmate-1.webm"),
        (lambda path: (path / "events.jsonl").unlink(), "missing-file", "events.jsonl"),
        (lambda path: (path / "extra.webm").touch(), "extra-file", "extra.webm"),
        (lambda path: (path / "manifest.json").unlink(), "no-manifest", "manifest.json"),
        (lambda path: (path / "manifest.sig").unlink(), "no-signature", "manifest.sig"),
        (lambda path: (path / "manifest.json").write_bytes(b"[]"), "manifest-changed", "manifest.json"),
        (lambda path: (path / "manifest.json").write_bytes(b"\xff"), "manifest-changed", "manifest.json"),
        (edit_only, "manifest-changed", "manifest.json"),
        (climb, "manifest-changed", "manifest.json"),
        (forge, "unknown-key", "manifest.json"),
    ],
)
def test_the_first_broken_place_is_named(
    sealed: Path, settings: Settings, spoil: Callable[[Path], None], code: str, place: str
) -> None:
    spoil(sealed)
    first = verdict(sealed, settings).broken_at
    assert first is not None
    assert (first.code, first.place) == (code, place)
    report = verdict(sealed, settings).report()
    assert report["text"].startswith(f"BROKEN at {place}: ")
    assert not report["proved"]


@pytest.mark.parametrize("name", ["manifest.json", "deletion.json", "inclusion.json"])
@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"signed_by": [], "files": []}', '{"signed_by": "", "files": 7}']
)
def test_whatever_lies_there_is_judged(sealed: Path, settings: Settings, name: str, content: str) -> None:
    """The re-check would stop there every night, before all that follow."""
    (sealed / name).write_text(content)
    assert not verdict(sealed, settings).intact


def test_old_seals_stand_after_the_key_was_changed(sealed: Path, settings: Settings) -> None:
    keys.rotate(settings.data_dir)
    assert verdict(sealed, settings).intact


def test_a_copy_is_verified_elsewhere_with_standard_tools(
    sealed: Path, settings: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sealed, copy)
    (public,) = (settings.data_dir / "keys").glob("*.pub")
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin"]
    ran = subprocess.run(
        [*command, "-in", "manifest.json", "-sigfile", "manifest.sig"],
        cwd=copy,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_changed_byte_is_placed_within_its_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (digest, seal):
        monkeypatch.setattr(module, "PIECE", 1000)
    path = tmp_path / "a.webm"
    path.write_bytes(os.urandom(3500))
    whole = digest.digest_of(path)
    assert len(whole.pieces) == 4
    content = bytearray(path.read_bytes())
    content[2345] ^= 1
    path.write_bytes(content)
    (problem,) = seal._file(path, seal.Listed(path.name, whole.bytes, whole.sha256, whole.pieces))
    assert problem.text == "its content was changed: from byte 2000 to 3000"


def test_a_digest_does_not_depend_on_how_the_bytes_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "PIECE", 7)
    data = os.urandom(50)
    digests = set()
    for size in (1, 3, 7, 8, 50):
        digester = Digester()
        for start in range(0, 50, size):
            digester.update(data[start : start + size])
        digests.add(digester.digest())
    assert len(digests) == 1


def test_sealing_that_is_cut_off_anywhere_is_done_again(
    written: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time one more file gets into its place before the power fails."""
    place = placing.place
    for allowed in range(6):
        home = tmp_path / f"try_{allowed}"
        shutil.copytree(written, home)
        placed: list[Path] = []

        def failing(path: Path, pieces: object, limit: int = allowed, done: list[Path] = placed) -> None:
            if len(done) >= limit:
                raise OSError(5, "power failure")
            done.append(path)
            place(path, pieces)  # type: ignore[arg-type] # handed on as it came

        signer = keys.signer(settings.data_dir)
        monkeypatch.setattr(placing, "place", failing)
        if allowed < 5:
            with pytest.raises(OSError, match="power failure"):
                sealing.seal_folder(home, facts(), settings, signer, lambda: None)
            assert sorted(one.name for one in home.glob("*.raw.webm")) == [
                "inmate-1.raw.webm",
                "relative-1.raw.webm",
            ]
        monkeypatch.setattr(placing, "place", place)
        done = sealing.seal_folder(home, facts(), settings, signer, lambda: None)
        assert verdict(home, settings).intact
        again = sealing.seal_folder(home, facts(), settings, signer, lambda: None)
        assert again.digest == done.digest  # what is sealed is not sealed anew
        assert sorted(one.name for one in home.iterdir()) == FILES
        assert len(decode(home / "relative-1.webm").pictures) == 100


def test_a_track_that_cannot_be_finished_is_kept_as_it_was_written(written: Path, settings: Settings) -> None:
    path = written / "relative-1.raw.webm"
    content = bytearray(path.read_bytes())
    content[5000:50_000] = b"\x55" * 45_000
    path.write_bytes(content)
    done = sealing.seal_folder(written, facts(), settings, keys.signer(settings.data_dir), lambda: None)
    assert [one["file"] for one in done.manifest["tracks"]] == ["relative-1.raw.webm", "inmate-1.webm"]
    assert "was damaged" in done.manifest["tracks"][0]["note"]
    assert path.read_bytes() == content
    assert not (written / "relative-1.webm").exists()
    assert verdict(written, settings).intact


def test_zeros_that_a_power_failure_left_are_the_end(written: Path, settings: Settings) -> None:
    path = written / "relative-1.raw.webm"
    path.write_bytes(path.read_bytes() + bytes(4096))
    done = sealing.seal_folder(written, facts(), settings, keys.signer(settings.data_dir), lambda: None)
    assert done.manifest["tracks"][0]["media"][1]["frames"] == 100
    assert verdict(written, settings).intact
