"""Weeks that did not happen: seeded demand of families and lawyers on a real timetable, given out week by week by the
same engine as the real one, with outages, transfers and no-shows. Pure.

Shares are of rules, section 6: 8 in 100 visitors do not come; priority 5 in 100. Outages and transfers are ours.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from scheduler.assign import engine
from scheduler.assign.columns import Way, array, of_ways

NO_SHOW, PRIORITY = 0.08, 0.05
OUTAGE, TRANSFER = 0.02, 0.01  # of places lost on the day; of those who wait, in a week
_DAYS_WISHED, _DAYS_OF_LAWYERS = 3, 2
_STEPS = 6  # for each wish and week: a rehearsal is looked at while one waits


@dataclass(frozen=True, slots=True)
class Time:
    """A slot: `week` counts from 0; `places` what terminals and seats allow. `takes`: what a visit there takes besides
    its place, once for each class of terminals that it may have."""

    id: str
    wing: str
    week: int
    day: date
    places: int
    takes: tuple[tuple[str, ...], ...] = ((),)


@dataclass(frozen=True, slots=True)
class Beginning:
    """When a lawyer's meeting may begin. `takes` as of a `Time`; `moments`: names of those at which it still lasts."""

    week: int
    day: date
    moments: tuple[str, ...]
    takes: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Lawyers:
    """`weekly` requests for a meeting, of `number` lawyers, and when those may begin."""

    weekly: float = 0.0
    number: int = 0
    beginnings: Sequence[Beginning] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """`families`: wing -> wishes that come in each week."""

    families: Mapping[str, int]
    lawyers: Lawyers = Lawyers()


@dataclass(slots=True)
class _Waiting:
    """`lawyer`: -1 for a family's wish."""

    wing: str
    week: int  # in which the wish came
    weekdays: tuple[int, ...]  # the dearest first
    first: bool
    lawyer: int = -1


@dataclass(frozen=True, slots=True)
class Figures:
    """What a rehearsal shows. Waits in weeks of those who were served; `by_wing`: share served, for fairness.
    `meetings_…`: of lawyers, counted apart; the longest wait of one, in weeks."""

    asked: int
    served: int
    first_choice: int
    waiting: int
    left: int
    no_shows: int
    outages: int
    places: int
    wait_mean: float
    wait_longest: int
    by_wing: Mapping[str, float] = field(default_factory=dict)
    meetings_asked: int = 0
    meetings_served: int = 0
    meetings_wait: int = 0

    @property
    def served_percent(self) -> int:
        return round(100 * self.served / self.asked) if self.asked else 0

    @property
    def used_percent(self) -> int:
        return round(100 * self.served / self.places) if self.places else 0


@dataclass(slots=True)
class _Tally:
    """What is counted along the way."""

    asked: dict[str, int] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)
    lawyers_waits: list[int] = field(default_factory=list)
    meetings: int = 0
    first: int = 0
    left: int = 0
    no_shows: int = 0
    outages: int = 0

    def serve(self, one: _Waiting, week: int, day: date) -> None:
        if one.lawyer >= 0:
            self.lawyers_waits.append(week - one.week)
            return
        self.waits.append(week - one.week)
        self.served[one.wing] = self.served.get(one.wing, 0) + 1
        self.first += day.weekday() == one.weekdays[0]


def simulate(
    times: Sequence[Time],
    demand: Demand,
    weeks: int,
    seed: int,
    capacity: Mapping[str, int] | None = None,
) -> Figures:
    """`capacity`: of what the times and beginnings take; what it does not name never runs out."""
    dice = random.Random(seed)
    waiting: list[_Waiting] = []
    tally = _Tally()
    for week in range(weeks):
        waiting += _wishes(dice, demand, week, tally)
        left = [one for one in waiting if one.week == week or dice.random() >= TRANSFER]
        tally.left += sum(one.lawyer < 0 for one in waiting) - sum(one.lawyer < 0 for one in left)
        chosen = _Week(left, times, demand.lawyers, week, capacity or {}).given_out(seed)
        waiting = [one for number, one in enumerate(left) if number not in chosen]
        for number, day in chosen.items():
            if dice.random() < OUTAGE:  # the terminal fails on the day; the wish waits on
                tally.outages += 1
                waiting.append(left[number])
                continue
            tally.serve(left[number], week, day)
            tally.no_shows += left[number].lawyer < 0 and dice.random() < NO_SHOW
    return _figures(tally, waiting, weeks, sum(time.places for time in times if time.week < weeks))


