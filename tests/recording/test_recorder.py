"""The recorder with its real thread and real files."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core import clock
from core.ids import Ref
from recording import folder, writer
from recording.model import INTERRUPTED
from recording.recorder import RoomRecorder
from recording.writer import Reel, Writer
from rooms.client import MediaKind
from tests.recording.media import FPS, VIDEO, FakeLeg, Sender, decode, in_order

GRANDMOTHER, INMATE = Ref("relative", "rel_1"), Ref("inmate", "inm_1")


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[RoomRecorder]:
    async def finished(reason: str) -> None:
        (tmp_path / "reason").write_text(reason)

    path = tmp_path / "rec_1"
    folder.make(path)
    made = RoomRecorder("rec_1", path, Writer(), finished)
    yield made
    await made.finish("over")


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def tags(path: Path) -> list[str]:
    return [event.tag for event in folder.events(path / folder.EVENTS)]


async def test_each_leg_is_a_track_with_its_times_and_events(recorder: RoomRecorder, tmp_path: Path) -> None:
    family, inmate = FakeLeg("leg_1"), FakeLeg("leg_2")
    recorder.add(family, GRANDMOTHER, "relative", "Wang Guilan")
    recorder.add(inmate, INMATE, "inmate", "Li Wei")
    began = clock.monotonic()
    sender = Sender()
    family.send(in_order(sender.video(4), sender.audio(4)), began)
    inmate.send(sender.audio(2), began)
    recorder.mark("officer:visit:warned", warning="dress", seat="seat_1")
    assert recorder.healthy
    await recorder.finish("said-goodbye")
    path = tmp_path / "rec_1"
    assert sorted(one.name for one in path.iterdir()) == [
        "events.jsonl",
        "inmate-1.raw.webm",
        "relative-1.raw.webm",
    ]
    assert len(decode(path / "relative-1.raw.webm").pictures) == 4 * FPS
    assert decode(path / "inmate-1.raw.webm").sound > 1.98
    events = list(folder.events(path / folder.EVENTS))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.tag for event in events if not event.tag.startswith("track:")] == [
        "recording:started",
        "officer:visit:warned",
        "recording:finished",
    ]
    warned = next(event for event in events if event.tag == "officer:visit:warned")
    assert warned.details == {"warning": "dress", "seat": "seat_1"}
    ended = [event.details for event in events if event.tag == "track:ended"]
    assert ended[0]["video"]["frames"] == 100
    assert (tmp_path / "reason").read_text() == "said-goodbye"
    assert not family.sinks
    assert not recorder.healthy  # nothing is recorded any more


async def test_it_tells_when_the_newest_of_each_kind_came_to_it(recorder: RoomRecorder) -> None:
    leg, stranger = FakeLeg("leg_1"), FakeLeg("leg_2")
    recorder.add(leg, GRANDMOTHER, "relative", "Wang Guilan")
    assert recorder.arrived(leg) == {}
    began, sender = clock.monotonic(), Sender()
    leg.send(sender.audio(1), began)
    assert set(recorder.arrived(leg)) == {MediaKind.AUDIO}
    assert recorder.arrived(leg)[MediaKind.AUDIO] == pytest.approx(began + 1, abs=0.1)
    leg.send(sender.video(1), began)
    assert set(recorder.arrived(leg)) == {*MediaKind}
    assert recorder.arrived(stranger) == {}


async def test_who_comes_back_gets_another_file(recorder: RoomRecorder, tmp_path: Path) -> None:
    for number in (1, 2):
        leg = FakeLeg(f"leg_{number}")
        recorder.add(leg, INMATE, "inmate", "Li Wei")
        leg.send(Sender().audio(1), clock.monotonic())
        recorder.remove(leg)
        recorder.remove(leg)
    await recorder.finish("over")
    assert sorted(one.name for one in (tmp_path / "rec_1").glob("*.webm")) == [
        "inmate-1.raw.webm",
        "inmate-2.raw.webm",
    ]


async def test_key_frames_are_asked_for_at_the_start_after_a_gap_and_at_a_mark(
    recorder: RoomRecorder,
) -> None:
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    assert leg.keyframes == 1
    wires = Sender().video(2)
    began = clock.monotonic() - 1.9
    leg.send(wires[:40], began)
    await asyncio.sleep(0.3)
    assert leg.keyframes == 1
    leg.send(wires[41:], began)
    await until(lambda: leg.keyframes == 2)
    recorder.mark("visit:paused")
    assert leg.keyframes == 3


@pytest.mark.parametrize("role", ["../../etc/passwd", "", "Inmate", "a/b"])
async def test_a_role_that_is_no_name_is_refused(recorder: RoomRecorder, role: str) -> None:
    with pytest.raises(ValueError, match="cannot record"):
        recorder.add(FakeLeg("leg_1"), INMATE, role, "Li Wei")


async def test_what_was_taken_in_is_on_the_disk_within_a_second(
    recorder: RoomRecorder, tmp_path: Path
) -> None:
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    leg.send(Sender().audio(2), clock.monotonic() - 2)
    path = tmp_path / "rec_1" / "inmate-1.raw.webm"
    await until(lambda: path.exists() and path.stat().st_size > 0, 1.0)
    assert decode(path).sound > 1.98


async def test_a_mark_is_on_the_disk_at_once(recorder: RoomRecorder, tmp_path: Path) -> None:
    recorder.mark("visit:paused", reason=Path("not json"))
    await until(lambda: "visit:paused" in tags(tmp_path / "rec_1"), 1.0)
    line = (tmp_path / "rec_1" / folder.EVENTS).read_bytes().splitlines()[-1]
    assert json.loads(line)["details"] == {"reason": "not json"}


async def test_a_stuck_disk_makes_it_unhealthy_and_the_gap_is_stated(
    recorder: RoomRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk answers no `fdatasync` for as long as the test holds it."""
    inside, held = threading.Event(), threading.Event()
    real = os.fdatasync

    def stuck(handle: int) -> None:
        inside.set()
        held.wait(60)
        real(handle)

    monkeypatch.setattr(os, "fdatasync", stuck)
    monkeypatch.setattr(writer, "QUEUE", 100)
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    await until(inside.is_set, 30)
    leg.send(Sender().audio(4), clock.monotonic() - 4)  # comes back while the disk does not
    assert not held.is_set()
    assert recorder.troubles == {"overload", "lag"}
    held.set()
    await until(lambda: recorder.healthy)
    leg.send([one for one in Sender().audio(6) if one.sent >= 5], clock.monotonic() - 6)
    await recorder.finish("over")
    events = list(folder.events(tmp_path / "rec_1" / folder.EVENTS))
    gap = next(event for event in events if event.tag == "recording:gap")
    assert gap.details["cause"] == "overload"
    assert gap.details["packets"] >= 100
    assert decode(tmp_path / "rec_1" / "inmate-1.raw.webm").sound > 1.5


