"""What packages have for the worker to do is what it does."""

import inspect
from importlib import import_module

import pytest

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
