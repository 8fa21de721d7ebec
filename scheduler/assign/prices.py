"""Prices: a small linear program for each block (a wing's family calls, a prison's legal rooms), solved by HiGHS.

A block sees only its own requests, so its optimum can only be too high: the sum over the blocks is a bound on the
best plan, and the blocks' duals, the highest where blocks share a row, are prices that prove a bound by weak duality.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scheduler.assign import highs
from scheduler.assign.columns import Columns, Floats, Ints
from scheduler.assign.highs import Matrix

_TINY = 1e-6
_WORTH_MERGING = 25.0  # quarter-hours of a shared thing that are given out twice
LARGEST = 700  # requests of a merged block: what one linear program solves in about half a second
Watch = Callable[[str, int], None]  # (what is being done, percent); may raise to stop the work


@dataclass(frozen=True, slots=True)
class Prices:
    """`fraction`: the linear programs' answer for each column; `row`: a price for each row, and 0 for the padding."""

    fraction: Floats
    row: Floats
    bound: float


def unwatched(_stage: str, _percent: int) -> None:
    """Nobody wants to know."""


def price(columns: Columns, blocks: Ints, watch: Watch = unwatched) -> Prices:
    """Solves all blocks, or few requests as one. `blocks`: request -> its block. Blocks that want more of a shared row
    than there is are solved once more as one: otherwise each thinks it has it all, and the bound is loose."""
    if columns.requests <= LARGEST:
        blocks = np.zeros_like(blocks)
    fraction, duals = np.zeros(len(columns.value)), _Duals(len(columns.capacity))
    _solve_all(columns, blocks, fraction, duals, watch)
    merged = _merged(columns, blocks, fraction)
    again = np.flatnonzero(merged != blocks)
    if len(again):
        names = np.unique(merged[again])
        _solve_all(columns, np.where(np.isin(merged, names), merged, -1), fraction, duals, watch)
    row = duals.highest(merged)
    return Prices(fraction, row, bound(columns, row))


class _Duals:
    """The prices of each block's rows, the newest answer of a block last."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.of: dict[int, tuple[Ints, Floats]] = {}

    def highest(self, blocks: Ints) -> Floats:
        """For each row the highest price of the blocks that there are; 0 for the padding."""
        row = np.zeros(self._rows + 1)
        for block in np.unique(blocks).tolist():
            if block in self.of:
                used, prices = self.of[block]
                row[used] = np.maximum(row[used], prices)
        return row


def _solve_all(columns: Columns, wanted: Ints, fraction: Floats, duals: _Duals, watch: Watch) -> None:
    """Solves the blocks that `wanted` names (-1: not this request's), on all cores, into `fraction` and `duals`."""
    of_column = wanted[columns.request]
    order = np.argsort(of_column, kind="stable")
    names, starts = np.unique(of_column[order], return_index=True)
    if not len(order):
        return
    parts = [
        (int(name), chosen)
        for name, chosen in zip(names, np.split(order, starts[1:]), strict=True)
        if len(chosen) and name >= 0
    ]
    with ThreadPoolExecutor(os.cpu_count()) as hands:
        answers = hands.map(lambda part: _solve(columns, part[1]), parts)
        for number, ((name, chosen), answer) in enumerate(zip(parts, answers, strict=True)):
            fraction[chosen] = answer[0]
            duals.of[name] = answer[1:]
            watch("prices", 100 * (number + 1) // len(parts))


def _merged(columns: Columns, blocks: Ints, fraction: Floats) -> Ints:
    """The blocks after those were made one that together want at least one call more of some row than it holds."""
    used = np.flatnonzero(fraction > _TINY)
    column, place = np.nonzero(columns.rows[used] < len(columns.capacity))
    row, part = columns.rows[used][column, place], fraction[used][column]
    over = np.bincount(row, weights=part, minlength=len(columns.capacity)) - columns.capacity
    hot = over[row] > _TINY
    row, block = row[hot], blocks[columns.request[used][column[hot]]]
    excess: dict[tuple[int, int], float] = {}
    pairs = np.unique(np.stack([row, block]), axis=1).T.tolist()
    for (one, left), (two, right) in pairwise(pairs):
        if one == two:
            excess[left, right] = excess.get((left, right), 0.0) + float(over[one])
    sizes = dict(zip(*(found.tolist() for found in np.unique(blocks, return_counts=True)), strict=True))
    home = {block: block for block in sizes}
    for (left, right), total in sorted(excess.items(), key=lambda item: -item[1]):
        one, two = _root(home, left), _root(home, right)
        if total >= _WORTH_MERGING and one != two and sizes[one] + sizes[two] <= LARGEST:
            home[two] = one
            sizes[one] += sizes[two]
    return np.array([_root(home, block) for block in blocks.tolist()], dtype=np.int64)


def _root(home: dict[int, int], block: int) -> int:
    while home[block] != block:
        block = home[block]
    return block


def bound(columns: Columns, row: Floats) -> float:
    """What no plan can exceed, by weak duality: Σ price * capacity + Σ over requests of max(0, best reduced value)."""
    reduced = columns.value - row[columns.rows].sum(axis=1)
    lengths = np.diff(columns.first)
    best = np.maximum.reduceat(reduced, columns.first[:-1][lengths > 0]) if len(reduced) else np.zeros(0)
    return float((row[:-1] * columns.capacity).sum() + np.maximum(0, best).sum())


def program(columns: Columns, chosen: Ints, left: Ints) -> tuple[Matrix, Ints]:
    """The columns `chosen` as a program: each request at most once, no row beyond what is `left` of it. Only rows that
    can bind among them are written down: first these, which are answered too, then each request."""
    rows = columns.rows[chosen]
    column, place = np.nonzero(rows < len(left))
    used, position = np.unique(rows[column, place], return_inverse=True)
    _, request = np.unique(columns.request[chosen], return_inverse=True)
    count = int(request.max()) + 1
    users = np.bincount(np.unique(position * count + request[column]) // count, minlength=len(used))
    keep = users > left[used]
    number = np.cumsum(keep) - 1
    binding = keep[position]
    used = used[keep]
    asked = highs.matrix(
        np.concatenate([column[binding], np.arange(len(chosen))]),
        np.concatenate([number[position[binding]], len(used) + request]),
        np.concatenate([left[used], np.ones(count)]),
        len(chosen),
    )
    return asked, used


def _solve(columns: Columns, chosen: Ints) -> tuple[Floats, Ints, Floats]:
    """One block's linear program. Answers fractions, rows and their prices."""
    asked, rows = program(columns, chosen, columns.capacity)
    fraction, prices = highs.fractions(columns.value[chosen], asked, method="ipx")
    return fraction, rows, prices[: len(rows)]
