"""A finished recording of two people, and a sealed folder of it that tests may spoil."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import clock, keys
from core.db import Database, Session
from core.ids import Ref
from core.settings import Settings
from recording import folder, seal, sealing
from recording.recorder import RoomRecorder
from recording.sealing import Facts
from recording.service import Recorders
from recording.writer import Writer
from tests.recording.media import AUDIO, VIDEO, FakeLeg, Sender, in_order


async def prison(_session: Session, _booking_id: str) -> str:
    return "prison_1"


@pytest.fixture
async def recorders(settings: Settings, db: Database) -> AsyncIterator[Recorders]:
    made = Recorders(settings, db, "node_1", prison_of=prison)
    yield made
    await made.close()


def act(recorder: RoomRecorder, seconds: int = 4) -> None:
    """A visit of the two, in one go; the inmate has no camera."""
    family, inmate = FakeLeg("leg_1"), FakeLeg("leg_2")
    recorder.add(family, Ref("relative", "rel_1"), "relative", "王桂兰")
    recorder.add(inmate, Ref("inmate", "inm_1"), "inmate", "李伟")
    began = clock.monotonic()
    sender = Sender()
    for kind in (AUDIO, VIDEO):
        family.send(
            [one for one in in_order(sender.video(seconds), sender.audio(seconds)) if one.sent < 0.2], began
        )
        family.report(sender, kind, 0.1)
    family.send(
        [one for one in in_order(sender.video(seconds), sender.audio(seconds)) if one.sent >= 0.2], began
    )
    inmate.send(sender.audio(seconds), began)
    recorder.mark("officer:visit:warned", warning="dress")


@pytest.fixture
async def written(settings: Settings) -> Path:
    """A folder as the writer leaves it, made without a database."""

    async def finished(reason: str) -> None:
        del reason

    path = folder.root(settings) / "rec_1"
    folder.make(path)
    recorder = RoomRecorder("rec_1", path, Writer(), finished)
    act(recorder)
    await recorder.finish("over")
    return path


@pytest.fixture
async def sealed(written: Path, settings: Settings) -> Path:
    """The same, sealed."""
    sealing.seal_folder(written, facts(), settings, keys.signer(settings.data_dir), lambda: None)
    assert seal.verify_folder(written, keys.public_keys(settings.data_dir / "keys")).intact
    return written


def facts(reason: str = "over") -> Facts:
    now = clock.now()
    return Facts("rec_1", "bok_1", "room_1", "node_1", now, now, reason, None, now, "family", now)
