"""Legs without sockets: relays whose way out is a list."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from rooms import rtcp
from rooms.client import MediaKind
from rooms.downstream import Downstream
from rooms.lines import media_lines
from rooms.relay import Relay
from tests.fakes.rtp import DELTA, FakePort, Seen, packet

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
BOTH = frozenset(MediaKind)


class Leg:
    """A relay with a port that remembers."""

    def __init__(self, *, publishes: frozenset[MediaKind] = BOTH, lines: int = 3, ready: bool = True) -> None:
        self.port = FakePort(ready)
        self.dropped: Counter[str] = Counter()
        self.relay = Relay(self.port, media_lines(publishes, lines), self.dropped)

    def down(self, kind: MediaKind, line: int | None = 0) -> Downstream:
        return self.relay._lines[line, kind]

    def got(self, kind: MediaKind, line: int | None = 0) -> list[Seen]:
        ssrc = self.down(kind, line).ssrc
        return [seen for seen in self.port.packets if seen.ssrc == ssrc]

    def asked(self, kind: type[rtcp.Message]) -> list[rtcp.Message]:
        """What was asked of this leg as a sender."""
        return [m for data in self.port.control for m in rtcp.parse(data) if isinstance(m, kind)]

    def send(self, packets: Iterable[bytes], now: float = 0.0) -> None:
        for data in packets:
            self.relay.rtp(data, now)


def video(sequence: int, payload: bytes = DELTA, timestamp: int = 0, ssrc: int = 0x10) -> bytes:
    return packet(VIDEO, sequence, timestamp, ssrc, payload)


def unbroken(packets: list[Seen]) -> bool:
    return all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in pairwise(packets))


def pair() -> tuple[Leg, Leg]:
    sender, viewer = Leg(), Leg()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    return sender, viewer
