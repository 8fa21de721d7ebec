"""A muted voice and the recording: what policy says, through room, stage, relay and recorder, to the file."""

from dataclasses import replace
from pathlib import Path

import pytest

from recording import folder
from recording.recorder import RoomRecorder
from recording.writer import Writer
from rooms.stage import Stage
from signaling.library import Wanted
from tests.conftest import FakeClock
from tests.recording.media import AUDIO, FPS, Sender, decode, in_order
from tests.rooms.stagehand import INMATE, RULES, WIFE, Stagehand, live, visit
from tests.signaling.contract import World

SECONDS, STEP = 6, 0.1
MUTED, UNMUTED = 2.5, 4.5  # seconds: the beeps of the third and fourth second are said meanwhile


def put_on(stage: Stage, hand: Stagehand) -> None:
    """What the room wants now, in both steps."""
    scene = hand.room.scene()
    stage.dim(scene)
    stage.light(scene, {seat.id: seat for seat in (WIFE, INMATE)})


async def spoken(world: World, clock: FakeClock, hand: Stagehand, stage: Stage) -> list[float]:
    """The wife speaks for six seconds, muted for two of them; when sound went on to the inmate, seconds of the call."""
    wife, inmate = world.peers["wife"], world.peers["inmate"]
    stage.light(hand.room.scene(), {seat.id: seat for seat in (WIFE, INMATE)})
    sender, passed = Sender(), list[float]()
    waiting = in_order(sender.video(SECONDS), sender.audio(SECONDS))
    for step in range(round((SECONDS + 1) / STEP)):
        at = step * STEP
        for moment, act in ((MUTED, "mute"), (UNMUTED, "unmute")):
            if abs(at - moment) < STEP / 2:
                hand.act(act, seat=WIFE.id)
                put_on(stage, hand)
        while waiting and waiting[0].arrived <= at:
            wife.socket.send(wife.seal.protect(waiting.pop(0).data))
        world.step()
        if any(data[1] & 0x7F == 111 for data in inmate.plain):
            passed.append(at)
        inmate.plain.clear()
        clock.move(seconds=STEP)
    return passed


@pytest.mark.parametrize(
    ("backend", "policy", "beeps"),
    [("python", True, [1, 2, 3, 4, 5]), ("python", False, [1, 2, 5]), ("native", False, [1, 2, 5])],
)
async def test_policy_says_whether_a_muted_voice_is_in_the_file(
    backend: Wanted,
    policy: bool,
    beeps: list[int],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    async def finished(reason: str) -> None:
        assert reason == "over"

    world = World(backend, clock, monkeypatch)
    hand = live(visit(rules=replace(RULES, record_while_muted=policy)))
    path = tmp_path / "rec_1"
    folder.make(path)
    stage = Stage()
    stage.recorder = recorder = RoomRecorder("rec_1", path, Writer(), finished)
    for conn in ("wife", "inmate"):
        stage.enter(conn, (await world.add(conn)).leg)
    passed = await spoken(world, clock, hand, stage)
    await recorder.finish("over")
    await world.close()
    file = decode(path / f"{WIFE.role}-1.raw.webm")
    assert [round(at) for at in file.beeps] == beeps
    assert len(file.pictures) == SECONDS * FPS  # the picture is recorded in any case
    assert not [at for at in passed if MUTED <= at < UNMUTED]  # and the other hears nothing in any case
    assert {round(at) for at in passed} >= {1, 2, 5}
    ended = [event.details for event in folder.events(path / folder.EVENTS) if event.tag == "track:ended"]
    assert sum(one[AUDIO]["spoilt"] for one in ended) == 0
