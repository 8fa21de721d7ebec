"""What recording costs: CPU seconds per participant-minute, while it is written and when it is sealed.

Twenty participants at once, each with 1 Mbit/s of VP8 at 30 frames per second and 48 kbit/s of Opus, fed in
real time; packets are made beforehand, and the cost of feeding them to nobody is taken off.

    python -m bench.recording [SECONDS]
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from core import clock, keys
from core import settings as core_settings
from core.ids import Ref
from recording import folder, seal, sealing
from recording.recorder import RoomRecorder
from recording.writer import Writer
from tests.recording.media import AUDIO, VIDEO, FakeLeg, Wire, descriptor, header

PARTICIPANTS = 20
FPS, FRAME, SOUND = 30, 4166, 120  # frames per second, bytes per picture, bytes per 20 ms of sound
KEY = b"\x10\x00\x00\x9d\x01\x2a" + (1280).to_bytes(2, "little") + (720).to_bytes(2, "little")
TICK = 0.02


def packets(seconds: int) -> list[Wire]:
    """One participant's packets in order of time."""
    wires = []
    sequence = 0
    for number in range(seconds * FPS):
        at = number / FPS
        key = number % (FPS * 15) == 0
        picture = (KEY if key else b"\x11") + bytes(FRAME * (8 if key else 1))
        pieces = [picture[start : start + 1100] for start in range(0, len(picture), 1100)]
        for index, piece in enumerate(pieces):
            head = header(sequence, round(at * 90_000), 2, index == len(pieces) - 1, 96)
            wires.append(Wire(VIDEO, sequence, head + descriptor(index == 0, number) + piece, at, at, key))
            sequence += 1
    for number in range(seconds * 50):
        at = number / 50
        data = header(number, number * 960, 1, False, 111) + b"\x78" + bytes(SOUND)
        wires.append(Wire(AUDIO, number, data, at, at, True))
    return sorted(wires, key=lambda one: one.arrived)


async def feed(wires: list[Wire], send: Callable[[list[Wire], float], None]) -> None:
    began = clock.monotonic()
    given = 0
    while given < len(wires):
        await asyncio.sleep(TICK)
        now = clock.monotonic() - began
        due = given
        while due < len(wires) and wires[due].arrived <= now:
            due += 1
        send(wires[given:due], began)
        given = due


class Nobody:
    """Takes what it is given and does nothing with it."""

    def packet(self, kind: object, packet: bytes, arrived: float) -> None:
        del kind, packet, arrived

    def sender_report(self, kind: object, ntp: int, rtp: int) -> None:
        del kind, ntp, rtp


async def written(path: Path, wires: list[Wire]) -> tuple[float, bool]:
    """CPU seconds of recording everybody, and whether it kept up all the time."""

    async def finished(reason: str) -> None:
        del reason

    folder.make(path)
    recorder = RoomRecorder(path.name, path, Writer(), finished)
    legs = [FakeLeg(f"leg_{number}") for number in range(PARTICIPANTS)]
    for number, leg in enumerate(legs):
        recorder.add(leg, Ref("relative", str(number)), "relative", "-")
    healthy = True

    def send(some: list[Wire], began: float) -> None:
        nonlocal healthy
        healthy = healthy and recorder.healthy
        for leg in legs:
            leg.send(some, began)

    cpu = time.process_time()
    await feed(wires, send)
    await recorder.finish("over")
    return time.process_time() - cpu, healthy


async def fed_to_nobody(wires: list[Wire]) -> float:
    legs = [FakeLeg(f"leg_{number}") for number in range(PARTICIPANTS)]
    for leg in legs:
        leg.tap(Nobody())

    def send(some: list[Wire], began: float) -> None:
        for leg in legs:
            leg.send(some, began)

    cpu = time.process_time()
    await feed(wires, send)
    return time.process_time() - cpu


def sealed(path: Path, data_dir: Path) -> float:
    """CPU seconds of sealing."""
    settings = core_settings.from_environment({}, mode="test", data_dir=data_dir)
    now = clock.now()
    facts = sealing.Facts(path.name, "bok", "room", "node", now, now, "over", None, now, "family", now)
    cpu = time.process_time()
    sealing.seal_folder(path, facts, settings, keys.signer(data_dir), lambda: None)
    cpu = time.process_time() - cpu
    if not seal.verify_folder(path, keys.public_keys(data_dir / "keys")).intact:
        raise SystemExit("the sealed recording is not intact")
    return cpu


def main(seconds: int = 12) -> None:
    wires = packets(seconds)
    minutes = PARTICIPANTS * seconds / 60
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "recordings" / "rec_1"
        idle = asyncio.run(fed_to_nobody(wires))
        writing, healthy = asyncio.run(written(path, wires))
        sealing_cpu = sealed(path, Path(home))
        size = sum(one.stat().st_size for one in path.glob("*.webm"))
    print(
        json.dumps(
            {
                "cpu_s_per_participant_minute_writing": round((writing - idle) / minutes, 4),
                "cpu_s_per_participant_minute_sealing": round(sealing_cpu / minutes, 4),
                "participants": PARTICIPANTS,
                "packets_per_s": round(len(wires) / seconds),
                "bytes_per_participant_minute": round(size / minutes),
                "kept_up": healthy,
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
