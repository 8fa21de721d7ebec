"""From prices to a plan: rounding, then a local search that inserts and ejects (`chains`, or in C: `native`).

The search stops after a number of steps, never after a time, so that a plan can be made again.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from scheduler.assign import chains, native
from scheduler.assign.columns import Columns, Floats, Ints
from scheduler.assign.moves import SWEEPS, moves
from scheduler.assign.prices import Prices, Watch, unwatched

_NONE = -1
_NEAR = 0.05  # of what serving a request is worth: columns that cost more against its best are not searched
LONGER = 4  # times as many steps, where several plans are searched to be made one
_TURN = 25  # steps for each request between two coolings, at most


class Search:
    """A plan in the making: which column serves each request, and what is left of each row."""

    def __init__(self, columns: Columns, prices: Prices | None, seed: int, watch: Watch = unwatched) -> None:
        self._columns = columns
        self._seed = seed
        paid = 0 if prices is None else prices.row[columns.rows].sum(axis=1)
        self._reduced: Floats = columns.value - paid
        self._first = columns.first.tolist()
        self._value = columns.value.tolist()
        self._table = np.ascontiguousarray(columns.rows, dtype=np.int32)
        self._known: list[list[int] | None] = [None] * len(self._value)
        self._slack = np.append(columns.capacity, 1 << 30)
        self._users: list[list[int]] = [[] for _ in columns.capacity]
        self.chosen = [_NONE] * (len(columns.first) - 1)
        self._unserved: list[int] = [
            r for r in range(len(self.chosen)) if self._first[r + 1] > self._first[r]
        ]
        self._place = {request: i for i, request in enumerate(self._unserved)}
        self._watch = watch
        self.value = 0

    def round(self, prices: Prices) -> None:
        """Takes the linear programs' whole columns, then fills by fraction and price."""
        lengths = np.diff(self._columns.first)
        filled = np.flatnonzero(lengths > 0)
        if not len(filled):
            return
        mass = np.add.reduceat(prices.fraction, self._columns.first[:-1][filled])
        taste = self._reduced + 1e5 * prices.fraction
        for request in filled[np.argsort(-mass, kind="stable")].tolist():
            column = self._best_free(request, taste)
            if column != _NONE:
                self._put(request, column)

    def put_if_free(self, request: int, column: int) -> None:
        """Takes this column, unless something of it has run out."""
        if (self._slack[self._table[column]] > 0).all():
            self._put(request, column)

    def by_value(self) -> list[int]:
        """The unserved requests, the one that is worth most first."""
        best = [(-max(self._value[self._first[r] : self._first[r + 1]]), r) for r in self._unserved]
        return [request for _, request in sorted(best)]

    def fill(self, requests: Iterable[int]) -> None:
        """Gives each its best free column, if there is one."""
        for request in requests:
            column = self._best_free(request, self._columns.value)
            if self.chosen[request] == _NONE and column != _NONE:
                self._put(request, column)

    def several(self, plans: int, steps: int, blocks: Ints) -> list[list[int]]:
        """As many plans, searched from where it stands with other chances each, `LONGER` times `steps`, on all cores.
        Stands at the best; answers all."""
        with ThreadPoolExecutor(os.cpu_count()) as hands:
            seeds = range(self._seed, self._seed + plans)
            found = list(hands.map(lambda seed: self._found(LONGER * steps, blocks, seed), seeds))
        self.stand(max(found, key=self._worth))
        return found

    def _worth(self, plan: list[int]) -> int:
        return sum(self._value[column] for column in plan if column != _NONE)

    def improve(self, steps: int, blocks: Ints) -> None:
        """Runs `steps` steps, each block's share in a few turns; what is found is never worse. `blocks`: request ->
        block, requests that mostly stand in each other's way."""
        self.stand(self._found(steps, blocks, self._seed))

    def _found(self, steps: int, blocks: Ints, seed: int) -> list[int]:
        if not len(self._value) or not steps:
            return list(self.chosen)
        near = self._near()
        number = np.full(len(self._value) + 1, _NONE)  # the last one is that of nothing chosen
        number[near] = np.arange(len(near))
        made = moves(self._columns.only(near), self._reduced[near], blocks, seed)
        code, present = native.library(), number[self.chosen].tolist()
        runner = chains.Chains(made, present) if code is None else native.Native(code, made, present)
        sweeps = max(SWEEPS, steps // (_TURN * len(self.chosen)))
        turns, sizes = sweeps * made.blocks, made.sizes()
        for turn in range(turns):
            block = turn % made.blocks
            runner.run(block, steps * sizes[block] // (len(self.chosen) * sweeps))
            self._watch("search", 100 * (turn + 1) // turns)
        return [_NONE if column == _NONE else int(near[column]) for column in runner.chosen()]

    def _near(self) -> Ints:
        """The columns that cost little against the best of their request, prices paid, and those that are chosen. A
        plan near the bound has no others, and a search that does not look at them gets further."""
        request = self._columns.request
        best, worth = np.zeros(len(self.chosen)), np.zeros(len(self.chosen))
        np.maximum.at(best, request, self._reduced)
        np.maximum.at(worth, request, self._columns.value)
        near = best[request] - self._reduced <= _NEAR * worth[request]
        near[[column for column in self.chosen if column != _NONE]] = True
        answer: Ints = np.flatnonzero(near)
        return answer

    def stand(self, chosen: list[int]) -> None:
        """Takes over a plan whole."""
        changed = [request for request, column in enumerate(chosen) if column != self.chosen[request]]
        for request in changed:
            if self.chosen[request] != _NONE:
                self._take_out(request)
        for request in changed:
            if chosen[request] != _NONE:
                self._put(request, chosen[request])

    def polish(self) -> None:
        """Moves every served request to its best free column until nothing gains."""
        moved = True
        while moved:
            moved = False
            for request, column in enumerate(self.chosen):
                if column == _NONE:
                    continue
                self._take_out(request)
                better = self._best_free(request, self._columns.value)
                moved |= self._value[better] > self._value[column]
                self._put(request, better if self._value[better] > self._value[column] else column)

    def _rows(self, column: int) -> list[int]:
        """The rows of a column without the padding; looked up once."""
        rows = self._known[column]
        if rows is None:
            rows = [row for row in self._table[column].tolist() if row < len(self._users)]
            self._known[column] = rows
        return rows

    def _best_free(self, request: int, taste: Floats | Ints) -> int:
        first, last = self._first[request], self._first[request + 1]
        free = np.flatnonzero((self._slack[self._table[first:last]] > 0).all(axis=1))
        return first + int(free[taste[first + free].argmax()]) if len(free) else _NONE

    def _put(self, request: int, column: int) -> None:
        self.chosen[request] = column
        self.value += self._value[column]
        for row in self._rows(column):
            self._slack[row] -= 1
            self._users[row].append(request)
        place = self._place.pop(request)
        last = self._unserved.pop()
        if last != request:
            self._unserved[place] = last
            self._place[last] = place

    def _take_out(self, request: int) -> int:
        column = self.chosen[request]
        self.chosen[request] = _NONE
        self.value -= self._value[column]
        for row in self._rows(column):
            self._slack[row] += 1
            self._users[row].remove(request)
        self._place[request] = len(self._unserved)
        self._unserved.append(request)
        return column
