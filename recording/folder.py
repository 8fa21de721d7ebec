"""The folder of one recording: what lies in it under which name, and how files are made safe there.

data_dir/recordings/<yyyy>/<mm>/<dd>/<recording id>/
    <role>-<n>.raw.webm   a track as it was taken in, written once (.mkv in both names for pictures in H.264)
    <role>-<n>.webm       the finished track: a plan by which it is laid out of the former (`recording.laid`); where
                          it is not locked or was sealed before there were plans, the file itself, without the former
    events.jsonl          the time line, one JSON object per line
    manifest.json, manifest.sig
    inclusion.json        that the manifest stands under its day's root; there once the day is sealed

Tracks and time line are locked (`recording.locked`) with the recording's key; of before that they lie in the clear.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core import placing
from core.settings import Settings
from ledger.chain import canonical
from recording import clear
from recording.locked import DamagedError, Key

EVENTS = "events.jsonl"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
INCLUSION = "inclusion.json"
RAW = clear.RAW


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the time line. `ms` since the recording began; `at` UTC, ISO 8601; `number` from 1."""

    number: int
    at: str
    ms: int
    tag: str
    details: dict[str, Any]

    def line(self) -> bytes:
        value = {"at": self.at, "details": self.details, "ms": self.ms, "n": self.number, "tag": self.tag}
        return canonical(value).encode() + b"\n"


def is_raw(name: str) -> bool:
    """Whether a file is one that is still being written."""
    return Path(name).stem.endswith(RAW)


def relative(recording_id: str, started_at: datetime) -> str:
    """The folder's place under `root`, as it is kept in the database."""
    return f"{started_at:%Y/%m/%d}/{recording_id}"


def root(settings: Settings) -> Path:
    return settings.data_dir / "recordings"


def mounted(settings: Settings) -> bool:
    """Whether there are recordings at all; where not, storage that others share is not mounted, and nothing that is
    missing there is gone."""
    return root(settings).is_dir()


def make(path: Path) -> None:
    """Makes the folder, for its owner only, and its name safe on the disk. Raises `OSError`."""
    placing.make(path.parent)
    path.mkdir(mode=0o700)
    for folder in (path, path.parent):
        placing.sync(folder)


def settle(path: Path) -> None:
    """Makes a file that somebody else wrote survive a power failure."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def events(path: Path, key: Key | None = None) -> Iterator[Event]:
    """The whole lines of a time line; a last one that was cut off, or anything foreign, ends it."""
    for line in _readable(path, key).split(b"\n")[:-1]:
        try:
            value = json.loads(line)
            yield Event(value["n"], value["at"], value["ms"], value["tag"], value["details"])
        except (ValueError, KeyError, TypeError):
            return


def _readable(path: Path, key: Key | None) -> bytes:
    """The clear text up to the first place that cannot be read."""
    parts: list[bytes] = []
    with contextlib.suppress(FileNotFoundError, DamagedError), clear.open_file(path, key) as found:
        for piece in found.pieces():  # one by one: what was read before a damaged place stays
            parts += [piece]
    return b"".join(parts)
