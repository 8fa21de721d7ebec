"""From an instance to its columns, array by array: what each request may use, on the 15-minute grid.

A thing (a room class, a person, a booth …) has a number; its row at quarter-hour t is number * STRIDE + t.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scheduler.assign.columns import Columns, Ints, array, binding, ranges
from scheduler.assign.instance import LAWYER_GAP, TURNAROUND, WEEK, Instance, Request

_PLENTY = 1 << 30
STRIDE = WEEK + 64  # a call that starts on the last quarter-hour still has rows to stand on


def quarters(minutes: int) -> int:
    """Quarter-hours that `minutes` touch."""
    return -(-minutes // 15)


def build(instance: Instance, used: Mapping[tuple[str, int], int] | None = None) -> Columns:
    """Every column of every request that can be used at all, and the rows that can bind. `used`: what is taken of a
    thing at a quarter-hour before anybody here is served."""
    return _Builder(instance, used or {}).columns()


class _Builder:
    def __init__(self, instance: Instance, used: Mapping[tuple[str, int], int]) -> None:
        self._instance = instance
        self._used = used
        self._requests = instance.requests
        self._inmates = {inmate.id: inmate for inmate in instance.inmates}
        self._things: dict[str, int] = {}
        self._users: list[tuple[int, int, int]] = []  # (request, thing, quarter-hours it is taken)

    def columns(self) -> Columns:
        request, start, rank, lawyer = self._ways()
        column, row = self._taken(request, start, lawyer)
        rows, position = np.unique(row, return_inverse=True)
        capacity = self._capacities(rows) - self._taken_before(rows)
        usable = np.bincount(column, weights=capacity[position] <= 0, minlength=len(request)) == 0
        number = np.cumsum(usable) - 1
        kept = usable[column]
        request, start, rank, lawyer = request[usable], start[usable], rank[usable], lawyer[usable]
        table, keep = binding(number[column[kept]], position[kept], request, capacity)
        return Columns(
            request=request,
            start=start,
            lawyer=lawyer,
            value=self._values(request, rank, start),
            rows=table,
            first=np.searchsorted(request, np.arange(len(self._requests) + 1)).astype(np.int64),
            capacity=capacity[keep],
            names=_Names(self._things, rows[keep]),
        )

    def _ways(self) -> tuple[Ints, Ints, Ints, Ints]:
        """(request, start, rank of the first window that holds the call, lawyer) of each way."""
        windows = [
            (i, rank, max(begin, r.min_day * 96), end - quarters(r.minutes) + 1)
            for i, r in enumerate(self._requests)
            for rank, (begin, end) in enumerate(r.windows)
        ]
        owner, rank, begin, stop = array(windows).reshape(-1, 4).T
        which, start = ranges(begin, np.maximum(0, stop - begin))
        _, first = np.unique(owner[which] * STRIDE + start, return_index=True)
        request, start, rank = owner[which][first], start[first], rank[which][first]
        legal = array(r.kind == "legal" for r in self._requests)[request] == 1
        one, two, three, lawyer = self._with_lawyers(request[legal], start[legal], rank[legal])
        free = ~legal
        request, start = np.concatenate([request[free], one]), np.concatenate([start[free], two])
        rank = np.concatenate([rank[free], three])
        lawyer = np.concatenate([np.full(int(free.sum()), -1), lawyer])
        order = np.argsort(request, kind="stable")
        return request[order], start[order], rank[order], lawyer[order]

    def _with_lawyers(self, request: Ints, start: Ints, rank: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """The ways of legal calls, once for each named lawyer who is there throughout."""
        offsets = np.cumsum([0, *(len(r.lawyers) for r in self._requests)])
        named = array(one for r in self._requests for one in r.lawyers)
        which, place = ranges(offsets[request], offsets[request + 1] - offsets[request])
        lawyer = named[place] if len(named) else place
        numbers = {one.id: n for n, one in enumerate(self._instance.lawyers)}
        until = np.zeros((len(numbers) + 1, STRIDE), dtype=np.int64)
        for one in self._instance.lawyers:
            for begin, end in one.available:
                span = until[numbers[one.id], begin:end]
                np.maximum(span, end, out=span)
        minutes = array(r.minutes for r in self._requests)[request[which]]
        rows = array(numbers[int(one)] for one in lawyer)
        there = start[which] * 15 + minutes <= until[rows, start[which]] * 15
        which, lawyer = which[there], lawyer[there]
        return request[which], start[which], rank[which], lawyer

    def _thing(self, name: str) -> int:
        return self._things.setdefault(name, len(self._things))

    def _uses(self, index: int, request: Request) -> None:
        """Notes what does not depend on the time or the lawyer."""
        talk, room = quarters(request.minutes), quarters(request.minutes + TURNAROUND)
        place = f"{request.prison}:{request.wing}"
        taken = [(f"inmate:{request.inmate}", room)]
        if request.kind == "family":
            taken += [
                (f"room:{place}:{'accessible' if request.accessible else 'terminal'}", room),
                (f"officers:{place}", talk),
            ]
        else:
            taken.append((f"legal:{request.prison}", room))
        taken += [(f"visitor:{visitor}", talk) for visitor in request.visitors]
        if request.booth is not None:
            taken.append((f"booth:{request.booth}", room))
        self._users += [(index, self._thing(name), length) for name, length in taken]

    def _taken(self, request: Ints, start: Ints, lawyer: Ints) -> tuple[Ints, Ints]:
        """(column, row) for everything that each column uses and that can run out by itself."""
        for index, one in enumerate(self._requests):
            self._uses(index, one)
        owner, thing, length = array(self._users).reshape(-1, 3).T
        wanted = ~self._implied(owner, thing)[thing]
        owner, thing, length = owner[wanted], thing[wanted], length[wanted]
        first = np.searchsorted(request, np.arange(len(self._requests) + 1))
        which, column = ranges(first[owner], first[owner + 1] - first[owner])
        part, row = ranges(thing[which] * STRIDE + start[column], length[which])
        parts = [(column[part], row), *self._rest(request, start, lawyer)]
        return np.concatenate([one for one, _ in parts]), np.concatenate([two for _, two in parts])

    def _implied(self, owner: Ints, thing: Ints) -> NDArray[np.bool_]:
        """People (by thing) who cannot be wanted twice at once: one request alone names them, or all that do are
        family calls of one inmate who has a single call anyway."""
        at_once = np.zeros(len(self._things), dtype=np.int64)  # calls that may name this person in one week
        inmate = array(r.inmate for r in self._requests)
        single = array(r.kind == "family" and self._inmates[r.inmate].allowance <= 1 for r in self._requests)
        pairs = np.unique(
            np.stack([thing, inmate[owner], single[owner], owner * (1 - single[owner])]), axis=1
        )
        np.add.at(at_once, pairs[0], 1)
        people = array(name.startswith(("inmate:", "visitor:")) for name in self._things) == 1
        elsewhere = {name for name, _ in self._used}
        known = array(name in elsewhere for name in self._things) == 1
        answer: NDArray[np.bool_] = people & (at_once <= 1) & ~known
        return answer

    def _rest(self, request: Ints, start: Ints, lawyer: Ints) -> list[tuple[Ints, Ints]]:
        """Lawyers, allowances and keep-apart groups."""
        legal = np.flatnonzero(lawyer >= 0)
        bases = {one: self._thing(f"lawyer:{one}") for one in np.unique(lawyer[legal]).tolist()}
        base = array(bases[one] for one in lawyer[legal].tolist()) * STRIDE
        gap = array(quarters(r.minutes + LAWYER_GAP) for r in self._requests)[request[legal]]
        part, row = ranges(base + start[legal], gap)
        found = [(legal[part], row)]
        inmates = [self._inmates[r.inmate] for r in self._requests]
        families = np.flatnonzero(lawyer < 0)
        allowance = array(
            self._thing(f"allowance:{i.id}") if r.kind == "family" else 0
            for i, r in zip(inmates, self._requests, strict=True)
        )
        found.append((families, allowance[request[families]] * STRIDE))
        groups = array(-1 if i.apart is None else self._thing(f"apart:{i.apart}") for i in inmates)[request]
        apart = np.flatnonzero(groups >= 0)
        half = start[apart] // 96 * 2 + (start[apart] % 96 >= 48)
        return [*found, (apart, groups[apart] * STRIDE + half)]

    def _capacities(self, rows: Ints) -> Ints:
        """How much each row holds; most things, people among them, hold one."""
        holds = np.ones((len(self._things), 1), dtype=np.int64)
        fixed = {f"booth:{b.id}": b.seats for b in self._instance.booths}
        fixed |= {f"allowance:{i.id}": i.allowance for i in self._instance.inmates}
        rosters: dict[int, Ints] = {}
        for prison in self._instance.prisons:
            fixed[f"legal:{prison.id}"] = prison.legal_rooms
            for wing in prison.wings:
                place = f"{prison.id}:{wing.id}"
                fixed[f"room:{place}:terminal"] = wing.terminals
                fixed[f"room:{place}:accessible"] = wing.accessible
                if (number := self._things.get(f"officers:{place}")) is not None:
                    there = rosters[number] = np.zeros(STRIDE, dtype=np.int64)
                    for begin, end, officers in wing.sessions:
                        np.maximum(there[begin:end], officers, out=there[begin:end])
                    # As many officers as terminals never run out before the terminals do.
                    there[there >= wing.terminals + wing.accessible] = _PLENTY
        for name, capacity in fixed.items():
            if name in self._things:
                holds[self._things[name]] = capacity
        answer: Ints = holds[rows // STRIDE, 0]
        for number, there in rosters.items():
            first, last = np.searchsorted(rows, [number * STRIDE, (number + 1) * STRIDE])
            answer[first:last] = there[rows[first:last] % STRIDE]
        return answer

    def _taken_before(self, rows: Ints) -> Ints:
        taken = np.zeros(len(rows), dtype=np.int64)
        for (name, at), count in self._used.items():
            if name in self._things:
                place = int(np.searchsorted(rows, self._things[name] * STRIDE + at))
                if place < len(rows) and rows[place] == self._things[name] * STRIDE + at:
                    taken[place] = count
        return taken

    def _values(self, request: Ints, rank: Ints, start: Ints) -> Ints:
        """What serving in window number `rank` at `start` is worth, as the checker counts it."""
        weight = array(r.weight for r in self._requests)[request]
        lost = np.floor(weight * (0.5 * rank + 0.4 * (start // 96))).astype(np.int64)
        answer: Ints = 100 * weight - lost
        return answer


class _Names(list[str]):
    """The names of rows in the plan's duals, in the checker's grammar."""

    def __init__(self, things: dict[str, int], rows: Ints) -> None:
        prefixes = list(things)
        super().__init__(_name(prefixes[row // STRIDE], row % STRIDE) for row in rows.tolist())


def _name(prefix: str, at: int) -> str:
    kind = prefix.partition(":")[0]
    if kind == "allowance":
        return prefix
    return f"{prefix}:{at // 2}:{at % 2}" if kind == "apart" else f"{prefix}:{at}"
