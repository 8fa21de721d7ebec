"""Recordings of a run: do they decode to the end, and is the sound with the picture?"""

import statistics
from collections.abc import Sequence
from typing import Any

import av
import numpy as np

from bench.media.asset import EVERY_S, FLASH_S

_WHITE, _LOUD = 200, 2000  # of luma; of 16-bit sound


def checked(files: Sequence[str], expected: int) -> dict[str, Any]:
    """How many decode without an error, and the worst distance of a beep from its flash in ms."""
    whole = 0
    offsets: list[float] = []
    for at, path in enumerate(files):
        try:
            pictures, flashes = _read(path, video=True, look=at < 4)
            sounds, beeps = _read(path, video=False, look=at < 4)
        except av.FFmpegError:
            continue
        whole += pictures > 0 and sounds > 0
        if flashes and beeps:
            pairs = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
            near = [pair for pair in pairs if abs(pair) < EVERY_S / 2]
            if near:
                offsets.append(1000 * statistics.median(near))
    return {
        "recordings_whole": f"{whole}/{expected}",
        "sound_off_ms": round(max(map(abs, offsets)), 1) if offsets else None,
    }


def _read(path: str, *, video: bool, look: bool) -> tuple[int, list[float]]:
    """Decodes one stream to its end: how many frames, and when each flash or beep began, in seconds."""
    found: list[float] = []
    count = 0
    with av.open(path) as file:
        stream = file.streams.video[0] if video else file.streams.audio[0]
        stream.codec_context.thread_count = 1
        for frame in file.decode(stream):
            count += 1
            if not look or not isinstance(frame, (av.VideoFrame, av.AudioFrame)) or frame.time is None:
                continue
            if isinstance(frame, av.VideoFrame):
                at = frame.time if frame.to_ndarray(format="gray")[::16, ::16].mean() > _WHITE else None
            else:
                loud = np.abs(_mono(frame)) > _LOUD
                at = frame.time + int(loud.argmax()) / frame.sample_rate if loud.any() else None
            if at is not None and (not found or at - found[-1] > EVERY_S / 2):
                found.append(at)
    # The first one may have been under way when the recording began.
    return count, [at for at in found if at > FLASH_S]


def _mono(frame: av.AudioFrame) -> np.ndarray[Any, Any]:
    samples: np.ndarray[Any, Any] = frame.to_ndarray().astype(np.float64)[0]
    return samples * (32768 if "flt" in frame.format.name else 1)
