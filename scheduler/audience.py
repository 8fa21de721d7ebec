"""For whom a time is meant: by place in the prison, security category and treatment level. Pure.

A place is a path of the prison's own names from wide to narrow, `-` between: wing-landing-sublanding-cell. An entry
covers a place when it is a beginning of its path: `A-1` covers `A-1-100-3`, and not `A-10`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache

from core.errors import Malformed

_LONGEST = 64  # characters of an entry


class BadAudience(Malformed):
    code = "bad-audience"
    text = "Places, categories and levels are short names, and none may be both let in and left out: {entry}."
    status = 422


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see a time; an empty field asks nothing. `counted` False: its visits cost no allowance."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    counted: bool = True

    def __post_init__(self) -> None:
        for entry in (*self.include, *self.exclude, *self.categories, *self.levels):
            if not 0 < len(entry) <= _LONGEST or entry != entry.strip() or "--" in entry:
                raise BadAudience(entry=entry)
        for entry in self.include:
            if _covered(entry, self.exclude):
                raise BadAudience(entry=entry)

    def admits(self, location: str, category: str, level: str) -> bool:
        """Whether an inmate at this place, of this category and level is among them. A place that nobody knows
        is in no list of places."""
        if self.include or self.exclude:
            left_out = self.include and not _covered(location, self.include)
            if not location or left_out or _covered(location, self.exclude):
                return False
        return (not self.categories or category in self.categories) and (
            not self.levels or level in self.levels
        )

    def meets(self, other: "Audience") -> bool:
        """Whether anybody could be among both."""
        return (
            _places_meet(self, other)
            and _lists_meet(self.categories, other.categories)
            and _lists_meet(self.levels, other.levels)
        )


def whereabouts(location: str, audiences: Iterable[Audience]) -> str:
    """Where an inmate counts as being: `T/A-1-100-1` is in the temporary wing T, with the last cell in A. As long as
    there are times meant for T, only those are theirs; otherwise it is as if they had not left."""
    temporary, slash, last = location.partition("/")
    if not slash or any(_covered(temporary, audience.include) for audience in audiences):
        return temporary
    return last


def _covered(place: str, entries: Iterable[str]) -> bool:
    return any(place == entry or place.startswith(f"{entry}-") for entry in entries)


def _places_meet(one: Audience, other: Audience) -> bool:
    """Whether some place is in both: of two entries the narrower must lie in the wider and be left out by none."""
    for mine in one.include or ("",):
        for theirs in other.include or ("",):
            if not (mine == "" or theirs == "" or _covered(mine, (theirs,)) or _covered(theirs, (mine,))):
                continue
            narrow = max(mine, theirs, key=len)
            if not narrow or not _covered(narrow, (*one.exclude, *other.exclude)):
                return True
    return False


def _lists_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not one or not other or not set(one).isdisjoint(other)


def stored(audience: Audience) -> str:
    """As text for a column, empty for everybody; `read` is the way back."""
    if audience == EVERYBODY:
        return ""
    return json.dumps(asdict(audience), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=4096)
def read(text: str) -> Audience:
    if not text:
        return EVERYBODY
    data = json.loads(text)
    return Audience(
        include=tuple(data["include"]),
        exclude=tuple(data["exclude"]),
        categories=tuple(data["categories"]),
        levels=tuple(data["levels"]),
        counted=data["counted"],
    )


EVERYBODY = Audience()
