"""Both directions of one leg, second by second, out of counters and reports; and what its peer may send. Pure.

Up: what arrived, what did not, and how much later than at best the newest sound came (its timestamp against our
clock). Down: what the peer's reports say of each stream, and how much longer than at best the round trip takes.
Nothing here is done per packet.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rooms.bandwidth import CAP, Estimate, Second
from rooms.client import MediaKind
from rooms.downstream import Downstream
from rooms.rtcp import ReportBlock
from rooms.rtp import CLOCK_RATE
from rooms.upstream import Upstream

_WIRE = 38  # bytes beside an RTP packet: IPv4, UDP, authentication
_DEAD = 0.5  # seconds without a packet that make a second worthless as a measure
_STALLED, _BLIND = 1.4, 2.0  # seconds: after a standstill of our own nothing measured is true for a while
_CREEP = 0.001  # seconds by which the least is forgotten each second: clocks drift, ways change
_FRESH = 6.0  # seconds for which a report counts: browsers report on sound every five
_SHORT = 0.2  # seconds between two reports of one stream that say too little
_WAITED = 1.8  # seconds without a report on pictures: reports were lost, so the way was dead
_FAR = 6.0  # seconds: a sender is told, what it sent lies in queues, and viewers report once a second
_HALF = 1 << 31


@dataclass(slots=True)
class _Told:
    """The last report on one stream that we send."""

    highest: int
    packets: int
    octets: int
    at: float
    expected: int = 0
    bits: float = 0.0
    loss: float = 0.0


class _Least:
    """How much more than at best something takes; of two looks the lesser counts, for one may be our own delay."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._last: float | None = None

    def over(self, value: float) -> float:
        self._least = value if self._least is None else min(self._least + _CREEP, value)
        over = value - self._least
        last, self._last = self._last, over
        return over if last is None else min(over, last)


class Rate:
    """`up`, `down`: what these ways carry. `limit`: bit/s that all who watch this peer can use, if less."""

    def __init__(self, ups: Iterable[Upstream], downs: Iterable[Downstream], cap: int = CAP) -> None:
        self._ups = tuple(ups)
        self._downs = tuple(downs)
        lines = sum(down.kind is MediaKind.VIDEO for down in self._downs)
        self.up = Estimate(cap)
        self.down = Estimate(cap * max(1, lines), _FAR)
        self.limit: int | None = None
        self.queue_up: float | None = None
        self.queue_down: float | None = None
        self._at = 0.0
        self._count = (0, 0)  # packets and octets that had come at the last second
        self._transit: int | None = None  # the first; the others are told from it
        self._lateness: float | None = None  # least of this second, seconds
        self._dead = False
        self._late, self._trips = _Least(), _Least()
        self._told: dict[int, _Told] = {}
        self._told_at = float("-inf")
        self._over: float | None = None  # of the round trip, beyond its least
        self._blind_until = float("-inf")

    @property
    def told(self) -> int:
        """What the peer is told that it may send, bit/s."""
        return self.up.bits_per_second if self.limit is None else min(self.up.bits_per_second, self.limit)

    def tick(self, now: float) -> None:
        """About ten times a second: looks at the newest packet of the sound, and whether anything comes."""
        last = max((up.flow.last_packet for up in self._ups), default=now)
        self._dead = self._dead or now - last > _DEAD
        for up in self._ups:
            if up.kind is MediaKind.AUDIO and up.flow.highest >= 0 and now - up.flow.last_packet < _DEAD:
                if self._transit is None:
                    self._transit = up.flow.transit
                units = ((up.flow.transit - self._transit + _HALF) & 0xFFFFFFFF) - _HALF
                late = units / CLOCK_RATE[up.kind]
                self._lateness = late if self._lateness is None else min(self._lateness, late)

    def forget(self) -> None:
        """A stream began anew: its timestamps have nothing to do with those before."""
        self._transit = self._lateness = None
        self._late = _Least()

    def step(self, now: float, trip: float | None) -> None:
        """Once a second, after the streams were reported on. `trip`: seconds to the peer and back, if known."""
        passed, self._at = now - self._at, now
        self._over = None if trip is None else self._trips.over(trip)
        if passed > _STALLED:
            self._blind_until = now + _BLIND
        if 0 < passed < 3:
            self._step_up(passed, now)
        self._step_down(now)

    def _step_up(self, passed: float, now: float) -> None:
        packets, octets = sum(up.packets for up in self._ups), sum(up.octets for up in self._ups)
        came, size = packets - self._count[0], octets - self._count[1]
        self._count = (packets, octets)
        expected = sum(up.second[0] for up in self._ups)
        lost = sum(up.second[1] for up in self._ups)
        late = None if self._lateness is None else self._late.over(self._lateness)
        self._lateness = None
        # A microphone whose clock stood for a moment is late for good; a queue makes the round trip longer, too.
        self.queue_up = late if late is None or self._over is None else min(late, self._over)
        silent, self._dead = self._dead or came == 0 or now < self._blind_until, False
        loss = lost / expected if expected > 0 else None
        self.up.step(Second((size + came * _WIRE) * 8 / passed, loss, self.queue_up, silent), now)

    def reported(self, down: Downstream, block: ReportBlock, now: float) -> None:
        """The peer tells what it got of one stream since it told last."""
        before = self._told.get(block.ssrc)
        told = _Told(block.highest, down.packets, down.octets, now)
        if before is not None and now - before.at < _SHORT:
            return
        self._told[block.ssrc] = told
        sent = 0 if before is None else down.packets - before.packets
        expected = 0 if before is None else (block.highest - before.highest) & 0xFFFFFFFF
        if before is None or sent <= 0 or expected > 2 * sent + 200:
            return
        own = down.source.own_loss if down.source is not None else 0.0
        told.expected = expected
        told.loss = max(0.0, block.fraction / 256 - own)
        size = (down.octets - before.octets) / sent + 12 + _WIRE
        told.bits = expected * (1 - block.fraction / 256) * size * 8 / (now - before.at)
        if down.kind is MediaKind.VIDEO and now - before.at > _WAITED:
            told.expected = 0

    def _step_down(self, now: float) -> None:
        fresh = [told for told in self._told.values() if now - told.at < _FRESH]
        new = [told for told in fresh if told.at > self._told_at and told.expected]
        if not new:
            return
        self._told_at = now
        if now < self._blind_until:
            return
        expected = sum(told.expected for told in new)
        loss = sum(told.loss * told.expected for told in new) / expected
        if self._over is not None:
            self.queue_down = max(0.0, self._over - (self.queue_up or 0.0))
        self.down.step(Second(sum(told.bits for told in fresh), loss, self.queue_down), now)
