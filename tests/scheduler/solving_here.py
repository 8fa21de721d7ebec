"""The engine in this process: one of its own imports it anew each time, which takes a second."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

from scheduler.assign import __main__ as engine
from scheduler.assign.problem import Problem


async def solve(problem: Problem) -> AsyncGenerator[dict[str, Any]]:
    """As `scheduler.solving.solve`; what it says comes as JSON, too, and all at its end."""
    said: list[dict[str, Any]] = []

    def say(**line: object) -> None:
        said.append(json.loads(json.dumps(line)))

    await asyncio.to_thread(engine.solve, problem.pack(), say)
    for line in said:
        yield line
