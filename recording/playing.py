"""Whether a finished track can be played: FFmpeg, which has nothing of our code in it, reads it through."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import av

from recording import clear
from recording.clear import Clear
from recording.locked import DamagedError
from recording.problem import Problem

UNPLAYABLE = "unplayable"


def problem_of(content: Clear, track: Mapping[str, Any]) -> Problem | None:
    """What FFmpeg finds of a track, against what its entry in the manifest says; `None` where both agree."""
    expected = {one["codec"]: one["frames"] + one["filled"] for one in track["media"]}
    found: Counter[str] = Counter()
    try:
        with av.open(content.file(), "r", "matroska", buffer_size=clear.STEP) as container:
            names = [one.codec.canonical_name for one in container.streams]
            found.update(names[packet.stream_index] for packet in container.demux() if packet.size)
    except (av.FFmpegError, DamagedError) as error:
        return Problem(UNPLAYABLE, track["file"], f"it cannot be played: {error}")
    if found != expected:
        return Problem(UNPLAYABLE, track["file"], f"it plays {dict(found)} frames instead of {expected}")
    return None
