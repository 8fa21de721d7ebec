"""The best of several plans: what each of them found, chosen from anew.

Searches from different seeds end at different plans, each good in other places. Their columns alone, and those that
the linear programs favour, are few enough for integer programs (HiGHS), one for each block, those first that lack most;
columns that no better plan of the block can have are left out.
What others use of shared rows is taken off beforehand, so that the plan is feasible after each block, and never worth
less.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from scheduler.assign.columns import Columns, Ints, array
from scheduler.assign.prices import Floats, Prices, Watch, program, unwatched

_FAVOURED = 0.2  # of a column in the linear programs: from there on it is in the pool
_WHOLE = 1300  # columns that a better plan of a block can have: with so few it is given whole
_NEAR = 1e-3  # relative: a block so near to its bound is left alone, and a program so near to its own ends
_NODES = 1  # the root of branch and bound alone; not seconds, so that a plan can be made again


@dataclass(frozen=True, slots=True)
class _Block:
    """`lack`: what its part of the plan lacks to its part of the bound."""

    requests: Ints
    lack: float
    value: int


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

    def merge(self, blocks: Ints, watch: Watch = unwatched) -> None:
        """Chooses anew from the pool, all blocks as they are now, on all cores; who finds then that another block has
        taken something, once more. `blocks`: request -> block."""
        found = sorted(self._blocks(blocks), key=lambda block: -block.lack)
        wanting = [block for block in found if block.lack > _NEAR * (block.value + block.lack)]
        answers = []
        with ThreadPoolExecutor(os.cpu_count()) as hands:
            for number, answer in enumerate(hands.map(self._choice, wanting)):
                answers.append(answer)
                watch("search", 100 * (number + 1) // len(wanting))
        for block, answer in zip(wanting, answers, strict=True):
            if not self._take(block, answer):
                self._take(block, self._choice(block))

    def _used(self, taken: Ints) -> Ints:
        rows = self._columns.rows[taken].ravel()
        answer: Ints = np.bincount(rows, minlength=len(self._columns.capacity) + 1)[:-1]
        return answer

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

    def _take(self, block: _Block, answer: Ints) -> bool:
        """Takes the answer if it is worth more; False where something of it has run out."""
        if self._columns.value[answer].sum() <= block.value:
            return True
        left = self._freed(block) - self._used(answer)
        if left.min(initial=0) < 0:
            return False
        self._left = left
        self.chosen[block.requests] = -1
        self.chosen[self._columns.request[answer]] = answer
        return True

    def _choice(self, block: _Block) -> Ints:
        """The best columns for these requests that were found."""
        columns, left = self._columns, self._freed(block)
        inside = np.zeros(columns.requests, dtype=bool)
        inside[block.requests] = True
        here = np.flatnonzero(inside[columns.request])
        near = here[self._regret[here] <= block.lack]
        some = near if len(near) <= _WHOLE else near[self._pooled[near]]
        return self._program(some[(np.append(left, 1)[columns.rows[some]] > 0).all(axis=1)], left)

    def _program(self, some: Ints, left: Ints) -> Ints:
        """The best choice of these columns that was found."""
        if not len(some):
            return some
        asked = program(self._columns, some, left)
        answer = milp(
            -self._columns.value[some].astype(np.float64),
            constraints=LinearConstraint(asked.matrix, -np.inf, asked.limits),
            integrality=np.ones(len(some)),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": _NEAR, "node_limit": _NODES},
        )
        return some[:0] if answer.x is None else some[answer.x > 0.5]
