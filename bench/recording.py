"""What recording costs: CPU seconds and bytes written per participant-minute, with sealing and encryption and without.

Twenty participants at once, each with 1 Mbit/s of VP8 at 30 frames per second and 48 kbit/s of Opus, fed in
real time; packets are made beforehand, and the cost of feeding them to nobody is taken off. All ways run at the same
time, each in a process of its own, so that the machine is the same for all of them; several rounds, whose medians count
and whose percentages are told one by one.

`without`: packets are written as they come, and a file is made of them that any player plays and jumps in; nothing is
locked, digested, signed or read back. `with`: as in the product: written locked, laid out, digested, signed. The one
writes sound and picture twice, the other once, so `of_plan` compares sealing with a plan in the clear as well: what it
would cost to lay out without locking and digests. What a file costs however short it is counts for less the longer the
tracks are: visits last for 15 to 30 minutes.

    python -m bench.recording [SECONDS] [ROUNDS]
"""

import asyncio
import contextlib
import hashlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from core import clock, keys
from core import settings as core_settings
from core.ids import Ref
from recording import clear, finalise, folder, locked, seal, sealing
from recording.digest import Digest
from recording.finalise import Files
from recording.locked import Key
from recording.recorder import RoomRecorder
from recording.writer import Writer
from tests.recording.media import AUDIO, VIDEO, FakeLeg, Wire, descriptor, header

PARTICIPANTS = 20
WAYS = ("without", "with", "plan")
FPS, FRAME, SOUND = 30, 4166, 120  # frames per second, bytes per picture, bytes per 20 ms of sound
KEY = b"\x10\x00\x00\x9d\x01\x2a" + (1280).to_bytes(2, "little") + (720).to_bytes(2, "little")
TICK = 0.02
JUMP = 256 << 10  # bytes that are read and sent at once (`web.ranges`)


class Silent:
    """Stands for a digest where none is taken."""

    def __init__(self, *_given: object, **_more: object) -> None:
        self.digests: dict[object, Silent] = defaultdict(Silent)

    def __call__(self, *_given: object) -> None:
        """Takes no notice."""

    update = __call__

    def digest(self) -> Digest:
        return Digest(0, "", ())

    def hexdigest(self) -> str:
        return ""


class Open:
    """Stands for a cipher where nothing is locked: what comes out is what went in, and a tag of zeros."""

    def encrypt(self, _nonce: bytes, data: bytes, _about: None) -> bytes:
        return bytes(data) + bytes(locked.TAG)

    def encrypt_into(self, _nonce: bytes, data: bytes, _about: None, into: memoryview) -> None:
        into[: len(data)] = data

    def decrypt(self, _nonce: bytes, data: bytes, _about: None) -> bytes:
        return bytes(data[: -locked.TAG])


@contextlib.contextmanager
def put(*changes: tuple[object, str, object]) -> Iterator[None]:
    """With these in their places."""
    with contextlib.ExitStack() as back:
        for owner, name, new in changes:
            back.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, new)
        yield


def unsealed() -> contextlib.AbstractContextManager[None]:
    """No digests, and nothing is read back."""
    nothing = (
        (finalise, "Digester", Silent),
        (finalise, "_Recorded", Silent),
        (finalise, "_check", Silent()),
    )
    return put(*nothing, (finalise, "digest_of", lambda *_, **__: Digest(0, "", ())))


def unlocked() -> contextlib.AbstractContextManager[None]:
    """No digests and no ciphers; all else as in the product."""
    return put((locked.Key, "cipher", lambda *_: Open()), (finalise, "Digester", Silent))


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


def finished(path: Path, key: Key | None) -> float:
    """CPU seconds of making what a player plays, without any seal."""
    cpu = time.process_time()
    for raw in sorted(path.glob("*.raw.webm")):
        out = raw.with_name(raw.name.replace(folder.RAW, ""))
        if finalise.track(Files(raw, out, key), {}, None) is None:
            raise SystemExit("nothing was written")
    return time.process_time() - cpu


def sealed(path: Path, data_dir: Path, key: Key) -> float:
    """CPU seconds of sealing, all of it."""
    settings = core_settings.from_environment({}, mode="test", data_dir=data_dir)
    signer, now = keys.signer(data_dir), clock.now()
    facts = sealing.Facts(path.name, "bok", "room", "node", now, now, "over", None, now, "family", now)
    cpu = time.process_time()
    sealing.seal_folder(path, facts, settings, signer, lambda: None, key)
    took = time.process_time() - cpu
    if not seal.verify_folder(path, keys.public_keys(data_dir / "keys")).intact:
        raise SystemExit("the sealed recording is not intact")
    return took


