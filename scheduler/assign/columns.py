"""Columns and rows: every way to serve each request, and what each way uses.

A column is (request, start, lawyer) on the 15-minute grid. A row is a thing that runs out: a room class at a
quarter-hour, an officers' roster at one, a person at one, an allowance, a half-day of a keep-apart group. Rows that
cannot bind (no more requests could use them than they hold) are dropped.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.assign.instance import LAWYER_GAP, TURNAROUND, WEEK, Inmate, Instance, Request

Ints = NDArray[np.int64]
_STRIDE = WEEK + 64  # a call that starts on the last quarter-hour still has rows to stand on


def quarters(minutes: int) -> int:
    """Quarter-hours that `minutes` touch."""
    return -(-minutes // 15)


def value_of(request: Request, rank: int, start: int) -> int:
    """What serving `request` in its window number `rank` at `start` is worth (as the checker counts it)."""
    return 100 * request.weight - math.floor(request.weight * (0.5 * rank + 0.4 * (start // 96)))


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns, sorted by request. `rows` is padded with `len(capacity)`, a row that never runs out."""

    request: Ints  # column -> request index
    start: Ints  # column -> quarter-hour
    lawyer: Ints  # column -> lawyer id, -1: none
    value: Ints
    rows: Ints  # column x width -> row
    first: Ints  # request index -> its first column; one longer than there are requests
    capacity: Ints
    names: list[str]  # row -> its name in the plan's duals


