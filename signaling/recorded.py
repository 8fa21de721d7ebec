"""Words that were recorded beforehand, as Opus packets of 20 ms: what is played into a visit.

A prison puts its own recordings into `data_dir/announcements/<language>/<code>.<ending>`, one for each warning,
in any form that FFmpeg reads. They are coded once, when they are first needed. Where there is none, a chime of
our own calls attention to the words on the screen: no machine's voice is good enough to warn somebody with.
"""

import asyncio
import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler

from core.log import fields
from core.settings import Settings

log = logging.getLogger(__name__)
FOLDER = "announcements"
ENDINGS = (".wav", ".opus", ".ogg", ".flac", ".mp3", ".m4a")
LONGEST = 60.0  # seconds; what is longer is cut
FRAME = 960  # samples at 48 kHz
_RATE = 48_000
_TONES = ((784.0, 0.0), (659.3, 0.45))  # hertz and beginning of the chime's two notes, seconds
_CHIME = 1.6  # seconds


class Words:
    """Coded words by language and code. Used on the event loop; coding is done in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._coded: dict[tuple[Path, int], tuple[bytes, ...]] = {}  # file and its time of change
        self._chime: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Words":
        return cls(settings.data_dir / FOLDER)

    def file(self, language: str, code: str) -> Path | None:
        """The recording for a code in a language, if the prison made one."""
        stem = self._folder / language / code
        return next((path for ending in ENDINGS if (path := stem.with_suffix(ending)).is_file()), None)

    async def packets(self, language: str, code: str) -> tuple[bytes, ...]:
        """The recording as packets of 20 ms; the chime where there is none or it cannot be read."""
        path = self.file(language, code)
        if path is not None:
            try:
                key = (path, path.stat().st_mtime_ns)
                if key not in self._coded:
                    self._coded[key] = await asyncio.to_thread(_coded_file, path)
                return self._coded[key]
            except (OSError, av.FFmpegError, ValueError) as error:
                log.warning("x announcement %s", fields(file=path.name, error=error))
        if not self._chime:
            self._chime = await asyncio.to_thread(_coded, chime())
        return self._chime


def chime() -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """Two falling notes, mono."""
    time = np.arange(int(_CHIME * _RATE)) / _RATE
    sound = np.zeros_like(time)
    for pitch, begins in _TONES:
        since = np.maximum(time - begins, 0)
        sound += np.where(time >= begins, np.sin(2 * np.pi * pitch * since) * np.exp(-4 * since), 0)
    return (sound * 9000).astype(np.int16)


def _coded_file(path: Path) -> tuple[bytes, ...]:
    """Raises what PyAV raises for a file that cannot be read, `ValueError` for one without sound."""
    resampler = AudioResampler(format="s16", layout="mono", rate=_RATE)
    parts = []
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError("no sound in it")
        for frame in container.decode(container.streams.audio[0]):
            parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
            if sum(map(len, parts)) > LONGEST * _RATE:
                break
    parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    if not parts:
        raise ValueError("nothing to hear in it")
    return _coded(np.concatenate(parts)[: int(LONGEST * _RATE)].astype(np.int16))


def _coded(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> tuple[bytes, ...]:
    encoder = av.CodecContext.create("libopus", "w")
    if not isinstance(encoder, AudioCodecContext):
        raise TypeError("libopus codes sound")
    encoder.sample_rate, encoder.layout, encoder.format = _RATE, "mono", "s16"
    encoder.bit_rate, encoder.time_base = 40_000, Fraction(1, _RATE)
    encoder.options = {"application": "voip", "frame_duration": "20"}
    whole = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.int16)])
    packets = []
    for at in range(0, len(whole), FRAME):
        frame = av.AudioFrame.from_ndarray(whole[at : at + FRAME].reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = _RATE, at
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return tuple(packets)
