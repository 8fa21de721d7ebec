"""Packets made by hand, and ports that keep what they are given."""

from dataclasses import dataclass, field
from struct import pack, unpack

from rooms.client import MediaKind
from rooms.rtp import OPUS, RTX, VP8

KEY = b"\x10\x00\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01"  # VP8: start of a frame, P = 0, then the start code
DELTA = b"\x10\x01"  # start of a frame, P = 1
MORE = b"\x00\x55"  # a later packet of a frame


def packet(
    kind: MediaKind | int,
    sequence: int,
    timestamp: int = 0,
    ssrc: int = 0x1111,
    payload: bytes = b"payload",
    *,
    marker: bool = False,
) -> bytes:
    payload_type = (
        {MediaKind.AUDIO: OPUS, MediaKind.VIDEO: VP8}[kind] if isinstance(kind, MediaKind) else kind
    )
    second = (0x80 if marker else 0) | payload_type
    return pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def retransmission(original: bytes, sequence: int, ssrc: int) -> bytes:
    head = pack("!BBH", 0x80, (original[1] & 0x80) | RTX, sequence) + original[4:8] + pack("!I", ssrc)
    return head + original[2:4] + original[12:]


@dataclass(frozen=True)
class Seen:
    """An RTP packet taken apart."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def seen(data: bytes) -> Seen:
    _, second, sequence, timestamp, ssrc = unpack("!BBHII", data[:12])
    return Seen(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[12:])


@dataclass
class FakePort:
    """A way out that remembers."""

    ready: bool = True
    raw: list[bytes] = field(default_factory=list)
    control: list[bytes] = field(default_factory=list)

    def rtp(self, header: bytes, packet: bytes) -> None:
        self.raw.append(header + packet[12:])

    def rtcp(self, packet: bytes) -> None:
        self.control.append(packet)

    @property
    def packets(self) -> list[Seen]:
        return [seen(data) for data in self.raw]


@dataclass
class FakeSink:
    """A recorder that remembers."""

    taken: list[tuple[MediaKind, bytes, float]] = field(default_factory=list)
    reports: list[tuple[MediaKind, int, int]] = field(default_factory=list)

    def packet(self, kind: MediaKind, packet: bytes, arrived: float) -> None:
        self.taken.append((kind, packet, arrived))

    def sender_report(self, kind: MediaKind, ntp: int, rtp: int) -> None:
        self.reports.append((kind, ntp, rtp))
