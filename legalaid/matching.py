"""Which lawyer talks about which question, and in which turns of the day. Pure.

A day is a grid: so many turns one after the other, so many rooms at a time. What can be answered is a flow

    question → lawyer who may take it → turn in which that lawyer is there → room of that turn

and the most valuable set of questions is its cheapest flow. The matrix of a flow is totally unimodular: the
linear programme's corners are whole numbers, so it is solved exactly, in milliseconds. Since every question
takes one place, putting urgent and old ones first never lowers the number that is answered.

Then each lawyer's questions are spread over that lawyer's turns, the most urgent first, so that no inmate
has to be in two rooms at once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.assign import highs

# What a place is worth, in steps that never overtake one another within a day.
_ANSWERED = 1000.0
_URGENT = 1000.0
_CARRIED = 60.0  # for each day on which it was not reached, up to ten
_WAITED = 1.0  # for each day since it was asked, up to fifty
# What a choice of lawyer costs or saves; small, so that it never costs an answer.
_CONTINUITY = 8.0  # who answered this thread before
_FAIR = 0.05  # for each turn the lawyer has had lately, up to a hundred
PLACE = 1e-4  # of two that are worth the same, the one that stands first in the queue


@dataclass(frozen=True, slots=True)
class Ask:
    """A waiting question. `waited`: days since it was asked; `before`: the lawyer of its thread, or whom
    the asker chose by name; `long`: a lawyer who read it says that it needs two turns."""

    id: str
    inmate: str
    topic: str
    language: str
    urgent: bool = False
    carried: int = 0
    waited: int = 0
    before: str | None = None
    long: bool = False


@dataclass(frozen=True, slots=True)
class Helper:
    """A lawyer. `turns`: numbers of the day's turns in which the lawyer is there; `had`: turns lately."""

    id: str
    topics: frozenset[str]
    languages: frozenset[str]
    turns: frozenset[int]
    conflicts: frozenset[str] = frozenset()  # inmates
    had: int = 0

    def may(self, ask: Ask) -> bool:
        """Topic and language fit, and there is no conflict of interest."""
        return (
            ask.topic in self.topics and ask.language in self.languages and ask.inmate not in self.conflicts
        )


@dataclass(frozen=True, slots=True)
class Meeting:
    """`turn` counts from 0, `room` from 1."""

    ask: str
    helper: str
    turn: int
    room: int


def worth(ask: Ask) -> float:
    return (
        _ANSWERED
        + _URGENT * ask.urgent
        + _CARRIED * min(ask.carried, 10)
        + _WAITED * min(max(ask.waited, 0), 50)
    )


def plan(asks: Sequence[Ask], helpers: Sequence[Helper], rooms: int) -> list[Meeting]:
    """The day's meetings, ordered by turn and room. What does not appear is carried over."""
    chosen, present = _flow(asks, helpers, rooms)
    return _spread(asks, helpers, rooms, chosen, present)


def _flow(
    asks: Sequence[Ask], helpers: Sequence[Helper], rooms: int
) -> tuple[dict[str, list[Ask]], dict[str, list[int]]]:
    """(helper id -> questions, helper id -> turns in which that helper has a room)."""
    pairs = [(a, h) for a, ask in enumerate(asks) for h, helper in enumerate(helpers) if helper.may(ask)]
    seats = [(h, turn) for h, helper in enumerate(helpers) for turn in sorted(helper.turns)]
    if not pairs or not seats or rooms < 1:
        return {}, {}
    gains = [gain(asks[a], helpers[h]) - a * PLACE for a, h in pairs] + [-turn * 1e-4 for _, turn in seats]
    asked = _constraints(asks, helpers, pairs, seats, rooms)
    shares, _ = highs.fractions(np.array(gains), asked, most=1)
    taken = shares > 0.5
    chosen: dict[str, list[Ask]] = defaultdict(list)
    present: dict[str, list[int]] = defaultdict(list)
    for (a, h), used in zip(pairs, taken[: len(pairs)], strict=True):
        if used:
            chosen[helpers[h].id].append(asks[a])
    for (h, turn), used in zip(seats, taken[len(pairs) :], strict=True):
        if used:
            present[helpers[h].id].append(turn)
    return chosen, present


