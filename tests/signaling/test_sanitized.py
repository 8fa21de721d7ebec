"""The native relay under the sanitizers of the compiler: no packet touches memory that is not its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signaling import building

SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
TESTS = (
    "tests/signaling/test_contract.py::test_the_same_packets_in_make_the_same_bytes_out[1]",
    "tests/signaling/test_contract.py::test_bursts_too",
    "tests/signaling/test_native.py::test_legs_come_and_go_while_packets_flow",
    "tests/signaling/test_native.py::test_a_layer_goes_over_to_another_without_a_gap",
)


@pytest.mark.timeout(300)  # it builds, and sanitized code is slow
def test_no_memory_is_touched_that_is_not_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "gcc")
    place = tmp_path / "sanitized.so"
    assert "is built" in building.build(place, *SANITIZERS)
    runtime = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    own = {
        "SANITIZED_RELAY": str(place),
        "LD_PRELOAD": " ".join(runtime),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter has its own ways
        "PYTEST_ADDOPTS": "",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.signaling.sanitized",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'inner'}", *TESTS],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "4 passed" in done.stdout
