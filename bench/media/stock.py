"""aiortc's own way, for the distance: MediaRelay decodes and encodes again for each viewer. One call, no recording.

It leaves out pictures when it cannot keep up, so its cost is told for as many as it was sent: CPU by those that
reached the viewers.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc import rtcdtlstransport as dtls
from aiortc.contrib.media import MediaRelay

from bench.media import asset, cpu
from bench.media.pipe import Program
from tests.signaling.raw_client import CONFIGURATION


class Stock:
    """Two publishers first, then whoever watches them; all by aiortc."""

    def __init__(self) -> None:
        self.relay = MediaRelay()
        self.tracks: dict[int, list[Any]] = {}
        self.connections: list[RTCPeerConnection] = []

    async def handle(self, message: dict[str, Any]) -> dict[str, Any]:
        if "publish" in message:
            pc = RTCPeerConnection(CONFIGURATION)
            tracks = self.tracks[message["publish"]] = []
            pc.on("track", tracks.append)
            await pc.setRemoteDescription(RTCSessionDescription(message["offer"], "offer"))
            await pc.setLocalDescription(await pc.createAnswer())
            self.connections.append(pc)
            return {"answer": pc.localDescription.sdp}
        if "watch" in message:
            pc = RTCPeerConnection(CONFIGURATION)
            for publisher in message["watch"]:
                for track in self.tracks[publisher]:
                    pc.addTrack(self.relay.subscribe(track))
            for transceiver in pc.getTransceivers():
                transceiver.direction = "sendonly"
            await pc.setLocalDescription(await pc.createOffer())
            self.connections.append(pc)
            return {"offer": pc.localDescription.sdp}
        answer = RTCSessionDescription(message["answered"], "answer")
        await self.connections[-1].setRemoteDescription(answer)
        return {}


VIEWERS = 4  # of the pictures of two: each other, and the watcher of both


async def run_stock(host: str, seconds: float) -> dict[str, Any]:
    """On all cores; it does not keep up on one."""
    server = await Program.start("bench.media.stock", host)
    load = await Program.start("bench.media.load", host, "srtp")
    pid = server.process.pid
    try:
        for role in (0, 1):
            offer = (await load.ask(publish=role, call=0))["offer"]
            answer = (await server.ask(publish=role, offer=offer))["answer"]
            await load.ask(answered=answer, call=0, role=role)
        for watched in ([0], [1], [0, 1]):
            offer = (await server.ask(watch=watched))["offer"]
            answer = (await load.ask(offer=offer, call=0, role=2))["answer"]
            await server.ask(answered=answer)
        await load.ask(connected=5)
        await load.ask(run=seconds + 40, loss=0)
        await asyncio.sleep(5)
        seen = (await load.ask(measure=True))["figures"]["pictures"]
        used, wall = cpu.seconds(pid), time.monotonic()
        await asyncio.sleep(seconds)
        used, wall = cpu.seconds(pid) - used, time.monotonic() - wall
        seen = (await load.ask(end=True))["figures"]["pictures"] - seen
    finally:
        await load.end()
        server.process.kill()
    kept_up = min(1.0, seen / (VIEWERS * asset.FPS * wall))
    return {
        "calls": 1,
        "cpu_s_per_call_minute": round(used / wall * 60 / max(kept_up, 0.01), 1),
        "cpu_s_per_minute_as_it_ran": round(used / wall * 60, 1),
        "pictures_that_arrived_percent": round(kept_up * 100),
    }


async def serve(host: str) -> None:
    aioice.ice.get_host_addresses = lambda **_: [host]
    dtls.SRTP_PROFILES[:] = [dtls.SRTP_AEAD_AES_128_GCM]
    stock = Stock()
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        print(json.dumps(await stock.handle(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
