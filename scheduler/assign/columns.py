"""Columns and rows: every way to serve each request, and what each way uses.

A column is (request, start, lawyer). A row is a thing that runs out at a time: a room class at a quarter-hour, an
officers' roster at one, a person at one, an allowance, a half-day of a keep-apart group. Rows that cannot bind (no
more requests could use them than they hold) are dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns, sorted by request. `rows` is padded with `len(capacity)`, a row that never runs out."""

    request: Ints  # column -> request index
    start: Ints  # column -> quarter-hour, or whatever the maker of the columns calls a beginning
    lawyer: Ints  # column -> lawyer id, -1: none
    value: Ints
    rows: Ints  # column x width -> row
    first: Ints  # request index -> its first column; one longer than there are requests
    capacity: Ints
    names: Sequence[str]  # row -> its name in the plan's duals

    @property
    def requests(self) -> int:
        return len(self.first) - 1

    def worth(self, value: Ints) -> "Columns":
        """The same ways, worth something else."""
        return Columns(
            self.request, self.start, self.lawyer, value, self.rows, self.first, self.capacity, self.names
        )

    def only(self, kept: Ints) -> "Columns":
        """These columns (by number, in order) alone, for as many requests and with the same rows."""
        request = self.request[kept]
        first = np.searchsorted(request, np.arange(self.requests + 1)).astype(np.int64)
        return Columns(
            request, self.start[kept], self.lawyer[kept], self.value[kept], self.rows[kept], first,
            self.capacity, self.names,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve `request`: worth `value`, and taking one of each thing in `rows`."""

    request: int
    start: int
    value: int
    rows: tuple[str, ...]


def of_ways(ways: Sequence[Way], capacity: Mapping[str, int], requests: int) -> Columns:
    """The columns of ways that are listed one by one, in order of their requests. A name that `capacity` does not
    know never runs out; what has no capacity left is no way."""
    usable = [way for way in ways if all(capacity.get(name, 1) > 0 for name in way.rows)]
    numbers: dict[str, int] = {}
    pairs = [
        (column, numbers.setdefault(name, len(numbers)))
        for column, way in enumerate(usable)
        for name in way.rows
        if name in capacity
    ]
    owner, row = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    request = np.array([way.request for way in usable], dtype=np.int64)
    limits = np.array([capacity[name] for name in numbers], dtype=np.int64)
    table, keep = binding(owner, row, request, limits)
    names = list(numbers)
    return Columns(
        request=request,
        start=np.array([way.start for way in usable], dtype=np.int64),
        lawyer=np.full(len(usable), -1, dtype=np.int64),
        value=np.array([way.value for way in usable], dtype=np.int64),
        rows=table,
        first=np.searchsorted(request, np.arange(requests + 1)).astype(np.int64),
        capacity=limits[keep],
        names=[names[int(row)] for row in keep],
    )


def binding(column: Ints, row: Ints, request: Ints, capacity: Ints) -> tuple[Ints, Ints]:
    """From pairs (column, row) to the padded table of rows by column, with only those rows that more requests could
    use than they hold. Answers it, and which rows are kept, in their new order."""
    total = int(request.max(initial=0)) + 1  # more than there are columns, where many have no way at all
    once = np.unique(row * total + request[column]) if len(row) else row
    users = np.bincount(once // total, minlength=len(capacity)) if len(once) else np.zeros(len(capacity))
    keep = np.flatnonzero(users > capacity)
    number = np.full(len(capacity), len(keep), dtype=np.int64)
    number[keep] = np.arange(len(keep))
    new = number[row]
    real = new < len(keep)
    column, new = column[real], new[real]
    order = np.argsort(column, kind="stable")
    column, new = column[order], new[order]
    counts = np.bincount(column, minlength=len(request))
    width = int(counts.max(initial=0))
    place = np.arange(len(column)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((len(request), width), len(keep), dtype=np.int64)
    table[column, place] = new
    return table, keep


def ranges(first: Ints, length: Ints) -> tuple[Ints, Ints]:
    """(which, number): for each i the numbers first[i], first[i] + 1, …, as many as length[i], one after another."""
    which = np.repeat(np.arange(len(first)), length)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(length) - length, length)
    return which, first[which] + offset


def array(values: Any) -> Ints:
    return np.array(list(values), dtype=np.int64)
