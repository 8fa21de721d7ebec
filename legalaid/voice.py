"""A spoken question as it comes from a browser: one line of sound, short, in a form that lawyers can play.

Only the container is opened here, to see what is in it and how long it is; nothing is decoded.
"""

import asyncio
import io
from math import ceil

import av
from av.error import FFmpegError

from core.errors import Reason, Refused
from legalaid.forms import Voice

BYTES_MAX = 3 * 1024 * 1024
SECONDS_MAX = 180
# Container as libav calls it -> media type; what browsers' MediaRecorder writes.
_TYPES = {"matroska,webm": "audio/webm", "ogg": "audio/ogg", "mov,mp4,m4a,3gp,3g2,mj2": "audio/mp4"}
_CODECS = frozenset({"opus", "aac"})


async def checked(data: bytes) -> Voice:
    """Raises `Refused` for what is no short recording of sound."""
    if len(data) > BYTES_MAX:
        raise _refused("voice-too-large", "This recording is too long. Three minutes at most, please.")
    found = await asyncio.to_thread(_opened, data)
    if found is None:
        raise _refused(
            "voice-unreadable", "This recording cannot be played. Please record it again, or write."
        )
    if found.seconds > SECONDS_MAX:
        raise _refused("voice-too-large", "This recording is too long. Three minutes at most, please.")
    return found


def _refused(code: str, text: str) -> Refused:
    return Refused([Reason(code, text, {"field": "voice"})])


def _opened(data: bytes) -> Voice | None:
    """None for anything but one line of sound in a known container."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            media_type = _TYPES.get(container.format.name)
            streams = container.streams
            if media_type is None or len(streams) != 1 or len(streams.audio) != 1:
                return None
            stream = streams.audio[0]
            if stream.codec_context.name not in _CODECS:
                return None
            ends = 0.0
            for packet in container.demux(stream):
                if packet.pts is not None and packet.time_base is not None:
                    ends = max(ends, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    except (FFmpegError, ValueError, OSError):
        return None
    return Voice(data, media_type, ceil(ends)) if ends > 0 else None
