"""One contract, two back-ends: the same packets in at the same moments, the same bytes out.

A seeded script of some two thousand steps goes through everything a call can bring: loss, reordering, doubles,
wraps and jumps of the numbers, other SSRCs, retransmissions, replay, forgery, malformed packets, NACK, PLI and
reports, muting, other sources, layers, recorders, time going on.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pylibsrtp import Policy, Session

from rooms import rtcp
from rooms.client import MediaKind
from tests.conftest import FakeClock
from tests.fakes.rtp import DELTA, KEY, MORE, packet, retransmission
from tests.signaling.contract import GCM, SHA1, World, session

if TYPE_CHECKING:
    from signaling.library import Wanted

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
PUBLISHERS = {"a": GCM, "b": SHA1}
VIEWERS = {"w": GCM, "plain": SHA1}
STEPS = 2500


@dataclass
class Stream:
    """What one publisher sends on one SSRC."""

    who: str
    kind: MediaKind
    ssrc: int
    number: int
    timestamp: int = 0


class Script:
    """Makes the steps; both worlds are taken through the same ones."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seals: dict[str, Session] = {
            name: session(name + "-up", profile, Policy.SSRC_ANY_OUTBOUND)
            for name, profile in (PUBLISHERS | VIEWERS).items()
        }
        self.streams = [
            Stream(who, kind, 0x1000 * place + at, 0xFFF0 - 40 * at)
            for place, who in enumerate(PUBLISHERS, 1)
            for at, kind in enumerate((AUDIO, VIDEO, VIDEO), 1)
        ]
        self.sent: list[tuple[str, bytes]] = []  # of everything, encrypted
        self.held: list[tuple[str, bytes]] = []  # for later
        self.plain: dict[int, list[bytes]] = {}
        self.rtx_number = 0

    def media(self) -> list[tuple[str, bytes]]:
        """The next datagrams of a stream, encrypted; none, if they are lost or held back."""
        chance = self.chance
        # The third stream of each is the small picture: it sends as the others do.
        stream = chance.choice(self.streams)
        stream.number += chance.choice([1] * 250 + [2, 3, 5, 20, 130, 400, 700, 30_000])
        stream.timestamp += chance.choice([960, 3000, 3000, 90_000])
        if chance.random() < 0.003:
            stream.ssrc += 0x100  # a browser that changed its encoder
        payload = chance.choice([KEY, DELTA, DELTA, MORE, MORE, b"", b"\x90", b"\xff\xff\xff", bytes(300)])
        data = packet(
            stream.kind, stream.number, stream.timestamp, stream.ssrc, payload, marker=chance.random() < 0.3
        )
        data = self._odd(data) if chance.random() < 0.06 else data
        self.plain.setdefault(stream.ssrc, []).append(data)
        done = (stream.who, self.seals[stream.who].protect(data))
        self.sent.append(done)
        fate = chance.random()
        if fate < 0.04:
            return []
        if fate < 0.08:
            self.held.append(done)
            return []
        if fate < 0.11:
            return [done, done]
        return [done]

    def _odd(self, data: bytes) -> bytes:
        """Authentic, but not as it should be."""
        return self.chance.choice(
            [
                bytes([data[0] | 0x20]) + data[1:] + b"\x00",  # padding of nothing
                bytes([data[0] | 0x20]) + data[1:] + b"\x02\x02",
                bytes([data[0] | 0x20]) + data[1:] + b"\xff",
                bytes([data[0] | 0x10]) + data[1:12] + b"\xbe\xde\x00\x01abcd" + data[12:],
                bytes([data[0] | 0x02]) + data[1:12] + bytes(8) + data[12:],
                data[:1] + bytes([(data[1] & 0x80) | self.chance.choice([0, 13, 98, 127])]) + data[2:],
                data + bytes(1000),
            ]
        )

    def again(self) -> list[tuple[str, bytes]]:
        """A retransmission, something held back, a replay, or rubbish."""
        chance = self.chance
        stream = chance.choice(self.streams)
        kept = self.plain.get(stream.ssrc, [])[-30:]
        what = chance.randrange(4)
        if what == 0 and kept and stream.kind is VIDEO:
            self.rtx_number += 1
            data = retransmission(chance.choice(kept), self.rtx_number, 0x9000 + stream.ssrc)
            return [(stream.who, self.seals[stream.who].protect(data))]
        if what == 1 and self.held:
            return [self.held.pop(chance.randrange(len(self.held)))]
        if what == 2 and self.sent:
            return [chance.choice(self.sent)]
        rubbish = [
            b"",
            b"\x80",
            b"\x80\x60" + bytes(60),
            b"\x80\xc8" + bytes(60),
            b"\x50abc",
            b"\x16" + bytes(20),
            b"\x80\x60" + bytes(1598),  # the largest that is looked at
            b"\x80\x60" + bytes(1599),
            b"\x80\x60" + bytes(9000),
        ]
        return [(stream.who, chance.choice(rubbish))]


def control(script: Script, world: World) -> list[bytes]:
    """RTCP of some viewer, about what it was sent (both worlds were sent the same)."""
    chance = script.chance
    viewer = world.peers[chance.choice([*VIEWERS])]
    down = chance.choice([*viewer.leg.relay.downs.values()])
    newest = down.flow.last_sequence
    kind = chance.randrange(4)
    if kind == 0:
        return [rtcp.nack(1, down.ssrc, sorted({(newest - chance.randrange(40)) & 0xFFFF for _ in range(6)}))]
    if kind == 1:
        return [rtcp.pli(1, down.ssrc)]
    if kind == 2:
        block = rtcp.ReportBlock(down.ssrc, chance.randrange(80), 3, newest & 0xFFFFFFFF, 5, 0, 0)
        return [rtcp.receiver_report(1, [block])]
    return [chance.randbytes(20), b"\x80\xc9\x00\x01\x00\x00\x00\x01"]


