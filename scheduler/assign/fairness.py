"""Fairness by waiting: nobody who has waited 30 days is left out if that can be avoided, then nobody who has waited 21,
then 14, then 7; only then does value count.

The thresholds are lexicographic through what serving somebody is worth: one step up outweighs all that one call can
stand in the way of. What was reached is proved for each threshold apart: a linear program that counts nothing but
people above it says how many can be served at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.assign.columns import Columns, Ints
from scheduler.assign.prices import price

THRESHOLDS = (30, 21, 14, 7)  # days
_STEP = 8  # a call stands in the way of fewer others than this


@dataclass(frozen=True, slots=True)
class Tier:
    """Of `waiting` requests of at least `days`, `servable` have a way at all, `served` were; no plan serves more
    than `at_most`."""

    days: int
    waiting: int
    servable: int
    served: int
    at_most: int

    @property
    def proven(self) -> bool:
        return self.served >= self.at_most


def worth(columns: Columns, waited: Ints) -> Ints:
    """The value of each column with the thresholds on top; `waited`: days by request."""
    base = int(columns.value.max(initial=1))
    levels = sum((waited >= days).astype(np.int64) for days in THRESHOLDS)
    extra = np.where(levels > 0, base * _STEP ** np.maximum(levels - 1, 0), 0)
    answer: Ints = columns.value + extra[columns.request]
    return answer


def tiers(columns: Columns, blocks: Ints, waited: Ints, chosen: Sequence[int]) -> list[Tier]:
    """What was reached at each threshold, and what can be reached at most."""
    served = np.array([column >= 0 for column in chosen], dtype=bool)
    has_way = np.diff(columns.first) > 0
    found = []
    for days in THRESHOLDS:
        old = waited >= days
        counts = price(columns.worth(old[columns.request].astype(np.int64)), blocks)
        at_most = min(int(np.floor(counts.bound + 1e-6)), int((old & has_way).sum()))
        found.append(
            Tier(days, int(old.sum()), int((old & has_way).sum()), int((old & served).sum()), at_most)
        )
    return found
