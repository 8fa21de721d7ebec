"""The engine in a process of its own: what others say on its standard output, and an end without an answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.assign.columns import array, of_ways
from scheduler.assign.problem import Problem
from scheduler.solving import EngineFailed, solve  # before the tests' own takes its place in the module

PROBLEM = Problem(of_ways([], {}, 0), array([]), array([]))


def test_what_a_solver_writes_past_python_is_no_answer() -> None:
    """HiGHS does so now and then."""
    said = (
        "import os; from scheduler.assign import __main__ as engine\n"
        "out = engine._mouth(); os.write(1, b'Coefficient ranges'); engine._say(out, stage='prices')"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, check=True)
    assert done.stdout == b'{"stage": "prices"}\n'
    assert done.stderr == b"Coefficient ranges"


@pytest.mark.parametrize("words", ["Coefficient ranges", "[1]", "3"])
async def test_words_that_are_no_answer_end_the_plan_and_are_named(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "engine"
    engine.write_text(f"#!/bin/sh\necho '{words}'\n")
    engine.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(engine))
    with pytest.raises(EngineFailed, match="not understood"):
        async for _ in solve(PROBLEM):
            pass