def sender_report(script: Script) -> tuple[str, bytes]:
    stream = script.chance.choice(script.streams)
    report = rtcp.SenderReport(stream.ssrc, script.chance.getrandbits(64), stream.timestamp, 5, 6)
    return stream.who, script.seals[stream.who].protect_rtcp(rtcp.sender_report(report))


def decide(chance: random.Random) -> Callable[[World], None]:
    """What a room does: shows, mutes, changes sources and layers, records, asks for key frames."""
    viewer, line = chance.choice([*VIEWERS]), chance.randrange(2)
    shown = chance.choice([*PUBLISHERS, *PUBLISHERS, *PUBLISHERS, None])
    audio, video, low = chance.random() < 0.8, chance.random() < 0.8, chance.random() < 0.4
    what = chance.randrange(8)

    def act(world: World) -> None:
        now = world.clock.monotonic()
        leg = world.peers[viewer].leg
        publisher = None if shown is None else world.peers[shown]
        if what < 5 or publisher is None:
            leg.show(line, None if publisher is None else publisher.leg, audio=audio, video=video, low=low)
        elif what == 5:
            publisher.leg.tap(publisher.sink)
        elif what == 6:
            publisher.leg.untap(publisher.sink)
        else:
            publisher.leg.relay.request_keyframe(now)

    return act


def steps(script: Script, world: World) -> list[Callable[[World], None]]:
    """The next step: what comes in one moment. `world` is the one that the script looks at."""
    chance = script.chance
    kind = chance.random()
    if kind < 0.8:
        datagrams = script.media()
    elif kind < 0.86:
        datagrams = script.again()
    elif kind < 0.88:
        datagrams = [sender_report(script)]
    elif kind < 0.92:
        viewer = chance.choice([*VIEWERS])
        datagrams = [(viewer, script.seals[viewer].protect_rtcp(data)) for data in control(script, world)]
    elif kind < 0.95:
        return [decide(chance)]
    else:
        return [tick]
    return [sending(*datagram) for datagram in datagrams]


def sending(who: str, data: bytes) -> Callable[[World], None]:
    def act(world: World) -> None:
        world.peers[who].socket.send(data)

    return act


def tick(world: World) -> None:
    now = world.clock.monotonic()
    for peer in world.peers.values():
        peer.leg.relay.tick(now, 0.05)


async def opened(script: Script, world: World) -> None:
    """All are there, and everybody is shown."""
    for name, profile in (PUBLISHERS | VIEWERS).items():
        peer = await world.add(name, profile, low=name in PUBLISHERS)
        if name in PUBLISHERS:
            small = [stream for stream in script.streams if stream.who == name][2].ssrc
            peer.leg.relay.expect_low([small, 0x9000 + small])
    for viewer in VIEWERS:
        for line, shown in enumerate(PUBLISHERS):
            world.peers[viewer].leg.show(line, world.peers[shown].leg, audio=True, video=True)


async def run(script: Script, world: World) -> None:
    await opened(script, world)
    for _ in range(STEPS):
        for act in steps(script, world):
            act(world)
            world.step()
        world.clock.move(seconds=script.chance.choice([0.0, 0.002, 0.01, 0.03, 0.1, 1.5]))


def told(world: World) -> dict[str, object]:
    """All that can be seen of a world from outside, and what it counted."""
    seen: dict[str, object] = {"counters": +Counter(world.factory.counters)}
    for name, peer in world.peers.items():
        seen[f"{name} rtp"] = peer.rtp
        seen[f"{name} rtcp"] = peer.rtcp
        seen[f"{name} copies"] = peer.sink.taken
        for kind, up in peer.leg.relay.ups.items():
            flow = up.flow
            numbers = (flow.highest, flow.first, flow.received, flow.arrived, flow.packets, flow.octets)
            seen[f"{name} {kind}"] = (*numbers, flow.lost, flow.jitter, flow.transit, flow.last_packet)
        for mid, down in peer.leg.relay.downs.items():
            seen[f"{name} {mid}"] = (down.flow.packets, down.flow.octets, down.flow.newest, down.waiting)
    return seen


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_same_packets_in_make_the_same_bytes_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[Wanted, dict[str, object]] = {}
    for backend in ("python", "native"):
        clock = FakeClock()
        with monkeypatch.context() as patched:
            patched.setattr("core.clock._source", clock)
            world = World(backend, clock, patched)
            await run(Script(seed), world)
            seen[backend] = told(world)
            assert sum(len(world.peers[viewer].rtp) for viewer in VIEWERS) > STEPS / 3
            await world.close()
    plain, native = seen["python"], seen["native"]
    for name, value in plain.items():
        assert native[name] == value, name


async def run_in_bursts(script: Script, world: World) -> None:
    """Many datagrams in one moment, as after a standstill; only media, so that the order of talk is no matter."""
    await opened(script, world)
    for _ in range(80):
        for _ in range(script.chance.randrange(1, 70)):
            for who, data in script.media() if script.chance.random() < 0.9 else script.again():
                world.peers[who].socket.send(data)
        world.step()
        tick(world)
        world.clock.move(seconds=0.05)


async def test_bursts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[Wanted, dict[str, list[bytes]]] = {}
    for backend in ("python", "native"):
        clock = FakeClock()
        with monkeypatch.context() as patched:
            patched.setattr("core.clock._source", clock)
            world = World(backend, clock, patched)
            await run_in_bursts(Script(5), world)
            seen[backend] = {viewer: sorted(world.peers[viewer].rtp) for viewer in VIEWERS}
            await world.close()
    assert seen["native"] == seen["python"]
    assert all(len(got) > 500 for got in seen["python"].values())
