"""What relaying costs the server: CPU seconds per call-minute, with real DTLS-SRTP over real UDP on loopback.

A call is two people who publish 1 Mbit/s of VP8 at 30 frames per second and Opus, and an officer who watches both;
both are also handed to a recorder that keeps nothing. The peers run in a process of their own. Packets were encoded
beforehand, the server's feedback (reports, REMB) is on.

    python -m bench.relay [CALLS] [SECONDS]
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from typing import Any

import uvloop

from rooms.client import MediaKind
from signaling.peer import PeerFactory, PeerLeg
from tests.fakes.rtp import DELTA, KEY, FakeSink
from tests.signaling.raw_client import Events, RawClient

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
FPS, PER_FRAME, SIZE, SOUND = 30, 4, 1050, 120  # frames per second, packets per frame, bytes, bytes of sound
WARM_UP = 3.0  # seconds before the count begins


class Awaited(Events):
    """Tells when its leg is connected."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = asyncio.Event()

    def leg_connected(self, leg_id: str) -> None:
        super().leg_connected(leg_id)
        self.connected.set()


class Nothing(FakeSink):
    """A recorder that keeps nothing."""

    def packet(self, kind: MediaKind, packet: bytes, arrived: float) -> None:
        pass


async def serve(calls: int, seconds: float) -> dict[str, float]:
    """The server side: opens all legs, lets the peers send, and counts its own CPU time."""
    factory = PeerFactory(0, ["127.0.0.1"])
    await factory.start()
    peers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.relay", "--peers", stdin=PIPE, stdout=PIPE, limit=1 << 20
    )
    legs: list[PeerLeg] = []
    begun = time.process_time()
    for call in range(calls):
        a, b, officer = [await _joined(factory, peers, f"{call}-{who}") for who in "abw"]
        a.show(0, b, audio=True, video=True)
        b.show(0, a, audio=True, video=True)
        for line, shown in enumerate((a, b)):
            officer.show(line, shown, audio=True, video=True)
            shown.tap(Nothing())
        legs += [a, b, officer]
    join = (time.process_time() - begun) / len(legs)
    _tell(peers, {"send": WARM_UP + seconds + 1})
    await asyncio.sleep(WARM_UP)
    cpu, wall, sent = time.process_time(), time.monotonic(), _down(legs)
    await asyncio.sleep(seconds)
    cpu, wall, sent = time.process_time() - cpu, time.monotonic() - wall, _down(legs) - sent
    lost = sum(leg.statistics().lost_up for leg in legs)
    await peers.wait()
    await factory.close()
    return {
        "calls": calls,
        "cpu_s_per_call_minute": round(cpu / wall * 60 / calls, 3),
        "us_per_forwarded_packet": round(cpu / max(1, sent) * 1e6, 1),
        "forwarded_per_s": round(sent / wall),
        "cpu_ms_per_join": round(join * 1000, 1),
        "lost": lost,
    }


async def _joined(factory: PeerFactory, peers: Process, name: str) -> PeerLeg:
    events = Awaited()
    leg = await factory.open(name, events, publishes=frozenset(MediaKind), lines=2)
    _tell(peers, {"offer": await leg.offer(), "sends": not name.endswith("w")})
    assert peers.stdout is not None
    await leg.accept(json.loads(await peers.stdout.readline())["answer"])
    async with asyncio.timeout(10):
        await events.connected.wait()
    return leg


def _tell(peers: Process, message: dict[str, Any]) -> None:
    assert peers.stdin is not None
    peers.stdin.write(json.dumps(message).encode() + b"\n")


def _down(legs: list[PeerLeg]) -> int:
    return sum(leg.statistics().packets_down for leg in legs)


async def be_peers() -> None:
    """The other process: answers offers, then sends in real time."""
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    clients: list[RawClient] = []
    senders: list[RawClient] = []
    while line := await reader.readline():
        message = json.loads(line)
        if "send" in message:
            break
        client = RawClient()
        print(json.dumps({"answer": await client.answer(message["offer"])}), flush=True)
        clients.append(client)
        if message["sends"]:
            senders.append(client)
    sending = [asyncio.create_task(_send(client, message["send"])) for client in senders]
    await asyncio.gather(*sending)
    for client in clients:
        await client.close()


async def _send(client: RawClient, seconds: float) -> None:
    """Every 33 ms one picture, every 20 ms a piece of sound; what was got is forgotten."""
    start, picture, sound, sequence = time.monotonic(), 0, 0, 0
    while (passed := time.monotonic() - start) < seconds:
        while picture < passed * FPS:
            for part in range(PER_FRAME):
                head = (KEY if picture % 300 == 0 else DELTA) if part == 0 else b"\x00"
                sequence += 1
                await client.send(
                    VIDEO, sequence, head + bytes(SIZE), picture * 3000, marker=part == PER_FRAME - 1
                )
            picture += 1
        while sound < passed * 50:
            sound += 1
            await client.send(AUDIO, sound, bytes(SOUND), sound * 960)
        client.rtp.clear()
        client.rtcp.clear()
        await asyncio.sleep(0.01)


def main(arguments: list[str]) -> None:
    import aioice.ice  # noqa: PLC0415 - only the bench bends it: loopback is all it needs

    aioice.ice.get_host_addresses = lambda **_: ["127.0.0.1"]
    if arguments == ["--peers"]:
        uvloop.run(be_peers())
        return
    calls, seconds = (int(word) for word in (arguments + ["4", "12"][len(arguments) :])[:2])
    print(json.dumps(uvloop.run(serve(calls, seconds))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
