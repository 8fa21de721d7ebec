"""Weeks that did not happen: seeded demand on a real timetable, given out week by week by the same engine as the real
one, with outages, transfers and no-shows. Pure.

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
_DAYS_WISHED = 3
_STEPS = 6  # for each wish and week: a rehearsal is looked at while one waits


@dataclass(frozen=True, slots=True)
class Time:
    """A slot: `week` counts from 0; `places` what terminals and seats allow."""

    id: str
    wing: str
    week: int
    day: date
    places: int


@dataclass(slots=True)
class _Waiting:
    wing: str
    week: int  # in which the wish came
    weekdays: tuple[int, ...]  # the dearest first
    first: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What a rehearsal shows. Waits in weeks of those who were served; `by_wing`: share served, for fairness."""

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

    @property
    def served_percent(self) -> int:
        return round(100 * self.served / self.asked) if self.asked else 0

    @property
    def used_percent(self) -> int:
        return round(100 * self.served / self.places) if self.places else 0


def simulate(times: Sequence[Time], demand: Mapping[str, int], weeks: int, seed: int) -> Figures:
    """`demand`: wing -> wishes that come in each week."""
    dice = random.Random(seed)
    waiting: list[_Waiting] = []
    waits: list[int] = []
    served_of: dict[str, int] = {}
    asked_of: dict[str, int] = {}
    tally = {"first": 0, "left": 0, "no_shows": 0, "outages": 0}
    for week in range(weeks):
        for wing, count in sorted(demand.items()):
            asked_of[wing] = asked_of.get(wing, 0) + count
            waiting += [_wish(dice, wing, week) for _ in range(count)]
        left = [one for one in waiting if one.week == week or dice.random() >= TRANSFER]
        tally["left"] += len(waiting) - len(left)
        open_ = [time for time in times if time.week == week]
        chosen = _week(left, open_, week, seed)
        waiting = [one for number, one in enumerate(left) if number not in chosen]
        for number, time in chosen.items():
            if dice.random() < OUTAGE:  # the terminal fails on the day; the wish waits on
                tally["outages"] += 1
                waiting.append(left[number])
                continue
            waits.append(week - left[number].week)
            served_of[time.wing] = served_of.get(time.wing, 0) + 1
            tally["first"] += time.day.weekday() == left[number].weekdays[0]
            tally["no_shows"] += dice.random() < NO_SHOW
    return Figures(
        asked=sum(asked_of.values()),
        served=len(waits),
        first_choice=tally["first"],
        waiting=len(waiting),
        left=tally["left"],
        no_shows=tally["no_shows"],
        outages=tally["outages"],
        places=sum(time.places for time in times if time.week < weeks),
        wait_mean=round(float(np.mean(waits)), 1) if waits else 0.0,
        wait_longest=max([*waits, *(weeks - one.week for one in waiting)], default=0),
        by_wing={
            wing: round(100 * served_of.get(wing, 0) / count) for wing, count in asked_of.items() if count
        },
    )


def _wish(dice: random.Random, wing: str, week: int) -> _Waiting:
    weekdays = tuple(dice.sample(range(7), _DAYS_WISHED))
    return _Waiting(wing, week, weekdays, dice.random() < PRIORITY)


def _week(waiting: Sequence[_Waiting], times: Sequence[Time], week: int, seed: int) -> dict[int, Time]:
    """Who gets which time this week: by place in `waiting`."""
    ways, meant = [], []
    for number, one in enumerate(waiting):
        weight = 10 * (16 if one.first else 10) + 35 * (week - one.week)
        for time in times:
            if time.wing == one.wing and time.day.weekday() in one.weekdays and time.places > 0:
                rank = one.weekdays.index(time.day.weekday())
                ways.append(Way(number, 0, 100 * weight - int(weight * 0.5 * rank), (time.id,)))
                meant.append(time)
    columns = of_ways(ways, {time.id: time.places for time in times}, len(waiting))
    wings = {wing: number for number, wing in enumerate(sorted({one.wing for one in waiting}))}
    blocks = array(wings[one.wing] for one in waiting)
    answer = engine.assign(columns, blocks, seed=seed, steps=_STEPS * len(waiting))
    return {number: meant[column] for number, column in enumerate(answer.chosen) if column >= 0}
