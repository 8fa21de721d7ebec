"""The end of the tasks of one connection."""

import asyncio
from collections.abc import Iterable

_AGAIN = 0.5  # seconds


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels them until all have ended: a library that catches a cancellation at the wrong moment (a time limit that
    runs out in the same turn of the loop) must not keep a closed connection, and the process with it, for ever."""
    ended = [*tasks]
    pending = {task for task in ended if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
    await asyncio.gather(*ended, return_exceptions=True)  # what they raised is their end, and nothing more
