"""Distances on the globe, and a small map of our own. Pure.

The map is a plate carrée about the middle of what it shows, its longitudes narrowed by the latitude's cosine:
within a city the error is less than a pixel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_KM = 6371.0088  # mean radius, IUGG
_MARGIN = 22.0  # pixels kept free at each side
_LEAST_KM = 2.0  # a single place is not shown larger than this
_TOUCH = 24.0  # pins nearer than so many pixels are one


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS 84. Raises `ValueError` outside the globe."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise ValueError("not on the globe")


def kilometres(a: Point, b: Point) -> float:
    """The great circle between the two (haversine)."""
    north, east = radians(b.lat - a.lat), radians(b.lon - a.lon)
    h = sin(north / 2) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(east / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(h)))


def middle(points: Sequence[Point]) -> Point:
    """The mean of some points of one region; at least one is given."""
    return Point(sum(p.lat for p in points) / len(points), sum(p.lon for p in points) / len(points))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A map `width` by `height` pixels, `scale` pixels a kilometre, about `centre`."""

    centre: Point
    scale: float
    width: int
    height: int

    def place(self, point: Point) -> tuple[float, float]:
        """Pixels from the left and from the top; may lie outside the sheet."""
        degree = EARTH_KM * radians(1)
        east = (point.lon - self.centre.lon) * degree * cos(radians(self.centre.lat))
        north = (point.lat - self.centre.lat) * degree
        return round(self.width / 2 + east * self.scale, 1), round(self.height / 2 - north * self.scale, 1)

    def path(self, ring: Iterable[Point], *, closed: bool) -> str:
        """The `d` of an SVG path."""
        points = [f"{x:g} {y:g}" for x, y in map(self.place, ring)]
        return f"M{' L'.join(points)}{' Z' if closed else ''}"

    @property
    def bar(self) -> tuple[int, float]:
        """A scale bar: kilometres (1, 2, 5, 10, …) and its length in pixels, at most a quarter of the sheet."""
        for km in (200, 100, 50, 20, 10, 5, 2):
            if km * self.scale <= self.width / 4:
                return km, round(km * self.scale, 1)
        return 1, round(self.scale, 1)


def sheet(points: Sequence[Point], width: int, height: int) -> Sheet:
    """The largest map that shows all points; at least one is given."""
    south, north = min(p.lat for p in points), max(p.lat for p in points)
    west, east = min(p.lon for p in points), max(p.lon for p in points)
    centre = Point((south + north) / 2, (west + east) / 2)
    high = max(_LEAST_KM, kilometres(Point(south, centre.lon), Point(north, centre.lon)))
    wide = max(_LEAST_KM, kilometres(Point(centre.lat, west), Point(centre.lat, east)))
    scale = min((width - 2 * _MARGIN) / wide, (height - 2 * _MARGIN) / high)
    return Sheet(centre, scale, width, height)


@dataclass(frozen=True, slots=True)
class Pin:
    """What stands at one spot: positions in the list, from 0."""

    x: float
    y: float
    members: tuple[int, ...]


def pins(on: Sheet, points: Sequence[Point]) -> list[Pin]:
    """One pin for each point; those that would touch are one, at the first of them."""
    found: list[tuple[float, float, list[int]]] = []
    for number, point in enumerate(points):
        x, y = on.place(point)
        near = next((pin for pin in found if (pin[0] - x) ** 2 + (pin[1] - y) ** 2 < _TOUCH**2), None)
        if near is None:
            found.append((x, y, [number]))
        else:
            near[2].append(number)
    return [Pin(x, y, tuple(members)) for x, y, members in found]
