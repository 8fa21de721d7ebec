"""What recording costs: CPU seconds per participant-minute, while it is written and when it is sealed, in the clear and
locked; what sealing spends them on; and how long a player's jump takes on the server.

Twenty participants at once, each with 1 Mbit/s of VP8 at 30 frames per second and 48 kbit/s of Opus, fed in
real time; packets are made beforehand, and the cost of feeding them to nobody is taken off.

Sealing has parts: `read` the raw file and find its frames; `check`: FFmpeg reads the finished one back; `digest`:
SHA-256 of frames, files and pieces; `sign`; and the rest is `lay`: laying frames out, locking and writing them. All but
`digest` and `sign` make a file that any player plays and jumps in, which a recording without any seal needs as well.

    python -m bench.recording [SECONDS]
"""

import asyncio
import contextlib
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core import clock, keys
from core import settings as core_settings
from core.ids import Ref
from recording import clear, finalise, folder, seal, sealing
from recording.locked import Key
from recording.recorder import RoomRecorder
from recording.writer import Writer
from tests.recording.media import AUDIO, VIDEO, FakeLeg, Wire, descriptor, header

PARTICIPANTS = 20
FPS, FRAME, SOUND = 30, 4166, 120  # frames per second, bytes per picture, bytes per 20 ms of sound
KEY = b"\x10\x00\x00\x9d\x01\x2a" + (1280).to_bytes(2, "little") + (720).to_bytes(2, "little")
TICK = 0.02
TURNS = 8
JUMP = 256 << 10  # bytes that are read and sent at once (`web.ranges`)


# part of sealing -> what is done for it
STEPS: tuple[tuple[str, object, str], ...] = (
    ("read", finalise, "_found"),
    ("check", finalise, "_check"),
    ("digest", finalise, "digest_of"),
    ("digest", finalise.Digester, "update"),
    ("digest", finalise._Recorded, "__call__"),
    ("sign", seal, "sign"),
)


@contextlib.contextmanager
def parts() -> Iterator[dict[str, float]]:
    """CPU seconds of each part of what is done inside, each without the others; the rest under `lay`."""
    spent: dict[str, float] = defaultdict(float)
    under_way, since = ["lay"], time.process_time()

    def turn() -> None:
        nonlocal since
        now = time.process_time()
        spent[under_way[-1]] += now - since
        since = now

    def timed(part: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: object, **more: object) -> Any:
            turn()
            under_way.append(part)
            try:
                return real(*args, **more)
            finally:
                turn()
                under_way.pop()

        return step

    with contextlib.ExitStack() as back:
        for part, owner, name in STEPS:
            real = getattr(owner, name)
            back.callback(setattr, owner, name, real)
            setattr(owner, name, timed(part, real))
        yield spent
        turn()


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


async def written(path: Path, wires: list[Wire], key: Key | None) -> tuple[float, bool]:
    """CPU seconds of recording everybody, and whether it kept up all the time."""

    async def finished(reason: str) -> None:
        del reason

    folder.make(path)
    recorder = RoomRecorder(path.name, path, Writer(), finished, key)
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


def sealed(path: Path, data_dir: Path, key: Key | None) -> tuple[float, dict[str, float]]:
    """CPU seconds of sealing, of several times the least: what a busy machine adds is no cost of ours. And of its
    parts, looked at apart, for that costs something, too."""
    settings = core_settings.from_environment({}, mode="test", data_dir=data_dir)
    now = clock.now()
    times: list[float] = []
    split: list[tuple[float, dict[str, float]]] = []
    for turn in range(TURNS):
        copy = shutil.copytree(path, path.with_name("again"))
        facts = sealing.Facts(path.name, "bok", "room", "node", now, now, "over", None, now, "family", now)
        with contextlib.ExitStack() as stack:
            spent = stack.enter_context(parts()) if turn % 2 else None
            cpu = time.process_time()
            sealing.seal_folder(copy, facts, settings, keys.signer(data_dir), lambda: None, key)
            took = time.process_time() - cpu
        if spent is None:
            times.append(took)
        else:
            split.append((took, spent))
        if not seal.verify_folder(copy, keys.public_keys(data_dir / "keys")).intact:
            raise SystemExit("the sealed recording is not intact")
        if turn < TURNS - 1:
            shutil.rmtree(copy)
    shutil.rmtree(path)
    copy.rename(path)
    return min(times), min(split, key=lambda one: one[0])[1]


def digest_once(path: Path) -> float:
    """CPU seconds of one SHA-256 over the finished tracks: below that no seal can go that proves every byte."""
    contents = [one.read_bytes() for one in path.glob("*.webm")]
    times = []
    for _ in range(TURNS):
        cpu = time.process_time()
        for content in contents:
            hashlib.sha256(content).digest()
        times.append(time.process_time() - cpu)
    return min(times)


def jump_ms(path: Path, key: Key) -> float:
    """The slowest but five of a hundred reads of what a player asks for after a jump: 256 KiB of a locked file."""
    choose, times = random.Random(1), []
    with clear.open_file(path, key) as found:
        for _ in range(100):
            start = choose.randrange(max(1, len(found) - JUMP))
            began = time.perf_counter()
            found.read(start, min(start + JUMP, len(found)))
            times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[-6]


def main(seconds: int = 12) -> None:
    wires = packets(seconds)
    minutes = PARTICIPANTS * seconds / 60
    row: dict[str, object] = {
        "participants": PARTICIPANTS,
        "packets_per_s": round(len(wires) / seconds),
    }
    writing, sealing_cpu, written_bytes, size = {}, {}, {}, {}
    with tempfile.TemporaryDirectory() as home:
        idle = asyncio.run(fed_to_nobody(wires))
        for name, key in (("clear", None), ("locked", Key.fresh())):
            path = Path(home) / "recordings" / f"rec_{name}"
            cpu, kept_up = asyncio.run(written(path, wires, key))
            writing[name] = cpu - idle
            written_bytes[name] = sum(one.stat().st_size for one in path.glob("*.webm"))
            sealing_cpu[name], spent = sealed(path, Path(home), key)
            size[name] = sum(one.stat().st_size for one in path.glob("*.webm"))
            row |= {
                f"cpu_s_per_participant_minute_writing_{name}": round(writing[name] / minutes, 4),
                f"cpu_s_per_participant_minute_sealing_{name}": round(sealing_cpu[name] / minutes, 4),
                f"of_which_{name}": {part: round(took / minutes, 4) for part, took in sorted(spent.items())},
                f"bytes_per_participant_minute_written_{name}": round(written_bytes[name] / minutes),
                f"bytes_per_participant_minute_{name}": round(size[name] / minutes),
                f"kept_up_{name}": kept_up,
            }
            if key is not None:
                row["jump_p95_ms"] = round(jump_ms(next(path.glob("*.webm")), key), 2)
                once = digest_once(path)
    plain = writing["clear"] + sealing_cpu["clear"]
    proving = spent["digest"] + spent["sign"]
    row |= {
        "encryption_adds_cpu_percent": _more(writing["locked"] + sealing_cpu["locked"], plain),
        "encryption_adds_bytes_percent": _more(size["locked"], size["clear"], 2),
        "sealing_percent_of_writing": round(100 * sealing_cpu["locked"] / writing["locked"], 1),
        "proof_percent_of_writing": round(100 * proving / writing["locked"], 1),
        "one_sha256_percent_of_writing": round(100 * once / writing["locked"], 1),
    }
    print(json.dumps(row))


def _more(with_it: float, without: float, digits: int = 1) -> float:
    """Percent."""
    return round(100 * (with_it / without - 1), digits)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
