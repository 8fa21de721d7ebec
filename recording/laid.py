"""The plan by which a finished track is laid out of the file that it was taken into. Pure.

Sound and picture are written and locked once, while they come. What a player needs besides (duration, cues, blocks in
order of time, silence where sound is missing) are some bytes before each frame: the plan holds those, and where each
frame lies. Little-endian:

    head      "KBP1", records (4), chunks (4)
    records   of each record of the growing file, its clear bytes (4)
    chunks    of each: where it ends in the finished file (8), where it begins in the plan (8), the least place that a
              frame of it has in the clear text of the growing file (8), parts (4)
    chunk     its parts: bytes of the plan (2), then bytes of a frame (4), at that place above the least (4);
              and after all parts the bytes of the plan, one after the other
"""

import operator
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recording import silence
from recording.finished import Layout
from recording.locked import DamagedError
from recording.matroska import BLOCK_HEAD_SIZE, Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"KBP1"
_HEAD = struct.Struct("<4sII")
_CHUNK = struct.Struct("<QQQI")
_PART = np.dtype([("own", "<u2"), ("size", "<u4"), ("start", "<u4")])
_FILLED = operator.attrgetter("filled")
_MOST = 0xFFFF  # bytes of the plan in one part
_FAR = 16 << 20  # frames of one chunk that lie farther apart than this are read one by one: a clock jumped


class _Chunk(NamedTuple):
    least: int
    parts: "NDArray[np.void]"
    own: bytes
    size: int  # in the finished file


def encode(layout: Layout, records: Sequence[int]) -> bytes:
    """The plan's bytes; the same layout gives the same. `records`: the clear bytes of each of the growing file's."""
    chunks = [_chunk(*one) for one in layout.chunks]
    index_at = _HEAD.size + 4 * len(records)
    bodies = [one.parts.tobytes() + one.own for one in chunks]
    places = accumulate(map(len, bodies), initial=index_at + _CHUNK.size * len(chunks))
    ends = accumulate(one.size for one in chunks)
    index = [
        _CHUNK.pack(end, place, one.least, len(one.parts))
        for end, place, one in zip(ends, places, chunks, strict=False)  # the last place is the plan's end
    ]
    head = _HEAD.pack(MAGIC, len(records), len(chunks))
    return b"".join((head, np.array(records, "<u4").tobytes(), *index, *bodies))


def _chunk(head: bytes, heads: Sequence[bytes], blocks: Sequence[Block]) -> _Chunk:
    if blocks and not any(map(_FILLED, blocks)):  # nearly always
        starts = np.array([one.start for one in blocks], np.int64)
        least = int(starts.min())
        parts = np.zeros(len(blocks), _PART)
        parts["own"] = BLOCK_HEAD_SIZE
        parts["own"][0] += len(head)
        parts["size"] = [one.size for one in blocks]
        parts["start"] = starts - least
        own = head + b"".join(heads)
    else:
        least = min((one.start for one in blocks if not one.filled), default=0)
        parts, own = _mixed(head, heads, blocks, least)
    return _Chunk(least, parts, own, len(own) + int(parts["size"].sum(dtype=np.int64)))


def _mixed(
    head: bytes, heads: Sequence[bytes], blocks: Sequence[Block], least: int
) -> tuple["NDArray[np.void]", bytes]:
    """With silence that was filled in, which the plan holds itself."""
    own, before, parts = [head], len(head), []
    for block, its in zip(blocks, heads, strict=True):
        own.append(its)
        before += len(its)
        if block.filled:
            own.append(silence.packet(block))
            before += block.size
            continue
        while before > _MOST:
            parts.append((_MOST, 0, 0))
            before -= _MOST
        parts.append((before, block.size, block.start - least))
        before = 0
    while before:
        parts.append((min(before, _MOST), 0, 0))
        before -= min(before, _MOST)
    return np.array(parts, _PART), b"".join(own)


class Plan:
    """A plan that is read piece by piece: `read(start, stop)` gives its clear bytes. Raises `DamagedError`."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._size = size
        if size < _HEAD.size:
            raise DamagedError("it is too short for a plan")
        magic, records, chunks = _HEAD.unpack(read(0, _HEAD.size))
        index_at = _HEAD.size + 4 * records
        bodies_at = index_at + _CHUNK.size * chunks
        if magic != MAGIC or bodies_at > size:
            raise DamagedError("it is no plan")
        head = read(_HEAD.size, bodies_at)
        self.records: list[int] = np.frombuffer(head, "<u4", records).tolist()
        index = list(_CHUNK.iter_unpack(head[4 * records :]))
        self.ends = [one[0] for one in index]  # of each chunk, in the finished file
        self._index = index

    def chunk(self, number: int, frames: Callable[[int, int], bytes]) -> bytes:
        """A chunk of the finished file; `frames` reads the growing file's clear text."""
        _, place, least, count = self._index[number]
        stop = self._index[number + 1][1] if number + 1 < len(self._index) else self._size
        body = self._read(place, stop)
        parts = np.frombuffer(body, _PART, count)
        own = memoryview(body)[count * _PART.itemsize :]
        if int(parts["own"].sum(dtype=np.int64)) != len(own):
            raise DamagedError(f"chunk {number} is not whole")
        return b"".join(_spliced(parts, own, least, frames))


def _spliced(
    parts: "NDArray[np.void]", own: memoryview, least: int, frames: Callable[[int, int], bytes]
) -> Iterator[bytes | memoryview]:
    far = int((parts["start"].astype(np.int64) + parts["size"]).max(initial=0))
    near = memoryview(frames(least, least + far)) if far <= _FAR else None
    at = 0
    for length, size, start in parts.tolist():
        yield own[at : at + length]
        at += length
        if size:
            yield (
                near[start : start + size]
                if near is not None
                else frames(least + start, least + start + size)
            )