async def test_a_write_that_fails_is_tried_again_at_the_same_place(
    recorder: RoomRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    full = threading.Event()

    def limited(handle: int, data: bytes, offset: int) -> int:
        if full.is_set():
            raise OSError(28, "No space left on device")
        return real(handle, data[:700], offset)  # and never all at once

    monkeypatch.setattr(os, "pwrite", limited)
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    wires = in_order(Sender().video(4), Sender().audio(4))
    began = clock.monotonic() - 4
    half = len(wires) // 2
    leg.send(wires[:half], began)
    await asyncio.sleep(0.3)
    full.set()
    leg.send(wires[half:], began)
    await until(lambda: "write" in recorder.troubles)
    assert not recorder.healthy
    full.clear()
    await until(lambda: recorder.healthy)
    await recorder.finish("over")
    decoded = decode(tmp_path / "rec_1" / "inmate-1.raw.webm")
    assert len(decoded.pictures) == 4 * FPS
    assert decoded.sound > 3.98


async def test_garbage_instead_of_media_is_noticed(recorder: RoomRecorder) -> None:
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    wires = Sender().video(7)
    began = clock.monotonic() - 7
    for wire in wires:
        for sink in leg.sinks:
            sink.packet(VIDEO, wire.data[:13], began + wire.arrived)
    await until(lambda: "stalled" in recorder.troubles)
    assert recorder.behind
    assert not recorder.healthy


async def test_it_is_behind_before_it_is_no_recording_any_more(recorder: RoomRecorder) -> None:
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    began = clock.monotonic() - 3
    for wire in Sender().video(3):
        for sink in leg.sinks:
            sink.packet(VIDEO, wire.data[:13], began + wire.arrived)
    await until(lambda: recorder.behind)
    assert recorder.healthy


async def test_a_nearly_full_disk_is_noticed_before_it_is_full(
    recorder: RoomRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOW_WATER", 1 << 60)
    recorder.mark("visit:paused")
    await until(lambda: recorder.troubles == {"disk-full"})


async def test_a_recording_that_another_node_took_over_is_not_written_on(
    recorder: RoomRecorder, tmp_path: Path
) -> None:
    leg = FakeLeg("leg_1")
    recorder.add(leg, INMATE, "inmate", "Li Wei")
    recorder.give_up()
    assert not leg.sinks
    assert recorder.troubles == {"lost"}
    await recorder.finish("over")
    assert (tmp_path / "reason").exists()


async def test_finishing_twice_is_finishing_once(tmp_path: Path) -> None:
    calls: list[str] = []

    async def finished(reason: str) -> None:
        calls.append(reason)

    folder.make(tmp_path / "rec_2")
    recorder = RoomRecorder("rec_2", tmp_path / "rec_2", Writer(), finished)
    await asyncio.gather(recorder.finish("over"), recorder.finish("again"))
    assert calls == ["over"]
    assert tags(tmp_path / "rec_2") == ["recording:started", "recording:finished"]


async def test_one_broken_recording_does_not_stop_the_others(tmp_path: Path) -> None:
    async def finished(reason: str) -> None:
        del reason

    common = Writer()
    recorders = []
    for name in ("rec_1", "rec_2"):
        folder.make(tmp_path / name)
        recorders.append(RoomRecorder(name, tmp_path / name, common, finished))

    def broken() -> None:
        raise RuntimeError("a fault of ours")

    recorders[0]._reel.put(broken)
    await until(lambda: recorders[0].troubles == {"failed"})
    assert recorders[1].healthy
    recorders[1].mark("visit:paused")
    await until(lambda: "visit:paused" in tags(tmp_path / "rec_2"))
    for recorder in recorders:
        await recorder.finish("over")


async def test_the_thread_ends_with_its_last_recording(tmp_path: Path) -> None:
    common = Writer()
    for name in ("rec_1", "rec_2"):
        folder.make(tmp_path / name)
        reel = Reel(tmp_path / name, clock.monotonic(), lambda _track: None)
        common.adopt(reel)
        reel.put_event("visit:paused", {})
        reel.close()
        await until(reel.closed.is_set)
        await until(lambda: not common._running)


class _Ended:
    """A recording's end, with the reason under which it goes to be sealed."""

    def __init__(self, path: Path, common: Writer) -> None:
        self.reasons: list[str] = []
        folder.make(path)
        self.recorder = RoomRecorder(path.name, path, common, self._finished)

    async def _finished(self, reason: str) -> None:
        self.reasons.append(reason)


async def test_an_end_that_the_disk_did_not_take_is_no_ordinary_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _Ended(tmp_path / "rec_2", Writer())
    await until(lambda: "recording:started" in tags(tmp_path / "rec_2"))

    def full(handle: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr(writer, "GIVE_UP_S", 0.2)
    one.recorder.mark("officer:visit:warned")
    await one.recorder.finish("over")
    assert one.reasons == [INTERRUPTED]
    assert tags(tmp_path / "rec_2") == ["recording:started"]


async def test_what_broke_in_the_middle_does_not_end_as_if_it_were_whole(tmp_path: Path) -> None:
    one = _Ended(tmp_path / "rec_2", Writer())

    def broken() -> None:
        raise RuntimeError("a fault of ours")

    one.recorder._reel.put(broken)
    await until(lambda: one.recorder.troubles == {"failed"})
    await one.recorder.finish("over")
    assert one.reasons == [INTERRUPTED]


async def test_storage_that_fails_at_closing_ends_one_recording_and_not_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As storage over a network does: the last word on what it took comes with the close."""
    common = Writer()
    first, second = _Ended(tmp_path / "rec_1", common), _Ended(tmp_path / "rec_2", common)
    await until(lambda: all(tags(tmp_path / name) for name in ("rec_1", "rec_2")))
    real, failed = os.close, threading.Event()

    def close(handle: int) -> None:
        real(handle)
        if threading.current_thread().name == "recording-writer" and not failed.is_set():
            failed.set()
            raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "close", close)
    await first.recorder.finish("over")
    assert first.reasons == [INTERRUPTED]
    second.recorder.mark("visit:paused")
    await until(lambda: "visit:paused" in tags(tmp_path / "rec_2"))
    await second.recorder.finish("over")
    assert second.reasons == ["over"]


async def test_who_gives_up_waiting_for_the_end_does_not_cut_it_off(tmp_path: Path) -> None:
    one = _Ended(tmp_path / "rec_2", Writer())
    waiting = asyncio.create_task(one.recorder.finish("over"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await one.recorder.finish("again")
    assert one.reasons == ["over"]
    assert tags(tmp_path / "rec_2") == ["recording:started", "recording:finished"]
