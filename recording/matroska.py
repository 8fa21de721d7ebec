"""WebM (Matroska, RFC 9559; EBML, RFC 8794) as bytes: the live file that only ever grows. Pure.

Segment and clusters have unknown sizes, so what is on the disk at any moment is a whole file up to there:
a cut anywhere loses what comes after the cut and the one block it goes through. Both tracks are declared
from the start, for nobody knows at the first sound whether a picture will follow.

Times in milliseconds (TimestampScale 1,000,000). Track 1 is VP8 or H.264 (then the file is no WebM but plain
Matroska), track 2 Opus at 48 kHz.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from recording.rtp import opus_ms
from rooms.client import MediaKind

TRACK = {MediaKind.VIDEO: 1, MediaKind.AUDIO: 2}
KIND = {number: kind for kind, number in TRACK.items()}
CLUSTER_MS = 2000
DEFAULT_SIZE = (640, 480)  # until a key frame tells; what is inside VP8 counts for a player anyway
UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
PRE_SKIP = 312  # samples the Opus encoder is behind (RFC 7845 section 5.1)
_CODEC_DELAY_NS = PRE_SKIP * 1_000_000_000 // 48_000
_SEEK_PRE_ROLL_NS = 80_000_000  # RFC 7845 section 4.6

EBML = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
INFO = b"\x15\x49\xa9\x66"
TRACKS = b"\x16\x54\xae\x6b"
CLUSTER = b"\x1f\x43\xb6\x75"
TIMESTAMP = b"\xe7"
SIMPLE_BLOCK = b"\xa3"
_KNOWN = frozenset({EBML, SEGMENT, INFO, TRACKS, CLUSTER, TIMESTAMP, SIMPLE_BLOCK})
_BLOCK_HEAD = struct.Struct(">cIBhB")  # element, size, track, relative time, flags
BLOCK_HEAD_SIZE = _BLOCK_HEAD.size
_KIND_OF = {0x80 | number: kind for number, kind in KIND.items()}  # by the track number as a block has it


class Block(NamedTuple):
    """One frame in a file: `start` and `size` of its codec data in bytes. `filled`: see `recording.silence`.
    `sounds`: for how many milliseconds; 0 of a picture."""

    kind: MediaKind
    ms: int
    key: bool
    start: int
    size: int
    filled: bool = False
    sounds: float = 0.0


def vint(number: int, length: int) -> bytes:
    """`number` as a variable-size integer of `length` bytes (RFC 8794 section 4)."""
    return (number | 1 << (7 * length)).to_bytes(length)


def element(identity: bytes, content: bytes) -> bytes:
    """An element with its size in four bytes (up to 256 MiB)."""
    return identity + vint(len(content), 4) + content


def unsigned(identity: bytes, number: int, length: int = 0) -> bytes:
    """An unsigned integer element, as short as can be or of a fixed `length`."""
    return element(identity, number.to_bytes(length or max(1, (number.bit_length() + 7) // 8)))


def header(document: bytes = b"webm") -> bytes:
    """The EBML header of a file; `document` is its type, `webm` or `matroska`."""
    return element(
        EBML,
        unsigned(b"\x42\x86", 1)  # EBMLVersion
        + unsigned(b"\x42\xf7", 1)  # EBMLReadVersion
        + unsigned(b"\x42\xf2", 4)  # EBMLMaxIDLength
        + unsigned(b"\x42\xf3", 8)  # EBMLMaxSizeLength
        + element(b"\x42\x82", document)  # DocType
        + unsigned(b"\x42\x87", 4)  # DocTypeVersion
        + unsigned(b"\x42\x85", 2),  # DocTypeReadVersion
    )


def info(duration_ms: float | None = None) -> bytes:
    """The Info element; a live file has no duration yet."""
    content = unsigned(b"\x2a\xd7\xb1", 1_000_000)  # TimestampScale, in nanoseconds
    if duration_ms is not None:
        content += element(b"\x44\x89", struct.pack(">d", duration_ms))
    return element(INFO, content + element(b"\x4d\x80", b"kinbridge") + element(b"\x57\x41", b"kinbridge"))


def _video_track(width: int, height: int, codec_id: bytes, private: bytes) -> bytes:
    return element(
        b"\xae",
        unsigned(b"\xd7", TRACK[MediaKind.VIDEO])  # TrackNumber
        + unsigned(b"\x73\xc5", TRACK[MediaKind.VIDEO])  # TrackUID
        + unsigned(b"\x83", 1)  # TrackType: video
        + unsigned(b"\x9c", 0)  # FlagLacing
        + element(b"\x86", codec_id)
        + (element(b"\x63\xa2", private) if private else b"")  # CodecPrivate
        + element(b"\xe0", unsigned(b"\xb0", width) + unsigned(b"\xba", height)),
    )


def _audio_track() -> bytes:
    # OpusHead (RFC 7845 section 5.1). Two channels are what RFC 7587 makes every sender announce; a mono
    # packet is decoded to two equal ones.
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, PRE_SKIP, 48_000, 0, 0)
    return element(
        b"\xae",
        unsigned(b"\xd7", TRACK[MediaKind.AUDIO])
        + unsigned(b"\x73\xc5", TRACK[MediaKind.AUDIO])
        + unsigned(b"\x83", 2)  # TrackType: audio
        + unsigned(b"\x9c", 0)
        + element(b"\x86", b"A_OPUS")
        + element(b"\x63\xa2", head)  # CodecPrivate
        + unsigned(b"\x56\xaa", _CODEC_DELAY_NS)
        + unsigned(b"\x56\xbb", _SEEK_PRE_ROLL_NS)
        + element(b"\xe1", element(b"\xb5", struct.pack(">d", 48_000.0)) + unsigned(b"\x9f", 2)),
    )


def tracks(
    size: tuple[int, int] | None, *, audio: bool = True, codec_id: bytes = b"V_VP8", private: bytes = b""
) -> bytes:
    """The Tracks element; `size`, `codec_id` and CodecPrivate are the video's, `size` `None` without one."""
    content = _video_track(*size, codec_id, private) if size else b""
    return element(TRACKS, content + (_audio_track() if audio else b""))