def digest_once(path: Path) -> float:
    """CPU seconds of one SHA-256 over all files: below that no seal can go that proves every byte."""
    contents = [one.read_bytes() for one in path.glob("*.webm")]
    cpu = time.process_time()
    for content in contents:
        hashlib.sha256(content).digest()
    return time.process_time() - cpu


def lock_once(path: Path, key: Key) -> float:
    """And of locking as much."""
    cipher = key.cipher("a", locked.Head(bytes(locked.SALT), 0))
    contents = [one.read_bytes() for one in path.glob("*.raw.webm")]
    cpu = time.process_time()
    for content in contents:
        for at in range(0, len(content), locked.PIECE):
            cipher.encrypt(at.to_bytes(12), memoryview(content)[at : at + locked.PIECE], None)
    return time.process_time() - cpu


def size_of(path: Path) -> int:
    return sum(one.stat().st_size for one in path.iterdir())


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


def measured(way: str, home: Path, wires: list[Wire]) -> dict[str, float]:
    """One way once: CPU seconds, and bytes."""
    if way == "idle":
        return {"writing": asyncio.run(fed_to_nobody(wires))}
    key, path = Key.fresh(), home / "recordings" / f"rec_{way}"
    locking = None if way == "without" else key
    with unlocked() if way == "plan" else contextlib.nullcontext():
        writing, kept_up = asyncio.run(written(path, wires, locking))
        taken = size_of(path)
        with unsealed() if way == "without" else contextlib.nullcontext():
            finishing = sealed(path, home, key) if way == "with" else finished(path, locking)
    new = sum(one.stat().st_size for one in path.iterdir() if folder.RAW not in one.name)
    found = {"writing": writing, "finishing": finishing, "bytes": taken + new, "kept_up": kept_up}
    if way == "with":
        plan = next(one for one in path.glob("*.webm") if ".raw" not in one.name)
        found |= {"jump": jump_ms(plan, key), "digest": digest_once(path), "lock": lock_once(path, key)}
    return found


def round_of(seconds: int) -> dict[str, dict[str, float]]:
    """Every way at the same time."""
    command = [sys.executable, "-m", "bench.recording", "--way"]
    running = {
        way: subprocess.Popen([*command, way, str(seconds)], stdout=subprocess.PIPE, text=True)
        for way in ("idle", *WAYS)
    }
    found = {way: json.loads(one.communicate()[0] or "null") for way, one in running.items()}
    if None in found.values():
        raise SystemExit("one of the ways failed")
    for way in WAYS:
        found[way]["writing"] -= found["idle"]["writing"]
        found[way]["cpu"] = found[way]["writing"] + found[way]["finishing"]
    return found


def main(seconds: int = 40, rounds: int = 2) -> None:
    minutes = PARTICIPANTS * seconds / 60
    found = [round_of(seconds) for _ in range(rounds)]

    def middle(way: str, what: str) -> float:
        return statistics.median(one[way][what] for one in found)

    def more(way: str, what: str) -> list[float]:
        """Percent, in each round."""
        return [round(100 * (one["with"][what] / one[way][what] - 1), 1) for one in found]

    row: dict[str, object] = {
        "participants": PARTICIPANTS,
        "track_s": seconds,
        "rounds": rounds,
        "kept_up": all(one[way]["kept_up"] for one in found for way in WAYS),
        "cpu_s_per_participant_minute": {
            way: {what: round(middle(way, what) / minutes, 4) for what in ("writing", "finishing")}
            for way in WAYS
        },
        "mb_written_per_participant_minute": {
            way: round(middle(way, "bytes") / minutes / 1e6, 2) for way in WAYS
        },
        "sealing_and_encryption_add_cpu_percent": round(statistics.median(more("without", "cpu")), 1),
        "in_each_round": more("without", "cpu"),
        "they_add_cpu_percent_of_plan": round(statistics.median(more("plan", "cpu")), 1),
        "of_plan_in_each_round": more("plan", "cpu"),
        "they_add_bytes_percent": round(statistics.median(more("without", "bytes")), 1),
        "one_sha256_cpu_s_per_participant_minute": round(middle("with", "digest") / minutes, 4),
        "one_locking_cpu_s_per_participant_minute": round(middle("with", "lock") / minutes, 4),
        "read_after_a_jump_p95_ms": round(middle("with", "jump"), 2),
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        with tempfile.TemporaryDirectory() as home:
            print(json.dumps(measured(sys.argv[2], Path(home), packets(int(sys.argv[3])))))
    else:
        main(*map(int, sys.argv[1:3]))
