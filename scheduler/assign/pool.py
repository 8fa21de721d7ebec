"""The best of several plans: what each of them found, chosen from anew.

Searches from different seeds end at different plans, each good in other places. Their columns alone, and those that
the linear programs favour, are few enough for integer programs (HiGHS), one for each block; then those blocks whose
columns were not all looked at are given whole, columns left out that no better plan of the block can have.
What others use of shared rows is taken off beforehand, so that the plan is feasible after each block, and never worth
less.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, permutations
from threading import Lock

import numpy as np

from scheduler.assign import highs
from scheduler.assign.columns import Columns, Floats, Ints, array
from scheduler.assign.prices import Prices, Watch, program, unwatched

_FAVOURED = 0.2  # of a column in the linear programs: from there on it is in the pool
# Columns that a better plan of a block can have: with so few it is given whole, round by round.
_WHOLE = (1500, 3000)
_NEAR = 1e-3  # relative: a block so near to its bound is left alone, and a program so near to its own ends


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """`lack`: what its part of the plan lacks to its part of the bound."""

    name: int
    requests: Ints
    lack: float
    value: int

    @property
    def wanting(self) -> bool:
        return self.lack > _NEAR * (self.value + self.lack)


class Pool:
    """Columns that were in one of `plans` (request -> column, -1: none); `chosen`: at first the best of these."""

    def __init__(self, columns: Columns, prices: Prices, plans: Sequence[Sequence[int]]) -> None:
        self._columns, self._price = columns, prices.row
        self._pooled = prices.fraction > _FAVOURED
        worth = []
        for plan in map(array, plans):
            taken = plan[plan >= 0]
            self._pooled[taken] = True
            worth.append(int(columns.value[taken].sum()))
        self.chosen: Ints = array(plans[int(np.argmax(worth))])
        reduced = columns.value - prices.row[columns.rows].sum(axis=1)
        self._best = np.zeros(columns.requests)  # what serving each request is worth at most, prices paid
        np.maximum.at(self._best, columns.request, reduced)
        self._regret: Floats = self._best[columns.request] - reduced
        self._left: Ints = columns.capacity - self._used(self.chosen[self.chosen >= 0])
        self._lock = Lock()

    def merge(self, blocks: Ints, watch: Watch = unwatched) -> None:
        """Chooses anew, block by block, on all cores. `blocks`: request -> block."""
        beside = _neighbours(self._columns, blocks)
        finished: set[int] = set()  # blocks that were given whole
        for number, most in enumerate(_WHOLE):
            asked: dict[_Block, Ints] = {}
            for block in self._blocks(blocks):
                some, whole = self._some(block, most)
                if block.wanting and block.name not in finished and (whole or not number):
                    asked[block] = some
                    finished |= {block.name} if whole else set()
            for done, of in self._round(asked, beside):
                watch("search", 100 * (number * of + done) // (len(_WHOLE) * of))

    def _round(
        self, asked: Mapping[_Block, Ints], beside: Mapping[int, set[int]]
    ) -> Iterator[tuple[int, int]]:
        """Each block once; answers (how many are done, of how many). Whoever shares something with a block that comes
        earlier waits for it and sees what it took, so that the answer does not depend on the cores."""
        under_way: dict[int, Future[None]] = {}
        with ThreadPoolExecutor(os.cpu_count()) as hands:
            for block in _in_turn(asked, beside):
                earlier = [under_way[name] for name in beside[block.name] if name in under_way]
                under_way[block.name] = hands.submit(self._choose, block, asked[block], earlier)
            for number, one in enumerate(under_way.values()):
                one.result()
                yield number + 1, len(under_way)

    def _choose(self, block: _Block, some: Ints, earlier: Iterable[Future[None]]) -> None:
        for one in earlier:
            one.result()
        with self._lock:
            left = self._freed(block)
            mine = self.chosen[block.requests]
        some = some[(np.append(left, 1)[self._columns.rows[some]] > 0).all(axis=1)]
        if not len(some):
            return
        asked, _ = program(self._columns, some, left)
        known = np.searchsorted(some, mine[mine >= 0])
        answer = some[highs.whole(self._columns.value[some], asked, known, _NEAR)]
        if self._columns.value[answer].sum() <= block.value:
            return
        with self._lock:
            self._left += self._used(mine[mine >= 0]) - self._used(answer)
            self.chosen[block.requests] = -1
            self.chosen[self._columns.request[answer]] = answer

    def _used(self, taken: Ints) -> Ints:
        rows = self._columns.rows[taken].ravel()
        answer: Ints = np.bincount(rows, minlength=len(self._columns.capacity) + 1)[:-1]
        return answer

    def _some(self, block: _Block, most: int) -> tuple[Ints, bool]:
        """The columns that a better plan of this block can have, and whether these are all; otherwise those of them
        that were found. With them what it has now."""
        inside = np.zeros(self._columns.requests, dtype=bool)
        inside[block.requests] = True
        here = np.flatnonzero(inside[self._columns.request])
        near = here[self._regret[here] <= block.lack]
        whole = len(near) <= most
        mine = self.chosen[block.requests]
        return np.union1d(near if whole else near[self._pooled[near]], mine[mine >= 0]), whole

    def _blocks(self, blocks: Ints) -> list[_Block]:
        columns = self._columns
        owner = np.zeros(len(columns.capacity) + 1, dtype=np.int64)
        owner[columns.rows.ravel()] = np.repeat(blocks[columns.request], columns.rows.shape[1])
        idle = self._price[:-1] * self._left
        taken = self.chosen >= 0
        lack = np.where(taken, self._regret[self.chosen], self._best)
        value = np.where(taken, columns.value[self.chosen], 0)
        return [
            _Block(
                name,
                mine := np.flatnonzero(blocks == name),
                float(lack[mine].sum() + idle[owner[:-1] == name].sum()),
                int(value[mine].sum()),
            )
            for name in np.unique(blocks).tolist()
        ]

    def _freed(self, block: _Block) -> Ints:
        """What is left of each row without this block."""
        mine = self.chosen[block.requests]
        return self._left + self._used(mine[mine >= 0])


def _neighbours(columns: Columns, blocks: Ints) -> dict[int, set[int]]:
    """Block -> those that may use one of its rows."""
    beside: dict[int, set[int]] = {name: set() for name in np.unique(blocks).tolist()}
    owner = np.repeat(blocks[columns.request], columns.rows.shape[1])
    row, user = np.unique(np.stack([columns.rows.ravel(), owner]), axis=1)
    row, user = row[row < len(columns.capacity)], user[row < len(columns.capacity)]
    together = {tuple(users.tolist()) for users in np.split(user, np.flatnonzero(np.diff(row)) + 1)}
    for one, two in (pair for users in together for pair in permutations(users, 2)):
        beside[one].add(two)
    return beside


def _in_turn(blocks: Iterable[_Block], beside: Mapping[int, set[int]]) -> list[_Block]:
    """Those first that lack most, but so that few wait for one another: by colours, of which neighbours never have
    the same."""
    colour: dict[int, int] = {}
    falling = sorted(blocks, key=lambda block: -block.lack)
    for block in falling:
        taken = {colour[name] for name in beside[block.name] if name in colour}
        colour[block.name] = next(number for number in count() if number not in taken)
    return sorted(falling, key=lambda block: colour[block.name])