class _Rows:
    """Hands out numbers to the things that run out."""

    def __init__(self, instance: Instance) -> None:
        self._base: dict[str, int] = {}
        self._prefix: list[str] = []
        self._wings = {(p.id, w.id): w for p in instance.prisons for w in p.wings}
        self._rooms = {p.id: p.legal_rooms for p in instance.prisons}
        self._seats = {b.id: b.seats for b in instance.booths}
        self._allowance = {i.id: i.allowance for i in instance.inmates}

    def base(self, prefix: str) -> int:
        """The number of quarter-hour 0 of the thing named `prefix`."""
        if prefix not in self._base:
            self._base[prefix] = len(self._prefix) * _STRIDE
            self._prefix.append(prefix)
        return self._base[prefix]

    def name(self, row: int) -> str:
        prefix, at = self._prefix[row // _STRIDE], row % _STRIDE
        kind = prefix.partition(":")[0]
        if kind == "allowance":
            return prefix
        return f"{prefix}:{at // 2}:{at % 2}" if kind == "apart" else f"{prefix}:{at}"

    def capacity(self, row: int) -> int:
        kind, *key = self._prefix[row // _STRIDE].split(":")
        at = row % _STRIDE
        if kind == "room":
            wing = self._wings[int(key[0]), int(key[1])]
            return wing.terminals if key[2] == "terminal" else wing.accessible
        if kind == "officers":
            sessions = self._wings[int(key[0]), int(key[1])].sessions
            return max((officers for start, end, officers in sessions if start <= at < end), default=0)
        tables = {"legal": self._rooms, "booth": self._seats, "allowance": self._allowance}
        return tables[kind][int(key[0])] if kind in tables else 1


def _spans(request: Request, inmate: Inmate) -> Iterator[tuple[str, int]]:
    """(name of a thing, quarter-hours it is taken) for the things that do not depend on the lawyer."""
    talk, room = quarters(request.minutes), quarters(request.minutes + TURNAROUND)
    place = f"{request.prison}:{request.wing}"
    if request.kind == "family":
        yield f"room:{place}:{'accessible' if request.accessible else 'terminal'}", room
        yield f"officers:{place}", talk
    else:
        yield f"legal:{request.prison}", room
    yield f"inmate:{inmate.id}", room
    for visitor in request.visitors:
        yield f"visitor:{visitor}", talk
    if request.booth is not None:
        yield f"booth:{request.booth}", room


def _starts(request: Request) -> dict[int, int]:
    """Start -> rank of the first window that holds the whole call from there."""
    needed = quarters(request.minutes)
    starts: dict[int, int] = {}
    for rank, (begin, end) in enumerate(request.windows):
        for start in range(max(begin, request.min_day * 96), end - needed + 1):
            starts.setdefault(start, rank)
    return starts


class _Builder:
    def __init__(self, instance: Instance) -> None:
        self.rows = _Rows(instance)
        self._inmates = {inmate.id: inmate for inmate in instance.inmates}
        self._available = {lawyer.id: lawyer.available for lawyer in instance.lawyers}

    def columns_of(self, request: Request) -> tuple[Ints, Ints, Ints, Ints]:
        """(starts, lawyers, values, rows) of one request."""
        ranks = _starts(request)
        pairs = [(start, lawyer) for start in ranks for lawyer in self._lawyers(request, start)]
        starts = np.array([start for start, _ in pairs], dtype=np.int64)
        lawyers = np.array([lawyer for _, lawyer in pairs], dtype=np.int64)
        values = np.array([value_of(request, ranks[start], start) for start, _ in pairs], dtype=np.int64)
        return starts, lawyers, values, self._rows_of(request, starts, lawyers)

    def _lawyers(self, request: Request, start: int) -> Iterator[int]:
        if request.kind == "family":
            yield -1
            return
        for lawyer in request.lawyers:
            if any(a <= start and start * 15 + request.minutes <= b * 15 for a, b in self._available[lawyer]):
                yield lawyer

    def _rows_of(self, request: Request, starts: Ints, lawyers: Ints) -> Ints:
        inmate = self._inmates[request.inmate]
        parts = [
            self.rows.base(name) + starts[:, None] + np.arange(length)
            for name, length in _spans(request, inmate)
        ]
        if request.kind == "legal":
            gap = quarters(request.minutes + LAWYER_GAP)
            bases = {int(one): self.rows.base(f"lawyer:{one}") for one in set(lawyers.tolist())}
            base = np.array([bases[int(one)] for one in lawyers], dtype=np.int64)
            parts.append((base + starts)[:, None] + np.arange(gap))
        else:
            parts.append(np.full((len(starts), 1), self.rows.base(f"allowance:{inmate.id}")))
        if inmate.apart is not None:
            half = starts // 96 * 2 + (starts % 96 >= 48)
            parts.append((self.rows.base(f"apart:{inmate.apart}") + half)[:, None])
        return np.concatenate(parts, axis=1) if len(starts) else np.empty((0, 0), dtype=np.int64)


def build(instance: Instance) -> Columns:
    """Every column of every request that can be used at all, and the rows that can bind."""
    builder = _Builder(instance)
    built = [builder.columns_of(request) for request in instance.requests]
    width = max((rows.shape[1] for *_, rows in built), default=0)
    padded = [np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=-1) for *_, rows in built]
    request = np.repeat(np.arange(len(built)), [len(starts) for starts, *_ in built])
    raw = np.concatenate([np.empty((0, width), dtype=np.int64), *padded])
    rows, capacity, names = _binding(raw, request, builder.rows)
    usable = (np.append(capacity, 1)[rows] > 0).all(axis=1)
    request = request[usable]
    none = np.empty(0, dtype=np.int64)
    return Columns(
        request=request,
        start=np.concatenate([none, *(b[0] for b in built)])[usable],
        lawyer=np.concatenate([none, *(b[1] for b in built)])[usable],
        value=np.concatenate([none, *(b[2] for b in built)])[usable],
        rows=rows[usable],
        first=np.searchsorted(request, np.arange(len(built) + 1)).astype(np.int64),
        capacity=capacity,
        names=names,
    )


def _binding(raw: Ints, request: Ints, rows: _Rows) -> tuple[Ints, Ints, list[str]]:
    """Renumbers the rows that more requests could use than they hold; all others become the padding."""
    flat = raw.ravel()
    owner = np.repeat(request, raw.shape[1])[flat >= 0]
    ids, inverse = np.unique(flat[flat >= 0], return_inverse=True)
    pairs = np.unique(inverse * (int(request.max(initial=0)) + 1) + owner)
    users = np.bincount(pairs // (int(request.max(initial=0)) + 1), minlength=len(ids))
    capacity = np.array([rows.capacity(int(row)) for row in ids], dtype=np.int64)
    keep = users > capacity
    number = np.where(keep, np.cumsum(keep) - 1, int(keep.sum()))
    compact = np.full(flat.shape, int(keep.sum()), dtype=np.int64)
    compact[flat >= 0] = number[inverse]
    matrix = np.sort(compact.reshape(raw.shape), axis=1)
    used = int((matrix < keep.sum()).sum(axis=1).max(initial=0))
    return matrix[:, :used], capacity[keep], [rows.name(int(row)) for row in ids[keep]]
