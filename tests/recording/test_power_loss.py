"""Whenever sealing is cut off, nothing claims to be whole that is not, and nothing that was whole is lost."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.db import Database
from core.settings import Settings
from recording.service import Recorders
from tests.conftest import FakeClock
from tests.recording.conftest import act
from tests.recording.sealing_process import ROOT

POINTS = 200


@pytest.fixture
async def attempts(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock, tmp_path: Path
) -> list[dict[str, Any]]:
    """What each cut left, the first being one that was not cut."""
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder, seconds=1)
    clock.move(seconds=2)
    await recorder.finish("over")
    await recorders.close()
    await db.close()
    settings.data_dir.rename(tmp_path / "before")
    (tmp_path / "kinbridge.sqlite3").rename(tmp_path / "before" / "kinbridge.sqlite3")
    command = [
        sys.executable,
        "-m",
        "tests.recording.sealing_process",
        str(tmp_path),
        "20261121",
        str(POINTS),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_loss_of_power_at_any_step_of_sealing(attempts: list[dict[str, Any]]) -> None:
    whole, *points = attempts
    expected = whole["whole"]
    assert (expected["state"], expected["same"], len(expected["frames"])) == ("sealed", True, 3)
    assert len(points) == POINTS
    assert sum(point["cut"] for point in points) == POINTS
    for point in points:
        left, after = point["left"], point["after"]
        assert left["ledger"], point
        if left["state"] == "sealed":
            assert left["same"], point  # nothing claims to be whole that is not
        assert after == {**expected, "same": True}, point
    assert {point["left"]["state"] for point in points} >= {"sealing"}
    assert any(point["left"]["intact"] and point["left"]["state"] != "sealed" for point in points)
