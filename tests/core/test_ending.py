"""Tasks end, whatever a library makes of the first cancellation."""

import asyncio
import contextlib

import pytest

from core.ending import end


async def test_a_task_that_swallows_a_cancellation_ends_at_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.ending._AGAIN", 0.01)
    caught = asyncio.Event()

    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        caught.set()
        await asyncio.sleep(3600)

    async def broken() -> None:
        raise OSError

    tasks = [asyncio.create_task(work()) for work in (stubborn, broken)]
    await asyncio.sleep(0)
    await end(tasks)
    assert caught.is_set()
    assert all(task.done() for task in tasks)
    await end([])
