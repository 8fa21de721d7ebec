"""Reads back, from a recorded file, what `tests.fakes.clip` put into picture and sound."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import numpy.typing as npt

from tests.fakes.clip import BLOCKS, RATE, number_of

STEP = 0.01  # seconds; the raster on which beeps are looked for


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the file: when it is shown (seconds) and what its row of blocks says, if anything."""

    at: float
    number: int | None
    person: int | None
    bright: bool


@dataclass(slots=True)
class Reading:
    """All times in seconds on the file's own time line."""

    frames: list[Shown] = field(default_factory=list)
    flashes: list[float] = field(default_factory=list)
    beeps: list[float] = field(default_factory=list)
    sound_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """From the first picture to the end of the last."""
        return self.frames[-1].at - self.frames[0].at + 1 / RATE if self.frames else 0.0

    @property
    def legible(self) -> float:
        """The share of pictures whose row could be read, 0…1."""
        return sum(f.number is not None for f in self.frames) / max(1, len(self.frames))

    def skews(self) -> list[float]:
        """For each beep that has a flash within half a second: beep minus flash, seconds."""
        pairs = [
            (beep, min(self.flashes, key=lambda f: abs(f - beep))) for beep in self.beeps if self.flashes
        ]
        return [beep - flash for beep, flash in pairs if abs(beep - flash) < 0.5]


def read(file: Path | IO[bytes], pitch: int) -> Reading:
    """Decodes the whole file; raises what PyAV raises where it cannot be decoded to its end."""
    reading = Reading()
    samples: list[npt.NDArray[np.floating[Any]]] = []
    start: float | None = None
    rate = 48_000
    with av.open(str(file) if isinstance(file, Path) else file, "r") as container:
        for packet in container.demux():
            for decoded in packet.decode():
                if isinstance(decoded, av.VideoFrame):
                    reading.frames.append(_shown(decoded))
                elif isinstance(decoded, av.AudioFrame):
                    rate = decoded.sample_rate
                    start = float(decoded.time or 0) if start is None else start
                    _place(samples, decoded, float(decoded.time or 0) - start)
    reading.flashes = _flashes(reading.frames)
    if samples and start is not None:
        sound = np.concatenate(samples)
        reading.sound_seconds = len(sound) / rate
        reading.beeps = [start + at for at in beeps(sound, rate, pitch)]
    return reading


def _shown(picture: av.VideoFrame) -> Shown:
    grey = picture.to_ndarray(format="gray")
    height, width = grey.shape
    middles = (np.arange(BLOCKS) + 0.5) * width / BLOCKS
    row = [int(grey[height // 12, int(x)] > 127) for x in middles]
    known = number_of(row)
    bright = bool(grey[height // 3 :].mean() > 215)
    return Shown(float(picture.time or 0), known[0] if known else None, known[1] if known else None, bright)


def _place(samples: list[npt.NDArray[np.floating[Any]]], piece: av.AudioFrame, at: float) -> None:
    """Appends a piece of sound at its own time: a gap in the file becomes silence."""
    sound: npt.NDArray[np.floating[Any]] = piece.to_ndarray().astype(np.float32)
    if piece.format.name.startswith("s16"):
        sound = sound / 32768
    channels = sound if piece.format.is_planar else sound.reshape(-1, piece.layout.nb_channels).T
    mono = channels.mean(axis=0)
    missing = round(at * piece.sample_rate) - sum(map(len, samples))
    if missing > piece.sample_rate // 50:
        samples.append(np.zeros(missing, np.float32))
    samples.append(mono)


def _flashes(frames: list[Shown]) -> list[float]:
    """The instants at which a second's first picture is shown; by number where that very one is missing."""
    found: list[float] = []
    for before, now in zip([None, *frames], frames, strict=False):
        if not now.bright or (before is not None and before.bright):
            continue
        late = (now.number % RATE) / RATE if now.number is not None else 0.0
        found.append(now.at - late)
    return found


def beeps(sound: npt.NDArray[np.floating[Any]], rate: int, pitch: int) -> list[float]:
    """Onsets of the tone `pitch`, found by its energy on a raster of `STEP` against the loudest."""
    size = int(rate * STEP)
    count = len(sound) // size
    if count < 3:
        return []
    pieces = sound[: count * size].reshape(count, size)
    turn = np.exp(-2j * np.pi * pitch * np.arange(size) / rate)
    energy = np.abs(pieces @ turn) / size
    loud = energy > max(0.01, 0.25 * float(np.percentile(energy, 99)))
    onsets = [i for i in range(1, count) if loud[i] and not loud[max(0, i - 20) : i].any()]
    return [_onset(energy, i) * STEP for i in onsets]


def _onset(energy: npt.NDArray[np.float64], index: int) -> float:
    """Refines an onset between two steps: the share of the full level reached in the first loud one."""
    full = float(energy[index : index + 5].max())
    return index + 1 - min(1.0, float(energy[index]) / full)
