"""Floods and storms: what is too much is counted and left, and those who talk go on talking."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest
from aioice import stun

from rooms import rtcp
from rooms.bucket import Bucket
from rooms.client import MediaKind
from signaling.floods import PER_SOURCE, STRANGERS, Floodgate, Reports
from signaling.library import Wanted
from signaling.peer import PeerFactory
from tests.fakes.rtp import KEY, packet
from tests.signaling.raw_client import Events, RawClient, join, until

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
BOTH = frozenset(MediaKind)
STALL = 0.1  # seconds: a packet more or less late than that is heard


def test_a_bucket_lets_its_rate_pass_and_no_more() -> None:
    bucket = Bucket(10.0)
    assert sum(bucket.take(1000.0) for _ in range(50)) == 10
    assert sum(bucket.take(1000.0 + step / 100) for step in range(1, 101)) in (9, 10)
    assert sum(bucket.take(2000.0) for _ in range(50)) == 10


def test_each_source_has_its_own_budget_and_strangers_one_together() -> None:
    gate = Floodgate()
    assert sum(gate.admits(("192.0.2.1", port), 1.0, held=False) for port in range(1000)) == PER_SOURCE
    assert gate.admits(("192.0.2.2", 1), 1.0, held=False)
    many = sum(gate.admits((f"2001:db8::{host:x}", 1, 0, 0), 1.0, held=False) for host in range(5000))
    assert many == STRANGERS - PER_SOURCE - 1
    assert gate.admits(("192.0.2.1", 7), 1.0, held=True)  # somebody who is in does not wait for them
    assert len(gate._sources) <= 2048


def hostile() -> list[bytes]:
    """A handful of each kind that needs no key."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = "nobody:me"
    request.add_message_integrity(b"guess")
    request.add_fingerprint()
    return [
        bytes(request), b"\0\1\0\0" + bytes(16), bytes(request)[:-1], b"\x16\xfe\xfd" + bytes(60),
        b"\x80\x60" + bytes(1000), b"\x80\xc8" + bytes(40), b"\x80" + bytes(3000), b"", b"\x47x", b"\xff" * 900,
    ]  # fmt: skip


class Stalls:
    """The longest the loop was not free, in seconds of its own CPU: so it tells of our work, whoever else has the
    machine. Nothing in this process waits for a device."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def look(self) -> None:
        """Until it is cancelled."""
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.worst = max(self.worst, now - before)
            before = now

    @contextlib.asynccontextmanager
    async def noted(self) -> AsyncIterator[None]:
        looking = asyncio.create_task(self.look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def test_a_stall_is_seen() -> None:
    stalls = Stalls()
    async with stalls.noted():
        await asyncio.sleep(0)
        until_then = time.thread_time() + 0.02
        while time.thread_time() < until_then:
            pass
        await asyncio.sleep(0.01)
    assert stalls.worst >= 0.02


async def _flood(factory: PeerFactory, clients: list[RawClient], storm: tuple[bytes, bytes]) -> None:
    """Strangers' noise of every kind and a viewer's storm of reports, while the first client talks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", factory.port))
        for number in range(60):
            for data in hostile() * 10:
                sock.send(data)
            for turn in range(20):
                await clients[1].dtls._send_rtp(storm[turn % 2])
            await clients[0].send(AUDIO, number, b"sound", number * 960)
            await clients[0].send(VIDEO, number, KEY, number * 3000, marker=True)
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("backend", ["python", "native"])
async def test_who_talks_goes_on_talking_while_others_flood(factory: PeerFactory, backend: Wanted) -> None:
    assert factory.backend.startswith(backend)
    events = Events()
    legs, clients = [], []
    for name in ("a", "b"):
        leg, client = await factory.open(name, events, publishes=BOTH, lines=1), RawClient()
        await join(leg, client)
        legs.append(leg)
        clients.append(client)
    legs[1].show(0, legs[0], audio=True, video=True)
    shown = legs[1].relay.downs["4"].ssrc
    everything = [number for start in range(0, 4250, 17) for number in range(start, start + 17)]
    storm = rtcp.pli(1, shown) * 3, rtcp.nack(1, shown, everything)
    quiet, flooded = Stalls(), Stalls()
    async with quiet.noted():
        await asyncio.sleep(0.3)
    async with flooded.noted():
        await _flood(factory, clients, storm)
    print(f"longest stall, CPU ms: quiet {quiet.worst * 1000:.1f}, flooded {flooded.worst * 1000:.1f}")
    assert flooded.worst < STALL
    await until(lambda: clients[1].got("3") and clients[1].got("3")[-1].payload == b"sound")
    await until(lambda: len(clients[1].got("3")) >= 55 and len(clients[1].got("4")) >= 50)
    counters = factory.counters
    assert counters["stun-flood"] > 0
    assert counters["stun-unknown"] + counters["stun-malformed"] < 1800
    assert counters["rtcp-flood"] > 0
    assert counters["internal"] == 0
    assert "failed" not in events.of("a") + events.of("b")
    assert len(clients[0].asked(rtcp.KeyframeRequest)) < 30  # a viewer's storm is not the sender's


def test_a_peer_s_reports_have_a_budget_that_a_bad_network_does_not_reach() -> None:
    reports = Reports()
    assert all(reports.admits(120, 1.0 + number / 200) for number in range(2000))


def test_a_report_that_asks_for_more_takes_more_of_the_budget() -> None:
    reports = Reports()
    assert sum(reports.admits(1400, 1.0) for _ in range(400)) < 40


@pytest.mark.parametrize("backend", ["python", "native"])
async def test_what_is_sent_again_from_elsewhere_or_too_large_reaches_nobody(
    factory: PeerFactory, backend: Wanted
) -> None:
    assert factory.backend.startswith(backend)
    a, client = await factory.open("a", Events(), publishes=BOTH, lines=1), RawClient()
    b, viewer = await factory.open("b", Events(), publishes=BOTH, lines=1), RawClient()
    await join(a, client)
    await join(b, viewer)
    b.show(0, a, audio=True, video=True)
    wire: list[bytes] = []
    send = client.dtls.transport._send

    async def overheard(data: bytes) -> None:
        wire.append(data)
        await send(data)

    client.dtls.transport._send = overheard
    for number in range(3):
        await client.send(AUDIO, number, b"once", number * 960)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.connect(("127.0.0.1", factory.port))
        for data in tuple(wire):
            thief.send(data)
    for data in tuple(wire):
        await send(data)  # replayed from the right address
    await send(b"\x80\x6f" + bytes(4000))
    await send(b"\x80\x6f")
    await client.dtls._send_rtp(packet(35, 9, 0, client.ssrc[AUDIO], b"of no type that was offered"))
    await client.dtls._send_rtp(packet(MediaKind.AUDIO, 9, 0, 0xBAD, b"a second stream at once"))
    await client.send(AUDIO, 3, b"last", 3 * 960)
    await until(lambda: viewer.got("3") and viewer.got("3")[-1].payload == b"last")
    assert [seen.payload for seen in viewer.got("3")] == [b"once"] * 3 + [b"last"]
    counters = factory.counters
    await until(lambda: counters["srtp-forged"] == 3)  # the replays
    await until(lambda: counters["too-large"] == 1)
    assert counters["unclaimed"] == 3
    assert counters["rtp-payload-type"] >= 1
    assert counters["rtp-second-stream"] >= 1
    assert counters["internal"] == 0
