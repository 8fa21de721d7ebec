"""The strip of voices under a recording: one lane for each speaker, and the stretches in which anybody spoke. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rooms import voices
from rooms.minutes import LegMinute
from rooms.model import SeatView
from web.timeline import WIDTH

HEIGHT = 24  # SVG units of a lane


@dataclass(frozen=True, slots=True)
class Strip:
    """`points`: a closed line around the loudness of each second; SVG units."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Voices:
    strips: tuple[Strip, ...]
    spoken: tuple[tuple[int, int], ...]  # ms


def of(seats: Sequence[SeatView], minutes: Sequence[LegMinute], begin: datetime, total_ms: int) -> Voices:
    found = voices.voices(minutes, begin)
    strips = [
        Strip(seat.name, _outline(found[seat.id], total_ms))
        for seat in seats
        if seat.id in found and any(loud > 0 for _, loud in found[seat.id].loudness)
    ]
    return Voices(tuple(strips), tuple(voices.spoken(found)))


def _outline(voice: voices.Voice, total_ms: int) -> str:
    """Up and down around the middle, as a waveform is drawn."""
    middle = HEIGHT / 2
    places = [(round(WIDTH * at / max(1, total_ms), 1), loud * middle) for at, loud in voice.loudness]
    inside = [(x, y) for x, y in places if x <= WIDTH]
    above = [f"{x},{round(middle - y, 1)}" for x, y in inside]
    below = [f"{x},{round(middle + y, 1)}" for x, y in reversed(inside)]
    return " ".join([*above, *below])
