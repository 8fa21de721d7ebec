"""A room that is given up leaves nothing behind that goes on by itself."""

import asyncio

import pytest

from rooms.host import Host
from tests.fakes.legs import FakeRecorder, FakeRecorders
from tests.rooms.test_host import LIMIT, eventually, live_call, once
from tests.rooms.visits import Cast
from tests.signaling.server import Server


@once
async def test_a_take_that_begins_meanwhile_is_ended(
    server: Server, host: Host, cast: Cast, recorders: FakeRecorders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be written, with nothing in it, until the process ends."""
    start, asked, may = recorders.start, asyncio.Event(), asyncio.Event()

    async def slow(room_id: str, booking_id: str) -> FakeRecorder:
        asked.set()
        await may.wait()
        return await start(room_id, booking_id)

    async with live_call(server, cast):
        running, first = next(iter(host.rooms.values())), recorders.last
        monkeypatch.setattr(recorders, "start", slow)
        first.healthy = False
        async with asyncio.timeout(LIMIT):
            await asked.wait()
        giving_up = asyncio.create_task(host._give_up(running, release=True))
        await eventually(lambda: not running.conns and not running._stage.legs)
        await asyncio.sleep(0.1)
        may.set()
        await giving_up
        assert recorders.last is not first
        assert recorders.last.finished == "interrupted"
