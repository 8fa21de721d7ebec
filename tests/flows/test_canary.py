"""The canary with everything real: host, bus, database, port, DTLS. It sings, and it falls silent when it must."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core import ending
from core.bus import Bus
from core.db import Database
from core.ids import Ref
from core.settings import Settings
from ledger import read
from rooms import audience, proving
from rooms.audience import Line
from rooms.client import MediaKind
from rooms.proving import Finding, Standing
from tests.scheduler import world
from web.media import MediaNode

# What is proved here has nothing to do with the kind of database and bus.
pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.parametrize("bus", ["memory"], indirect=True),
]


@pytest.fixture
async def node(settings: Settings, db: Database, bus: Bus) -> AsyncIterator[MediaNode]:
    made = MediaNode(settings.model_copy(update={"media_addresses": "127.0.0.1"}), db, bus)
    await made.peers.start()
    await made.host.start()
    yield made
    await made.stop()


async def standing(db: Database) -> Standing:
    """What `/readyz` and the doctor say."""
    async with db.read() as session:
        return await proving.standing(session)


def failed(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings if not finding.holds]


async def test_both_closed_rooms_are_held_and_nothing_gets_out(
    node: MediaNode, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    assert await node.canary.run() is None  # no prison, nothing to listen to
    assert (await standing(db)).good
    await world.build(db)
    assert not (await standing(db)).good
    proof, _ = proofs = await asyncio.gather(node.canary.run(), node.canary.run())  # as two nodes at one time
    assert proof is not None
    assert [failed(one.findings) for one in proofs if one is not None] == [[], []]
    assert {finding.code for finding in proof.findings} == {
        *(f"visual_only:{code}" for code in (
            "sound-between-parties", "pictures-to-officer", "sound-lines-to-officer", "sound-to-officer",
            "secret-to-officer", "recordings", "bytes-on-disk",
        )),
        *(f"unmonitored:{code}" for code in (
            "sound-between-parties", "officers-seated", "recordings", "bytes-on-disk",
        )),
    }  # fmt: skip
    async with db.read() as session:
        assert await proving.latest(session, node.host.node_id) in proofs
        assert (await proving.standing(session)).text.startswith("proved")
        entries = await read.about(session, Ref("node", node.host.node_id))
    assert "system:closed-rooms:proved" in [entry.tag for entry in entries]
    assert "Canary" not in caplog.text


async def test_a_leak_is_found(node: MediaNode, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody had changed the code: sound to everybody who may see, and the line for it offered."""
    await world.build(db)
    line = audience.line

    def leaking(viewer: Any, shown: Any, phase: Any) -> Line | None:
        found = line(viewer, shown, phase)
        return Line(found.publisher, audio=True, video=found.video) if found else None

    monkeypatch.setattr(audience, "line", leaking)
    both = frozenset(MediaKind)
    monkeypatch.setattr("rooms.powers.Power.carries", lambda _power, _shown: both)
    proof = await node.canary.run()
    assert proof is not None
    assert not proof.holds
    told = await standing(db)
    assert not told.good
    assert "visual_only:sound-to-officer" in told.text
    assert failed(proof.findings) == [
        "visual_only:sound-lines-to-officer",
        "visual_only:sound-to-officer",
        "visual_only:secret-to-officer",
    ]


async def test_words_on_the_disk_are_found(
    node: MediaNode, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.build(db)
    secret = b"a secret of twenty-four b"[:24]
    monkeypatch.setattr("web.canary.secrets.token_bytes", lambda _size: secret)
    Path(settings.data_dir, "left-over.tmp").write_bytes(b"header" + secret)
    proof = await node.canary.run()
    assert proof is not None
    found = failed(proof.findings)  # by the second meeting too, where the first was over within a second
    assert found[0] == "visual_only:bytes-on-disk"
    assert {code.partition(":")[2] for code in found} == {"bytes-on-disk"}


async def test_a_database_that_is_away_for_a_moment_does_not_end_it(
    node: MediaNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.canary._AGAIN", 0.0)
    tried = asyncio.Queue[None]()

    async def away() -> None:
        tried.put_nowait(None)
        if tried.qsize() == 1:
            raise ConnectionError

    monkeypatch.setattr(node.canary, "run", away)
    keeping = asyncio.create_task(node.canary.keep())
    async with asyncio.timeout(30):
        while tried.qsize() < 2:
            await asyncio.sleep(0)
    assert not keeping.done()
    await ending.end([keeping])
