"""One stream that a leg is sent: whatever it carries, to its viewer it is one unbroken RTP stream. Pure.

Sequence numbers and timestamps are those of the source plus a constant, as long as one source flows. Each new
beginning (another source, unmuted, resumed) gets new constants that go on where the last one ended: skipped
numbers would be taken for loss, and more than 32,767 of them make libsrtp refuse the stream for good.
"""

import secrets
from collections import deque
from typing import Protocol

from rooms import rtcp
from rooms.client import MediaKind
from rooms.rtp import CLOCK_RATE, HEADER, extend, wrap_rtx
from rooms.upstream import Upstream

_FRAME = 1 / 50  # seconds; the least step of the timestamp at a new beginning
_RESENDS = 250  # packets a viewer may ask for again in one second
_PLI_FIRST, _PLI_LAST = 1.0, 8.0  # seconds between two key frames that one viewer can bring about


class Port(Protocol):
    """The way out to one peer. Neither method blocks or raises; what cannot be sent is dropped and counted."""

    @property
    def ready(self) -> bool:
        """Keys and an address are there."""

    def rtp(self, header: bytes, packet: bytes) -> None:
        """Sends `packet` with its first 12 bytes replaced by `header`."""

    def rtcp(self, packet: bytes) -> None: ...


class Downstream:
    """All times are monotonic seconds, given from outside."""

    def __init__(self, kind: MediaKind, port: Port, ssrc: int, rtx_ssrc: int) -> None:
        self.kind = kind
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.accepted = True  # the peer took this m-line
        self.rtx = False  # the peer takes retransmissions as RFC 4588 says
        self.waiting = False  # for a key frame, or for the first packet
        self.packets = 0
        self.octets = 0
        self.loss: tuple[float, float] | None = None  # part lost (0..1), when it was told
        self.round_trip: float | None = None  # seconds
        self._port = port
        self._clock = CLOCK_RATE[kind]
        self._source: Upstream | None = None
        self._flows = False
        self._sequence_shift = 0
        self._timestamp_shift = 0
        self._first = 0  # source number at which this beginning began
        self._newest = -1  # newest source number sent since then; -1: none yet
        # Below 2**15, so that a reordered first packet cannot be taken for the end of an earlier cycle.
        self._last_sequence = 0x10000 + secrets.randbelow(0x8000)
        self._last_timestamp = secrets.randbits(32)
        self._last_sent: float | None = None
        self._rtx_sequence = secrets.randbelow(0x8000)
        self._reports: deque[tuple[int, float]] = deque(maxlen=8)  # middle of NTP, when it was sent
        self._resends = float(_RESENDS)
        self._resends_at = 0.0
        self._pli_wait = _PLI_FIRST
        self._pli_at = float("-inf")

    @property
    def source(self) -> Upstream | None:
        return self._source

    def carry(self, source: Upstream | None, now: float) -> None:
        """From now on this stream carries `source`, or nothing. The same source again changes nothing."""
        if source is self._source:
            return
        self.clear()
        self._source = source
        self.update(now)

    def clear(self) -> None:
        """Carries nothing from now on."""
        self._stop()
        self._source = None

    def update(self, now: float) -> None:
        """The port became ready or the peer's answer is known: flows, if it may."""
        may = self._source is not None and self.accepted and self._port.ready
        if may and not self._flows and self._source is not None:
            self._flows = True
            self._source.outs.append(self)
            self.restart()
            self._source.request_keyframe(now)
        elif not may:
            self._stop()

    def _stop(self) -> None:
        if self._flows and self._source is not None:
            self._source.outs.remove(self)
        self._flows = False
        self.waiting = False

    def restart(self) -> None:
        """The next packet (of video: the next key frame) is a new beginning."""
        self.waiting = True

    def forward(self, packet: bytes, number: int, timestamp: int, now: float, *, key: bool) -> None:
        """Sends one packet of the source on; `number` is its extended sequence number."""
        if self.waiting:
            if self.kind is MediaKind.VIDEO and not key:
                return
            self._begin(number, timestamp, now)
        elif number < self._first:
            return  # from before the beginning: its number belongs to what was sent earlier
        sequence = number + self._sequence_shift
        timestamp = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
        if number > self._newest:
            self._newest = number
            self._last_sequence = sequence
            self._last_timestamp = timestamp
            self._last_sent = now
        self._port.rtp(HEADER.pack(packet[0], packet[1], sequence & 0xFFFF, timestamp, self.ssrc), packet)
        self.packets += 1
        self.octets += len(packet) - 12

    def _begin(self, number: int, timestamp: int, now: float) -> None:
        self.waiting = False
        self._first = number
        self._newest = -1
        passed = _FRAME if self._last_sent is None else max(_FRAME, now - self._last_sent)
        self._sequence_shift = self._last_sequence + 1 - number
        self._timestamp_shift = self._last_timestamp + int(passed * self._clock) - timestamp
        if self._source is not None and self._source.last_report is not None:
            self.sender_report(self._source.last_report[0], now)

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        """The source's mapping of time, in this stream's numbers: without it lips and sound part."""
        if self.waiting or not self._flows:
            return
        self._reports.append((report.ntp >> 16 & 0xFFFFFFFF, now))
        rtp = (report.rtp + self._timestamp_shift) & 0xFFFFFFFF
        sent = self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF
        self._port.rtcp(rtcp.sender_report(rtcp.SenderReport(self.ssrc, report.ntp, rtp, *sent)))

    def reported(self, block: rtcp.ReportBlock, now: float) -> None:
        """The viewer tells what it got of this stream."""
        self.loss = (block.fraction / 256, now)
        if self._flows and self._source is not None and self.kind is MediaKind.VIDEO:
            self._source.rate.viewer_lost(block.fraction / 256)
        for middle, sent in self._reports:
            if middle == block.last_report != 0:
                trip = now - sent - block.since / 65536
                self.round_trip = trip if 0 <= trip < 60 else self.round_trip

    def resend(self, lost: tuple[int, ...], now: float) -> None:
        """The viewer misses these sequence numbers; those of this beginning that we still have go again."""
        source = self._source
        if source is None or self.waiting or not self._flows:
            return
        self._resends = min(_RESENDS, self._resends + (now - self._resends_at) * _RESENDS)
        self._resends_at = now
        for sequence in lost:
            number = extend(sequence, self._last_sequence) - self._sequence_shift
            packet = source.ring.get(number) if self._first <= number <= self._newest else None
            if packet is None or self._resends < 1:
                continue
            self._resends -= 1
            self._send_again(packet, number)

    def _send_again(self, packet: bytes, number: int) -> None:
        sequence = (number + self._sequence_shift) & 0xFFFF
        timestamp = (int.from_bytes(packet[4:8], "big") + self._timestamp_shift) & 0xFFFFFFFF
        if self.rtx:
            self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
            again = wrap_rtx(packet, self._rtx_sequence, sequence, timestamp, self.rtx_ssrc)
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
