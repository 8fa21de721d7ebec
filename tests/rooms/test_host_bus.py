"""A host and its bus: it listens for as long as it lives."""

import asyncio
import contextlib
from typing import Any

import pytest

from core.bus import Bus, Subscription
from core.db import Database
from core.errors import NotFound
from core.settings import Settings
from rooms.host import Host
from signaling.whip import Sessions
from tests.fakes.legs import FakeLegs, FakeRecorders
from tests.rooms.visits import Cast


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


@pytest.mark.parametrize(("database_url", "bus"), [("sqlite", "memory")], indirect=True)
async def test_a_bus_that_is_away_for_a_moment_ends_no_device_and_leaves_none_deaf(
    host: Host, cast: Cast, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where it gives a sign of life, nor where it answers who asked (WHIP)."""
    monkeypatch.setattr("signaling.whip._ALIVE_EVERY", 0.0)
    monkeypatch.setattr("signaling.whip._ASK_WITHIN", 0.5)
    devices, ticket, publish = Sessions(cast.db, bus), await cast.ticket(cast.terminal), bus.publish
    opened = await devices.open(ticket, "audio", sends=True)
    said: dict[str, int] = {"alive": 0, "answer": 0}

    async def away_at_first(channel: str, message: dict[str, Any]) -> int:
        kind = "alive" if "conns" in message else "answer" if message.keys() == {"code"} else ""
        if kind:
            said[kind] += 1
        if said.get(kind) == 1:
            raise ConnectionError
        return await publish(channel, message)

    monkeypatch.setattr(bus, "publish", away_at_first)
    async with asyncio.timeout(30):
        while said["alive"] < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(NotFound):
            await devices.delete(opened.resource, ticket)
        await devices.delete(opened.resource, ticket)
        while devices._tasks:
            await asyncio.sleep(0.01)
