"""Files that are put in their place: whole or not at all, for their owner only, and safe when that is said."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import keys, placing
from recording import folder, masters


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was made safe, in its order."""
    found: list[Path] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        found.append(Path(f"/proc/self/fd/{handle}").readlink())
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_nothing_is_left_of_what_the_disk_did_not_take(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"the first"
        raise OSError(28, "No space left on device")

    (tmp_path / "kept").write_bytes(b"before")
    with pytest.raises(OSError, match="No space"):
        placing.place(tmp_path / "kept", pieces())
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"before"


@pytest.mark.parametrize(("over", "content"), [(True, b"second"), (False, b"first")])
def test_who_comes_second(tmp_path: Path, over: bool, content: bytes) -> None:
    for one in (b"first", b"second"):
        placing.place(tmp_path / "file", [one], over=over)
    assert (tmp_path / "file").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda home: placing.place(home / "file", [b"content"]),
        lambda home: masters.make(home / "vault.keys"),
        lambda home: keys.signer(home.parent),
    ],
)
def test_the_name_is_safe_too(tmp_path: Path, make: Callable[[Path], object], synced: list[Path]) -> None:
    """A master key whose name a loss of power takes away would take all recordings with it."""
    home = tmp_path / "keys"
    home.mkdir()
    make(home)
    assert synced[-1] == home
    if (home / "vault.keys").exists():
        synced.clear()
        masters.add(home / "vault.keys")
        assert synced[-1] == home


def test_each_folder_on_the_way_is_safe_and_its_owners(tmp_path: Path, synced: list[Path]) -> None:
    before = os.umask(0o022)
    try:
        folder.make(tmp_path / "2026" / "11" / "22" / "rec_1")
    finally:
        os.umask(before)
    made = [
        tmp_path / "2026" / "11" / "22" / "rec_1",
        *(tmp_path / "2026" / "11" / "22" / "rec_1").parents[:3],
    ]
    assert {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o700}
    assert {one.parent for one in made} <= {*synced}
