"""Outlines of cities, for the ground of the map; and the demonstration's directory. Pure but for reading them."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from legalaid.geography import Point


@dataclass(frozen=True, slots=True)
class Shape:
    """A district's ring, or a water's line."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class City:
    name: str
    areas: tuple[Shape, ...]
    waters: tuple[Shape, ...]


@cache
def outlines() -> dict[str, City]:
    """Every city that has an outline, by its name."""
    found = {}
    for entry in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            data = tomllib.loads(entry.read_text(encoding="utf-8"))
            areas = tuple(_shape(one["name"], one["ring"]) for one in data["area"])
            waters = tuple(_shape(one["name"], one["line"]) for one in data["water"])
            found[data["name"]] = City(data["name"], areas, waters)
    return found


def _shape(name: str, points: list[list[float]]) -> Shape:
    return Shape(name, tuple(Point(lat, lon) for lon, lat in points))


def demonstration() -> bytes:
    """The directory of the city that does not exist, as a CSV file."""
    return files(__name__).joinpath("linjiang.csv").read_bytes()
