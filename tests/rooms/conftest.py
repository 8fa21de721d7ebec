"""Fixtures of the flow tests: a clock that runs and can be shifted, a host with legs that need no network."""

from collections.abc import AsyncIterator, Iterator

import pytest

from core import clock as core_clock
from core.bus import Bus
from core.db import Database
from core.settings import Settings
from rooms.host import Host
from tests.fakes.legs import FakeLegs, FakeRecorders
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit
from tests.signaling.server import Server, serving


@pytest.fixture
def shifted() -> Iterator[ShiftedClock]:
    source = ShiftedClock()
    core_clock.set_source(source)
    yield source
    core_clock.set_source(None)


@pytest.fixture
async def cast(db: Database, shifted: ShiftedClock) -> Cast:
    """A confirmed visit whose time has just come."""
    made = await confirmed_visit(db)
    shifted.put_to(made.booking.starts_at)
    return made


@pytest.fixture
def legs() -> FakeLegs:
    return FakeLegs()


@pytest.fixture
def recorders() -> FakeRecorders:
    return FakeRecorders()


@pytest.fixture
async def host(
    settings: Settings, db: Database, bus: Bus, legs: FakeLegs, recorders: FakeRecorders, cast: Cast
) -> AsyncIterator[Host]:
    running = Host(settings, db, bus, legs, recorders)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def server(settings: Settings, db: Database, bus: Bus, host: Host) -> AsyncIterator[Server]:
    async with serving(settings, db, bus) as opened:
        yield opened
