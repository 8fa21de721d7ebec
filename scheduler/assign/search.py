"""From prices to a plan: rounding, then a local search that inserts and ejects.

An unserved request is put into the way that its prices and the present crowding favour; whoever must give way is
ejected and tried elsewhere; the step is kept if it gains, or with the probability of simulated annealing if it loses.
The search stops after a number of steps, never after a time, so that a plan can be made again.
"""

import math
import random

import numpy as np

from scheduler.assign.columns import Columns, Ints
from scheduler.assign.prices import Floats, Prices

_NONE = -1
_HOT, _COLD = 0.12, 0.05  # temperatures at both ends, in units of the mean value of a column
_PRICE_WEIGHT, _NOISE = 2.0, 3.0  # how much prices and chance count against one more ejection


class Search:
    """A plan in the making: which column serves each request, and what is left of each row."""

    def __init__(self, columns: Columns, prices: Prices, seed: int) -> None:
        self._columns = columns
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed).random(1 << 16) * _NOISE
        self._reduced: Floats = columns.value - prices.row[columns.rows].sum(axis=1)
        self._scale = float(columns.value.mean()) if len(columns.value) else 1.0
        self._attraction = self._reduced / max(self._scale, 1.0) * _PRICE_WEIGHT
        self._first = columns.first.tolist()
        self._value = columns.value.tolist()
        self._rows = [[row for row in rows if row < len(columns.capacity)] for rows in columns.rows.tolist()]
        self._slack = np.append(columns.capacity, 1 << 30)
        self._users: list[list[int]] = [[] for _ in columns.capacity]
        self.chosen = [_NONE] * (len(columns.first) - 1)
        self._unserved: list[int] = [
            r for r in range(len(self.chosen)) if self._first[r + 1] > self._first[r]
        ]
        self._place = {request: i for i, request in enumerate(self._unserved)}
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

    def improve(self, steps: int) -> None:
        """Runs `steps` steps and goes back to the best plan seen."""
        best, best_value = list(self.chosen), self.value
        for step in range(steps):
            if not self._unserved:
                break
            temperature = self._scale * _HOT * (_COLD / _HOT) ** (step / steps)
            self._step(temperature)
            if self.value > best_value:
                best, best_value = list(self.chosen), self.value
        self._restore(best)

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

    def _step(self, temperature: float) -> None:
        request = self._unserved[int(self._random.random() * len(self._unserved))]
        column = self._best_free(request, self._reduced)
        if column != _NONE:
            self._put(request, column)
            return
        before = self.value
        column = self._tempting(request)
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

    def _tempting(self, request: int) -> int:
        """The column with the best sum of price, chance and few ejections."""
        first, last = self._first[request], self._first[request + 1]
        full = (self._slack[self._columns.rows[first:last]] <= 0).sum(axis=1)
        offset = int(self._random.random() * (len(self._noise) - (last - first)))
        score = self._attraction[first:last] + self._noise[offset : offset + last - first] - full
        return int(first + score.argmax())

    def _in_the_way(self, column: int) -> list[int]:
        """Requests whose ejection frees every full row of `column`."""
        out: list[int] = []
        for row in self._rows[column]:
            if self._slack[row] > 0 or any(one in out for one in self._users[row]):
                continue
            out.append(min(self._users[row], key=self._worth_in_passing))
        return out

    def _worth_in_passing(self, request: int) -> float:
        return float(self._value[self.chosen[request]] * (0.5 + self._random.random()))

    def _best_free(self, request: int, taste: Floats | Ints) -> int:
        first, last = self._first[request], self._first[request + 1]
        free = np.flatnonzero((self._slack[self._columns.rows[first:last]] > 0).all(axis=1))
        return first + int(free[taste[first + free].argmax()]) if len(free) else _NONE

    def _put(self, request: int, column: int) -> None:
        self.chosen[request] = column
        self.value += self._value[column]
        for row in self._rows[column]:
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
        for row in self._rows[column]:
            self._slack[row] += 1
            self._users[row].remove(request)
        self._place[request] = len(self._unserved)
        self._unserved.append(request)
        return column

    def _restore(self, chosen: list[int]) -> None:
        for request, column in enumerate(self.chosen):
            if column != _NONE and column != chosen[request]:
                self._take_out(request)
        for request, column in enumerate(chosen):
            if column != _NONE and self.chosen[request] == _NONE:
                self._put(request, column)
