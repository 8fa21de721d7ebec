"""The native relay under the sanitizers: hand-made inputs, changed ones, and all that a fuzzer ever found."""

import random
import subprocess
from pathlib import Path

from tests.fuzz import native

FINDINGS = Path(__file__).parent / "findings" / "native"


def changed(chance: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(made))
        match chance.randrange(4):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                made[at] ^= 1 << chance.randrange(8)
            case 2:
                del made[at : at + chance.randrange(1, 20)]
                made.append(0)
            case _:
                made[at:at] = made[: chance.randrange(1, 60)]
    return bytes(made)


def test_no_packet_at_any_moment_touches_memory_that_is_not_its_own(tmp_path: Path) -> None:
    program, inputs = tmp_path / "native", tmp_path / "inputs"
    native.build(program, fuzzer=False)
    inputs.mkdir()
    chance, seeds = random.Random(11), [*native.seeds()]
    made = [*seeds, *(changed(chance, chance.choice(seeds)) for _ in range(600))]
    for number, data in enumerate(made):
        (inputs / f"{number:04}").write_bytes(data)
    paths = [*sorted(inputs.iterdir()), *sorted(FINDINGS.glob("*"))]
    done = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(done.stderr.splitlines()) == len(paths)
