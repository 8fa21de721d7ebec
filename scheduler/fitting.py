"""How many places times can have on the terminals that are left for them. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_Turn = tuple[bool, int, int]  # whether nobody has the place, which of its time's, which time


@dataclass(frozen=True, slots=True)
class Time:
    """`had`: so many of its `places` somebody has. `terminals`: ids of those that are left for it from beginning to
    end; other times may be left the same ones."""

    starts_at: datetime
    ends_at: datetime
    places: int
    had: int
    terminals: Collection[str]


def fitting(times: Sequence[Time]) -> list[int]:
    """The places of each: as many as have a terminal beside those of all others. Places that somebody has come first,
    then the first place of each time, then the second ones."""
    left = [time.places for time in times]
    begin: dict[datetime, list[int]] = defaultdict(list)
    for n, time in enumerate(times):
        begin[time.starts_at].append(n)
    at_once: list[int] = []
    for moment in sorted(begin):
        at_once = [n for n in at_once if times[n].ends_at > moment] + begin[moment]
        turns = sorted((place >= times[n].had, place, n) for n in at_once for place in range(left[n]))
        ways = {turn: times[turn[2]].terminals for turn in turns}
        sits: dict[str, _Turn] = {}
        for turn in turns:
            if not _seated(turn, ways, sits, set()):
                left[turn[2]] -= 1
    return left


def _seated(
    turn: _Turn, ways: Mapping[_Turn, Collection[str]], sits: dict[str, _Turn], tried: set[str]
) -> bool:
    """Whether this place gets a terminal, those who had one before moving to another of theirs if need be."""
    for terminal in ways[turn]:
        if terminal not in tried:
            tried.add(terminal)
            if terminal not in sits or _seated(sits[terminal], ways, sits, tried):
                sits[terminal] = turn
                return True
    return False
