"""One key frame made into a grey picture, and what can be said of it. Runs in a process of its own, never in one that
carries calls: what is decoded comes from people's devices."""

import importlib
import io
import os
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from recording import h264
from rooms.codec import VideoCodec

Grey = npt.NDArray[np.uint8]  # height x width
WIDTH = 480  # pixels to which a wider picture is made smaller before it is looked at
_DARK = 26  # mean of 255 below which a picture is black: a lens that is covered, a room without light
_FLAT = 5.0  # standard deviation below which it shows nothing: a wall, a finger, a sticker
_NICE = 10


class FaceCounter(Protocol):
    """What counts faces: pluggable by the setting `detector`."""

    def count(self, picture: Grey) -> int:
        """How many faces there are in it."""


@dataclass(frozen=True, slots=True)
class Look:
    """`faces` None: nothing that counts them is installed. `blocked`: the picture is dark or shows nothing."""

    faces: int | None
    blocked: bool


def gently() -> None:
    """Calls come first."""
    os.nice(_NICE)


def look(codec: str, frame: bytes, detector: str) -> Look | None:
    """At one key frame of `codec`; `detector` as `module:name`. `None`: it cannot be decoded."""
    picture = decoded(VideoCodec(codec), frame)
    if picture is None:
        return None
    if picture.mean() < _DARK or picture.std() < _FLAT:
        return Look(0, blocked=True)
    counter = _counter(detector)
    return Look(None if counter is None else counter.count(picture), blocked=False)


def decoded(codec: VideoCodec, frame: bytes) -> Grey | None:
    """The picture of a key frame, at most `WIDTH` pixels wide."""
    name, data = ("ivf", _ivf(frame)) if codec is VideoCodec.VP8 else ("h264", _annex_b(frame))
    try:
        with av.open(io.BytesIO(data), "r", format=name) as container:
            for one in container.decode(video=0):
                scale = min(1.0, WIDTH / one.width)
                small = one.reformat(int(one.width * scale) & ~1, int(one.height * scale) & ~1, format="gray")
                return small.to_ndarray().astype(np.uint8, copy=False)
    except (av.FFmpegError, ValueError):
        return None
    return None


def _ivf(frame: bytes) -> bytes:
    """The frame as a file of one picture (IVF: a header of 32 bytes, then length and time before each frame)."""
    width, height = frame[6:8], frame[8:10]
    head = b"DKIF" + (0).to_bytes(2, "little") + (32).to_bytes(2, "little") + b"VP80" + width + height
    rate = (30).to_bytes(4, "little") + (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(4)
    return head + rate + len(frame).to_bytes(4, "little") + bytes(8) + frame


def _annex_b(frame: bytes) -> bytes:
    """Units behind start codes instead of behind their lengths (H.264 annex B)."""
    return b"".join(b"\0\0\0\1" + unit for unit in h264.units(frame))


def installed(detector: str) -> bool:
    """Whether there is something that counts faces."""
    return _counter(detector) is not None


@cache
def _counter(detector: str) -> FaceCounter | None:
    """Made once in this process; `None` where it is not installed."""
    module, _, name = detector.partition(":")
    try:
        made: FaceCounter = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError):
        return None
    return made
