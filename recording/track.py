"""One person's track: RTP packets in, bytes of a live WebM out. Pure; times in seconds come from outside.

It belongs to whoever calls it and is not thread-safe: in the product, the writer's thread.
"""

from collections.abc import Iterable
from typing import NamedTuple

from recording import h264, matroska, pictures, rtp
from recording.pictures import Pictures
from recording.timing import Jump, Sighting, StreamClock
from rooms.client import MediaKind

SILENT_S = 1.0  # another SSRC is taken over once the present one has been silent for so long
KEYFRAME_EVERY_S = 15.0  # a player can jump to key frames only
_RATE = {MediaKind.AUDIO: 48_000, MediaKind.VIDEO: 90_000}


class Counters(NamedTuple):
    """What became of a stream's packets."""

    packets: int
    frames: int
    lost: int  # packets that never came
    spoilt: int  # frames left out because something they need is missing
    malformed: int


class _Stream:
    """One of the two streams: order, frames, clock."""

    def __init__(self, kind: MediaKind, coded: Pictures) -> None:
        self.order = rtp.Reorder()
        self.frames: rtp.Vp8Frames | h264.H264Frames | rtp.OpusFrames = (
            coded.frames() if kind is MediaKind.VIDEO else rtp.OpusFrames()
        )
        self.clock = StreamClock(_RATE[kind])
        self.ssrc: int | None = None
        self.packets = 0
        self.written = 0
        self.malformed = 0
        self.lost = 0  # in the numberings before the present one
        self.heard: float | None = None  # arrival of the newest packet
        self.framed: float | None = None  # arrival of the newest frame that was written, or the first packet

    def admit(self, packet: rtp.Packet) -> bool:
        """Whether the packet belongs to the stream, which may go over to another SSRC after a silence."""
        if self.ssrc != packet.ssrc:
            if self.heard is not None and packet.arrived - self.heard < SILENT_S:
                return False
            self.ssrc = packet.ssrc
            self.lost += self.order.lost
            self.order = rtp.Reorder()
            self.frames.hole()
            self.clock.jump()
        self.heard = packet.arrived
        if self.framed is None:
            self.framed = packet.arrived
        return True


class Track:
    """Assembles one file. `take()` gives what is to be appended since it was last asked."""

    def __init__(self, started: float, coded: Pictures = pictures.VP8) -> None:
        """`started` in monotonic seconds: the zero of the file's time line."""
        self._started = started
        self._coded = coded
        self._streams = {kind: _Stream(kind, coded) for kind in MediaKind}
        self._writer = matroska.LiveWriter(coded.document, coded.codec_id, coded.live_private)
        self._out = bytearray()
        self._begun = False
        self.key_frame = b""  # the newest one, for whoever looks at still pictures
        self._keyed: float | None = None  # arrival of the newest key frame that was written

    def packet(self, kind: MediaKind, data: bytes, arrived: float) -> None:
        """One RTP packet in arrival order; `arrived` in monotonic seconds."""
        stream = self._streams[kind]
        stream.packets += 1
        packet = rtp.parse(data, arrived)
        if packet is None:
            stream.malformed += 1
        elif stream.admit(packet):
            self._feed(kind, stream, stream.order.push(packet))

    def sender_report(self, kind: MediaKind, ntp: int, rtp_timestamp: int) -> None:
        self._streams[kind].clock.report(ntp, rtp_timestamp)

    def expire(self, now: float) -> None:
        """Stops waiting for what has been missing for too long."""
        for kind, stream in self._streams.items():
            self._feed(kind, stream, stream.order.expire(now))

    def flush(self) -> None:
        """The end: what still waits for something before it is written without it."""
        for kind, stream in self._streams.items():
            self._feed(kind, stream, stream.order.flush())

    def hole(self) -> None:
        """Packets were dropped on the way to here; pictures go on at the next key frame."""
        for stream in self._streams.values():
            stream.frames.hole()

    def take(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def notes(self) -> list[tuple[MediaKind, Sighting | Jump]]:
        """What sealing needs to know of the clocks, since this was last asked."""
        new = [(kind, one) for kind, stream in self._streams.items() for one in stream.clock.notes]
        for stream in self._streams.values():
            stream.clock.notes.clear()
        return new

    def wants_keyframe(self, now: float) -> bool:
        """Pictures arrive and cannot be used, or the last place to jump to lies too far back."""
        video = self._streams[MediaKind.VIDEO]
        if video.heard is None or now - video.heard > SILENT_S:
            return False
        return video.frames.broken or self._keyed is None or now - self._keyed > KEYFRAME_EVERY_S

    def stalled_s(self, now: float) -> float:
        """For how long, at most, packets of one stream have come without a frame of it being written."""
        spans = [
            stream.heard - stream.framed
            for stream in self._streams.values()
            if stream.heard is not None and stream.framed is not None and now - stream.heard <= SILENT_S
        ]
        return max(spans, default=0.0)

    def counters(self, kind: MediaKind) -> Counters:
        stream = self._streams[kind]
        return Counters(
            stream.packets,
            stream.written,
            stream.lost + stream.order.lost,
            stream.frames.spoilt,
            stream.malformed,
        )

    def _feed(self, kind: MediaKind, stream: _Stream, packets: Iterable[rtp.Packet | None]) -> None:
        for packet in packets:
            if packet is None:
                stream.frames.hole()
                continue
            frame = stream.frames.push(packet)
            if frame is not None:
                self._write(kind, stream, frame)
            elif not packet.payload:
                stream.framed = packet.arrived  # padding promises no frame

    def _write(self, kind: MediaKind, stream: _Stream, frame: rtp.Frame) -> None:
        if not self._begun:
            self._begun = True
            self._out += self._writer.start(self._coded.size(frame.data) if kind is MediaKind.VIDEO else None)
        ms = stream.clock.place(frame.timestamp, (frame.arrived - self._started) * 1000)
        self._out += self._writer.block(kind, ms, frame.key, frame.data)
        stream.written += 1
        stream.framed = frame.arrived
        if kind is MediaKind.VIDEO and frame.key:
            self._keyed, self.key_frame = frame.arrived, frame.data
