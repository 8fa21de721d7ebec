"""A world to book in, on each database, with a clock that can be moved."""

import pytest

from core.db import Database
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import World


@pytest.fixture
async def world(db: Database, clock: FakeClock) -> World:
    del clock  # stands from here on
    return await worlds.build(db)
