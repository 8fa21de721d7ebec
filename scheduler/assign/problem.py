"""A problem as a whole: ways, what there is, blocks, waiting; written to bytes for the process that solves it. Pure."""

import io
from dataclasses import dataclass

import numpy as np

from scheduler.assign.columns import Columns, Ints


@dataclass(frozen=True, slots=True)
class Problem:
    """`blocks`: request -> block of its linear program; `waited`: days by request, empty: fairness is not asked for."""

    columns: Columns
    blocks: Ints
    waited: Ints
    seed: int = 1

    def pack(self) -> bytes:
        out, columns = io.BytesIO(), self.columns
        np.savez(
            out, request=columns.request, start=columns.start, lawyer=columns.lawyer, value=columns.value,
            rows=columns.rows, first=columns.first, capacity=columns.capacity,
            names=np.array(columns.names, dtype=np.str_), blocks=self.blocks, waited=self.waited,
            seed=np.array([self.seed]),
        )  # fmt: skip
        return out.getvalue()


def unpack(data: bytes) -> Problem:
    """What `pack` made; nothing of it is ever run (no pickles)."""
    with np.load(io.BytesIO(data), allow_pickle=False) as parts:
        columns = Columns(
            parts["request"], parts["start"], parts["lawyer"], parts["value"], parts["rows"], parts["first"],
            parts["capacity"], parts["names"].tolist(),
        )  # fmt: skip
        return Problem(columns, parts["blocks"], parts["waited"], int(parts["seed"][0]))