def _figures(tally: _Tally, waiting: Sequence[_Waiting], weeks: int, places: int) -> Figures:
    families = [weeks - one.week for one in waiting if one.lawyer < 0]
    lawyers = [weeks - one.week for one in waiting if one.lawyer >= 0]
    return Figures(
        asked=sum(tally.asked.values()),
        served=len(tally.waits),
        first_choice=tally.first,
        waiting=len(families),
        left=tally.left,
        no_shows=tally.no_shows,
        outages=tally.outages,
        places=places,
        wait_mean=round(float(np.mean(tally.waits)), 1) if tally.waits else 0.0,
        wait_longest=max([*tally.waits, *families], default=0),
        by_wing={
            wing: round(100 * tally.served.get(wing, 0) / count)
            for wing, count in tally.asked.items()
            if count
        },
        meetings_asked=tally.meetings,
        meetings_served=len(tally.lawyers_waits),
        meetings_wait=max([*tally.lawyers_waits, *lawyers], default=0),
    )


def _wishes(dice: random.Random, demand: Demand, week: int, tally: _Tally) -> list[_Waiting]:
    """What is asked for anew in a week."""
    made = []
    for wing, count in sorted(demand.families.items()):
        tally.asked[wing] = tally.asked.get(wing, 0) + count
        made += [_wish(dice, wing, week) for _ in range(count)]
    lawyers = demand.lawyers
    meetings = int(lawyers.weekly * (week + 1)) - int(lawyers.weekly * week) if lawyers.number else 0
    tally.meetings += meetings
    return made + [_meeting(dice, lawyers.number, week) for _ in range(meetings)]


def _wish(dice: random.Random, wing: str, week: int) -> _Waiting:
    weekdays = tuple(dice.sample(range(7), _DAYS_WISHED))
    return _Waiting(wing, week, weekdays, dice.random() < PRIORITY)


def _meeting(dice: random.Random, lawyers: int, week: int) -> _Waiting:
    weekdays = tuple(dice.sample(range(5), _DAYS_OF_LAWYERS))
    return _Waiting("", week, weekdays, dice.random() < PRIORITY, dice.randrange(lawyers))


class _Week:
    """Who gets which time of a week: the problem as the engine has it, and what its columns mean."""

    def __init__(
        self,
        waiting: Sequence[_Waiting],
        times: Sequence[Time],
        lawyers: Lawyers,
        week: int,
        capacity: Mapping[str, int],
    ) -> None:
        self._waiting, self._number = waiting, week
        self._times = [time for time in times if time.week == week and time.places > 0]
        self._beginnings = [one for one in lawyers.beginnings if one.week == week]
        self._capacity = {**capacity, **{time.id: time.places for time in self._times}}
        self._ways: list[Way] = []
        self._days: list[date] = []

    def given_out(self, seed: int) -> dict[int, date]:
        """By place in `waiting`: the day of what was got."""
        for number, one in enumerate(self._waiting):
            if one.lawyer < 0:
                self._visits(number, one)
            else:
                self._meetings(number, one)
        wings = sorted({one.wing for one in self._waiting if one.lawyer < 0})
        numbers = {wing: number for number, wing in enumerate(wings)}
        blocks = array(numbers.get(one.wing, 0) if one.lawyer < 0 else len(wings) for one in self._waiting)
        columns = of_ways(self._ways, self._capacity, len(self._waiting))
        answer = engine.assign(columns, blocks, seed=seed, steps=_STEPS * len(self._waiting))
        starts = columns.start
        return {
            number: self._days[int(starts[column])]
            for number, column in enumerate(answer.chosen)
            if column >= 0
        }

    def _visits(self, number: int, one: _Waiting) -> None:
        for time in self._times:
            if time.wing == one.wing and time.day.weekday() in one.weekdays:
                for taken in time.takes:
                    self._add(number, one, time.day, (time.id, *taken))

    def _meetings(self, number: int, one: _Waiting) -> None:
        for at in self._beginnings:
            if at.day.weekday() in one.weekdays:
                busy = [f"lawyer:{one.lawyer}:{moment}" for moment in at.moments]
                self._capacity.update(dict.fromkeys(busy, 1))
                for taken in at.takes:
                    self._add(number, one, at.day, (*busy, *taken))

    def _add(self, number: int, one: _Waiting, day: date, rows: tuple[str, ...]) -> None:
        if all(self._capacity.get(row, 1) > 0 for row in rows):
            weight = 10 * (16 if one.first else 10) + 35 * (self._number - one.week)
            value = 100 * weight - int(weight * 0.5 * one.weekdays.index(day.weekday()))
            self._ways.append(Way(number, len(self._ways), value, rows))
            self._days.append(day)
