"""RTP packets to frames: header (RFC 3550), order, VP8 (RFC 7741), Opus (RFC 7587). Pure.

Whatever cannot be read is counted and left out; nothing here raises for what a peer sends.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HOLD_S = 0.4  # how long a missing packet is waited for: retransmission takes a round trip or two
HOLD_PACKETS = 512  # and how many may wait behind it
LARGEST_FRAME = 4 << 20  # bytes: a key frame of 1080p has half a megabyte; what never ends is no frame
_HALF = 0x8000
_HEADER = struct.Struct("!BBHII")
_MISORDER = 512  # further behind than this is not late but a new numbering, if a second one confirms it


class Packet(NamedTuple):
    """One RTP packet; `arrived` in seconds."""

    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    arrived: float


class Frame(NamedTuple):
    """One frame as the codec made it; `timestamp` and `arrived` of its first packet."""

    timestamp: int
    arrived: float
    key: bool
    data: bytes


def parse(data: bytes, arrived: float) -> Packet | None:
    """Reads a packet (RFC 3550 section 5.1); `None` where it is malformed."""
    size = len(data)
    if size < 12:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first & 0xC0 != 0x80:
        return None
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10:  # header extension: 4 bytes of head, then words
        if start + 4 > size:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = size
    if first & 0x20:  # padding: its last byte counts it
        if data[-1] == 0:
            return None
        end -= data[-1]
    if start > end:
        return None
    return Packet(sequence, timestamp, ssrc, second >= 0x80, data[start:end], arrived)


class Reorder:
    """Puts packets in order; a hole is waited for, then given up and told as `None`."""

    __slots__ = ("_behind", "_held", "_next", "_since", "lost")

    def __init__(self) -> None:
        self.lost = 0  # packets that never came
        self._next: int | None = None
        self._held: dict[int, Packet] = {}
        self._since = 0.0  # arrival of the first packet that waits behind the hole
        self._behind: int | None = None

    def push(self, packet: Packet) -> Iterable[Packet | None]:
        """What can go on now, in order."""
        if self._next is None:
            self._next = packet.sequence
        ahead = (packet.sequence - self._next) & 0xFFFF
        if ahead == 0:
            self._next = (packet.sequence + 1) & 0xFFFF
            return (packet, *self._run(packet.arrived)) if self._held else (packet,)
        if ahead < _HALF:
            if not self._held:
                self._since = packet.arrived
            self._held[packet.sequence] = packet
            return self.expire(packet.arrived)
        if 0x10000 - ahead > _MISORDER:
            return self._renumbered(packet)
        return ()  # came twice, or after it was given up

    def expire(self, now: float) -> Iterator[Packet | None]:
        """Gives up holes that were waited for long enough; `now` in seconds."""
        while self._held and (now - self._since > HOLD_S or len(self._held) > HOLD_PACKETS):
            yield from self._skip(now)

    def flush(self) -> Iterator[Packet | None]:
        """Gives up all holes: the stream has ended."""
        while self._held:
            yield from self._skip(self._since)

    def _skip(self, now: float) -> Iterator[Packet | None]:
        expected = self._next or 0
        following = min(self._held, key=lambda sequence: (sequence - expected) & 0xFFFF)
        self.lost += (following - expected) & 0xFFFF
        self._next = following
        yield None
        yield from self._run(now)

    def _run(self, now: float) -> Iterator[Packet]:
        following = self._next or 0
        while (packet := self._held.pop(following, None)) is not None:
            following = (following + 1) & 0xFFFF
            yield packet
        self._next = following
        self._since = min((held.arrived for held in self._held.values()), default=now)

    def _renumbered(self, packet: Packet) -> Iterator[Packet | None]:
        """A sender that starts anew (RFC 3550 appendix A.1): believed at its second packet in a row."""
        if self._behind != packet.sequence:
            self._behind = (packet.sequence + 1) & 0xFFFF
            return
        self._behind = None
        self._held.clear()
        self._next = (packet.sequence + 1) & 0xFFFF
        yield None
        yield packet


def vp8_descriptor(payload: bytes) -> tuple[int, bool] | None:
    """Length of the payload descriptor and whether a frame begins here (RFC 7741 section 4.2)."""
    size = len(payload)
    if size < 2:
        return None
    first = payload[0]
    length = 1
    if first & 0x80:
        extension = payload[1]
        length = 2
        if extension & 0x80:
            if length >= size:
                return None
            length += 2 if payload[length] & 0x80 else 1
        length += bool(extension & 0x40) + bool(extension & 0x30)
    if length >= size:
        return None
    return length, first & 0x1F == 0x10


def vp8_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height of a key frame (RFC 6386 section 9.1); `None` if it is no sound key frame."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = (
        int.from_bytes(frame[6:8], "little") & 0x3FFF,
        int.from_bytes(frame[8:10], "little") & 0x3FFF,
    )
    return (width, height) if width and height else None


class Vp8Frames:
    """Whole frames only. After a loss nothing is given out until the next key frame: what refers to a
    frame that is missing would show what nobody ever saw."""

    __slots__ = ("_bytes", "_parts", "_start", "broken", "spoilt")

    def __init__(self) -> None:
        self.broken = True  # waits for a key frame
        self.spoilt = 0  # frames left out
        self._bytes = 0  # of the frame so far
        self._parts: list[bytes] = []
        self._start: Packet | None = None

    def hole(self) -> None:
        """Packets are missing before the next one."""
        if self._start is not None:
            self.spoilt += 1
        self._start = None
        self.broken = True

    def push(self, packet: Packet) -> Frame | None:
        """The frame that is complete with this packet."""
        if not packet.payload:
            return None  # padding, sent to probe the bandwidth
        descriptor = vp8_descriptor(packet.payload)
        if descriptor is None:
            self.hole()
            return None
        length, begins = descriptor
        if begins:
            if self._start is not None:
                self.hole()  # the one before never ended
            self._start, self._parts, self._bytes = packet, [packet.payload[length:]], len(packet.payload)
        elif self._continues(packet):
            self._parts.append(packet.payload[length:])
            self._bytes += len(packet.payload)
        else:
            self.hole()
            return None
        return self._whole() if packet.marker else None

    def _continues(self, packet: Packet) -> bool:
        return (
            self._start is not None
            and self._start.timestamp == packet.timestamp
            and self._bytes < LARGEST_FRAME
        )

    def _whole(self) -> Frame | None:
        start, self._start = self._start, None
        data = b"".join(self._parts)
        self._parts = []
        if start is None:
            return None
        key = not data[0] & 1
        if key and vp8_size(data) is None:
            self.spoilt += 1
            self.broken = True
            return None
        if self.broken and not key:
            self.spoilt += 1
            return None
        self.broken = False
        return Frame(start.timestamp, start.arrived, key, data)


_OPUS_MS: tuple[float, ...] = (  # by configuration number (RFC 6716 section 3.1, table 2)
    *((10, 20, 40, 60) * 3),
    *((10, 20) * 2),
    *((2.5, 5, 10, 20) * 4),
)


def opus_ms(data: bytes) -> float:
    """How long an Opus packet sounds (RFC 6716 section 3.2); 0 for a malformed one."""
    if not data:
        return 0.0
    code = data[0] & 3
    if not code:
        return _OPUS_MS[data[0] >> 3]  # one frame, as nearly always
    count = (1, 2, 2, data[1] & 0x3F if len(data) > 1 else 0)[code]
    total = _OPUS_MS[data[0] >> 3] * count
    return float(total) if total <= 120 else 0.0


class OpusFrames:
    """Each packet is a frame (RFC 7587 section 4.2); a missing one is left out."""

    __slots__ = ("broken", "spoilt")

    def __init__(self) -> None:
        self.broken = False
        self.spoilt = 0

    def hole(self) -> None:
        """Nothing depends on what is missing."""

    def push(self, packet: Packet) -> Frame | None:
        """The packet's frame, unless it is padding or malformed."""
        if not packet.payload:
            return None
        if not opus_ms(packet.payload):
            self.spoilt += 1
            return None
        return Frame(packet.timestamp, packet.arrived, True, packet.payload)
