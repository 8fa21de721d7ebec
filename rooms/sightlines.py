"""Who can see and hear whom in a scene, seat by seat: what the call log keeps of it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rooms.audience import Scene, line_number
from rooms.seat import Seat


@dataclass(frozen=True, slots=True, order=True)
class Sight:
    """`viewer` gets sound, picture or both of `shown`; both are ids of seats."""

    viewer: str
    shown: str
    sound: bool
    picture: bool


@dataclass(frozen=True, slots=True)
class SightsFrom:
    """From this moment on exactly these hold."""

    at: datetime
    sights: tuple[Sight, ...]


def of(scene: Scene, seats: Iterable[Seat]) -> tuple[Sight, ...]:
    """All that flows in a room, in a fixed order. What an officer says to all is heard by everybody else."""
    there = [*seats]
    by_leg = {seat.leg: seat for seat in there if seat.leg is not None}
    found = []
    for viewer in there:
        lines = scene.lines.get(viewer.leg or "", ())
        for shown in there:
            number = line_number(viewer, shown, there)
            line = lines[number] if number is not None and number < len(lines) else None
            speaks = scene.announcer is not None and by_leg.get(scene.announcer) is shown
            sound = (line is not None and line.audio) or (speaks and viewer is not shown and viewer.connected)
            picture = line is not None and line.video
            if viewer.connected and (sound or picture):
                found.append(Sight(viewer.id, shown.id, sound, picture))
    return tuple(sorted(found))


def packed(sights: Iterable[Sight]) -> list[list[Any]]:
    """As a row keeps them."""
    return [[one.viewer, one.shown, one.sound, one.picture] for one in sights]


def unpacked(rows: Iterable[list[Any]]) -> tuple[Sight, ...]:
    return tuple(Sight(str(a), str(b), bool(c), bool(d)) for a, b, c, d in rows)
