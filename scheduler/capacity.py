"""What a time has besides its places: so many adults, video links, officers, terminals of a kind. Pure.

A place is for one visit. A further limit is named, and each visit takes of it what `demand` says; each unit taken
is a row of `claim` with a unique number, so that none is given away twice.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from core.errors import Malformed
from policy.rulebook import Channel
from scheduler.case import SlotFacts, VisitorFacts

ADULTS = "adults"  # persons of age who come to the prison itself
VIDEO = "video"  # links to the outside
OFFICERS = "officers"  # who watch one visit each
TERMINAL = "terminal-"  # and the terminal's kind: terminals of that kind
NAMES = (ADULTS, VIDEO, OFFICERS)
_IN_PERSON = frozenset({Channel.ONSITE_GLASS, Channel.ONSITE_OPEN})
_REMOTE = frozenset({Channel.REMOTE_OFFICE, Channel.REMOTE_PHONE})
_MOST = 1000


class BadLimits(Malformed):
    code = "bad-limits"
    text = "Further limits are numbers from 0 to {most}, by a name that is known."
    status = 422


def check(limits: Mapping[str, int]) -> dict[str, int]:
    """Raises `BadLimits` for a negative number or an unknown name."""
    for name, most in limits.items():
        known = name in NAMES or (name.startswith(TERMINAL) and len(name) > len(TERMINAL))
        if not known or not 0 <= most <= _MOST:
            raise BadLimits(most=_MOST)
    return dict(limits)


@lru_cache(maxsize=1024)
def read(text: str) -> Mapping[str, int]:
    """The limits as they stand in a column."""
    limits: dict[str, int] = json.loads(text)
    return limits


def demand(
    limits: Iterable[str], visitors: Sequence[VisitorFacts], adults: int, channel: Channel | None
) -> dict[str, int]:
    """What one visit takes of each limit that its time has. `adults` of the visitors are of age; a visit of unknown
    channel counts as one in person. Terminals of a kind are taken by who asks for the kind, which is placement's."""
    in_person = channel is None or channel in _IN_PERSON
    taken = {
        ADULTS: adults if in_person and visitors else 0,
        VIDEO: 1 if channel in _REMOTE else 0,
        OFFICERS: 1,
    }
    return {name: taken[name] for name in limits if taken.get(name, 0)}


def lacking(
    slot: SlotFacts, used: Mapping[str, Collection[int]], wanted: Mapping[str, int]
) -> tuple[str, ...]:
    """The limits of which less is left than the visit needs. `used`: the units taken, by `slot id/name`."""
    return tuple(name for name, units in wanted.items() if len(_free(slot, used, name)) < units)


def units(
    slot: SlotFacts, used: Mapping[str, Collection[int]], wanted: Mapping[str, int]
) -> list[tuple[str, int]]:
    """(owner, number) of the units that the visit takes, as far as there are any."""
    return [
        (f"{slot.id}/{name}", number)
        for name, count in wanted.items()
        for number in _free(slot, used, name)[:count]
    ]


def _free(slot: SlotFacts, used: Mapping[str, Collection[int]], name: str) -> list[int]:
    gone = used.get(f"{slot.id}/{name}", ())
    most = slot.limits[name] - sum(number > slot.limits[name] for number in gone)
    return [number for number in range(1, most + 1) if number not in gone]
