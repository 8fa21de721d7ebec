"""A whole visit with nothing faked but the browser: real sockets, ICE, DTLS, SRTP, relay, recorder, ledger."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from core.bus import Bus
from core.db import Database
from core.settings import Settings
from recording.tables import RecordingRow
from rooms.client import MediaKind
from scheduler.model import BookingState
from signaling.client import Client
from tests.fakes.rtp import KEY
from tests.rooms.conftest import shifted  # noqa: F401 - a fixture
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit
from tests.signaling.conftest import loopback_ice  # noqa: F401 - a fixture
from tests.signaling.raw_client import RawClient
from tests.signaling.server import Server, serving
from web.media import MediaNode


@pytest.fixture
async def cast(db: Database, shifted: ShiftedClock) -> Cast:  # noqa: F811 - the fixture
    made = await confirmed_visit(db)
    shifted.put_to(made.booking.starts_at)
    return made


@pytest.fixture
async def server(
    settings: Settings,
    db: Database,
    bus: Bus,
    cast: Cast,
    loopback_ice: None,  # noqa: F811 - the fixture
) -> AsyncIterator[Server]:
    node = MediaNode(settings.model_copy(update={"media_addresses": "127.0.0.1"}), db, bus)
    await node.start()
    try:
        async with serving(settings, db, bus) as opened:
            yield opened
    finally:
        await node.stop()


@dataclass
class Person:
    """A browser, as far as the server can tell: a socket and a peer that sends pictures and sound."""

    client: Client
    peer: RawClient
    sent: int = field(default=0)

    async def publish(self, seconds: float) -> None:
        """Sound at 50, pictures at 10 packets a second."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            self.sent += 1
            await self.peer.send(MediaKind.AUDIO, self.sent, b"\xf8\xff\xfe", self.sent * 960)
            if MediaKind.VIDEO in self.peer.ssrc and self.sent % 5 == 0:
                await self.peer.send(MediaKind.VIDEO, self.sent // 5, KEY, self.sent * 1800, marker=True)
            await asyncio.sleep(0.02)

    def got(self, mid: int) -> int:
        return len(self.peer.got(str(mid)))


@contextlib.asynccontextmanager
async def person(server: Server, ticket: str) -> AsyncIterator[Person]:
    peer = RawClient()
    try:
        async with server.client(ticket, peer.answer) as client:
            await client.until(lambda s: any(p["you"] and p["connected"] for p in s["people"]), within=20)
            yield Person(client, peer)
    finally:
        await peer.close()


def phase(wanted: str) -> Callable[[dict[str, Any]], bool]:
    return lambda state: bool(state["phase"] == wanted)


@pytest.mark.parametrize(
    ("database_url", "bus"), [("sqlite", "memory"), ("postgresql", "redis")], indirect=True
)
async def test_sound_and_picture_flow_only_while_the_visit_is_live(
    server: Server, cast: Cast, db: Database
) -> None:
    async with (
        person(server, await cast.ticket(cast.relative)) as relative,
        person(server, await cast.ticket(cast.terminal)) as inmate,
        person(server, await cast.ticket(cast.officer)) as officer,
    ):
        # own audio, own video, its small copy, announce, line 0; an officer has no own video
        announced, line, officers_lines = 3, (4, 5), ((2, 3), (4, 5))

        async def everybody(seconds: float) -> None:
            await asyncio.gather(*(p.publish(seconds) for p in (relative, inmate, officer)))

        async def flows(least: Mapping[int, int]) -> None:
            """Everybody sends on until both ends got more than so many packets of each line."""
            async with asyncio.timeout(30):
                while any(side.got(mid) <= few for side in (relative, inmate) for mid, few in least.items()):
                    await everybody(0.5)

        await everybody(1.0)
        assert [relative.got(mid) for mid in line] == [0, 0]
        assert [inmate.got(mid) for mid in line] == [0, 0]
        assert all(officer.got(mid) > 0 for pair in officers_lines for mid in pair)
        state = await officer.client.until(lambda s: s["waiting"] == ["for-admission"])
        for seat in state["people"]:
            if seat["role"] != "monitor":
                assert (await officer.client.act("admit", seat=seat["seat"]))["type"] == "done"
        await relative.client.until(phase("live"))
        await flows({line[0]: 20, line[1]: 3})
        # the officer's microphone is open and reaches nobody
        assert [side.got(announced) for side in (relative, inmate)] == [0, 0]
        assert (await officer.client.act("speak"))["type"] == "done"
        await flows({announced: 5})
        assert (await officer.client.act("pause", reason="security"))["type"] == "done"
        await asyncio.sleep(0.1)
        before = [relative.got(mid) for mid in line] + [inmate.got(mid) for mid in line]
        await everybody(0.5)
        assert before == [relative.got(mid) for mid in line] + [inmate.got(mid) for mid in line]
        assert (await officer.client.act("end", reason="said-goodbye"))["type"] == "done"
        assert (await relative.client.ended()).code == 1000
    async with db.read() as session:
        recordings = (await session.scalars(select(RecordingRow))).all()
    assert [recording.booking_id for recording in recordings] == [cast.booking.id]
    assert (await cast.world.get(cast.booking.id)).state is BookingState.COMPLETED
