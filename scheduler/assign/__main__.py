"""Solves one problem in a process of its own: the problem on standard input, progress and the answer as JSON lines on
standard output. Whoever started it may kill it at any time; nothing is lost but the work.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TextIO

import numpy as np

from scheduler.assign import engine, problem


def _mouth() -> TextIO:
    """Where answers go. What the solver in C now and then writes past Python goes to standard error from here on."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


def _say(out: TextIO, **line: object) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()


def solve(packed: bytes, say: Callable[..., None]) -> None:
    """Says the progress and at last the answer (`scheduler.solving.solve`)."""
    asked = problem.unpack(packed)
    waited = asked.waited if len(asked.waited) else None

    def watch(stage: str, percent: int) -> None:
        say(stage=stage, percent=percent)

    answer = engine.assign(asked.columns, asked.blocks, seed=asked.seed, waited=waited, watch=watch)
    priced = np.flatnonzero(answer.price > engine.PRICE_FLOOR).tolist()
    say(
        chosen=answer.chosen,
        value=answer.value,
        bound=answer.bound,
        duals={asked.columns.names[row]: float(answer.price[row]) for row in priced},
        capacity={asked.columns.names[row]: int(asked.columns.capacity[row]) for row in priced},
        tiers=[
            {
                "days": t.days,
                "waiting": t.waiting,
                "servable": t.servable,
                "served": t.served,
                "at_most": t.at_most,
            }
            for t in answer.tiers
        ],
    )


if __name__ == "__main__":
    solve(sys.stdin.buffer.read(), partial(_say, _mouth()))
