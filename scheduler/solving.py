"""The engine in a process of its own: the event loop goes on serving calls; to stop it is to kill our own child."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

from scheduler.assign.problem import Problem

_LINE_LIMIT = 64 * 1024 * 1024  # the answer is one line; a nation's has some tens of megabytes


class EngineFailed(RuntimeError):
    """The engine ended without an answer; what it said last is the text."""


async def solve(problem: Problem) -> AsyncGenerator[dict[str, Any]]:
    """Progress `{stage, percent}` as it comes, and at last the answer `{chosen, value, bound, duals, capacity, tiers}`.

    Whoever stops listening ends the process. Raises `EngineFailed`.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "scheduler.assign",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
    )
    feeding = asyncio.create_task(_feed(process, problem.pack()))
    answered = False
    try:
        if process.stdout is not None:
            async for line in process.stdout:
                said = _understood(line)
                answered = answered or "chosen" in said
                yield said
        if not answered:
            raise EngineFailed(await _last_words(process))
    finally:
        feeding.cancel()
        if process.returncode is None:
            process.kill()
        await process.wait()


def _understood(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise EngineFailed(f"not understood: {line[:80].decode(errors='replace')}") from error
    if not isinstance(said, dict):
        raise EngineFailed(f"not understood: {line[:80].decode(errors='replace')}")
    return said


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    process.stdin.write(data)
    await process.stdin.drain()
    process.stdin.close()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    said = await process.stderr.read() if process.stderr is not None else b""
    return said.decode(errors="replace").strip().rpartition("\n")[2] or "no answer"
