"""One stream that a leg is sent: whatever it carries, to its viewer it is one unbroken RTP stream. Pure.

Sequence numbers and timestamps are those of the source plus a constant, as long as one source flows. Each new
beginning (another source, unmuted, resumed) gets new constants that go on where the last one ended: skipped
numbers would be taken for loss, and more than 32,767 of them make libsrtp refuse the stream for good. What runs
for each packet is the stream's `flow` (`rooms.flows`).
"""

import secrets
from collections import deque
from itertools import takewhile

from rooms import rtcp
from rooms.bucket import Bucket
from rooms.client import MediaKind
from rooms.flows import Flows, Outflow, Port, Stream
from rooms.rtp import HEADER, RTX_OF, BadPacket, extend, wrap_rtx
from rooms.upstream import Upstream

_FRESH = 6.0  # seconds for which a viewer's report counts
_RESENDS = 250.0  # packets that are sent again to a viewer in one second
_ASKED = 1000.0  # numbers of them that are looked at in one second: each may be asked for several times
_PLI_FIRST, _PLI_LAST = 1.0, 8.0  # seconds between two key frames that one viewer can bring about


class Downstream(Stream):
    """All times are monotonic seconds, given from outside. Implements `rooms.flows.OutflowEvents`."""

    def __init__(
        self, kind: MediaKind, flows: Flows, port: Port, ssrcs: tuple[int, int], takes: frozenset[int]
    ) -> None:
        """`ssrcs`: of the media and of retransmissions. `takes`: the payload types that the peer takes here, those of
        retransmissions (RFC 4588) among them; its answer may leave fewer, and none where it refused the m-line."""
        self.kind = kind
        self.ssrc, self.rtx_ssrc = ssrcs
        self.takes = takes
        self.loss: tuple[float, float] | None = None  # part lost (0..1), when it was told
        self.round_trip: float | None = None  # seconds
        self.round_trip_at = float("-inf")
        self._port = port
        # Below 2**15, so that a reordered first packet cannot be taken for the end of an earlier cycle.
        numbers = 0x10000 + secrets.randbelow(0x8000), secrets.randbits(32)
        self.flow: Outflow = flows.outflow(kind, self.ssrc, numbers, self)
        self._source: Upstream | None = None
        self._next: Upstream | None = None  # another layer of the same picture, from its next key frame on
        self._flows = self._held = False
        self.missed = 0  # packets the viewer asked for again, each counted once
        self._asked = -1  # the newest of them
        self._rtx_sequence = secrets.randbelow(0x8000)
        self._reports: deque[tuple[int, float]] = deque(maxlen=8)  # middle of NTP, when it was sent
        self._resends, self._asks = Bucket(_RESENDS), Bucket(_ASKED)
        self._pli_wait = _PLI_FIRST
        self._pli_at = float("-inf")

    @property
    def waiting(self) -> bool:
        """For a key frame, or for the first packet."""
        return self.flow.waiting

    @property
    def source(self) -> Upstream | None:
        return self._source

    def carry(self, source: Upstream | None, now: float) -> None:
        """From now on this stream carries `source`, or nothing. The same source again changes nothing."""
        if source is (self._next or self._source):
            return
        self.clear()
        self._source = source
        self.update(now)

    def change(self, source: Upstream, now: float) -> None:
        """Goes over to `source`, another layer of what is carried, without a gap: at its next key frame."""
        if not self._flows or self._source is None:
            self.carry(source, now)
        elif source is not (self._next or self._source):
            self._next = source if source is not self._source else None
            self.flow.change(source.flow)
            if self._next is not None:
                source.request_keyframe(now)

    def hold(self, now: float, *, held: bool) -> None:
        """Whether nothing is to flow for a moment, whatever is carried."""
        if held is not self._held:
            self._held = held
            self.update(now)

    def _went_over(self) -> None:
        """The key frame came: reports and what is sent again are the new layer's from now on."""
        if self.flow.changing:
            return  # the old layer itself began anew
        if self._next is not None and self._source is not None:
            self._source.outs.remove(self)
            self._next.outs.append(self)
            self._source, self._next = self._next, None

    def clear(self) -> None:
        """Carries nothing from now on."""
        self._stop()
        self._source = None

    def update(self, now: float) -> None:
        """The port became ready or the peer's answer is known: flows, if it may."""
        may = self._source is not None and self._source.flow.payload_type in self.takes and self._port.ready
        may = may and not self._held
        if may and not self._flows and self._source is not None:
            self._flows = True
            self._source.outs.append(self)
            self.flow.take(self._source.flow)
            self._source.request_keyframe(now)
        elif not may:
            self._stop()

    def _stop(self) -> None:
        if self._flows and self._source is not None:
            self._source.outs.remove(self)
            self.flow.take(None)
        self._next = None
        self._flows = False

    def began(self, now: float) -> None:
        self._went_over()
        if self._source is not None and self._source.last_report is not None:
            self.sender_report(self._source.last_report[0], now)

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        """The source's mapping of time, in this stream's numbers: without it lips and sound part."""
        flow = self.flow
        if flow.waiting or not self._flows:
            return
        self._reports.append((report.ntp >> 16 & 0xFFFFFFFF, now))
        rtp = (report.rtp + flow.timestamp_shift) & 0xFFFFFFFF
        sent = flow.packets & 0xFFFFFFFF, flow.octets & 0xFFFFFFFF
        self._port.rtcp(rtcp.sender_report(rtcp.SenderReport(self.ssrc, report.ntp, rtp, *sent)))

    def reported(self, block: rtcp.ReportBlock, now: float) -> None:
        """The viewer tells what it got of this stream."""
        self.loss = (block.fraction / 256, now)
        for middle, sent in self._reports:
            if middle == block.last_report != 0:
                trip = now - sent - block.since / 65536
                self.round_trip, self.round_trip_at = (
                    (trip, now) if 0 <= trip < 60 else (self.round_trip, self.round_trip_at)
                )

    def lately_lost(self, now: float) -> float:
        return self.loss[0] if self.loss is not None and now - self.loss[1] < _FRESH else 0.0

    def resend(self, lost: tuple[int, ...], now: float, most: float = _RESENDS) -> None:
        """The viewer misses these sequence numbers; those of this beginning that we still have go again, `most` of
        them in a second."""
        source, flow = self._source, self.flow
        if source is None or flow.waiting or not self._flows:
            return
        self._resends.rate = min(_RESENDS, most)
        for sequence in self.note(lost, now):
            number = sequence - flow.sequence_shift
            packet = source.flow.kept(number) if flow.first <= number <= flow.newest else None
            if packet is not None and self._resends.take(now):
                self._send_again(packet, number)

    def note(self, lost: tuple[int, ...], now: float) -> list[int]:
        """Counts what the viewer misses of what was sent to it. The extended numbers, as far as they are looked at."""
        source, flow = self._source, self.flow
        within = takewhile(lambda _: self._asks.take(now), lost)
        missed = sorted({extend(sequence, flow.last_sequence) for sequence in within})
        for sequence in missed:
            number = sequence - flow.sequence_shift
            if sequence > self._asked and source is not None and flow.first <= number <= flow.newest:
                self._asked = sequence
                self.missed += source.flow.kept(number) is not None
        return missed

    def _send_again(self, packet: bytes, number: int) -> None:
        sequence = (number + self.flow.sequence_shift) & 0xFFFF
        timestamp = (int.from_bytes(packet[4:8], "big") + self.flow.timestamp_shift) & 0xFFFFFFFF
        if RTX_OF.get(packet[1] & 0x7F) in self.takes:
            self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
            try:
                again = wrap_rtx(packet, self._rtx_sequence, sequence, timestamp, self.rtx_ssrc)
            except BadPacket:
                return  # nothing a receiver could use
            self._port.rtp(again[:12], again)
        else:
            self._port.rtp(HEADER.pack(packet[0], packet[1], sequence, timestamp, self.ssrc), packet)

    def keyframe_wanted(self, now: float) -> None:
        """The viewer cannot decode (PLI, FIR). One that asks all the time is heard ever less often."""
        if self._source is None or not self._flows or now - self._pli_at < self._pli_wait:
            return
        lately = now - self._pli_at < 2 * _PLI_LAST
        self._pli_wait = min(_PLI_LAST, self._pli_wait * 1.5) if lately else _PLI_FIRST
        self._pli_at = now
        self._source.request_keyframe(now)
