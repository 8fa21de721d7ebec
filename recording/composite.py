"""All who were recorded, side by side in one picture with one sound, for those who are handed a copy.

A rendering, not evidence: the tracks are that. Pictures are scaled into equal tiles, voices are mixed, and the
receiver's mark lies over everything. Blocks for as long as it takes; memory holds the finished file.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt

from recording.clear import Clear

Pixels: TypeAlias = npt.NDArray[np.uint8]  # height, width, 3

FPS = 12
TILE = (480, 270)  # width, height
SOUND_HZ = 48_000
CHUNK = SOUND_HZ // 50  # samples of one Opus packet: 20 ms
_NIGHT = (18, 24, 31)
_VIDEO_BITS = 500_000  # per second


@dataclass(frozen=True, slots=True)
class Take:
    """One file of one person, and where it lies on the common time line. `tile`: which place is theirs."""

    clear: Clear
    tile: int
    offset_ms: int


def size_of(tiles: int) -> tuple[int, int]:
    """Width and height of the picture for so many people."""
    columns = min(2, max(1, tiles))
    return TILE[0] * columns, TILE[1] * -(-max(1, tiles) // columns)


def render(
    takes: Sequence[Take], tiles: int, total_ms: int, mark: Pixels, told: Callable[[float], None]
) -> bytes:
    """A WebM of VP8 and Opus. `mark`: as large as the picture, added to it; `told` gets the share that is done
    (0 to 1) about once a second of the recording, and may raise to stop."""
    out = io.BytesIO()
    readers = [_Reader(take) for take in takes]
    width, height = size_of(tiles)
    with av.open(out, "w", format="webm") as container:
        video = container.add_stream("libvpx", rate=FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", _VIDEO_BITS
        video.options = {"deadline": "realtime", "cpu-used": "8"}
        audio = container.add_stream("libopus", rate=SOUND_HZ, layout="mono")
        sound = 0
        for number in range(max(1, total_ms * FPS // 1000)):
            ms = number * 1000 / FPS
            frame = av.VideoFrame.from_ndarray(_picture(readers, ms, (width, height), mark), "rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
            while sound * 1000 < ms * SOUND_HZ:
                container.mux(audio.encode(_mixed(readers, sound)))
                sound += CHUNK
            if number % FPS == 0:
                told(ms / max(1, total_ms))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return out.getvalue()


def _picture(readers: Sequence["_Reader"], ms: float, size: tuple[int, int], mark: Pixels) -> Pixels:
    canvas = np.empty((size[1], size[0], 3), np.uint8)
    canvas[:] = _NIGHT
    for reader in readers:
        shown = reader.picture(ms)
        if shown is None:
            continue
        row, column = divmod(reader.take.tile, 2)
        top = row * TILE[1] + (TILE[1] - shown.shape[0]) // 2
        left = column * TILE[0] + (TILE[0] - shown.shape[1]) // 2
        canvas[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return np.maximum(canvas, mark)


def _mixed(readers: Sequence["_Reader"], start: int) -> av.AudioFrame:
    total = np.zeros(CHUNK, np.int32)
    for reader in readers:
        reader.add_sound(total, start)
    clipped = np.clip(total, -32768, 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(clipped.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts = SOUND_HZ, start
    return frame


class _Reader:
    """Decodes one take as time goes on."""

    def __init__(self, take: Take) -> None:
        self.take = take
        self._container = av.open(take.clear.file(), "r")
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=SOUND_HZ)
        self._frames = self._decoded()
        self._shown: Pixels | None = None
        self._next: list[tuple[float, av.VideoFrame]] = []
        self._heard: list[tuple[int, npt.NDArray[np.int16]]] = []
        self._reached = -1.0
        self._over = False

    def picture(self, ms: float) -> Pixels | None:
        """What was to be seen of them at that moment; `None` before and after."""
        self._advance(ms)
        while self._next and self._next[0][0] <= ms:
            self._shown = _fitted(self._next.pop(0)[1])
        return None if self._over and not self._next and ms > self._reached + 1000 else self._shown

    def add_sound(self, total: npt.NDArray[np.int32], start: int) -> None:
        """Adds `CHUNK` samples from `start` on of the common time line."""
        self._advance((start + CHUNK) * 1000 / SOUND_HZ)
        for at, samples in self._heard:
            begin, end = max(at, start), min(at + len(samples), start + CHUNK)
            if begin < end:
                total[begin - start : end - start] += samples[begin - at : end - at]
        self._heard = [one for one in self._heard if one[0] + len(one[1]) > start + CHUNK]

    def _advance(self, ms: float) -> None:
        while not self._over and self._reached <= ms:
            frame = next(self._frames, None)
            if frame is None:
                self._over = True
                return
            at = self.take.offset_ms + (frame.time or 0.0) * 1000
            self._reached = max(self._reached, at)
            if isinstance(frame, av.VideoFrame):
                self._next.append((at, frame))
                continue
            for whole in self._resampler.resample(frame):
                self._heard.append((round(at * SOUND_HZ / 1000), whole.to_ndarray().ravel().astype(np.int16)))

    def _decoded(self) -> Iterator[av.VideoFrame | av.AudioFrame]:
        for packet in self._container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame | av.AudioFrame):
                    yield frame
        self._container.close()


def _fitted(frame: av.VideoFrame) -> Pixels:
    """In the tile's size at most, in its own proportions."""
    scale = min(TILE[0] / frame.width, TILE[1] / frame.height)
    width, height = (max(2, int(side * scale) & ~1) for side in (frame.width, frame.height))
    return (
        frame.reformat(width=width, height=height, format="rgb24").to_ndarray().astype(np.uint8, copy=False)
    )
