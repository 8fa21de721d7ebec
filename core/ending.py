"""The end of tasks."""

import asyncio
from collections.abc import Iterable

_AGAIN = 2.0  # seconds: what is still tidying up after the first word is given so long


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels them until all have ended. Whoever awaits `asyncio.wait_for` (Python 3.11) takes a cancellation for
    nothing if what it waits for came in the same turn of the loop, as libraries do with each datagram or answer: that
    must not keep a closed connection, and the process with it, for ever."""
    ended = [*tasks]
    pending = {task for task in ended if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
    await asyncio.gather(*ended, return_exceptions=True)  # what they raised is their end, and nothing more
