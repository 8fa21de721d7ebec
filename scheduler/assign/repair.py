"""Re-planning a touched block: what is published stays where it can; first as few visits as possible are lost, then as
few as possible moved, then value counts. Everything outside the block is not even looked at: its use is taken off the
capacities beforehand.
"""

from dataclasses import dataclass

import numpy as np

from scheduler.assign import native
from scheduler.assign.columns import Columns, Ints
from scheduler.assign.prices import price
from scheduler.assign.search import Search

STEPS_PER_REQUEST, MOST_STEPS = 600, 120_000  # keep a large block within half a second
IN_PYTHON = 30  # times fewer without the native search


@dataclass(frozen=True, slots=True)
class Repair:
    """`chosen`: request -> column or -1. `gentle`: nobody but the displaced was moved (the pinned answer stood)."""

    chosen: list[int]
    lost: int
    moved: int
    gentle: bool


def repair(columns: Columns, present: Ints, published: Ints, *, seed: int = 1) -> Repair:
    """`present`: request -> the column it has and could keep, -1 for displaced and new ones; `published`: 1 where a
    visit was promised, 0 for a request that may fill a gap."""
    fixed = pinned(columns, present, published)
    best = _searched(columns, present, published, fixed, seed)
    answers = [_judged(columns, chosen, present, published) for chosen in (fixed, best)]
    gentle = answers[0][1] <= answers[1][1]
    (lost, moved, _), chosen = answers[0][1] if gentle else answers[1][1], (fixed if gentle else best)
    return Repair(chosen, lost, moved, gentle)


def _worth(columns: Columns, present: Ints, published: Ints) -> Ints:
    """Value such that a visit kept outweighs every move, and a visit not moved every gain of value."""
    most = int(columns.value.max(initial=1)) + 1
    kept = np.zeros(len(columns.value), dtype=np.int64)
    kept[present[present >= 0]] = most
    answer: Ints = columns.value + kept + published[columns.request] * most * 8
    return answer


def _stay(columns: Columns, present: Ints) -> Search:
    """Whoever can stay does, the weightiest first."""
    search = Search(columns, None, 1)
    for request in sorted(
        np.flatnonzero(present >= 0).tolist(), key=lambda r: -int(columns.value[present[r]])
    ):
        search.put_if_free(request, int(present[request]))
    return search


def staying(columns: Columns, present: Ints) -> list[int]:
    """The columns of those who can stay where they are; -1 for the displaced."""
    return list(_stay(columns, present).chosen)


def pinned(columns: Columns, present: Ints, published: Ints) -> list[int]:
    """Whoever can stay stays; the displaced take what is free, the weightiest first."""
    search = _stay(columns, present)
    search.fill([r for r in search.by_value() if published[r]])
    search.fill(search.by_value())
    return search.chosen


def _searched(columns: Columns, present: Ints, published: Ints, pinned: list[int], seed: int) -> list[int]:
    wanted = columns.worth(_worth(columns, present, published))
    blocks = np.zeros(columns.requests, dtype=np.int64)
    prices = price(wanted, blocks)
    search = Search(wanted, prices, seed)
    for request, column in enumerate(pinned):
        if column >= 0:
            search.put_if_free(request, column)
    steps = min(MOST_STEPS, STEPS_PER_REQUEST * columns.requests)
    search.improve(steps if native.library() is not None else steps // IN_PYTHON, blocks)
    search.polish()
    rounded = Search(wanted, prices, seed)
    rounded.round(prices)
    rounded.polish()
    return max((search, rounded), key=lambda one: one.value).chosen


def _judged(
    columns: Columns, chosen: list[int], present: Ints, published: Ints
) -> tuple[list[int], tuple[int, int, int]]:
    """(the answer, (lost, moved, minus its value)): the smaller the better."""
    promised = [r for r in range(columns.requests) if published[r]]
    lost = sum(chosen[r] < 0 for r in promised)
    moved = sum(chosen[r] >= 0 and chosen[r] != present[r] for r in promised)
    return chosen, (lost, moved, -int(sum(columns.value[c] for c in chosen if c >= 0)))
