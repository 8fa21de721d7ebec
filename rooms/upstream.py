"""One stream that a leg publishes: counts it, mends its gaps, hands it to viewers and recorders. Pure.

Every feedback a browser needs to keep sending well is made here: receiver report, NACK, PLI, REMB.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from rooms import rtcp
from rooms.client import MediaKind, TrackSink
from rooms.history import Missing, Ring
from rooms.rate import CAP, Rate
from rooms.rtp import CLOCK_RATE, PAYLOAD_TYPE, BadPacket, begins_vp8_keyframe, extend, unwrap_rtx

log = logging.getLogger(__name__)

_SOON = 0.3  # seconds between two key frame requests of our own (first show, a hole)
_WAITING = 1.0  # seconds between two requests while no key frame comes
_ALIVE = 3.0  # seconds without a packet after which a sender is not asked any more: its camera is off
_JUMP = 500  # numbers; a longer step is a new beginning, not a loss


class Viewer(Protocol):
    """One stream that carries this one to somebody (`rooms.downstream`)."""

    def forward(self, packet: bytes, number: int, timestamp: int, now: float, *, key: bool) -> None: ...

    def clear(self) -> None:
        """The source is gone: lets go of it."""

    def restart(self) -> None:
        """The stream was broken: the next packet begins anew."""

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None: ...


class Upstream:
    """All times are monotonic seconds, given from outside."""

    def __init__(
        self,
        kind: MediaKind,
        feedback: Callable[[bytes], None],
        own_ssrc: int,
        dropped: Counter[str],
        cap: int = CAP,
    ) -> None:
        self.kind = kind
        self.ssrc: int | None = None
        self.outs: list[Viewer] = []  # those that flow now
        self.sinks: list[TrackSink] = []
        self.ring = Ring()
        self.missing = Missing()
        self.rate = Rate(cap)
        self.packets = 0
        self.octets = 0
        self.last_packet = float("-inf")
        self.last_report: tuple[rtcp.SenderReport, float] | None = None
        self._feedback = feedback
        self._own_ssrc = own_ssrc
        self._dropped = dropped
        self._type = PAYLOAD_TYPE[kind]
        self._clock = CLOCK_RATE[kind]
        self._video = kind is MediaKind.VIDEO
        self._asked = float("-inf")
        self._key_wanted = False
        self._lost_before = 0  # of streams that have ended
        self._begin(None)

    def _begin(self, ssrc: int | None) -> None:
        """A stream starts: nothing of an earlier one counts any more."""
        self.ssrc = ssrc
        self._highest = -1
        self._first = 0
        self._received = 0  # by themselves or on request
        self._arrived = 0  # by themselves: only these are told to the sender, whose rate must feel the loss
        self._told = (0, 0)  # expected and arrived, at the last report
        self._transit = 0
        self.jitter = 0.0  # timestamp units, RFC 3550 appendix A.8
        self.own_loss = 0.0
        self.missing.clear()

    def adopt(self, ssrc: int) -> None:
        """From now on this stream has another SSRC (first packet, or a browser that changed its encoder)."""
        self._lost_before = self.lost
        self._begin(ssrc)
        self.ring = Ring()
        self.last_report = None
        self._restart()

    def _restart(self) -> None:
        for out in self.outs:
            out.restart()
        self._key_wanted = self._video

    @property
    def lost(self) -> int:
        """Packets that never came, not even on request."""
        if self._highest < 0:
            return self._lost_before
        return self._lost_before + max(0, self._highest - self._first + 1 - self._received)

    @property
    def jitter_seconds(self) -> float:
        return self.jitter / self._clock

    def packet(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet of this stream."""
        if packet[1] & 0x7F != self._type:
            self._dropped["rtp-payload-type"] += 1
            return
        sequence = packet[2] << 8 | packet[3]
        highest = self._highest
        if highest < 0:
            # Counting from 2**16 keeps a packet that comes before the first one above zero.
            number = self._highest = self._first = sequence + 0x10000
        else:
            number = extend(sequence, highest)
            if number > highest:
                if number != highest + 1:
                    self._skip(highest + 1, number, now)
                self._highest = number
            elif not self._late(number):
                return
        timestamp = int.from_bytes(packet[4:8], "big")
        self._measure(timestamp, now)
        self._arrived += 1
        self._accept(number, timestamp, packet, now)

    def recovered(self, packet: bytes, now: float) -> None:
        """One decrypted retransmission (RFC 4588). Probing resends what we have: that is dropped in silence."""
        if self.ssrc is None or self._highest < 0:
            return
        inner = unwrap_rtx(packet, self._type, self.ssrc)
        if inner is None:
            return
        number = extend(inner[2] << 8 | inner[3], self._highest)
        if number > self._highest or not self._late(number):
            return
        self._accept(number, int.from_bytes(inner[4:8], "big"), inner, now)

    def _late(self, number: int) -> bool:
        """Whether a packet from before the newest is still of use: neither too old nor had already."""
        if number < self._first or number <= self._highest - _JUMP:
            self._dropped["rtp-too-late"] += 1
            return False
        if self.ring.get(number) is not None:
            self._dropped["rtp-duplicate"] += 1
            return False
        self.missing.arrived(number)
        return True

    def _accept(self, number: int, timestamp: int, packet: bytes, now: float) -> None:
        self._received += 1
        self.packets += 1
        self.octets += len(packet)
        self.last_packet = now
        self.ring.put(number, packet)
        key = False
        if self._key_wanted:
            key = self._is_key(packet)
            self._key_wanted = not key
        for out in self.outs:
            out.forward(packet, number, timestamp, now, key=key)
        for sink in self.sinks:
            try:
                sink.packet(self.kind, packet, now)
            except Exception:  # a failing recorder must not silence the call; it reports its own health
                self._dropped["sink-failed"] += 1
                log.exception("x sink kind=%s", self.kind)
        if self.missing and (wanted := self.missing.due(now)):
            self._ask_again(wanted)

    def _is_key(self, packet: bytes) -> bool:
        try:
            return begins_vp8_keyframe(packet)
        except BadPacket:
            return False

    def _skip(self, first: int, end: int, now: float) -> None:
        if end - first > _JUMP:
            self._lost_before = self.lost
            self._first, self._received, self._arrived, self._told = end, 0, 0, (0, 0)
            self.missing.clear()
            self._restart()
            self.request_keyframe(now)
        elif self._video:
            if self.missing.skip(first, end):
                self._ask_again(self.missing.due(now))
            else:
                self.request_keyframe(now)

    def _ask_again(self, numbers: list[int]) -> None:
        if numbers and self.ssrc is not None:
            self._feedback(rtcp.nack(self._own_ssrc, self.ssrc, [number & 0xFFFF for number in numbers]))

    def _measure(self, timestamp: int, now: float) -> None:
        transit = (int(now * self._clock) - timestamp) & 0xFFFFFFFF
        difference = abs(((transit - self._transit + 0x80000000) & 0xFFFFFFFF) - 0x80000000)
        self._transit = transit
        if self._received and difference < 10 * self._clock:
            self.jitter += (difference - self.jitter) / 16

    def request_keyframe(self, now: float, *, wait: float = _SOON) -> None:
        """Asks the sender, unless it was asked less than `wait` seconds ago; `tick` asks again."""
        if not self._video:
            return
        self._key_wanted = True
        if self.ssrc is not None and now - self._asked >= wait:
            self._asked = now
            self._feedback(rtcp.pli(self._own_ssrc, self.ssrc))

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        self.last_report = (report, now)
        for out in self.outs:
            out.sender_report(report, now)
        for sink in self.sinks:
            try:
                sink.sender_report(self.kind, report.ntp, report.rtp)
            except Exception:  # as in _accept
                self._dropped["sink-failed"] += 1
                log.exception("x sink kind=%s", self.kind)

    def end(self) -> None:
        """The leg is over: nobody is left with a hold on this stream."""
        for out in [*self.outs]:
            out.clear()
        self.sinks = []
        self.ring = Ring()  # half a megabyte that would wait for the garbage collector

    def tick(self, now: float) -> None:
        """Called about ten times a second: asks again for what is missing or waited for."""
        if self.missing:
            self._ask_again(self.missing.due(now))
        if self._key_wanted and now - self.last_packet < _ALIVE:
            self.request_keyframe(now, wait=_WAITING)

    def report(self, now: float) -> rtcp.ReportBlock | None:
        """The receiver report of the last second (RFC 3550 appendix A.3); moves the rate by one step."""
        if self.ssrc is None or self._highest < 0:
            return None
        expected = self._highest - self._first + 1
        new_expected, new_arrived = expected - self._told[0], self._arrived - self._told[1]
        self._told = (expected, self._arrived)
        lost = max(0, new_expected - new_arrived)
        self.own_loss = lost / new_expected if new_expected > 0 else 0.0
        self.rate.step(self.own_loss)
        middle, since = 0, 0
        if self.last_report is not None:
            middle = self.last_report[0].ntp >> 16 & 0xFFFFFFFF
            since = min(int((now - self.last_report[1]) * 65536), 0xFFFFFFFF)
        return rtcp.ReportBlock(
            self.ssrc,
            min(255, int(self.own_loss * 256)),
            min(self.lost, 0x7FFFFF),
            self._highest - 0x10000 & 0xFFFFFFFF,
            int(self.jitter) & 0xFFFFFFFF,
            middle,
            since,
        )
