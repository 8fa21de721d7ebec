"""Silence where sound is missing, so that players stay in step. Pure.

Chromium plays the packets of a sound track one after the other and pays no heed to the times between them:
after each pause (nothing is sent in silence with DTX) or loss, all that follows would sound too early. So
the finished file gets packets of digital silence there. They are marked (the SimpleBlock's *discardable*
flag) and counted in the manifest; the digest over the frames leaves them out.
"""

from collections.abc import Callable, Iterator, Sequence

from recording.matroska import Block
from rooms.client import MediaKind

# CELT, full band, one frame: table of contents (RFC 6716 section 3.1) and the shortest silence
_PACKETS = ((20.0, b"\xf8\xff\xfe"), (10.0, b"\xf0\xff\xfe"), (5.0, b"\xe8\xff\xfe"), (2.5, b"\xe0\xff\xfe"))
_PAUSE_MS = 5  # between two packets: less is rounding
_BEHIND_MS = 60  # a sender's clock that is too slow adds up; only this much of it is worth a click


def fill(blocks: Sequence[Block], ms_of: Callable[[Block], float]) -> list[Block]:
    """The blocks of a sound track in order, with silence from 0 on where there is none. `ms_of`: how long a
    block sounds."""
    filled: list[Block] = []
    played = 0.0  # where a player is that only counts what it plays
    end = 0.0  # of the block before
    for block in blocks:
        missing = block.ms - played
        if missing >= _BEHIND_MS or (block.ms - end >= _PAUSE_MS and missing >= _PAUSE_MS):
            for pause in _pause(played, missing):
                filled.append(pause)
                played += _PACKETS[-1 - pause.start][0]
        filled.append(block)
        length = ms_of(block)
        played += length
        end = block.ms + length
    return filled


def packet(block: Block) -> bytes:
    """The bytes of a block that `fill` made."""
    return _PACKETS[-1 - block.start][1]


def _pause(start: float, missing: float) -> Iterator[Block]:
    """Silence of `missing` milliseconds, as exactly as packets allow."""
    at = start
    for index, (length, data) in enumerate(_PACKETS):
        while start + missing - at >= length:
            yield Block(MediaKind.AUDIO, round(at), True, -1 - index, len(data), True, length)
            at += length
