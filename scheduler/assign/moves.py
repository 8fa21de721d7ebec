"""What the local search needs besides the columns: numbers drawn beforehand, temperatures, tastes. The same arrays go
to the search in Python (`chains`) and to the one in C (`native`), which therefore find the same plan."""

from dataclasses import dataclass

import numpy as np

from scheduler.assign.columns import Columns, Floats, Ints

TABLE = 1 << 16  # numbers in each random table
DEPTH = 8  # ejected requests of one chain that are put in by ejecting others
SWEEPS = 4  # times that each block has its turn, at least
LEVELS = 64  # of temperature
_HOT, _COLD = 0.12, 0.05  # temperatures at both ends, in units of the mean value of a block's columns
_PRICE_WEIGHT, _NOISE = 32.0, 4.0  # how much prices and chance count against one more ejection


@dataclass(frozen=True, slots=True)
class Moves:
    """`block`: request -> block, numbered from 0; `attraction`: column -> how much the prices speak for it;
    `temperature`: block x level, in value. The tables are longer than TABLE where a run of numbers is read from them.
    """

    columns: Columns
    block: Ints
    reduced: Floats
    attraction: Floats
    noise: Floats
    passing: Floats  # what a value counts when somebody is to be ejected
    patience: Floats  # exponential: how great a loss is taken, in temperatures
    temperature: Floats
    seed: int

    @property
    def blocks(self) -> int:
        return len(self.temperature)

    def sizes(self) -> list[int]:
        """Requests of each block."""
        return [int(size) for size in np.bincount(self.block, minlength=self.blocks)]


def moves(columns: Columns, reduced: Floats, blocks: Ints, seed: int) -> Moves:
    """`blocks`: request -> block, by any number."""
    dice = np.random.default_rng(seed)
    names, block = np.unique(blocks, return_inverse=True)
    of_column = block[columns.request]
    counts = np.bincount(of_column, minlength=len(names))
    scale = np.maximum(
        1.0, np.bincount(of_column, columns.value, minlength=len(names)) / np.maximum(1, counts)
    )
    cooling = _HOT * (_COLD / _HOT) ** (np.arange(LEVELS) / LEVELS)
    longest = int(np.diff(columns.first).max(initial=0))
    return Moves(
        columns=columns,
        block=block.astype(np.int64),
        reduced=reduced.astype(np.float64),
        attraction=reduced / scale[of_column] * _PRICE_WEIGHT,
        noise=dice.random(TABLE + longest) * _NOISE,
        passing=0.5 + dice.random(TABLE),
        patience=dice.exponential(size=TABLE),
        temperature=scale[:, None] * cooling[None, :],
        seed=seed,
    )
