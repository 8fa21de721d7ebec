"""The periodic tasks: one table, one loop per task, each run its own transactions.

Every task is safe to run in two processes at once (conditional updates decide), and one that fails is logged
and tried again at its next turn: it never takes the others with it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import notices.tasks
import people.tasks
import recording.tasks
import scheduler.tasks
from core.bus import Bus
from core.db import Database
from core.log import fields
from core.settings import Settings
from notices.channels import open_channel
from web import demo

_log = logging.getLogger("kinbridge.worker")


@dataclass(frozen=True, slots=True)
class Job:
    """One task: how often it runs (seconds) and what it does; it answers how many things it moved."""

    name: str
    every: float
    run: Callable[[], Awaitable[int]]


class Worker:
    """Runs the jobs until it is stopped."""

    def __init__(self, settings: Settings, db: Database, bus: Bus) -> None:
        channel = open_channel(settings)
        self.jobs = [
            Job("holds and requests expire", 5, lambda: scheduler.tasks.expire(db)),
            Job("approved bookings are placed", 2, lambda: scheduler.tasks.place_approved(db)),
            Job("slots are made from templates", 600, lambda: scheduler.tasks.materialise(db)),
            Job("notices are delivered", 2, lambda: notices.tasks.deliver_due(db, channel)),
            Job("finished recordings are sealed", 1, lambda: recording.tasks.seal_finished(db, settings)),
            Job("old sessions and codes are forgotten", 600, lambda: people.tasks.forget(db, settings)),
        ]
        if settings.mode == "demo":
            self.jobs.append(Job("one visit is always due", 15, lambda: demo.keep_one_visit_due(db)))
        self._bus = bus
        self._tasks: list[asyncio.Task[None]] = []

    async def run_once(self) -> int:
        """Runs every job once; answers how many failed."""
        return sum([await self._run(job) is None for job in self.jobs])

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._loop(job), name=job.name) for job in self.jobs]

    async def stop(self) -> None:
        """Ends all loops; a job in the middle of its transaction is rolled back."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def _loop(self, job: Job) -> None:
        while True:
            await self._run(job)
            await asyncio.sleep(job.every)

    async def _run(self, job: Job) -> int | None:
        try:
            moved = await job.run()
        except Exception:  # noqa: BLE001 - one job must not end the others; it is logged whole
            _log.exception("x %s", fields(job=job.name))
            return None
        if moved:
            _log.info("- %s", fields(job=job.name, moved=moved))
        return moved
