"""The sealed files of a track in a bundle, as they lie, with the keys of these alone: they prove the clear one.

A manifest names digests of locked files, and what only their keys give (`locked.commitment`). So a stranger digests
them, opens them, and compares what comes out with the clear track, byte by byte.

    <recording id>/sealed/<file>       as sealed
    <recording id>/sealed/keys.json    the key of each, hexadecimal
"""

import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from recording import clear, locked, seal
from recording.clear import Local, Source
from recording.digest import digest_from
from recording.locked import DamagedError, FileKeys, Head, Key
from recording.problem import Problem

FOLDER = "sealed"
KEYS = "keys.json"
_LOCAL_HEAD = struct.Struct(
    "<4s22xHH"
)  # of a file in a zip, up to the lengths of its name and its extra field

Place: TypeAlias = Path | zipfile.Path


@dataclass(frozen=True, slots=True)
class _Member:
    """A file that lies in a zip as it is."""

    archive: Local
    begin: int
    size: int

    def read(self, start: int, stop: int) -> bytes:
        return self.archive.read(self.begin + start, self.begin + min(stop, self.size))

    def close(self) -> None:
        self.archive.close()


def is_laid(track: Mapping[str, Any]) -> bool:
    """Whether the manifest names, of this track, locked files alone."""
    written = track.get("written")
    return isinstance(written, dict) and "file" in written


def key_of(key: Key, source: Source, name: str) -> str:
    """The key of one locked file. Raises `DamagedError`."""
    head = Head.read(source.read(0, locked.HEAD))
    if head is None:
        raise DamagedError(f"{name} is not locked")
    return key.of_file(name, head).hex()


def check(home: Place, track: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a laid-out track of the recording whose files lie in `home`. Raises `OSError`, `ValueError`,
    `KeyError`, `TypeError` and what spoilt zips raise."""
    keys = {name: bytes.fromhex(one) for name, one in json.loads((home / FOLDER / KEYS).read_bytes()).items()}
    wrong = False
    for entry in (track, track["written"]):
        (stated,) = seal.listed({"strays": [entry]})
        where = f"{home.name}/{FOLDER}/{stated.name}"
        source = _open(home / FOLDER / stated.name)
        try:
            same = stated.is_same(digest_from(source, stated.digester()))
        finally:
            source.close()
        if not same:
            yield Problem("not-as-sealed", where, "it is not what was sealed")
        elif locked.commitment(keys[stated.name]) != entry["key_sha256"]:
            yield Problem("not-as-sealed", where, "the key beside it is not the one that it was sealed with")
        wrong = wrong or not same
    if not wrong:
        yield from _compared(home, track["file"], FileKeys(keys))


def _compared(home: Place, name: str, keys: FileKeys) -> Iterator[Problem]:
    """Whether the clear track is what comes out of the sealed files."""
    given = _open(home / name)
    try:
        at = 0
        with clear.opened(
            _open(home / FOLDER / name), keys, name, lambda other: _open(home / FOLDER / other)
        ) as text:
            same = given.size == len(text)
            for piece in text.pieces() if same else ():
                same = same and given.read(at, at + len(piece)) == piece
                at += len(piece)
    except DamagedError:
        same = False
    finally:
        given.close()
    if not same:
        yield Problem("not-as-sealed", f"{home.name}/{name}", "it is not what was sealed")


def _open(place: Place) -> Source:
    """Raises `OSError`, `KeyError`, and `ValueError` for one that does not lie in its zip as it is."""
    if isinstance(place, Path):
        return Local(place)
    info = place.root.getinfo(place.at)
    if info.compress_type != zipfile.ZIP_STORED or place.root.filename is None:
        raise ValueError(f"{place.at} is packed")
    archive = Local(Path(place.root.filename))
    head = archive.read(info.header_offset, info.header_offset + _LOCAL_HEAD.size)
    magic, name, extra = _LOCAL_HEAD.unpack(head.ljust(_LOCAL_HEAD.size, b"\0"))
    begin = info.header_offset + _LOCAL_HEAD.size + name + extra
    if magic != b"PK\x03\x04" or begin + info.file_size > archive.size:
        archive.close()
        raise ValueError(f"{place.at} cannot be found in the zip")
    return _Member(archive, begin, info.file_size)
