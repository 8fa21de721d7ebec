"""Real media for the tests: VP8 and Opus made by libvpx and libopus, cut into RTP as a browser does.

Each full second the picture is white for four frames and, at that instant, the sound beeps for 120 ms.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import IO, Literal

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from rooms.client import Leg, LegStatistics, MediaKind, TrackSink
from rooms.codec import VideoCodec

FPS = 25
WIDTH, HEIGHT = 192, 108
CLIP_S = 8
MTU = 1100
AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


@dataclass(frozen=True)
class Coded:
    """One coded frame; `at` in seconds since the clip began."""

    at: float
    data: bytes
    key: bool


def pictures(
    seconds: int, width: int = WIDTH, height: int = HEIGHT, keys_every: int = 2
) -> tuple[Coded, ...]:
    """The beginning of one long clip: an encoder that does not look ahead makes the same of it."""
    return _pictures(max(seconds, CLIP_S), width, height, keys_every)[: seconds * FPS]


@cache
def _pictures(seconds: int, width: int, height: int, keys_every: int) -> tuple[Coded, ...]:
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.thread_count = 1  # as in `decode`
    encoder.bit_rate, encoder.gop_size = 300_000, FPS * keys_every
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
    coded = []
    noise = np.random.default_rng(1)
    for number in range(seconds * FPS):
        luma = noise.integers(20, 90, (height, width), np.uint8)  # so that most frames take several packets
        if number % FPS < 4 and number >= FPS:
            luma[:] = 235
        planes = np.concatenate([luma.ravel(), np.full(width * height // 2, 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(planes.reshape(height * 3 // 2, width), "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        coded += [Coded(number / FPS, bytes(one), one.is_keyframe) for one in encoder.encode(frame)]
    assert len(coded) == seconds * FPS
    return tuple(coded)


def sounds(seconds: int) -> tuple[Coded, ...]:
    return _sounds(max(seconds, CLIP_S))[: seconds * 50]


@cache
def _sounds(seconds: int) -> tuple[Coded, ...]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    encoder.bit_rate = 48_000
    encoder.options = {"application": "voip"}
    time = np.arange(seconds * 48_000) / 48_000
    tone = np.where((time % 1 < 0.12) & (time >= 1), np.sin(time * 2 * np.pi * 1000) * 20_000, 0)
    samples = np.repeat(tone.astype(np.int16), 2)
    coded = []
    for number in range(seconds * 50):
        frame = av.AudioFrame.from_ndarray(
            samples[number * 1920 : (number + 1) * 1920].reshape(1, -1), "s16", "stereo"
        )
        frame.sample_rate, frame.pts = 48_000, number * 960
        coded += [Coded(number / 50, bytes(one), True) for one in encoder.encode(frame)]
    assert len(coded) == seconds * 50
    return tuple(coded)


@dataclass(frozen=True)
class Wire:
    """A packet on its way: `sent` and `arrived` in seconds since the call began."""

    kind: MediaKind
    sequence: int
    data: bytes
    sent: float
    arrived: float
    key: bool = False


def header(sequence: int, timestamp: int, ssrc: int, marker: bool, payload_type: int) -> bytes:
    return struct.pack(
        "!BBHII",
        0x80,
        (0x80 if marker else 0) | payload_type,
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )


def descriptor(begins: bool, picture: int) -> bytes:
    return bytes([0x90 if begins else 0x80, 0x80]) + struct.pack("!H", 0x8000 | (picture & 0x7FFF))


@dataclass
class Sender:
    """One browser. `start` in seconds of the call; delays of the network in seconds; `skew` of its clock."""

    start: float = 0.0
    video_delay: float = 0.03
    audio_delay: float = 0.03
    clock: float = 3_900_000_000.0  # what its wall clock (NTP seconds) shows when the call begins
    drift: float = 0.0  # its clock runs this much faster, as a fraction
    base: dict[MediaKind, int] = field(default_factory=lambda: {AUDIO: 4_294_000_000, VIDEO: 4_294_900_000})
    first: dict[MediaKind, int] = field(default_factory=lambda: {AUDIO: 65_500, VIDEO: 65_300})
    ssrc: dict[MediaKind, int] = field(default_factory=lambda: {AUDIO: 0x1111, VIDEO: 0x2222})

    def timestamp(self, kind: MediaKind, at: float) -> int:
        rate = 90_000 if kind is VIDEO else 48_000
        return (self.base[kind] + round(at * rate)) & 0xFFFFFFFF

    def video(self, seconds: int, **shape: int) -> list[Wire]:
        out = []
        sequence = self.first[VIDEO]
        for picture, one in enumerate(pictures(seconds, **shape)):
            pieces = [one.data[at : at + MTU] for at in range(0, len(one.data), MTU)]
            stamp = self.timestamp(VIDEO, one.at)
            sent = (self.start + one.at) / (1 + self.drift)
            for index, piece in enumerate(pieces):
                head = header(sequence, stamp, self.ssrc[VIDEO], index == len(pieces) - 1, 96)
                data = head + descriptor(index == 0, picture) + piece
                out.append(
                    Wire(VIDEO, sequence, data, sent, sent + self.video_delay + index * 0.0002, one.key)
                )
                sequence += 1
        return out

    def audio(self, seconds: int) -> list[Wire]:
        out = []
        for index, one in enumerate(sounds(seconds)):
            sequence = self.first[AUDIO] + index
            head = header(sequence, self.timestamp(AUDIO, one.at), self.ssrc[AUDIO], False, 111)
            sent = (self.start + one.at) / (1 + self.drift)
            out.append(Wire(AUDIO, sequence, head + one.data, sent, sent + self.audio_delay, True))
        return out

    def report(self, kind: MediaKind, at: float) -> tuple[int, int]:
        """NTP and RTP of the same instant, `at` seconds of the sender's media time."""
        return int((self.clock + at) * (1 << 32)), self.timestamp(kind, at)


