"""A recording drawn as lanes and ticks, and its events in words. Pure.

The drawing is an SVG of 1000 units' width that the page stretches, so it needs neither a script nor inline
style. Everything on it is also in the list of events below it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 1000.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a lane: recorded, or a gap in what should have been. In SVG units."""

    x: float
    width: float
    gap: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """An event's place on the timeline."""

    x: float
    tone: str  # "green", "yellow", "red" or "grey"
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """A take as the timeline sees it; gaps are (from, to) relative to its start. Milliseconds."""

    offset_ms: int
    duration_ms: int
    gaps: tuple[tuple[int, int], ...] = ()


def _x(ms: float, total_ms: int) -> float:
    return round(WIDTH * max(0.0, min(1.0, ms / max(total_ms, 1))), 2)


def _bar(start: float, end: float, total_ms: int, *, gap: bool) -> Bar:
    x = _x(start, total_ms)
    return Bar(x, round(max(_x(end, total_ms) - x, 1.0), 2), gap)


def lane(takes: Iterable[Span], total_ms: int) -> tuple[Bar, ...]:
    """One person's bars in order: their takes, the gaps inside them, and the holes between two takes."""
    bars: list[Bar] = []
    last_end: int | None = None
    for take in sorted(takes, key=lambda t: t.offset_ms):
        end = take.offset_ms + take.duration_ms
        if last_end is not None and take.offset_ms > last_end:
            bars.append(_bar(last_end, take.offset_ms, total_ms, gap=True))
        bars.append(_bar(take.offset_ms, end, total_ms, gap=False))
        bars += [
            _bar(take.offset_ms + start, take.offset_ms + stop, total_ms, gap=True)
            for start, stop in take.gaps
        ]
        last_end = max(end, last_end or 0)
    return tuple(bars)


def ticks(events: Sequence[tuple[int, str, str]], total_ms: int) -> tuple[Tick, ...]:
    """`events`: (offset in ms, tone, label)."""
    return tuple(Tick(_x(offset, total_ms), tone, label) for offset, tone, label in events)


def scale(total_ms: int) -> tuple[tuple[float, str], ...]:
    """The labelled grid: (x, "5:00"), at most nine lines, at a step that people count in."""
    seconds = max(total_ms // 1000, 1)
    step = next((s for s in (5, 10, 30, 60, 120, 300, 600, 900, 1800) if seconds / s <= 8), 3600)
    return tuple((_x(s * 1000, total_ms), clock_text(s * 1000)) for s in range(0, seconds + 1, step))


def clock_text(ms: int) -> str:
    """`3:07` or `1:03:07`."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
