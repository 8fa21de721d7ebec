"""The rest of a help day: who meets whom, where and when, from any moment on. Pure.

It is worked out anew at every event: a turn that ends, runs over or does not take place, a lawyer who comes or
falls ill. Two steps:

1. *Who with whom*: a linear programme. A lawyer can take as many questions as turns of the expected length still
   fit after the present one, and so can all rooms together; each question is taken once. Its matrix is that of
   a laminar family, so its corners are whole numbers where all questions are of one length; where one is split
   because of long ones, it is left to whoever is idle. Whoever can be answered by few lawyers is thereby kept
   for them, which first come first served gets wrong. Of two that do not both fit, the short one is taken:
   the long one is carried over and then goes first, as urgent ones do, whatever it takes.
2. *When*: as a room falls free, the lawyer who has no turn to spare is seated, else the question that is worth
   most. Nobody is in two rooms at once. Long ones that need not go first wait until few others are left: how many
   of them fit is known only when the others have been; but they come before the last two turns of each room, for
   into what is left then only short ones fit.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from legalaid.matching import PLACE, Ask, Helper, gain, worth
from scheduler.assign import highs

_KEPT = 4.0  # who was promised a lawyer stays there; small, so that it never costs an answer
_LEAST = 0.6  # a turn is begun if that share of its minutes is left
LONG = 2  # turns that a long question is given
_RESERVE = 2  # short turns of each room that are kept for the end


@dataclass(frozen=True, slots=True)
class Hours:
    """From when on, till when. `minutes`: of a turn as arranged; `expected`: what one takes, as the day taught;
    `longer`: what that of a long question takes."""

    now: datetime
    ends_at: datetime
    minutes: int
    expected: float
    longer: float

    def arranged(self, *, long: bool = False) -> int:
        return self.minutes * (LONG if long else 1)

    def takes(self, *, long: bool = False) -> timedelta:
        """What a turn takes, in whole minutes."""
        return timedelta(minutes=max(1, round(self.longer if long else self.expected)))

    def last(self, *, long: bool = False) -> datetime:
        """When the last turn may begin."""
        return self.ends_at - timedelta(minutes=self.arranged(long=long) * _LEAST)

    def turns(self, free_at: datetime) -> int:
        """How many turns one after the other may still begin from `free_at` on, if none is long."""
        left = self.last() - max(free_at, self.now)
        return 0 if left < timedelta() else int(left.total_seconds() / 60 / self.expected) + 1


@dataclass(frozen=True, slots=True)
class Standing:
    """When a person (lawyer or inmate) and a room fall free; a person who is not in it is free. `kept`: question
    id -> (lawyer, room) as planned before."""

    rooms: Mapping[int, datetime]
    persons: Mapping[str, datetime] = field(default_factory=dict)
    kept: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seat:
    """A turn to come."""

    ask: str
    lawyer: str
    inmate: str
    room: int
    starts_at: datetime
    minutes: int


def expected(minutes: int, taken: Sequence[float]) -> float:
    """What a turn takes: what those of this day took, in minutes, and five more as arranged."""
    return max(1.0, (5 * minutes + sum(taken)) / (5 + len(taken)))


def plan(asks: Sequence[Ask], helpers: Sequence[Helper], standing: Standing, hours: Hours) -> list[Seat]:
    """The turns to come in the order of time. What does not appear cannot be reached any more today."""
    return _Seating(asks, helpers, standing, hours).seats()


def assigned(
    asks: Sequence[Ask], helpers: Sequence[Helper], standing: Standing, hours: Hours
) -> dict[str, list[Ask]]:
    """Lawyer id -> the questions that lawyer takes, the most valuable first."""
    most = [hours.turns(standing.persons.get(helper.id, hours.now)) for helper in helpers]
    pairs = [
        (a, h) for a, ask in enumerate(asks) for h, one in enumerate(helpers) if most[h] and one.may(ask)
    ]
    if not pairs:
        return {}
    last, ratio = len(asks) + len(helpers), hours.longer / hours.expected
    entries = [
        (row, column, ratio if asks[a].long and row != a else 1.0)
        for column, (a, h) in enumerate(pairs)
        for row in (a, len(asks) + h, last)
    ]
    bounds = [1] * len(asks) + most + [sum(hours.turns(free_at) for free_at in standing.rooms.values())]
    gains = [_gain(asks[a], helpers[h], standing) - a * PLACE for a, h in pairs]
    shares, _ = highs.fractions(np.array(gains), highs.of_entries(entries, bounds, len(pairs)), most=1)
    chosen: dict[str, list[Ask]] = defaultdict(list)
    for (a, h), share in zip(pairs, shares, strict=True):
        if share > 0.5:
            chosen[helpers[h].id].append(asks[a])
    return {lawyer: sorted(found, key=worth, reverse=True) for lawyer, found in chosen.items()}


def _gain(ask: Ask, helper: Helper, standing: Standing) -> float:
    promised = standing.kept.get(ask.id)
    first = LONG if ask.long and _goes_first(ask) else 1
    return gain(ask, helper) * first + _KEPT * (promised is not None and promised[0] == helper.id)


def _goes_first(ask: Ask) -> bool:
    return ask.urgent or ask.carried > 0


class _Seating:
    """The rest of the day as it fills."""

    def __init__(
        self, asks: Sequence[Ask], helpers: Sequence[Helper], standing: Standing, hours: Hours
    ) -> None:
        self._hours = hours
        self._kept = standing.kept
        self._rooms = {room: max(at, hours.now) for room, at in standing.rooms.items()}
        self._free = {person: max(at, hours.now) for person, at in standing.persons.items()}
        self._lists = assigned(asks, helpers, standing, hours)
        taken = {ask.id for found in self._lists.values() for ask in found}
        self._helpers = helpers
        self._spare = sorted((ask for ask in asks if ask.id not in taken), key=worth, reverse=True)

    def seats(self) -> list[Seat]:
        found: list[Seat] = []
        at = min(self._rooms.values(), default=self._hours.ends_at)
        while at <= self._hours.last():
            seat = self._next(at)
            if seat is not None:
                found.append(seat)
            else:
                later = [moment for moment in (*self._rooms.values(), *self._free.values()) if moment > at]
                at = max(min(later, default=self._hours.ends_at), min(self._rooms.values()))
        return found

    def _next(self, at: datetime) -> Seat | None:
        """The turn that begins at that moment, if there is a room and somebody for it."""
        rooms = [room for room, free_at in self._rooms.items() if free_at <= at]
        if not rooms:
            return None
        choices = [
            (self._urgency(helper.id, at, ask), helper.id, ask)
            for helper in self._helpers
            if self._is_free(helper.id, at)
            for ask in self._first(helper, at)
        ]
        if not choices:
            return None
        _, lawyer, ask = max(choices, key=lambda choice: choice[0])
        promised = self._kept.get(ask.id, ("", 0))[1]
        room = promised if promised in rooms else min(rooms)
        over = at + self._hours.takes(long=ask.long)
        self._rooms[room] = self._free[lawyer] = self._free[ask.inmate] = over
        self._lists[lawyer] = [one for one in self._lists.get(lawyer, []) if one is not ask]
        self._spare = [one for one in self._spare if one is not ask]
        return Seat(ask.id, lawyer, ask.inmate, room, at, self._hours.arranged(long=ask.long))

    def _urgency(self, lawyer: str, at: datetime, ask: Ask) -> tuple[bool, int, bool, float]:
        """What was assigned goes before what is taken up in an idle moment; then who has no turn to spare."""
        mine = self._lists.get(lawyer, [])
        return bool(mine), self._stage(ask) if mine else 0, len(mine) >= self._hours.turns(at), worth(ask)

    def _stage(self, ask: Ask) -> int:
        """Whether it waits for others (0), comes in its turn (1), or before the last short ones (2)."""
        if not ask.long or _goes_first(ask):
            return 1
        short = sum(not one.long for found in self._lists.values() for one in found)
        return 0 if short > _RESERVE * len(self._rooms) else 2

    def _is_free(self, person: str, at: datetime) -> bool:
        return self._free.get(person, at) <= at

    def _first(self, helper: Helper, at: datetime) -> list[Ask]:
        """The lawyer's next question that can begin; one that nobody has, where there is none. Or nothing."""
        mine = [ask for ask in self._lists.get(helper.id, []) if self._begins(ask, at)]
        if mine:
            return [max(mine, key=self._stage)]
        others = [ask for ask in self._spare if helper.may(ask) and self._begins(ask, at)]
        return sorted(others, key=lambda ask: ask.long)[:1]

    def _begins(self, ask: Ask, at: datetime) -> bool:
        return at <= self._hours.last(long=ask.long) and self._is_free(ask.inmate, at)
