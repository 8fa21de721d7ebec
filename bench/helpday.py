"""A simulated help day: 10 lawyers, 6 rooms, 120 questions; late lawyers, inmates who do not come, turns that
run over. How many are answered the same day by our plan, by first come first served, and at the very best.

The plan is made and kept up with what happens as in the product (`legalaid.rest`). It does not know how long a
turn will take, nor who will be late. The wing brings people ten minutes ahead, so it finds out in time who does
not come; whom nobody brought ahead (the first ones, and first come first served) costs two minutes of a room.
The optimum knows everything beforehand; its bound is the linear programme in which a turn may even be split, so
the true ratio is at least the one printed.

Lawyers read the questions before the day and say which need two turns (`days.say_long`). Here they find two of
three that run over, and take one of twenty others for long. How it goes if they say nothing is told too
(`unsaid`), with the ratio of every seed, from 0 on; and so is first come first served in both ways: as the word
says (who is first waits for the right lawyer, and all behind with them), and kinder (`overtaken`: whoever is first of
those whom the free lawyer may answer). Times are of matching a day before it begins, and of all its replannings
together.

    python -m bench.helpday [DAYS]
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from legalaid import rest
from legalaid.bringing import AHEAD
from legalaid.matching import Ask, Helper, plan
from legalaid.rest import Hours, Seat, Standing
from legalaid.wording import TOPICS
from scheduler.assign import highs

LAWYERS, ROOMS, QUESTIONS = 10, 6, 120
MINUTES, TURN = 180, 10  # of the day; of a planned turn
BEGIN = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
LATE, ABSENT, OVER = 0.2, 0.05, 0.15  # shares of lawyers late, inmates who do not come, turns that run over
SAID, MISTAKEN = 0.67, 0.05  # shares of those that run over, and of others, that lawyers say need two turns


@dataclass(frozen=True)
class Truth:
    """What the plan does not know: minutes a question really takes (0: nobody comes), when a lawyer is there."""

    takes: dict[str, int]
    there: dict[str, int]


def made(seed: int) -> tuple[list[Ask], list[Helper], Truth]:
    """One day; every lawyer knows half of the topics, three of them a second language."""
    dice = random.Random(seed)
    topics = sorted(TOPICS)
    helpers = [
        Helper(
            f"lawyer-{n}",
            frozenset(dice.sample(topics, 4)) | {topics[n % len(topics)]},
            frozenset({"zh", "yue"} if n < 3 else {"zh"}),
            frozenset(range(MINUTES // TURN)),
            frozenset({f"inmate-{dice.randrange(110)}"}),
            dice.randrange(40),
        )
        for n in range(LAWYERS)
    ]
    asks = [
        Ask(
            f"question-{n}",
            f"inmate-{dice.randrange(110)}",
            dice.choice(topics),
            "yue" if dice.random() < 0.12 else "zh",
            dice.random() < 0.05,
            int(dice.random() < 0.2),
            dice.randrange(14),
        )
        for n in range(QUESTIONS)
    ]
    takes = {ask.id: _minutes(dice) for ask in asks}
    there = {h.id: dice.randrange(10, 40) if dice.random() < LATE else 0 for h in helpers}
    reader = random.Random(f"{seed} read")
    said = {key for key, takes in takes.items() if reader.random() < (SAID if takes > TURN else MISTAKEN)}
    return [replace(ask, long=ask.id in said) for ask in asks], helpers, Truth(takes, there)


def unsaid(asks: Sequence[Ask]) -> list[Ask]:
    """The same questions before anybody has read them."""
    return [replace(ask, long=False) for ask in asks]


def _minutes(dice: random.Random) -> int:
    if dice.random() < ABSENT:
        return 0
    return TURN + dice.randrange(3, 11) if dice.random() < OVER else dice.randrange(TURN - 4, TURN + 1)


@dataclass
class Outcome:
    answered: int = 0
    waits: float = 0.0  # minutes from the beginning of the day, added up
    used: int = 0  # room minutes within the day

    def told(self) -> dict[str, float]:
        return {
            "share": round(self.answered / QUESTIONS, 4),
            "mean_wait_minutes": round(self.waits / max(1, self.answered), 1),
            "room_idle_share": round(1 - self.used / (ROOMS * MINUTES), 4),
        }


def moment(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def planned_day(asks: Sequence[Ask], helpers: Sequence[Helper], truth: Truth) -> Outcome:
    """What happens, as the product keeps up with it: worked out anew whenever a turn is over, a lawyer comes, or
    the wing finds that somebody it was to bring does not come."""
    day = _Course({ask.id: ask for ask in asks}, helpers, truth)
    event = True
    for minute in range(MINUTES):
        event = day.free(minute) or event or minute in truth.there.values()
        while event:
            event = day.go_on(minute)
    return day.outcome


@dataclass
class _Course:
    """A day as it goes. `running`: question id -> (its turn, the minute in which it began and is over)."""

    waiting: dict[str, Ask]
    helpers: Sequence[Helper]
    truth: Truth
    outcome: Outcome = field(default_factory=Outcome)
    asked: Mapping[str, Ask] = field(init=False)
    running: dict[str, tuple[Seat, int, int]] = field(default_factory=dict)
    taken: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})
    kept: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.asked = dict(self.waiting)

    def free(self, minute: int) -> bool:
        """Whether a turn is over by now."""
        over = [key for key, (_, _, end) in self.running.items() if end <= minute]
        for key in over:
            _, began, end = self.running.pop(key)
            self.taken[self.asked[key].long].append(end - began)
        return bool(over)

    def go_on(self, minute: int) -> bool:
        """Begins what can begin; answers whether the wing has found somebody missing meanwhile."""
        plain, longer = (rest.expected(TURN * n, self.taken[n > 1]) for n in (1, rest.LONG))
        hours = Hours(moment(minute), moment(MINUTES), TURN, plain, max(plain, longer))
        seats = rest.plan(list(self.waiting.values()), self.helpers, self._standing(minute, hours), hours)
        self.kept = {seat.ask: (seat.lawyer, seat.room) for seat in seats}
        for seat in [seat for seat in seats if seat.starts_at <= hours.now]:
            del self.waiting[seat.ask]
            over = _begin(seat.ask, self.truth, minute, self.outcome)
            self.running[seat.ask] = (seat, minute, over)
        called = [s.ask for s in seats if hours.now < s.starts_at <= hours.now + AHEAD]
        missing = [ask for ask in called if not self.truth.takes[ask]]
        for ask in missing:
            del self.waiting[ask]
        return bool(missing)

    def _standing(self, minute: int, hours: Hours) -> Standing:
        rooms = dict.fromkeys(range(1, ROOMS + 1), hours.now)
        persons = {h.id: moment(minute + 10) for h in self.helpers if self.truth.there[h.id] > minute}
        for seat, began, _ in self.running.values():
            takes = hours.takes(long=self.asked[seat.ask].long)
            free_at = max(moment(began) + takes, moment(minute + 2))
            rooms[seat.room] = persons[seat.lawyer] = persons[seat.inmate] = free_at
        return Standing(rooms, persons, self.kept)


def _begin(ask: str, truth: Truth, minute: int, outcome: Outcome) -> int:
    """The minute in which the turn is over. Nobody comes: two minutes are lost, then the next is called."""
    takes = truth.takes[ask]
    over = minute + (takes or 2)
    outcome.used += min(takes, MINUTES - minute)
    if takes and over <= MINUTES:
        outcome.answered += 1
        outcome.waits += minute
    return over


def first_come(
    asks: Sequence[Ask], helpers: Sequence[Helper], truth: Truth, *, overtaken: bool = False
) -> Outcome:
    """The queue in its order: its head takes the first free lawyer who may answer it. If there is none, it waits,
    and all behind it; `overtaken`: those behind it for whom there is one go first."""
    queue, outcome, running = list(asks), Outcome(), dict[str, tuple[str, str, int]]()
    for minute in range(MINUTES):
        for key in [key for key, (_, _, over) in running.items() if over <= minute]:
            del running[key]
        while queue and len(running) < ROOMS:
            busy = {name for *names, _ in running.values() for name in names}
            free = [h for h in helpers if h.id not in busy and truth.there[h.id] <= minute]
            heads = (ask for ask in (queue if overtaken else queue[:1]) if ask.inmate not in busy)
            pair = next(((ask, h) for ask in heads for h in free if h.may(ask)), None)
            if pair is None:
                break
            head, helper = pair
            queue.remove(head)
            running[head.id] = (helper.id, head.inmate, _begin(head.id, truth, minute, outcome))
    return outcome


def bound(asks: Sequence[Ask], helpers: Sequence[Helper], truth: Truth) -> float:
    """No day can answer more: minutes of lawyers and rooms, turns that may be split."""
    pairs = [
        (a, h)
        for a, ask in enumerate(asks)
        for h, helper in enumerate(helpers)
        if truth.takes[ask.id] and helper.may(ask)
    ]
    entries = [
        (row, column, 1.0 if row == a else float(truth.takes[asks[a].id]))
        for column, (a, h) in enumerate(pairs)
        for row in (a, len(asks) + h, len(asks) + len(helpers))
    ]
    limits = [1] * len(asks) + [MINUTES - truth.there[h.id] for h in helpers] + [ROOMS * MINUTES]
    shares, _ = highs.fractions(np.ones(len(pairs)), highs.of_entries(entries, limits, len(pairs)), most=1)
    return float(shares.sum())


def main(days: int) -> None:
    found: dict[str, list[Outcome]] = {"said": [], "unsaid": [], "first_come": [], "overtaken": []}
    ratios: dict[str, list[float]] = {"said": [], "unsaid": []}
    times, days_times = [], []
    for seed in range(days):
        asks, helpers, truth = made(seed)
        most = bound(asks, helpers, truth)
        began = time.perf_counter()
        plan(asks, helpers, ROOMS)
        times.append(time.perf_counter() - began)
        began = time.perf_counter()
        found["said"].append(planned_day(asks, helpers, truth))
        days_times.append(time.perf_counter() - began)
        found["unsaid"].append(planned_day(unsaid(asks), helpers, truth))
        found["first_come"].append(first_come(asks, helpers, truth))
        found["overtaken"].append(first_come(asks, helpers, truth, overtaken=True))
        for key, kept in ratios.items():
            kept.append(found[key][-1].answered / most)
    told = {
        "days": days,
        **{key: _mean(outcomes) for key, outcomes in found.items()},
        "ratio_to_optimum": {key: _spread(kept) for key, kept in ratios.items()},
        "ratios_by_seed": {key: " ".join(f"{one:.3f}" for one in kept) for key, kept in ratios.items()},
        "plan_seconds_worst": round(max(times), 3),
        "whole_day_seconds_worst": round(max(days_times), 3),
    }
    print(json.dumps(told), flush=True)


def _spread(ratios: Sequence[float]) -> dict[str, float]:
    below = sum(ratio < 0.95 for ratio in ratios)
    return {
        "mean": round(statistics.mean(ratios), 4),
        "worst": round(min(ratios), 4),
        "days_below_0.95": below,
    }


def _mean(outcomes: Sequence[Outcome]) -> dict[str, float]:
    told = [outcome.told() for outcome in outcomes]
    return {key: round(statistics.mean(one[key] for one in told), 4) for key in told[0]}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
