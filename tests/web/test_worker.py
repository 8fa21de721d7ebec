"""What packages have for the worker to do is what it does."""

import asyncio
import contextlib
import inspect
from importlib import import_module

import pytest

from core.bus import Bus
from core.db import Database
from core.settings import Settings
from web import worker


@pytest.mark.parametrize("package", ["legalaid", "notices", "people", "recording", "rooms", "scheduler"])
def test_every_task_is_run_by_the_worker_or_by_another_task(package: str) -> None:
    tasks = import_module(f"{package}.tasks")
    jobs, within = inspect.getsource(worker), inspect.getsource(tasks)
    own = [
        name
        for name, task in inspect.getmembers(tasks, inspect.iscoroutinefunction)
        if task.__module__ == tasks.__name__ and not name.startswith("_")
    ]
    assert own
    assert not [
        name for name in own if f"{tasks.__name__}.{name}(" not in jobs and f"await {name}(" not in within
    ]


@pytest.mark.parametrize(("database_url", "bus"), [("sqlite", "memory")], indirect=True)
async def test_a_job_that_takes_the_end_for_its_own_holds_nothing_up(
    settings: Settings, db: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.ending._AGAIN", 0.01)
    begun = asyncio.Event()

    async def deaf() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    made = worker.Worker(settings, db, bus)
    made.jobs = [worker.Job("deaf", 3600, deaf)]
    made.start()
    await begun.wait()
    async with asyncio.timeout(30):
        await made.stop()
