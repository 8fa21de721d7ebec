"""The streams of one leg: decrypted packets in, packets for other legs out. Decodes nothing. Pure.

It knows neither sockets nor keys nor asyncio: the transport above calls `rtp`, `rtcp` and `tick`, and gives a
`Port` for the way out. Whoever is slow or fails is dropped at its own port and disturbs nobody.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from secrets import randbits

from rooms import loudness
from rooms import rtcp as wire
from rooms.bandwidth import CAP
from rooms.client import MediaKind, TrackSink
from rooms.codec import VideoCodec
from rooms.downstream import Downstream
from rooms.flows import Flows, Port
from rooms.lines import MediaLine
from rooms.plain import PlainFlows
from rooms.rate import Rate
from rooms.rtp import HEADER_SIZE, OPUS, PICTURE_TYPE, RTX_OF, BadPacket
from rooms.upstream import Upstream

_STREAMS = 16  # SSRCs a peer may send on; each costs memory in libsrtp for as long as the leg lives
_REPORTERS = 32  # SSRCs a peer may report as: Firefox takes one for each m-line
_QUIET = 1.0  # seconds without a packet after which a stream may take another SSRC
_SECOND = 1.0
_URGE = 0.2  # seconds between two words on what may be sent, while a line overflows
_TRIP_FRESH = 2.5  # seconds for which a round trip counts
_FRESH = 6.0  # seconds for which a viewer's report counts

_Handler = Callable[[bytes, float], None]


class Relay:
    """All times are monotonic seconds, given from outside. `dropped` counts by reason."""

    def __init__(
        self,
        port: Port,
        lines: Sequence[MediaLine],
        dropped: Counter[str],
        cap: int = CAP,
        flows: Flows | None = None,
        codec: VideoCodec = VideoCodec.VP8,
        also: Collection[VideoCodec] = (),
    ) -> None:
        """`flows`: what runs for every packet; `None`: that in Python. `codec`: of all pictures; `also`: other
        codings of what this leg is shown."""
        self.codec = codec
        self.ups: dict[MediaKind, Upstream] = {}
        self.low: Upstream | None = None  # the same picture, small
        self.level = loudness.SILENT  # the loudest of this second, -dBov
        self.downs: dict[str, Downstream] = {}  # by mid
        self._lines: dict[tuple[int | None, MediaKind], Downstream] = {}  # None: the announce line
        self._port = port
        self._dropped = dropped
        self._ssrc = randbits(32)  # of our reports
        self._flows = flows if flows is not None else PlainFlows(port, dropped)
        used = {self._ssrc}
        takes = frozenset((OPUS, *(PICTURE_TYPE[coding] for coding in (codec, *also))))
        for line in lines:
            if line.use == "own":
                self.ups[line.kind] = Upstream(line.kind, self._flows, port.rtcp, self._ssrc, dropped)
            elif line.use == "low":
                self.low = Upstream(line.kind, self._flows, port.rtcp, self._ssrc, dropped)
            else:
                down = Downstream(line.kind, self._flows, port, (_fresh(used), _fresh(used)), takes)
                self.downs[line.mid] = self._lines[line.line, line.kind] = down
        self._sources = [*self.ups.values()] if self.low is None else [*self.ups.values(), self.low]
        self.rate = Rate(self._sources, self.downs.values(), cap)
        self._by_ssrc = {down.ssrc: down for down in self.downs.values()}
        self._handlers: dict[bytes, _Handler] = {}
        self._reporters: set[bytes] = set()
        self._report_at = self._urged_at = 0.0
        self._holding = self._resting = False  # as `rate` wanted it when it was last asked
        for up in self._sources:
            if up.kind is MediaKind.VIDEO:
                up.flow.payload_type = PICTURE_TYPE[codec]

    def expect_low(self, ssrcs: Sequence[int]) -> None:
        """The SSRCs that the answer names for the small picture, its retransmissions' among them; none: the peer
        sends no such picture."""
        if self.low is None or not ssrcs:
            self.low = None
            self._sources = [*self.ups.values()]
            return
        for ssrc in ssrcs:
            self._handlers[ssrc.to_bytes(4, "big")] = self._small(self.low)
            self._flows.bind(ssrc, None)

    def _small(self, low: Upstream) -> _Handler:
        """Of the small picture's stream, or of its retransmissions."""

        def handle(packet: bytes, now: float) -> None:
            if packet[1] & 0x7F == RTX_OF.get(low.flow.payload_type):
                low.recovered(packet, now)
            else:
                self._contender(low)(packet, now)

        return handle

    # --- packets in ---

    def knows(self, ssrc: bytes) -> bool:
        """Whether a packet of this SSRC (4 bytes) is worth decrypting: it is known, or there is room for it."""
        return ssrc in self._handlers or len(self._handlers) < _STREAMS

    def knows_reporter(self, ssrc: bytes) -> bool:
        """The same for RTCP and the SSRC of its sender."""
        return ssrc in self._reporters or len(self._reporters) < _REPORTERS

    def rtp(self, packet: bytes, now: float) -> None:
        """One authentic, decrypted RTP packet. Raises nothing."""
        handler = self._handlers.get(packet[8:12])
        try:
            if handler is None:
                handler = self._meet(packet)
            handler(packet, now)
        except BadPacket:
            self._dropped["rtp-malformed"] += 1

    def _meet(self, packet: bytes) -> _Handler:
        """A stream is met for the first time: its payload type, which we have fixed, says what it is."""
        if len(packet) < HEADER_SIZE or packet[0] >> 6 != 2:
            raise BadPacket("no RTP header")
        kind = packet[1] & 0x7F
        handler: _Handler = self._ignore
        for up in self.ups.values():
            if kind == up.flow.payload_type:
                handler = self._contender(up)
            elif kind == RTX_OF.get(up.flow.payload_type):
                handler = up.recovered
        self._handlers[packet[8:12]] = handler
        return handler

    def _contender(self, up: Upstream) -> _Handler:
        """Takes the place of the stream's present SSRC as soon as that one is quiet."""

        def handle(packet: bytes, now: float) -> None:
            if up.ssrc is not None and now - up.last_packet < _QUIET:
                self._dropped["rtp-second-stream"] += 1
                return
            if up.ssrc is not None:
                self._handlers[up.ssrc.to_bytes(4, "big")] = self._contender(up)
                self._flows.bind(up.ssrc, None)
            ssrc = int.from_bytes(packet[8:12], "big")
            up.adopt(ssrc)
            self._flows.bind(ssrc, up.flow)
            self._handlers[packet[8:12]] = up.flow.packet
            up.flow.packet(packet, now)

        return handle

    def _ignore(self, _packet: bytes, _now: float) -> None:
        self._dropped["rtp-payload-type"] += 1

    def rtcp(self, packet: bytes, came: float, now: float | None = None) -> None:
        """One authentic, decrypted RTCP packet; `now`, if it waited since it `came`. Raises nothing."""
        self._reporters.add(packet[4:8])
        try:
            messages = wire.parse(packet)
        except BadPacket:
            self._dropped["rtcp-malformed"] += 1
            return
        for message in messages:
            if isinstance(message, wire.SenderReport):
                for up in self._sources:
                    if up.ssrc == message.ssrc:
                        up.sender_report(message, came, came if now is None else now)
            elif (down := self._by_ssrc.get(message.ssrc)) is not None:
                self._heard(down, message, came)

    def _heard(self, down: Downstream, message: wire.Message, now: float) -> None:
        if isinstance(message, wire.ReportBlock):
            self.rate.reported(down, message, now)
            down.reported(message, now)
        elif isinstance(message, wire.Nack):
            if down.kind is MediaKind.AUDIO or not self.rate.down.congested:  # sound first
                down.resend(message.lost, now, self.rate.spare)
            else:
                down.note(message.lost, now)
        elif isinstance(message, wire.KeyframeRequest):
            down.keyframe_wanted(now)

    # --- what flows ---

    def show(
        self, line: int, publisher: "Relay | None", now: float, *, audio: bool, video: bool, low: bool = False
    ) -> None:
        """Line `line` carries what `publisher` sends, as far as `audio` and `video` say; `low`: its small picture,
        if it sends one. From one picture to the other it goes without a gap."""
        for kind, wanted in ((MediaKind.AUDIO, audio), (MediaKind.VIDEO, video)):
            down = self._lines.get((line, kind))
            if down is None:  # it was opened without
                continue
            source = publisher.ups.get(kind) if publisher is not None and wanted else None
            if source is not None and publisher is not None and kind is MediaKind.VIDEO:
                layers = (source, publisher.low)
                source = publisher.low or source if low else source
                if down.source in layers:
                    down.change(source, now)
                    continue
            down.carry(source, now)

    def announce(self, publisher: "Relay | None", now: float) -> None:
        source = publisher.ups.get(MediaKind.AUDIO) if publisher is not None else None
        if (down := self._lines.get((None, MediaKind.AUDIO))) is not None:
            down.carry(source, now)

    def tap(self, sink: TrackSink, *, sound: bool = True) -> None:
        for up in self.ups.values():
            if up.kind is MediaKind.AUDIO and not sound:
                up.drop(sink)
            elif sink not in up.sinks:
                up.sinks = [*up.sinks, sink]
                if up.last_report is not None:
                    sink.sender_report(up.kind, up.last_report[0].ntp, up.last_report[0].rtp)

    def untap(self, sink: TrackSink) -> None:
        for up in self.ups.values():
            up.drop(sink)

    def request_keyframe(self, now: float) -> None:
        for up in self.ups.values():
            up.request_keyframe(now)

    def update(self, now: float) -> None:
        """The port became ready, or the peer's answer is known."""
        for down in self.downs.values():
            down.update(now)

    def close(self) -> None:
        """Lets go of all other legs, and they of this one."""
        for down in self.downs.values():
            down.clear()
        for up in self._sources:
            up.end()
        self._handlers.clear()

    # --- time ---

    def tick(self, now: float, round_trip: float | None = None) -> None:
        """Called about ten times a second; `round_trip` to the peer in seconds, if it is known."""
        if self._carries:
            for up in self._sources:
                up.tick(now)
            self.rate.tick(now)
            self._yield_way(now)
            self._listen()
            if (self._resting or self.rate.opens) and now - self._urged_at >= _URGE and self._port.ready:
                self._urged_at = now
                self._port.rtcp(wire.receiver_report(self._ssrc, []) + self._remb())
        else:
            self.rate.nothing_came()
        if now - self._report_at >= _SECOND and self._port.ready:
            self._report_at = now
            self._report(now)
            self.rate.step(now, self.round_trip(now) or round_trip)
            if round_trip is not None:
                for up in self._sources:
                    up.missing.far(round_trip)

    @property
    def _carries(self) -> bool:
        """Whether anything ever came, or is to go: with who has only joined there is nothing to look at."""
        for up in self._sources:
            if up.ssrc is not None:
                return True
        return any(down.source is not None for down in self.downs.values())

    def _yield_way(self, now: float) -> None:
        """Pictures give way where a line overflows: down they wait, up they are not asked for again."""
        if self._holding is not self.rate.holds:
            self._holding = self.rate.holds
            for down in self.downs.values():
                if down.kind is MediaKind.VIDEO:
                    down.hold(now, held=self._holding)
        if self._resting is not self.rate.urgent(now):
            self._resting = self.rate.urgent(now)
            for up in self._sources:
                up.rest(now, rests=self._resting)

    def _listen(self) -> None:
        """How loud the newest packet of the sound is. Ten looks a second are enough to see who speaks."""
        up = self.ups.get(MediaKind.AUDIO)
        newest = up.flow.kept(up.flow.highest) if up is not None and up.flow.highest >= 0 else None
        heard = None if newest is None else loudness.level(newest)
        if heard is not None:
            self.level = min(self.level, heard)

    def _report(self, now: float) -> None:
        """An empty one, too: where nobody speaks it is what tells the peer that the way lives."""
        blocks = [block for up in self._sources if (block := up.report(now)) is not None]
        self._port.rtcp(wire.receiver_report(self._ssrc, blocks) + self._remb())

    def _remb(self) -> bytes:
        video = self.ups.get(MediaKind.VIDEO)
        if video is None or video.ssrc is None:
            return b""
        return wire.remb(self._ssrc, video.ssrc, self.rate.told)

    # --- figures ---

    def loss(self, now: float) -> float | None:
        """The worst part (0..1) the peer reports to be missing of what it is sent; `None`: not told lately."""
        told = [down.loss[0] for down in self.downs.values() if down.loss and now - down.loss[1] < _FRESH]
        return max(told, default=None)

    def round_trip(self, now: float) -> float | None:
        """Seconds, by the newest of the peer's reports; `None`: not told lately."""
        newest = max(self.downs.values(), key=lambda down: down.round_trip_at, default=None)
        return None if newest is None or now - newest.round_trip_at > _TRIP_FRESH else newest.round_trip


def _fresh(used: set[int]) -> int:
    """An SSRC that this leg does not use yet."""
    while (ssrc := randbits(32)) in used or ssrc == 0:
        pass
    used.add(ssrc)
    return ssrc
