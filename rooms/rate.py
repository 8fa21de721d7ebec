"""Both directions of one leg, second by second, out of counters and reports; and what its peer may send. Pure.

Up: what arrived, what did not, and how much later than at best the newest sound came (its timestamp against our
clock). Down: what the peer's reports say of each stream, and how much longer than at best the round trip takes.
Nothing here is done per packet.

When a line overflows (`rooms.overflow`) that is too slow: then the peer is told at once and often what may be sent, and
no picture goes down to it for a while. A line that got narrow mostly did so both ways, and what must get through it
now are sound and the reports.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rooms.bandwidth import CAP, Estimate, Second
from rooms.client import MediaKind
from rooms.downstream import Downstream
from rooms.overflow import Overflow, Passed
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
# Seconds of waiting, as of an estimate: up it is known from two sides, and what waits long is lost soon.
_WAITS = (0.15, 0.06)
# Bit/s that a peer is told at first, by the seconds since its picture came: a browser leaps after them only within two.
_OPENING = ((0.7, 500_000), (1.2, 800_000), (1.7, 1_200_000))
_URGENT = 1.5  # seconds in which it is said again, for it may be lost on the way
_HELD, _HELD_MOST = 0.8, 4.0  # seconds without pictures: till queues are empty; till what comes should fit
_SEEMED = 1 / 3  # of what seemed to pass at first, which is not doubted
_LOST = 0.3  # of the packets: as many are lost where a line overflows
_UNTRUE = 1.5  # seconds after that in which reports tell of a time in which little was sent
_MENDING, _LARGE, _FEW = 0.3, 1100, 5.0  # of what passes; bytes of a packet; packets a second at least
_FITS = 1.2  # times what passes
_AGAIN = 0.5  # seconds between two looks at what comes


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
        self.up = Estimate(cap, waits=_WAITS)
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
        self._overflow_up, self._overflow_down = Overflow(), Overflow()
        self._urgent_until = float("-inf")
        self._opened: float | None = None  # when the first picture came
        self._opening: int | None = _OPENING[0][1]
        self._held_at: float | None = None
        self._seemed: tuple[Passed, int] | None = None  # what was sent, and what was missed of all till then
        self._let_at = float("-inf")  # when pictures were let go down again
        self._heard = float("-inf")  # when the peer reported last
        self._came = (0.0, 0)  # when was looked, and octets of what would go down
        self._coming = float("inf")  # bit/s of it

    @property
    def holds(self) -> bool:
        """No pictures are to go down now."""
        return self._held_at is not None

    @property
    def spare(self) -> float:
        """Packets a second that may be sent again."""
        return max(_FEW, self.down.bits_per_second / 8 / _LARGE * _MENDING)

    def urgent(self, now: float) -> bool:
        """What the peer may send has just become less, and sound depends on its knowing."""
        return now < self._urgent_until

    @property
    def told(self) -> int:
        """What the peer is told that it may send, bit/s."""
        return min(bits for bits in (self.up.bits_per_second, self.limit, self._opening) if bits is not None)

    @property
    def opens(self) -> bool:
        """A picture has just begun to come: what is told changes several times a second."""
        return self._opened is not None and self._opening is not None

    def recall(self, up: int, down: int) -> None:
        """The same person was here a moment ago, and these ways carried so much, bit/s."""
        self.up.bits_per_second = min(self.up.bits_per_second, up)
        self.down.bits_per_second = min(self.down.bits_per_second, down)

    def tick(self, now: float) -> None:
        """About ten times a second: looks at the newest packet of the sound, and whether anything comes."""
        if self._opening is not None:
            self._open(now)
        last = float("-inf") if self._ups else now
        for up in self._ups:
            came = up.flow.last_packet
            last = max(last, came)
            if up.kind is MediaKind.AUDIO and now - came < _DEAD and up.flow.highest >= 0:
                self._look_how_late(up.flow.transit, up.kind)
        self._dead = self._dead or now - last > _DEAD
        if (passed := self._overflows_up(now)) is not None:
            self.up.overflowed(passed, now)
            self._urgent_until = now + _URGENT
            self._hold(now)
        if (sent := self._overflows_down(now)) is not None:
            self.down.overflowed(Passed(sent.bits * (1 - sent.loss), sent.loss), now)
            self._hold(now)
            self._seemed = (sent, self._missed)
        if self._held_at is not None:
            self._let_go(now, self._held_at)

    def nothing_came(self) -> None:
        """In place of `tick`, while nothing ever came."""
        self._dead = True

    def _look_how_late(self, transit: int, kind: MediaKind) -> None:
        if self._transit is None:
            self._transit = transit
        late = (((transit - self._transit + _HALF) & 0xFFFFFFFF) - _HALF) / CLOCK_RATE[kind]
        self._lateness = late if self._lateness is None else min(self._lateness, late)

    def _open(self, now: float) -> None:
        if self._opened is None and any(
            up.kind is MediaKind.VIDEO and up.flow.highest >= 0 for up in self._ups
        ):
            self._opened = now
        since = 0.0 if self._opened is None else now - self._opened
        self._opening = next((bits for until, bits in _OPENING if since < until), None)

    def _overflows_up(self, now: float) -> Passed | None:
        sent = came = size = 0
        for up in self._ups:
            _, expected, arrived = up.flow.standing()
            sent, came, size = sent + expected, came + arrived, size + up.flow.octets
        return self._overflow_up.look(now, sent, sent - came, size + came * _WIRE)

    def _overflows_down(self, now: float) -> Passed | None:
        """What was sent, and the part of it that the peer asks for again: at once, but only when the next packet has
        come through the queue."""
        sent = lost = size = 0
        for down in self._downs:
            flow = down.flow
            sent, lost, size = sent + flow.packets, lost + down.missed, size + flow.octets
        return self._overflow_down.look(now, sent, lost, size + sent * (12 + _WIRE))

    @property
    def _missed(self) -> int:
        return sum(down.missed for down in self._downs)

    def _learn(self, now: float) -> None:
        """What the peer asked for while pictures were held back was lost before: less passed than it seemed."""
        if self._seemed is None:
            return
        (sent, missed), self._seemed = self._seemed, None
        lost = min(1.0, sent.loss + (self._missed - missed) / sent.packets)
        # Some of that was sent before what is judged here, so there is an end to it.
        bits = sent.bits * max(1 - lost, _SEEMED * (1 - sent.loss))
        if bits < self.down.bits_per_second:
            self.down.overflowed(Passed(bits, lost), now)

    def _hold(self, now: float) -> None:
        if self._held_at is None:
            self._held_at, self._came, self._coming = now, (now, self._offered()), float("inf")

    def _let_go(self, now: float, since: float) -> None:
        """As soon as what comes fits what passes, and the peer was heard since; or else after a while, to see."""
        at, size = self._came
        if now - at >= _AGAIN:
            self._came = (now, self._offered())
            self._coming = (self._came[1] - size) * 8 / (now - at)
        if now - since > _HELD:
            self._learn(now)
        heard, fits = self._heard > since + _SHORT, self._coming <= _FITS * self.down.bits_per_second
        if now - since > _HELD_MOST or (now - since > _HELD and heard and fits):
            self._held_at, self._let_at = None, now

    def _offered(self) -> int:
        """Octets of all that is to be sent to this peer, since it began."""
        return sum(down.source.octets for down in self._downs if down.source is not None)

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
        self._heard = now
        if self._held_at is not None:
            self._believe(down, block, now)
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

    def _believe(self, down: Downstream, block: ReportBlock, now: float) -> None:
        """It was right to hold pictures back: the first report that came through says that they did not pass, and
        nothing is known of this way but how wide it is in the other direction."""
        own = down.source.own_loss if down.source is not None else 0.0
        lost = block.fraction / 256 - own
        if down.kind is MediaKind.VIDEO and lost >= _LOST and not self.down.congested:
            self.down.overflowed(Passed(self.up.bits_per_second, lost), now)

    def _step_down(self, now: float) -> None:
        fresh = [told for told in self._told.values() if now - told.at < _FRESH]
        new = [told for told in fresh if told.at > self._told_at and told.expected]
        if not new:
            return
        self._told_at = now
        if now < self._blind_until or self._held_at is not None or now - self._let_at < _UNTRUE:
            return
        expected = sum(told.expected for told in new)
        loss = sum(told.loss * told.expected for told in new) / expected
        if self._over is not None:
            self.queue_down = max(0.0, self._over - (self.queue_up or 0.0))
        self.down.step(Second(sum(told.bits for told in fresh), loss, self.queue_down), now)
