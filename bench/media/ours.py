"""Our server in a process of its own: real legs, real recorders. Speaks JSON lines on its pipes.

{"open": "name", "role": 0, "call": 0}  {"offer": …}
{"accept": "name", "answer": …}         {}
{"bare": "name"}                        {"offer": …} of a leg that joins and does nothing
{"connected": n}                        waits until n legs are; {"connected": …}
{"flow": true}                          everybody is shown and recorded; {}
{"forwarded": true}                     {"packets": …, "looked": …, "planned": …}, sent down since the start;
                                        CPU seconds of figures, and of what is planned from them
{"renew": true}                         recordings end and others begin; what was written is thrown away; {}
{"finish": true}                        ends the recordings; {"files": […], "healthy": …, "counters": {…}}
"""

import asyncio
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.media.steward import Steward
from core import garbage
from core.ids import Ref
from recording import clear, folder
from recording.locked import Key
from recording.recorder import RoomRecorder
from recording.writer import Writer
from rooms.client import MediaKind
from signaling.library import Wanted, load
from signaling.native import NativeCore
from signaling.peer import PeerFactory, PeerLeg
from tests.signaling.raw_client import Events


class Server:
    def __init__(self, host: str, backend: str, home: Path) -> None:
        bare = backend == "floor"
        self.factory = PeerFactory(0, [host], backend=cast("Wanted", "native" if bare else backend))
        if bare:
            udp = self.factory.udp
            udp.core = NativeCore(load(), self.factory.counters, udp.datagram, encrypted=False)
        self.events = Events()
        self.legs: dict[str, PeerLeg] = {}
        self.calls: dict[int, list[PeerLeg]] = {}
        self.recorders: list[RoomRecorder] = []
        self.looked = self.planned = 0.0
        self.looking: asyncio.Task[None] | None = None
        self.home = home
        self.key = Key.fresh()  # files are locked, as in the product
        self.writer = Writer()
        self.healthy = True

    async def handle(self, message: dict[str, Any]) -> dict[str, Any]:
        verb = next(iter(message))
        answer: dict[str, Any] = await getattr(self, f"_{verb}")(message)
        return answer

    async def _open(self, message: dict[str, Any]) -> dict[str, Any]:
        leg = await self.factory.open(message["open"], self.events, publishes=frozenset(MediaKind), lines=2)
        self.legs[leg.id] = leg
        self.calls.setdefault(message["call"], []).append(leg)
        return {"offer": await leg.offer()}

    async def _bare(self, message: dict[str, Any]) -> dict[str, Any]:
        leg = await self.factory.open(message["bare"], self.events, publishes=frozenset(MediaKind), lines=2)
        self.legs[leg.id] = leg
        return {"offer": await leg.offer()}

    async def _accept(self, message: dict[str, Any]) -> dict[str, Any]:
        await self.legs[message["accept"]].accept(message["answer"])
        return {}

    async def _connected(self, message: dict[str, Any]) -> dict[str, Any]:
        """Waits a minute at most; tells how many there are."""
        for _ in range(1200):
            count = sum(what == "connected" for what, _ in self.events.told)
            if count >= message["connected"]:
                break
            await asyncio.sleep(0.05)
        return {"connected": count}

    async def _flow(self, _message: dict[str, Any]) -> dict[str, Any]:
        for a, b, officer in self.calls.values():
            a.show(0, b, audio=True, video=True)
            b.show(0, a, audio=True, video=True)
            for line, leg in enumerate((a, b)):
                officer.show(line, leg, audio=True, video=True)
        self._record()
        self.looking = asyncio.create_task(self._look([Steward(legs) for legs in self.calls.values()]))
        return {}

    def _record(self) -> None:
        for number, (a, b, _) in self.calls.items():
            path = self.home / f"call-{number}"
            folder.make(path)
            recorder = RoomRecorder(path.name, path, self.writer, _finished, self.key)
            for leg in (a, b):
                recorder.add(leg, Ref("relative", leg.id), "relative", "-")
            self.recorders.append(recorder)

    async def _renew(self, _message: dict[str, Any]) -> dict[str, Any]:
        for recorder in self.recorders:
            await recorder.finish("over")
            shutil.rmtree(self.home / recorder.recording_id)
        self.recorders.clear()
        self._record()
        return {}

    async def _look(self, stewards: list[Steward]) -> None:
        while True:
            for steward in stewards:
                looked, planned = steward.look()
                self.looked += looked
                self.planned += planned
                await asyncio.sleep(1 / len(stewards))  # rooms do not look all at once

    async def _forwarded(self, _message: dict[str, Any]) -> dict[str, Any]:
        self.healthy = self.healthy and all(recorder.healthy for recorder in self.recorders)
        sent = sum(leg.statistics().packets_down for legs in self.calls.values() for leg in legs)
        return {"packets": sent, "looked": self.looked, "planned": self.planned}

    async def _finish(self, _message: dict[str, Any]) -> dict[str, Any]:
        lost = sum(leg.statistics().lost_up for leg in self.legs.values())
        for recorder in self.recorders:
            await recorder.finish("over")
        files = await asyncio.to_thread(self._opened)
        counters = {name: count for name, count in Counter(self.factory.counters).items() if count}
        return {"files": files, "healthy": self.healthy, "lost": lost, "counters": counters}

    def _opened(self) -> list[str]:
        """The recordings in the clear, for who looks at them."""
        files = []
        for path in self.home.glob("call-*/*.webm"):
            place = path.with_name(f"clear-{path.name}")
            with (
                clear.open_file(path, self.key) as opened,
                opened.file() as source,
                place.open("wb") as target,
            ):
                shutil.copyfileobj(source, target)
            files.append(str(place))
        return files


async def _finished(reason: str) -> None:
    del reason


async def serve(host: str, backend: str, home: Path) -> None:
    server = Server(host, backend, home)
    await server.factory.start()
    garbage.settle()  # as the product does
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        print(json.dumps(await server.handle(json.loads(line))), flush=True)
    await server.factory.close()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
