"""Who spoke when, from the levels that were measured each second of a call. Pure.

One second is coarse for a waveform and right for finding one's way: nothing has to be decoded, and it costs nothing to
draw. Rooms that are not recorded keep no levels (`rooms.steward`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rooms.minutes import LegMinute, seconds_of

SPEAKS = 50  # -dBov; what is quieter is a room
_LOUDEST, _SILENT = 10, 70  # -dBov at which a bar is as high as it can be, and at which it is nothing
_BRIDGE_MS = 2000  # a breath between two sentences is no silence to be skipped


@dataclass(frozen=True, slots=True)
class Voice:
    """`loudness`: (ms from the beginning, 0 … 1) of each second that was measured."""

    seat: str
    loudness: tuple[tuple[int, float], ...]


def voices(minutes: Sequence[LegMinute], begin: datetime) -> dict[str, Voice]:
    """By seat; `begin`: where the timeline begins."""
    found: dict[str, list[tuple[int, float]]] = {}
    for minute in minutes:
        for at, row in seconds_of(minute):
            place = round((at - begin) / timedelta(milliseconds=1))
            if row.level is not None and place >= 0:
                loud = (_SILENT - row.level) / (_SILENT - _LOUDEST)
                found.setdefault(minute.seat_id, []).append((place, round(min(1.0, max(0.0, loud)), 2)))
    return {seat: Voice(seat, tuple(sorted(rows))) for seat, rows in found.items()}


def spoken(found: Mapping[str, Voice]) -> list[tuple[int, int]]:
    """The stretches (ms) in which anybody spoke, with the breaths between."""
    least = (_SILENT - SPEAKS) / (_SILENT - _LOUDEST)
    seconds = sorted({at for voice in found.values() for at, loud in voice.loudness if loud >= least})
    spans: list[tuple[int, int]] = []
    for at in seconds:
        if spans and at - spans[-1][1] <= _BRIDGE_MS:
            spans[-1] = (spans[-1][0], at + 1000)
        else:
            spans.append((at, at + 1000))
    return spans
