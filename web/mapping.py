"""The map of the directory as values for its template: ground, pins, scale. Drawn on the server, from nothing
but coordinates: no tiles, no foreign address."""

from dataclasses import dataclass

from legalaid.cities import outlines
from legalaid.directory import Found, Result
from legalaid.geography import Pin, Point, Sheet, pins, sheet

WIDTH, HEIGHT = 480, 400


@dataclass(frozen=True, slots=True)
class Ground:
    """A piece of the ground: its path, its name and where that is written."""

    path: str
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    sheet: Sheet
    areas: list[Ground]
    waters: list[Ground]
    pins: list[Pin]
    here: tuple[float, float] | None


def drawn(result: Result) -> Map | None:
    """The map of what was found; None if that is nothing. Where the search starts from is on it, if it is near."""
    if not result.found:
        return None
    points = [one.point for one in result.found]
    ground = [outlines()[city] for city in sorted({one.entry.city for one in result.found} & set(outlines()))]
    near = result.origin if result.origin and _near(result.found) else None
    made = sheet([*points, near] if near else points, WIDTH, HEIGHT)
    return Map(
        made,
        [_ground(made, one.name, one.points, closed=True) for city in ground for one in city.areas],
        [_ground(made, one.name, one.points, closed=False) for city in ground for one in city.waters],
        pins(made, points),
        made.place(near) if near else None,
    )


def _near(found: list[Found]) -> bool:
    """Whether the start belongs on the map: somebody is within a day's way."""
    return found[0].far is not None and found[0].far < 60


def _ground(on: Sheet, name: str, points: tuple[Point, ...], *, closed: bool) -> Ground:
    spots = [on.place(point) for point in points]
    if closed:
        x, y = sum(x for x, _ in spots) / len(spots), sum(y for _, y in spots) / len(spots)
    else:
        x, y = spots[2 * len(spots) // 3]
    return Ground(on.path(points, closed=closed), name, round(x, 1), round(y, 1))
