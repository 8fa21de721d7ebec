"""The local search in Python: insertion with ejection chains, by simulated annealing, block by block.

An unserved request is put into the way that its prices and chance favour. Whoever must give way is ejected and settled
elsewhere; who finds nothing free is put in by ejecting others, and so on, a few deep. The whole chain is kept if it
gains, or by chance if it loses. `csrc/search.c` does the same step for step, some fifty times faster; a test compares.
"""

from collections.abc import Sequence

import numpy as np

from scheduler.assign.moves import DEPTH, LEVELS, TABLE, Moves

_NONE = -1
_MASK = (1 << 64) - 1


class Chains:
    """A search that stands at the plan `chosen` (request -> column, -1: none)."""

    def __init__(self, moves: Moves, chosen: Sequence[int]) -> None:
        columns = moves.columns
        self._reduced, self._attraction, self._noise = moves.reduced, moves.attraction, moves.noise
        self._passing, self._patience = moves.passing.tolist(), moves.patience.tolist()
        self._temperature = moves.temperature.tolist()
        self._first, self._value = columns.first.tolist(), columns.value.tolist()
        self._block = moves.block.tolist()
        self._table = columns.rows
        self._known: list[list[int] | None] = [None] * len(self._value)
        self._slack = np.append(columns.capacity, 1 << 30)
        self._users: list[list[int]] = [[] for _ in columns.capacity]
        self._chosen = [_NONE] * columns.requests
        self._unserved: list[list[int]] = [[] for _ in range(moves.blocks)]
        self._position = [0] * columns.requests
        self._before: dict[int, int] = {}  # request -> its column when the best plan so far was found
        self._settled: set[int] = set()  # whom the present chain has put somewhere
        self._log: list[tuple[int, int]] = []  # what it did: (request, column taken, or ~column left)
        self._out: list[tuple[int, int]] = []  # whom it ejected, from where
        self._passed = self._awaited = self._total = 0
        self._seed = moves.seed
        for request in range(columns.requests):
            if self._first[request] < self._first[request + 1]:
                waiting = self._unserved[self._block[request]]
                self._position[request] = len(waiting)
                waiting.append(request)
        for request, column in enumerate(chosen):
            if column != _NONE:
                self._put(request, column)

    def run(self, block: int, steps: int) -> int:
        """Runs `steps` steps on the unserved of one block and goes back to the best plan seen; answers its value."""
        best, unserved = self._total, self._unserved[block]
        self._before.clear()
        for number in range(steps):
            if not unserved:
                break
            chance = self._draw() >> 32
            request = unserved[chance * len(unserved) >> 32]
            self._step(request, self._temperature[block][number * LEVELS // steps])
            if self._total > best:
                best = self._total
                self._before.clear()
        self._restore()
        return self._total

    def chosen(self) -> list[int]:
        return list(self._chosen)

    def _draw(self) -> int:
        """The next number of splitmix64."""
        self._seed = self._seed + 0x9E3779B97F4A7C15 & _MASK
        mixed = (self._seed ^ self._seed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        return mixed ^ mixed >> 31

    def _step(self, request: int, temperature: float) -> None:
        before = self._total
        self._settled.clear()
        self._log.clear()
        self._out.clear()
        wanted = request
        for _ in range(DEPTH):
            column = self._best_free(wanted)
            if column == _NONE:
                column = self._tempting(wanted, self._draw() % TABLE)
                if not self._eject(column):
                    break
            self._settle(wanted, column)
            wanted = self._resettle()
            if self._total >= before or wanted == _NONE:
                break
        loss = before - self._total
        if loss > 0:
            patience = self._patience[self._awaited % TABLE]
            self._awaited += 1
            if loss >= temperature * patience:
                self._undo()

    def _tempting(self, request: int, chance: int) -> int:
        """The column with the best sum of price, chance and few ejections."""
        first, last = self._first[request], self._first[request + 1]
        full = (self._slack[self._table[first:last]] <= 0).sum(axis=1)
        score = self._attraction[first:last] + self._noise[chance : chance + last - first] - full
        return int(first + score.argmax())

    def _best_free(self, request: int) -> int:
        """The free column with the greatest reduced value, or none."""
        first, last = self._first[request], self._first[request + 1]
        free = np.flatnonzero((self._slack[self._table[first:last]] > 0).all(axis=1))
        return int(first + free[self._reduced[first + free].argmax()]) if len(free) else _NONE

    def _eject(self, column: int) -> bool:
        """Ejects who is in the way, cheapest in passing, and nobody whom this chain has settled; False, and nobody,
        where somebody settled cannot be passed."""
        picked: list[int] = []
        for row in self._rows(column):
            users = self._users[row]
            if self._slack[row] > 0 or any(one in picked for one in users):
                continue
            movable = [one for one in users if one not in self._settled]
            if not movable:
                return False
            picked.append(min(movable, key=self._worth_in_passing))
        left = [(one, self._take_out(one)) for one in picked]
        self._log += [(one, ~place) for one, place in left]
        self._out += sorted(left, key=lambda pair: -self._value[pair[1]])
        return True

    def _worth_in_passing(self, request: int) -> float:
        self._passed += 1
        return float(self._value[self._chosen[request]] * self._passing[(self._passed - 1) % TABLE])

    def _resettle(self) -> int:
        """Puts the ejected wherever they find a free column; the weightiest who finds none, or none."""
        worst, most = _NONE, -1
        for request, place in self._out:
            if self._chosen[request] != _NONE:
                continue
            column = self._best_free(request)
            if column != _NONE:
                self._settle(request, column)
            elif self._value[place] > most:
                worst, most = request, self._value[place]
        return worst

    def _settle(self, request: int, column: int) -> None:
        self._log.append((request, column))
        self._settled.add(request)
        self._put(request, column)

    def _undo(self) -> None:
        for request, column in reversed(self._log):
            if column >= 0:
                self._take_out(request)
            else:
                self._put(request, ~column)

    def _restore(self) -> None:
        """Goes back to the best plan."""
        changed = list(self._before.items())
        for request, column in changed:
            if self._chosen[request] not in (_NONE, column):
                self._take_out(request)
        for request, column in changed:
            if self._chosen[request] != column:
                self._put(request, column)
        self._before.clear()

    def _rows(self, column: int) -> list[int]:
        """The rows of a column without the padding; looked up once."""
        rows = self._known[column]
        if rows is None:
            rows = [row for row in self._table[column].tolist() if row < len(self._users)]
            self._known[column] = rows
        return rows

    def _put(self, request: int, column: int) -> None:
        self._before.setdefault(request, _NONE)
        self._chosen[request] = column
        self._total += self._value[column]
        for row in self._rows(column):
            self._slack[row] -= 1
            self._users[row].append(request)
        self._remove(self._unserved[self._block[request]], self._position[request])

    def _remove(self, unserved: list[int], place: int) -> None:
        last = unserved.pop()
        if place < len(unserved):
            unserved[place] = last
            self._position[last] = place

    def _take_out(self, request: int) -> int:
        column = self._chosen[request]
        self._before.setdefault(request, column)
        self._chosen[request] = _NONE
        self._total -= self._value[column]
        for row in self._rows(column):
            self._slack[row] += 1
            users = self._users[row]
            users[users.index(request)] = users[-1]
            users.pop()
        waiting = self._unserved[self._block[request]]
        self._position[request] = len(waiting)
        waiting.append(request)
        return column
