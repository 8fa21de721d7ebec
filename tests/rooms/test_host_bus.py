"""A host and its bus: it listens for as long as it lives."""

import asyncio
import contextlib

import pytest

from core.bus import Bus, Subscription
from core.db import Database
from core.settings import Settings
from rooms.host import Host
from tests.fakes.legs import FakeLegs, FakeRecorders


@pytest.mark.parametrize(("database_url", "bus"), [("sqlite", "memory")], indirect=True)
async def test_a_bus_that_fails_when_it_is_asked_again_leaves_no_node_deaf(
    settings: Settings, db: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rooms.host.BEAT", 0.01)
    host = Host(settings, db, bus, FakeLegs(), FakeRecorders())
    await host.start()
    channel, subscribe, asked = f"node:{host.node_id}", bus.subscribe, 0

    def failing(wanted: str) -> contextlib.AbstractAsyncContextManager[Subscription]:
        nonlocal asked
        asked += wanted == channel
        if asked == 1:
            raise ConnectionError
        return subscribe(wanted)

    monkeypatch.setattr(bus, "subscribe", failing)
    for _ in range(1100):  # more than it may lag behind
        await bus.publish(channel, {"op": "alive", "conns": []})
    async with asyncio.timeout(30):
        while asked < 2 or not await bus.publish(channel, {"op": "alive", "conns": []}):
            await asyncio.sleep(0.01)
    await host.stop()
