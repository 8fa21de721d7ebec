"""Pre-recorded words in a room, one recording at a time: the newest is what counts."""

from asyncio import Task
from collections.abc import Callable, Coroutine
from typing import Any

from core.ids import new_id
from rooms.actions import Say
from rooms.client import LegEvents, LegFactory
from rooms.stage import Stage

Chore = Callable[[Coroutine[Any, Any, None]], Task[None]]


class Speech:
    """Belongs to one running room; `chore` starts work that nobody waits for."""

    def __init__(self, legs: LegFactory, stage: Stage, events: LegEvents, chore: Chore) -> None:
        self._legs = legs
        self._stage = stage
        self._events = events
        self._chore = chore
        self._task: Task[None] | None = None

    async def say(self, effect: Say) -> None:
        self.end()
        self._task = self._chore(self._speak(effect))

    def end(self) -> None:
        """Falls silent, whatever is being said."""
        if self._task is not None:
            self._task.cancel()

    async def _speak(self, effect: Say) -> None:
        conn = new_id("voice")
        voice = await self._legs.voice(conn, self._events, effect.language, effect.code)
        self._stage.speak(conn, voice.leg, effect.code)
        try:
            await voice.speak()
        finally:
            self._stage.hush(conn)
            await voice.close()
