"""The order in which many recordings are made safe on a disk that is slow."""

import os
import threading
from pathlib import Path

import pytest

from core import garbage
from recording import folder, writer
from recording.writer import Reel, Writer
from tests.conftest import FakeClock


def test_a_slow_disk_syncs_one_recording_at_a_time_and_all_are_written_between(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def slow(handle: int) -> None:
        synced.append(handle)
        clock.move(seconds=writer.TICK_S)

    monkeypatch.setattr(os, "fdatasync", slow)
    reels = []
    for name in ("rec_1", "rec_2"):
        folder.make(tmp_path / name)
        reels.append(Reel(tmp_path / name, clock.monotonic(), lambda _track: None))
        reels[-1].put_event("visit:paused", {})
        reels[-1].turn(clock.monotonic())
    common = Writer()
    assert common._sync(reels)
    assert len(synced) == 1
    assert not common._sync(reels)
    assert len({*synced}) == 2
    assert not common._sync(reels)  # nothing is due
    clock.move(seconds=writer.SYNC_S + writer.LAG_S + 1)
    assert reels[0].troubles(clock.monotonic()) == {"lag"}


def test_what_piled_up_while_the_disk_stood_still_is_given_back_once_it_is_written(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    monkeypatch.setattr(garbage, "give_back", lambda: given.append(clock.monotonic()))
    monkeypatch.setattr(os, "fdatasync", lambda _: clock.move(seconds=2 * writer.HELD_UP_S))
    folder.make(tmp_path / "rec_1")
    reel, common = Reel(tmp_path / "rec_1", clock.monotonic(), lambda _track: None), Writer()
    reel.put_event("visit:paused", {})
    common._round([reel])
    assert not given
    common._round([reel])
    common._round([reel])
    assert given == [clock.monotonic()]


def test_a_system_that_had_no_thread_to_give_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no recording of this process would ever be written."""

    def none_left(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    common, reels = Writer(), []
    for name in ("rec_1", "rec_2"):
        folder.make(tmp_path / name)
        reels.append(Reel(tmp_path / name, 0.0, lambda _track: None))
        reels[-1].close()
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(threading.Thread, "start", none_left)
        common.adopt(reels[0])
    common.adopt(reels[1])
    assert reels[1].closed.wait(30)
    assert not reels[0].closed.is_set()
