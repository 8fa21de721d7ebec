"""Prices: a small linear program for each wing's family calls and each prison's legal rooms, solved by HiGHS.

A block sees only its own requests, so its optimum can only be too high: the sum over the blocks is a bound on the
best plan, and the blocks' duals, the highest where blocks share a row, are prices that prove a bound by weak duality.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from scheduler.assign.columns import Columns, Ints
from scheduler.assign.instance import Instance

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prices:
    """`fraction`: the linear programs' answer for each column; `row`: a price for each row, and 0 for the padding."""

    fraction: Floats
    row: Floats
    bound: float


def price(instance: Instance, columns: Columns) -> Prices:
    """Solves all blocks."""
    block_of = np.array([_block(instance, i) for i in range(len(instance.requests))], dtype=np.int64)
    fraction = np.zeros(len(columns.value))
    row = np.zeros(len(columns.capacity) + 1)
    for block in np.unique(block_of):
        chosen = np.flatnonzero(block_of[columns.request] == block)
        if len(chosen):
            fraction[chosen], prices = _solve(columns, chosen)
            np.maximum(row, prices, out=row)
    return Prices(fraction, row, bound(columns, row))


def bound(columns: Columns, row: Floats) -> float:
    """What no plan can exceed, by weak duality: Σ price * capacity + Σ over requests of max(0, best reduced value)."""
    reduced = columns.value - row[columns.rows].sum(axis=1)
    lengths = np.diff(columns.first)
    best = np.maximum.reduceat(reduced, columns.first[:-1][lengths > 0]) if len(reduced) else np.zeros(0)
    return float((row[:-1] * columns.capacity).sum() + np.maximum(0, best).sum())


def _block(instance: Instance, index: int) -> int:
    request = instance.requests[index]
    return request.prison * 4096 + (request.wing + 1 if request.kind == "family" else 0)


def _solve(columns: Columns, chosen: Ints) -> tuple[Floats, Floats]:
    """One block's linear program: each request at most once, no row beyond its capacity."""
    rows = columns.rows[chosen]
    real = rows < len(columns.capacity)
    used, position = np.unique(rows[real], return_inverse=True)
    _, request = np.unique(columns.request[chosen], return_inverse=True)
    column_of = np.nonzero(real)[0]
    count = int(request.max()) + 1
    matrix = sparse.csr_matrix(
        (
            np.ones(len(position) + len(chosen)),
            (
                np.concatenate([position, len(used) + request]),
                np.concatenate([column_of, np.arange(len(chosen))]),
            ),
        ),
        shape=(len(used) + count, len(chosen)),
    )
    limits = np.concatenate([columns.capacity[used], np.ones(count)])
    answer = linprog(-columns.value[chosen], A_ub=matrix, b_ub=limits, bounds=(0, None), method="highs-ds")
    if answer.status != 0:
        raise RuntimeError(f"a block's linear program ended with: {answer.message}")
    prices = np.zeros(len(columns.capacity) + 1)
    prices[used] = np.maximum(0, -answer.ineqlin.marginals[: len(used)])
    return answer.x, prices
