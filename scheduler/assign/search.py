"""From prices to a plan: rounding, then a local search that inserts and ejects.

An unserved request is put into the way that its prices and the present crowding favour; whoever must give way is
ejected and tried elsewhere; the step is kept if it gains, or with the probability of simulated annealing if it loses.
The search stops after a number of steps, never after a time, so that a plan can be made again.
"""

import math
import random
from collections.abc import Iterable

import numpy as np

from scheduler.assign.columns import Columns, Ints
from scheduler.assign.prices import Floats, Prices, Watch, unwatched

_NONE = -1
_REPORTED = 500  # steps between two reports
_HOT, _COLD = 0.12, 0.05  # temperatures at both ends, in units of the mean value of a column
_PRICE_WEIGHT, _NOISE = 2.0, 3.0  # how much prices and chance count against one more ejection


class Search:
    """A plan in the making: which column serves each request, and what is left of each row."""

    def __init__(self, columns: Columns, prices: Prices | None, seed: int, watch: Watch = unwatched) -> None:
        self._columns = columns
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed).random(1 << 16) * _NOISE
        paid = 0 if prices is None else prices.row[columns.rows].sum(axis=1)
        self._reduced: Floats = columns.value - paid
        self._scale = float(columns.value.mean()) if len(columns.value) else 1.0
        self._attraction = self._reduced / max(self._scale, 1.0) * _PRICE_WEIGHT
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
        self._before: dict[int, int] = {}  # request -> its column when the best plan so far was found
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

    def improve(self, steps: int) -> None:
        """Runs `steps` steps and goes back to the best plan seen."""
        best_value = self.value
        self._before.clear()
        for step in range(steps):
            if not self._unserved:
                break
            temperature = self._scale * _HOT * (_COLD / _HOT) ** (step / steps)
            self._step(temperature)
            if self.value > best_value:
                best_value = self.value
                self._before.clear()
            if step % _REPORTED == 0:
                self._watch("search", 100 * step // steps)
        self._restore(dict(self._before))

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

    def _step(self, temperature: float) -> None:
        request = self._unserved[int(self._random.random() * len(self._unserved))]
        first, last = self._first[request], self._first[request + 1]
        full = (self._slack[self._table[first:last]] <= 0).sum(axis=1)
        free = np.flatnonzero(full == 0)
        if len(free):
            self._put(request, first + int(free[self._reduced[first + free].argmax()]))
            return
        before = self.value
        column = self._tempting(first, last, full)
        ejected = [(one, self._take_out(one)) for one in self._in_the_way(column)]
        self._put(request, column)
        resettled = []
        for one, _ in sorted(ejected, key=lambda pair: -self._value[pair[1]]):
            other = self._best_free(one, self._reduced)
            if other != _NONE:
                self._put(one, other)
                resettled.append(one)
        loss = before - self.value
        if loss <= 0 or self._random.random() < math.exp(-loss / temperature):
            return
        for one in (*resettled, request):
            self._take_out(one)
        for one, old in ejected:
            self._put(one, old)

    def _tempting(self, first: int, last: int, full: Ints) -> int:
        """The column with the best sum of price, chance and few ejections."""
        offset = int(self._random.random() * (len(self._noise) - (last - first)))
        score = self._attraction[first:last] + self._noise[offset : offset + last - first] - full
        return int(first + score.argmax())

    def _in_the_way(self, column: int) -> list[int]:
        """Requests whose ejection frees every full row of `column`."""
        out: list[int] = []
        for row in self._rows(column):
            if self._slack[row] > 0 or any(one in out for one in self._users[row]):
                continue
            out.append(min(self._users[row], key=self._worth_in_passing))
        return out

    def _worth_in_passing(self, request: int) -> float:
        return float(self._value[self.chosen[request]] * (0.5 + self._random.random()))

    def _best_free(self, request: int, taste: Floats | Ints) -> int:
        first, last = self._first[request], self._first[request + 1]
        free = np.flatnonzero((self._slack[self._table[first:last]] > 0).all(axis=1))
        return first + int(free[taste[first + free].argmax()]) if len(free) else _NONE

    def _put(self, request: int, column: int) -> None:
        self._before.setdefault(request, _NONE)
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
        self._before.setdefault(request, column)
        self.chosen[request] = _NONE
        self.value -= self._value[column]
        for row in self._rows(column):
            self._slack[row] += 1
            self._users[row].remove(request)
        self._place[request] = len(self._unserved)
        self._unserved.append(request)
        return column

    def _restore(self, before: dict[int, int]) -> None:
        """Goes back to the columns that these requests had."""
        changed = [request for request, column in before.items() if self.chosen[request] != column]
        for request in changed:
            if self.chosen[request] != _NONE:
                self._take_out(request)
        for request in changed:
            if before[request] != _NONE:
                self._put(request, before[request])
