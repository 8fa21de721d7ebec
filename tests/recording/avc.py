"""H.264 for the tests, as a browser sends it: constrained baseline, cut into RTP by RFC 6184."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from tests.recording.media import CLIP_S, FPS, HEIGHT, MTU, VIDEO, WIDTH, Coded, Sender, Wire, header

STAP_A, FU_A = 24, 28


def pictures(seconds: int, width: int = WIDTH, height: int = HEIGHT) -> tuple[Coded, ...]:
    """Annex B access units; the same pictures as `media.pictures`, a key frame every two seconds."""
    return _pictures(max(seconds, CLIP_S), width, height)[: seconds * FPS]


@cache
def _pictures(seconds: int, width: int, height: int) -> tuple[Coded, ...]:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.thread_count, encoder.gop_size = 1, FPS * 2
    encoder.options = {
        "profile": "baseline",
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": "slices=2",
    }
    noise = np.random.default_rng(1)
    coded = []
    for number in range(seconds * FPS):
        luma = noise.integers(20, 90, (height, width), np.uint8)
        if number % FPS < 4 and number >= FPS:
            luma[:] = 235
        planes = np.concatenate([luma.ravel(), np.full(width * height // 2, 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(planes.reshape(height * 3 // 2, width), "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        coded += [Coded(number / FPS, bytes(one), one.is_keyframe) for one in encoder.encode(frame)]
    assert len(coded) == seconds * FPS
    return tuple(coded)


def units(annex_b: bytes) -> list[bytes]:
    """NAL units between start codes. Only for Annex B: a length of 256 to 511 looks like a start code."""
    return [part.rstrip(b"\0") for part in annex_b.split(b"\0\0\1") if part.rstrip(b"\0")]


def payloads(annex_b: bytes, mtu: int = MTU) -> Iterator[bytes]:
    """RFC 6184: parameter sets and other small units together (STAP-A), large ones in parts (FU-A)."""
    small: list[bytes] = []
    for unit in units(annex_b):
        if len(unit) < 200:
            small.append(unit)
            continue
        if small:
            yield _together(small)
            small = []
        yield from [unit] if len(unit) <= mtu else _parts(unit, mtu)
    if small:
        yield _together(small)


def _together(small: list[bytes]) -> bytes:
    if len(small) == 1:
        return small[0]
    return bytes([0x60 | STAP_A]) + b"".join(len(unit).to_bytes(2) + unit for unit in small)


def _parts(unit: bytes, mtu: int) -> Iterator[bytes]:
    indicator, kind, body = unit[0] & 0xE0 | FU_A, unit[0] & 0x1F, unit[1:]
    for at in range(0, len(body), mtu):
        ends = 0x40 if at + mtu >= len(body) else 0
        yield bytes([indicator, (0 if at else 0x80) | ends | kind]) + body[at : at + mtu]


def video(sender: Sender, seconds: int, **shape: int) -> list[Wire]:
    """As `Sender.video`, coded in H.264."""
    out = []
    sequence = sender.first[VIDEO]
    for one in pictures(seconds, **shape):
        pieces = list(payloads(one.data))
        stamp = sender.timestamp(VIDEO, one.at)
        sent = (sender.start + one.at) / (1 + sender.drift)
        for index, piece in enumerate(pieces):
            head = header(sequence, stamp, sender.ssrc[VIDEO], index == len(pieces) - 1, 98)
            arrived = sent + sender.video_delay + index * 0.0002
            out.append(Wire(VIDEO, sequence, head + piece, sent, arrived, one.key))
            sequence += 1
    return out