def gain(ask: Ask, helper: Helper) -> float:
    """What it is worth that this lawyer takes this question."""
    return worth(ask) + _CONTINUITY * (ask.before == helper.id) - _FAIR * min(helper.had, 100)


def _constraints(
    asks: Sequence[Ask],
    helpers: Sequence[Helper],
    pairs: Sequence[tuple[int, int]],
    seats: Sequence[tuple[int, int]],
    rooms: int,
) -> highs.Matrix:
    """Each question once; a helper's questions fit its seats; a turn's seats fit the rooms."""
    turns = {turn: row for row, turn in enumerate(sorted({turn for _, turn in seats}))}
    entries = [(a, column, 1.0) for column, (a, _) in enumerate(pairs)]
    entries += [(len(asks) + h, column, 1.0) for column, (_, h) in enumerate(pairs)]
    for column, (h, turn) in enumerate(seats, start=len(pairs)):
        entries.append((len(asks) + h, column, -1.0))
        entries.append((len(asks) + len(helpers) + turns[turn], column, 1.0))
    bounds = np.concatenate([np.ones(len(asks)), np.zeros(len(helpers)), np.full(len(turns), rooms)])
    return highs.of_entries(entries, bounds.tolist(), len(pairs) + len(seats))


class _Day:
    """The grid as it fills: who is where in each turn."""

    def __init__(self, rooms: int) -> None:
        self.meetings: list[Meeting] = []
        self._rooms = rooms
        self._taken: set[tuple[int, str]] = set()  # (turn, helper or inmate)
        self._used: dict[int, int] = defaultdict(int)  # turn -> rooms

    def seat(self, ask: Ask, helper: Helper, turn: int) -> bool:
        """Seats the two if both are free and there is a room; answers whether it did."""
        people = {(turn, f"helper {helper.id}"), (turn, f"inmate {ask.inmate}")}
        if self._used[turn] >= self._rooms or self._taken & people:
            return False
        self._taken |= people
        self._used[turn] += 1
        self.meetings.append(Meeting(ask.id, helper.id, turn, self._used[turn]))
        return True


def _spread(
    asks: Sequence[Ask],
    helpers: Sequence[Helper],
    rooms: int,
    chosen: Mapping[str, list[Ask]],
    present: Mapping[str, list[int]],
) -> list[Meeting]:
    """Turn after turn each helper who has a room takes the first of its questions whose inmate is free.

    The flow does not know that two questions may be one inmate's: what could not be seated for that reason is
    seated wherever there is still a place.
    """
    day = _Day(rooms)
    places = {ask.id: place for place, ask in enumerate(asks)}
    order = sorted(asks, key=lambda ask: (-worth(ask), places[ask.id]))
    waiting = {helper.id: [ask for ask in order if ask in chosen.get(helper.id, ())] for helper in helpers}
    for turn in sorted({turn for turns in present.values() for turn in turns}):
        for helper in helpers:
            if turn in present.get(helper.id, ()):
                seated = next((ask for ask in waiting[helper.id] if day.seat(ask, helper, turn)), None)
                if seated is not None:
                    waiting[helper.id].remove(seated)
    done = {meeting.ask for meeting in day.meetings}
    for ask in (ask for ask in order if ask.id not in done):
        places_left = ((h, turn) for h in helpers if h.may(ask) for turn in sorted(h.turns))
        any(day.seat(ask, helper, turn) for helper, turn in places_left)  # the first place that can be had
    return sorted(day.meetings, key=lambda meeting: (meeting.turn, meeting.room))
