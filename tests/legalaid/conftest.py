"""A station to ask, on each database, with a clock that can be moved."""

import pytest

from core.db import Database
from tests.conftest import FakeClock
from tests.legalaid import case_place, place
from tests.legalaid.case_place import Offices
from tests.legalaid.place import Place


@pytest.fixture
async def here(db: Database, clock: FakeClock) -> Place:
    """Saturday, 16:00 in Beijing."""
    del clock  # stands from here on
    return await place.build(db)


@pytest.fixture
async def offices(here: Place) -> Offices:
    return await case_place.build(here)