def in_order(*streams: Iterable[Wire]) -> list[Wire]:
    return sorted((one for stream in streams for one in stream), key=lambda one: one.arrived)


def delayed(wires: list[Wire], chosen: Iterable[int], by: float) -> list[Wire]:
    """The packets at the `chosen` places come later."""
    places = set(chosen)
    return [
        replace(one, arrived=one.arrived + by) if index in places else one for index, one in enumerate(wires)
    ]


class FakeLeg:
    """A leg that gives what it is told to give."""

    def __init__(self, leg_id: str, codec: VideoCodec = VideoCodec.VP8) -> None:
        self._id = leg_id
        self.codec = codec
        self.sinks: list[TrackSink] = []
        self.keyframes = 0

    @property
    def id(self) -> str:
        return self._id

    @property
    def publishes(self) -> frozenset[MediaKind]:
        return frozenset(MediaKind)

    def tap(self, sink: TrackSink, *, sound: bool = True) -> None:
        assert sound
        self.sinks.append(sink)

    def untap(self, sink: TrackSink) -> None:
        self.sinks.remove(sink)

    def request_keyframe(self) -> None:
        self.keyframes += 1

    def send(self, wires: Iterable[Wire], began: float) -> None:
        """`began`: the monotonic second at which the call began."""
        for wire in wires:
            for sink in self.sinks:
                sink.packet(wire.kind, wire.data, began + wire.arrived)

    def report(self, sender: Sender, kind: MediaKind, at: float) -> None:
        for sink in self.sinks:
            sink.sender_report(kind, *sender.report(kind, at))

    def can(self, codec: VideoCodec) -> bool:
        raise AssertionError

    async def offer(self) -> str:
        raise AssertionError

    async def answer(self) -> str:
        raise AssertionError

    async def accept(self, answer: str) -> None:
        raise AssertionError

    async def restart(self, remote: tuple[str, str] | None = None) -> str:
        raise AssertionError

    def limit(self, bits: int | None) -> None:
        raise AssertionError

    def recall(self, up: int, down: int) -> None:
        raise AssertionError

    def assume(self, direction: Literal["up", "down"], bits: int) -> None:
        raise AssertionError

    def show(self, line: int, publisher: Leg | None, *, audio: bool, video: bool, low: bool = False) -> None:
        raise AssertionError

    def announce(self, publisher: Leg | None) -> None:
        raise AssertionError

    def statistics(self) -> LegStatistics:
        raise AssertionError

    async def close(self) -> None:
        self.sinks.clear()


@dataclass
class Decoded:
    """A file decoded to its end; times in seconds."""

    pictures: list[float]
    flashes: list[float]
    sound: float  # seconds of decoded sound
    beeps: list[float]
    sizes: set[tuple[int, int]]


def decode(path: Path | IO[bytes]) -> Decoded:
    flashes: list[float] = []
    times: list[float] = []
    sizes: set[tuple[int, int]] = set()
    heard: list[tuple[float, npt.NDArray[np.float32]]] = []
    white = False
    with av.open(str(path) if isinstance(path, Path) else path, "r") as container:
        for stream in container.streams.video:
            stream.codec_context.thread_count = (
                1  # threads that wait for each other are slow on a busy machine
            )
        for frame in _frames(container):
            assert frame.time is not None
            if isinstance(frame, av.VideoFrame):
                times.append(frame.time)
                sizes.add((frame.width, frame.height))
                bright = bool(frame.to_ndarray(format="gray").mean() > 180)
                if bright and not white:
                    flashes.append(frame.time)
                white = bright
            else:
                heard.append((frame.time, np.abs(frame.to_ndarray()).max(axis=0).astype(np.float32)))
    return Decoded(times, flashes, sum(len(one) for _, one in heard) / 48_000, _beeps(heard), sizes)


def _frames(container: "av.container.InputContainer") -> Iterator[av.VideoFrame | av.AudioFrame]:
    for packet in container.demux():
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame | av.AudioFrame):
                yield frame


def _beeps(heard: list[tuple[float, npt.NDArray[np.float32]]]) -> list[float]:
    beeps: list[float] = []
    last = float("-inf")
    for time, levels in heard:
        for place in np.flatnonzero(levels > 0.15):
            at = time + float(place) / 48_000
            if at - last > 0.2:
                beeps.append(at)
            last = at
    return beeps
