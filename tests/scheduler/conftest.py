"""A world to book in, on each database, with a clock that can be moved."""

import pytest

from core.db import Database
from scheduler import solving
from tests.conftest import FakeClock
from tests.scheduler import solving_here
from tests.scheduler import world as worlds
from tests.scheduler.world import World


@pytest.fixture(autouse=True)
def _solved_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests of the pages work plans out in processes of their own, as the product does."""
    monkeypatch.setattr(solving, "solve", solving_here.solve)


@pytest.fixture
async def world(db: Database, clock: FakeClock) -> World:
    del clock  # stands from here on
    return await worlds.build(db)
