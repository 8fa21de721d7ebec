"""One stream that a leg publishes: mends its gaps, hands it to viewers and recorders. Pure.

Every feedback a browser needs to keep sending well is made here: receiver report, NACK, PLI, REMB. What runs for
each packet is the stream's `flow` (`rooms.flows`).
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from rooms import rtcp
from rooms.client import MediaKind, TrackSink
from rooms.flows import JUMP, Flows, Inflow, Stream
from rooms.history import Missing
from rooms.rtp import CLOCK_RATE, unwrap_rtx

log = logging.getLogger(__name__)

_SOON = 0.3  # seconds between two key frame requests of our own (first show, a hole)
_WAITING = 1.0  # seconds between two requests while no key frame comes
_HEARD = 0.015  # loss of sound from which on it is worth repeating
_REPEATED = 0.2  # the loss that is told then
_LOSSY = 10.0  # seconds for which it is told after the last
_REPORTED = 0.1  # seconds between two sender reports that are passed on; browsers send one or two a second
_ALIVE = 3.0  # seconds without a packet after which a sender is not asked any more: its camera is off


class Viewer(Protocol):
    """One stream that carries this one to somebody (`rooms.downstream`)."""

    def clear(self) -> None:
        """The source is gone: lets go of it."""

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None: ...

    def lately_lost(self, now: float) -> float:
        """The part (0..1) the viewer told to be missing, if it told lately."""


class Upstream(Stream):
    """All times are monotonic seconds, given from outside. Implements `rooms.flows.InflowEvents`."""

    def __init__(
        self,
        kind: MediaKind,
        flows: Flows,
        feedback: Callable[[bytes], None],
        own_ssrc: int,
        dropped: Counter[str],
    ) -> None:
        self.kind = kind
        self.ssrc: int | None = None
        self.flow: Inflow = flows.inflow(kind, self)
        self.outs: list[Viewer] = []  # those that flow now
        self.missing = Missing()
        self.last_report: tuple[rtcp.SenderReport, float] | None = None
        self.own_loss = 0.0
        self.second = (0, 0)  # expected and lost, in the time of the last report
        self._sinks: list[TrackSink] = []
        self._feedback = feedback
        self._own_ssrc = own_ssrc
        self._dropped = dropped
        self._clock = CLOCK_RATE[kind]
        self._video = kind is MediaKind.VIDEO
        self._told = (0, 0)  # expected and arrived, at the last report
        self._asked = float("-inf")
        self._resting = False
        self._lossy_at = float("-inf")

    def adopt(self, ssrc: int) -> None:
        """From now on this stream has another SSRC (first packet, or a browser that changed its encoder)."""
        self.ssrc = ssrc
        self.flow.begin()
        self._told = (0, 0)
        self.own_loss = 0.0
        self.missing.clear()
        self.last_report = None

    @property
    def sinks(self) -> list[TrackSink]:
        """Those who take a copy of each packet; set as a whole."""
        return self._sinks

    @sinks.setter
    def sinks(self, sinks: list[TrackSink]) -> None:
        self._sinks = sinks
        self.flow.copying = bool(sinks)

    def drop(self, sink: TrackSink) -> None:
        """It takes no copies any more."""
        self.sinks = [other for other in self._sinks if other is not sink]

    @property
    def lost(self) -> int:
        """Packets that never came, not even on request."""
        return self.flow.lost

    @property
    def last_packet(self) -> float:
        return self.flow.last_packet

    @property
    def jitter_seconds(self) -> float:
        return self.flow.jitter / self._clock

    def recovered(self, packet: bytes, now: float) -> None:
        """One decrypted retransmission (RFC 4588). Probing resends what we have: that is dropped in silence."""
        if self.ssrc is None:
            return
        inner = unwrap_rtx(packet, self.flow.payload_type, self.ssrc)
        if inner is not None:
            self.flow.recovered(inner, now)

    # --- rooms.flows.InflowEvents ---

    def copy(self, packet: bytes, now: float) -> None:
        for sink in self._sinks:
            try:
                sink.packet(self.kind, packet, now)
            except Exception:  # a failing recorder must not silence the call; it reports its own health
                self._dropped["sink-failed"] += 1
                log.exception("x sink kind=%s", self.kind)

    def came_late(self, number: int) -> None:
        self.missing.arrived(number)

    def rest(self, now: float, *, rests: bool) -> None:
        """Whether nothing is asked for, because the way overflows: what is sent again would only fill it. Of sound
        that is never so."""
        if self._video and rests is not self._resting:
            self._resting = rests
            self.missing.clear()
            if not rests:
                self.request_keyframe(now)

    def skipped(self, first: int, end: int, now: float) -> None:
        if end - first > JUMP:
            self._told = (0, 0)
            self.missing.clear()
            self.request_keyframe(now)
        elif self._resting:
            return
        elif self.missing.skip(first, end):
            # Of sound, too: browsers keep what they sent of it where `nack` was offered, though they do not answer so.
            self._ask_again(self.missing.due(now))
        else:
            self.request_keyframe(now)

    def _ask_again(self, numbers: list[int]) -> None:
        if numbers and self.ssrc is not None:
            self._feedback(rtcp.nack(self._own_ssrc, self.ssrc, [number & 0xFFFF for number in numbers]))

    def request_keyframe(self, now: float, *, wait: float = _SOON) -> None:
        """Asks the sender, unless it was asked less than `wait` seconds ago; `tick` asks again."""
        if not self._video:
            return
        self.flow.key_wanted = True
        if self.ssrc is not None and now - self._asked >= wait and not self._resting:
            self._asked = now
            self._feedback(rtcp.pli(self._own_ssrc, self.ssrc))

    def sender_report(self, report: rtcp.SenderReport, came: float, now: float) -> None:
        """`came` is what the sender is told; viewers are told `now`, and by that their round trip is known."""
        if self.last_report is not None and 0 <= came - self.last_report[1] < _REPORTED:
            self._dropped["rtcp-too-often"] += 1
            return
        self.last_report = (report, came)
        for out in self.outs:
            out.sender_report(report, now)
        for sink in self._sinks:
            try:
                sink.sender_report(self.kind, report.ntp, report.rtp)
            except Exception:  # as in copy
                self._dropped["sink-failed"] += 1
                log.exception("x sink kind=%s", self.kind)

    def end(self) -> None:
        """The leg is over: nobody is left with a hold on this stream."""
        for out in [*self.outs]:
            out.clear()
        self.sinks = []
        self.flow.end()

    def tick(self, now: float) -> None:
        """Called about ten times a second: asks again for what is missing or waited for."""
        if self.missing:
            self._ask_again(self.missing.due(now))
        if self.flow.key_wanted and now - self.flow.last_packet < _ALIVE:
            self.request_keyframe(now, wait=_WAITING)

    def _felt(self, now: float) -> float:
        """The loss the sender is told. Of sound it is that of the whole way, and more than there is: by it browsers
        decide whether each packet repeats the one before (in-band FEC). They smooth it over ten seconds, cannot know
        a viewer's loss, and below 10 % repeat only what they take for speech. Their bitrate follows the count of lost
        packets, which is told as it is."""
        if self._video:
            return self.own_loss
        felt = self.own_loss + max((out.lately_lost(now) for out in self.outs), default=0.0)
        if felt >= _HEARD:
            self._lossy_at = now
        return max(felt, _REPEATED) if now - self._lossy_at < _LOSSY else felt

    def report(self, now: float) -> rtcp.ReportBlock | None:
        """The receiver report of the last second (RFC 3550 appendix A.3)."""
        highest, expected, arrived = self.flow.standing()
        if self.ssrc is None or highest < 0:
            return None
        new_expected, new_arrived = expected - self._told[0], arrived - self._told[1]
        self._told = (expected, arrived)
        lost = max(0, new_expected - new_arrived)
        self.own_loss = lost / new_expected if new_expected > 0 else 0.0
        self.second = (max(0, new_expected), lost)
        middle, since = 0, 0
        if self.last_report is not None:
            middle = self.last_report[0].ntp >> 16 & 0xFFFFFFFF
            # Below zero where the report came in the same moment, noted by the relay's thread.
            since = max(0, min(int((now - self.last_report[1]) * 65536), 0xFFFFFFFF))
        return rtcp.ReportBlock(
            self.ssrc,
            min(255, int(self._felt(now) * 256)),
            min(self.lost, 0x7FFFFF),
            highest - 0x10000 & 0xFFFFFFFF,
            int(self.flow.jitter) & 0xFFFFFFFF,
            middle,
            since,
        )
