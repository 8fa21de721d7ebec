"""A simulated help day: 10 lawyers, 6 rooms, 120 questions; late lawyers, inmates who do not come, turns that
run over. How many are answered the same day by our plan, by first come first served, and at the very best.

The plan is made as in the product (`legalaid.matching`), and kept up with what happens (`legalaid.rota`). The
optimum knows everything beforehand; its bound is the linear programme in which a turn may even be split, so
the true ratio is at least the one printed.

    python -m bench.helpday [DAYS]
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.optimize import linprog

from legalaid.matching import Ask, Helper, plan
from legalaid.rota import Seat, reflow
from legalaid.wording import TOPICS

LAWYERS, ROOMS, QUESTIONS = 10, 6, 120
MINUTES, TURN = 180, 10  # of the day; of a planned turn
BEGIN = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
LATE, ABSENT, OVER = 0.2, 0.05, 0.15  # shares of lawyers late, inmates who do not come, turns that run over


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
    return asks, helpers, Truth(takes, there)


def _minutes(dice: random.Random) -> int:
    if dice.random() < ABSENT:
        return 0
    return TURN + dice.randrange(3, 11) if dice.random() < OVER else dice.randrange(TURN - 4, TURN + 1)


@dataclass
class Outcome:
    answered: int = 0
    waits: float = 0.0  # minutes from the beginning of the day, added up
    used: int = 0  # room minutes

    def told(self) -> dict[str, float]:
        return {
            "share": round(self.answered / QUESTIONS, 4),
            "mean_wait_minutes": round(self.waits / max(1, self.answered), 1),
            "room_idle_share": round(1 - self.used / (ROOMS * MINUTES), 4),
        }


def moment(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def planned_day(asks: Sequence[Ask], helpers: Sequence[Helper], truth: Truth) -> Outcome:
    """Minute by minute: what is over frees its room, the rest flows on; who idles takes what fits."""
    seats = {
        m.ask: Seat(m.ask, m.helper, _inmate(asks, m.ask), m.room, moment(m.turn * TURN), TURN)
        for m in plan(asks, helpers, ROOMS)
    }
    waiting = [ask for ask in asks if ask.id not in seats]
    outcome, running = Outcome(), dict[str, tuple[Seat, int]]()
    for minute in range(MINUTES):
        for key in [key for key, (_, over) in running.items() if over <= minute]:
            del running[key]
        there = {h.id for h in helpers if truth.there[h.id] <= minute}
        _flow_on(seats, running, minute)
        while (seat := _next(seats, running, waiting, helpers, there, minute)) is not None:
            seats.pop(seat.id, None)
            waiting = [ask for ask in waiting if ask.id != seat.id]
            _begin(seat, truth, minute, running, outcome)
    return outcome


def _inmate(asks: Sequence[Ask], ask_id: str) -> str:
    return next(ask.inmate for ask in asks if ask.id == ask_id)


def _flow_on(seats: dict[str, Seat], running: dict[str, tuple[Seat, int]], minute: int) -> None:
    now = [replace(seat, frees_at=moment(max(over, minute + 1))) for seat, over in running.values()]
    for moved in reflow([*now, *seats.values()], ROOMS, moment(minute), moment(MINUTES)):
        if moved.starts_at is not None:
            seats[moved.id] = replace(seats[moved.id], starts_at=moved.starts_at, room=moved.room)


def _next(
    seats: dict[str, Seat],
    running: dict[str, tuple[Seat, int]],
    waiting: Sequence[Ask],
    helpers: Sequence[Helper],
    there: set[str],
    minute: int,
) -> Seat | None:
    """A planned turn whose people are free, or else a waiting question for a lawyer who has nothing planned."""
    rooms = set(range(1, ROOMS + 1)) - {seat.room for seat, _ in running.values()}
    busy = {name for seat, _ in running.values() for name in (seat.lawyer, seat.inmate)}
    if not rooms or minute + TURN > MINUTES:
        return None
    room = min(rooms)
    for seat in sorted(seats.values(), key=lambda s: (s.starts_at, s.room)):
        if seat.lawyer in there and not busy & {seat.lawyer, seat.inmate}:
            return replace(seat, room=room)
    free = [h for h in helpers if h.id in there and h.id not in busy]
    open_asks = [ask for ask in waiting if ask.inmate not in busy]
    for meeting in plan(open_asks, [replace(h, turns=frozenset({0})) for h in free], len(rooms)):
        return Seat(meeting.ask, meeting.helper, _inmate(open_asks, meeting.ask), room, moment(minute), TURN)
    return None


def _begin(
    seat: Seat, truth: Truth, minute: int, running: dict[str, tuple[Seat, int]], outcome: Outcome
) -> None:
    """Nobody comes: two minutes are lost, then the next is called."""
    takes = truth.takes[seat.id]
    over = minute + (takes or 2)
    running[f"{seat.id}@{minute}"] = (seat, over)
    outcome.used += min(takes, MINUTES - minute)
    if takes and over <= MINUTES:
        outcome.answered += 1
        outcome.waits += minute


def first_come(asks: Sequence[Ask], helpers: Sequence[Helper], truth: Truth) -> Outcome:
    """The queue in its order: its head takes the first free lawyer who may answer it, and waits if there is none."""
    queue, outcome, running = list(asks), Outcome(), dict[str, tuple[Seat, int]]()
    for minute in range(MINUTES):
        for key in [key for key, (_, over) in running.items() if over <= minute]:
            del running[key]
        while queue and len(running) < ROOMS:
            busy = {name for seat, _ in running.values() for name in (seat.lawyer, seat.inmate)}
            head = queue[0]
            free = [h for h in helpers if h.id not in busy and truth.there[h.id] <= minute and h.may(head)]
            if head.inmate in busy or not free:
                break
            queue.pop(0)
            _begin(
                Seat(head.id, free[0].id, head.inmate, 1, moment(minute), TURN),
                truth,
                minute,
                running,
                outcome,
            )
    return outcome


def bound(asks: Sequence[Ask], helpers: Sequence[Helper], truth: Truth) -> float:
    """No day can answer more: minutes of lawyers and rooms, turns that may be split."""
    pairs = [
        (a, h)
        for a, ask in enumerate(asks)
        for h, helper in enumerate(helpers)
        if truth.takes[ask.id] and helper.may(ask)
    ]
    matrix = np.zeros((len(asks) + len(helpers) + 1, len(pairs)))
    for column, (a, h) in enumerate(pairs):
        minutes = truth.takes[asks[a].id]
        matrix[a, column] = 1
        matrix[len(asks) + h, column] = matrix[-1, column] = minutes
    limits = [1] * len(asks) + [MINUTES - truth.there[h.id] for h in helpers] + [ROOMS * MINUTES]
    solved = linprog(-np.ones(len(pairs)), A_ub=matrix, b_ub=limits, bounds=(0, 1), method="highs")
    return float(-solved.fun)


def main(days: int) -> None:
    ratios, ours, theirs, times = [], [], [], []
    for seed in range(days):
        asks, helpers, truth = made(seed)
        began = time.perf_counter()
        plan(asks, helpers, ROOMS)
        times.append(time.perf_counter() - began)
        ours.append(planned_day(asks, helpers, truth))
        theirs.append(first_come(asks, helpers, truth))
        ratios.append(ours[-1].answered / bound(asks, helpers, truth))
    print(
        json.dumps(
            {
                "days": days,
                "answered_same_day": _mean(ours),
                "first_come": _mean(theirs),
                "ratio_to_optimum_mean": round(statistics.mean(ratios), 4),
                "ratio_to_optimum_worst": round(min(ratios), 4),
                "plan_seconds_worst": round(max(times), 3),
            }
        )
    )


def _mean(outcomes: Sequence[Outcome]) -> dict[str, float]:
    told = [outcome.told() for outcome in outcomes]
    return {key: round(statistics.mean(one[key] for one in told), 4) for key in told[0]}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