def block_head(
    kind: MediaKind, relative_ms: int, key: bool, size: int, *, discardable: bool = False
) -> bytes:
    """A SimpleBlock up to its frame of `size` bytes."""
    flags = (0x80 if key else 0) | (0x01 if discardable else 0)
    return _BLOCK_HEAD.pack(SIMPLE_BLOCK, 0x10000000 | (size + 4), 0x80 | TRACK[kind], relative_ms, flags)


def block_heads(blocks: Iterable[Block], begin: int) -> list[bytes]:
    """The same for all blocks of a cluster that begins at `begin` ms, in one go: sealing makes thousands."""
    pack, known = _BLOCK_HEAD.pack, 0x10000004  # the size's width, and the bytes of track, time and flags
    # What is filled in is discardable.
    return [
        pack(SIMPLE_BLOCK, known + size, 0x80 | TRACK[kind], ms - begin, key << 7 | filled)
        for kind, ms, key, _, size, filled, _ in blocks
    ]


@dataclass(slots=True)
class LiveWriter:
    """Makes the bytes to append. Frames of one kind come in order of time."""

    document: bytes = b"webm"
    codec_id: bytes = b"V_VP8"
    private: bytes = b""  # the video's CodecPrivate
    _cluster: int | None = None
    _newest: tuple[int, int, int] = (0, 0, 0)  # by track number: time of its newest block

    def start(self, size: tuple[int, int] | None) -> bytes:
        """What the file begins with."""
        declared = tracks(size or DEFAULT_SIZE, codec_id=self.codec_id, private=self.private)
        return header(self.document) + SEGMENT + UNKNOWN + info() + declared

    def block(self, kind: MediaKind, ms: int, key: bool, data: bytes) -> bytes:
        """One frame, with a new cluster before it where that is due."""
        begins = b""
        opened = self._cluster
        due = opened is None or not 0 <= ms - opened < CLUSTER_MS or (key and kind is MediaKind.VIDEO)
        if opened is None or due:
            # The other stream may still be a little behind; its blocks shall not lie before their cluster.
            other = self._newest[3 - TRACK[kind]]
            opened = self._cluster = min(ms, other) if ms - other < CLUSTER_MS // 2 else ms
            begins = CLUSTER + UNKNOWN + unsigned(TIMESTAMP, opened)
        self._note(kind, ms)
        return begins + block_head(kind, ms - opened, key, len(data)) + data

    def _note(self, kind: MediaKind, ms: int) -> None:
        _, video, audio = self._newest
        self._newest = (0, ms, audio) if kind is MediaKind.VIDEO else (0, video, ms)


