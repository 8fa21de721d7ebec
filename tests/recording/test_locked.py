"""What is locked opens with its key only, record by record, and tells what was done to it."""

import hashlib
import io
import os
import random
from pathlib import Path

import pytest

from recording import clear, locked
from recording.locked import HEAD, PIECE, TAG, DamagedError, Growing, Key

KEY = Key(bytes(range(32)))
SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17]


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def finished(path: Path, data: bytes, key: Key = KEY) -> Path:
    pieces = [data[at : at + 50_000] for at in range(0, len(data), 50_000)]
    path.write_bytes(b"".join(locked.lock(pieces, key, path.name, hashlib.sha256(data).digest())))
    return path


def grown(path: Path, records: list[bytes]) -> Path:
    growing = Growing(KEY, path.name)
    path.write_bytes(b"".join(growing.lock(one) for one in records))
    return path


def whole(path: Path, key: Key | None = KEY) -> bytes:
    with clear.open_file(path, key) as found:
        return b"".join(found.pieces())


@pytest.mark.parametrize("size", SIZES)
def test_a_finished_file_opens_whole_and_in_every_stretch(tmp_path: Path, size: int) -> None:
    data = content(size)
    path = finished(tmp_path / "a.webm", data)
    assert path.stat().st_size == HEAD + size + TAG * max(1, -(-size // PIECE))
    assert whole(path) == data
    choose = random.Random(1)
    with clear.open_file(path, KEY) as found:
        assert len(found) == size
        for _ in range(50):
            start, stop = sorted(choose.randrange(size + 1) for _ in range(2))
            assert found[start:stop] == data[start:stop]
        file = found.file()
        assert file.seek(-min(size, 5), io.SEEK_END) == size - min(size, 5)
        assert file.read() == data[size - min(size, 5) :]


def test_a_stretch_opens_only_the_records_that_it_touches(tmp_path: Path) -> None:
    data = content(5 * PIECE)
    path = finished(tmp_path / "a.webm", data)
    spoilt = bytearray(path.read_bytes())
    spoilt[HEAD + 3 * (PIECE + TAG)] ^= 1  # the fourth record
    path.write_bytes(spoilt)
    with clear.open_file(path, KEY) as found:
        assert found[PIECE + 5 : 3 * PIECE] == data[PIECE + 5 : 3 * PIECE]
        with pytest.raises(DamagedError):
            found.read(3 * PIECE - 1, 3 * PIECE + 1)


def test_nothing_of_it_can_be_read_without_the_key(tmp_path: Path) -> None:
    data = b"a face and a voice " * 5000
    for path in (finished(tmp_path / "a.webm", data), grown(tmp_path / "b.webm", [data])):
        assert b"a face" not in path.read_bytes()
        with pytest.raises(DamagedError):
            whole(path, Key.fresh())


def test_the_same_content_gives_the_same_file_and_another_one_shares_nothing(tmp_path: Path) -> None:
    first = finished(tmp_path / "a.webm", b"x" * 1000).read_bytes()
    assert finished(tmp_path / "a.webm", b"x" * 1000).read_bytes() == first
    second = finished(tmp_path / "a.webm", b"x" * 999 + b"y").read_bytes()
    assert second[HEAD : HEAD + 900] != first[HEAD : HEAD + 900]
    assert grown(tmp_path / "b", [b"x"]).read_bytes() != grown(tmp_path / "b", [b"x"]).read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[: HEAD + PIECE + TAG],  # cut between two records
        lambda data: data[:HEAD] + data[HEAD + PIECE + TAG :],  # the first one taken out
        lambda data: data + data[-100:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:5] + bytes([data[5] ^ 1]) + data[6:],  # in the salt
    ],
)
def test_no_cut_or_change_of_a_finished_file_goes_unseen(tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    path = finished(tmp_path / "a.webm", content(2 * PIECE + 50))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DamagedError):
        whole(path)


def test_records_of_two_files_cannot_be_exchanged(tmp_path: Path) -> None:
    path = finished(tmp_path / "a.webm", content(100))
    path.rename(tmp_path / "b.webm")
    with pytest.raises(DamagedError):
        whole(tmp_path / "b.webm")


def test_a_growing_file_opens_up_to_any_cut(tmp_path: Path) -> None:
    records = [content(size) for size in (3000, 1, 12_000, 500)]
    path = grown(tmp_path / "a.raw.webm", records)
    data = path.read_bytes()
    ends = [HEAD]
    for one in records:
        ends.append(ends[-1] + 4 + len(one) + TAG)
    for cut in sorted({*range(HEAD, len(data), 97), *ends, *(end - 1 for end in ends[1:])}):
        whole_records = sum(end <= cut for end in ends[1:])
        zeros = 4096 if cut % 2 and whole_records else 0  # a power failure may leave them
        path.write_bytes(data[:cut] + bytes(zeros))
        assert whole(path) == b"".join(records[:whole_records]), cut
    path.write_bytes(data)
    with clear.open_file(path, KEY) as found:
        clear_text = b"".join(records)
        assert len(found) == len(clear_text)
        assert found[2990:3010] == clear_text[2990:3010]
        assert found[0 : len(clear_text)] == clear_text


def test_what_does_not_open_in_the_middle_of_a_growing_file_is_damage_and_no_end(tmp_path: Path) -> None:
    path = grown(tmp_path / "a.raw.webm", [content(5000)] * 5)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with clear.open_file(path, KEY) as found, pytest.raises(DamagedError):
        list(found.pieces())
    path.write_bytes(bytes(data[:HEAD]) + os.urandom(clear.TORN + 1))
    with pytest.raises(DamagedError):
        clear.open_file(path, KEY)


def test_a_file_from_before_they_were_locked_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + content(1000))
    for key in (None, KEY):
        assert whole(path, key) == path.read_bytes()
        with clear.open_file(path, key) as found:
            assert found[4:10] == path.read_bytes()[4:10]
