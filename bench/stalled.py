"""How long it takes until a recorder that stands still is found, and officers are told.

Ten recordings at once, three times: packets come of which no frame can be made (a codec that went wrong, key
frames that never arrive), a disk that takes nothing and does not say so, and a picture that comes no more though its
camera is on. What is counted ends when the room would tell its officers: it looks at its recorder each quarter of a
second. The aim is three seconds.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from core import clock
from core.ids import Ref
from recording import folder
from recording.recorder import RoomRecorder
from recording.writer import Writer
from rooms.arrivals import PATIENCE as PATIENCE_OF_ROOMS
from rooms.arrivals import Arrivals
from rooms.running import TICK
from tests.recording.media import VIDEO, FakeLeg, Sender

RECORDINGS = 10
WELL = 1.0  # seconds that go well before
PATIENCE = 10.0
STEP = 0.02


async def _finished(reason: str) -> None:
    del reason


async def found(
    home: Path, spoil: Callable[[bytes], bytes], until: Callable[[RoomRecorder, FakeLeg], bool]
) -> list[float]:
    """Seconds from the first moment that goes wrong to the room's look that sees it, one for each recording."""
    recorders, legs = [], []
    for number in range(RECORDINGS):
        path = home / f"rec_{number}"
        folder.make(path)
        recorders.append(RoomRecorder(path.name, path, Writer(), _finished))
        legs.append(FakeLeg(f"leg_{number}"))
        recorders[-1].add(legs[-1], Ref("inmate", str(number)), "inmate", "-")
    wires = Sender().video(round(WELL + PATIENCE))
    began, given, told = clock.monotonic(), 0, dict[int, float]()
    while len(told) < RECORDINGS and (passed := clock.monotonic() - began) < WELL + PATIENCE:
        while given < len(wires) and wires[given].arrived <= passed:
            data = wires[given].data if wires[given].arrived < WELL else spoil(wires[given].data)
            for sink in (sink for leg in legs for sink in leg.sinks if data):
                sink.packet(VIDEO, data, clock.monotonic())
            given += 1
        for number, recorder in enumerate(recorders):
            if number not in told and passed > WELL and until(recorder, legs[number]):
                told[number] = clock.monotonic() - began - WELL + TICK
        await asyncio.sleep(STEP)
    return [told.get(number, PATIENCE) for number in range(RECORDINGS)]


def row(what: str, took: list[float]) -> dict[str, object]:
    return {
        "what": what,
        "recordings": RECORDINGS,
        "found_after_s_p50": round(statistics.median(took), 2),
        "worst_s": round(max(took), 2),
        "within_3_s": max(took) <= 3,
    }


class Missed:
    """Looks for a picture that should come, as a room does (`rooms.arrivals`)."""

    def __init__(self) -> None:
        self._looks: dict[str, Arrivals] = {}

    def __call__(self, recorder: RoomRecorder, leg: FakeLeg) -> bool:
        looks = self._looks.setdefault(leg.id, Arrivals())
        looks.step(
            {(leg.id, VIDEO): PATIENCE_OF_ROOMS}, {leg.id: recorder.arrived(leg)}, {}, clock.monotonic()
        )
        return bool(looks.missing)


class StuckDisk:
    """From `stick` on every write waits for ever, as on a network folder whose server is gone."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self._pwrite = os.pwrite

    def pwrite(self, handle: int, data: bytes, offset: int) -> int:
        self.free.wait(PATIENCE * 2)
        return self._pwrite(handle, data, offset)


async def measure(home: Path) -> None:
    took = await found(home / "a", lambda data: data[:13], lambda recorder, _leg: recorder.behind)
    print(json.dumps(row("packets without frames", took)), flush=True)
    took = await found(home / "c", lambda _data: b"", Missed())
    print(json.dumps(row("a picture that comes no more", took)), flush=True)
    disk = StuckDisk()
    os.pwrite = disk.pwrite  # type: ignore[assignment]  # the disk of this process, for this measurement
    asyncio.get_running_loop().call_later(WELL, disk.free.clear)
    took = await found(home / "b", lambda data: data, lambda recorder, _leg: not recorder.healthy)
    disk.free.set()
    print(json.dumps(row("a disk that takes nothing", took)), flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kinbridge-stalled-") as home:
        asyncio.run(measure(Path(home)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