def _size(data: memoryview, at: int) -> tuple[int, int] | None:
    """Length of the size field and its value (-1: unknown), or `None` where the data ends."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > 8:
        raise ForeignBytesError(f"no size at byte {at}")
    if at + length > len(data):
        return None
    raw = bytes(data[at : at + length])
    if raw == vint((1 << (7 * length)) - 1, length):
        return length, -1
    return length, int.from_bytes(raw) ^ (1 << (7 * length))


class ForeignBytesError(Exception):
    """Something stands in the file that the live writer never wrote."""


def blocks(*pieces: memoryview) -> Iterator[Block]:
    """As `scan`, of a file that is there as a whole."""
    return scan(pieces)


def scan(pieces: Iterable[bytes | memoryview]) -> Iterator[Block]:
    """Every whole block of a live file that is given piece by piece, in file order, up to where it was cut off.

    Zeros up to the end are what a file system may leave after a power failure: a cut as well. Raises
    `ForeignBytesError` at anything else.
    """
    held, base, cluster = b"", 0, 0
    for piece in pieces:
        held += memoryview(piece)
        data, at, end = memoryview(held), 0, len(held)
        while True:
            # The one form in which `block_head` writes a block, and nearly all there is; `_element` reads the rest.
            if at + BLOCK_HEAD_SIZE <= end:
                identity, coded, track, relative, flags = _BLOCK_HEAD.unpack_from(held, at)
                size, start = coded - 0x10000004, at + BLOCK_HEAD_SIZE
                if identity == SIMPLE_BLOCK and track in _KIND_OF and 0 < size <= end - start:
                    kind = _KIND_OF[track]
                    sounds = 0.0 if kind is MediaKind.VIDEO else opus_ms(held[start : start + 2])
                    yield Block(kind, cluster + relative, flags >= 0x80, base + start, size, sounds=sounds)
                    at = start + size
                    continue
            if (found := _element(data, at, base)) is None:
                break
            identity, start, size = found
            if identity in (SEGMENT, CLUSTER):
                at = start
                continue
            if identity == TIMESTAMP:
                cluster = int.from_bytes(data[start : start + size])
            elif identity == SIMPLE_BLOCK:
                block = _block(data, start, size, cluster)
                yield block._replace(start=base + block.start)
            at = start + size
        base += at
        held = held[at:]


def _element(data: memoryview, at: int, base: int) -> tuple[bytes, int, int] | None:
    """Identity, start of the content and its size of the element at `at`; `None` where it is not whole.
    `base`: where in the file `data` begins."""
    if at >= len(data):
        return None
    width = 9 - data[at].bit_length()
    identity = bytes(data[at : at + width])
    if identity not in _KNOWN:
        if len(identity) < width or not any(data[at:]):
            return None
        raise ForeignBytesError(f"unknown element at byte {base + at}")
    sized = _size(data, at + width)
    if sized is None:
        return None
    start, size = at + width + sized[0], sized[1]
    if identity in (SEGMENT, CLUSTER):
        return identity, start, size
    if size < 0:
        raise ForeignBytesError(f"an element without a size at byte {base + at}")
    return None if start + size > len(data) else (identity, start, size)


def _block(data: memoryview, start: int, size: int, cluster: int) -> Block:
    if size < 5 or data[start] & 0x7F not in KIND:
        raise ForeignBytesError(f"a block of no track at byte {start}")
    number, relative, flags = struct.unpack_from(">BhB", data, start)
    kind = KIND[number & 0x7F]
    sounds = 0.0 if kind is MediaKind.VIDEO else opus_ms(bytes(data[start + 4 : start + min(size, 6)]))
    return Block(kind, cluster + relative, flags >= 0x80, start + 4, size - 4, sounds=sounds)
