"""What class a recording is of, and so how long it is kept: by what happened, never for less than before."""

from datetime import timedelta
from typing import Any

import pytest

import ledger.read
import ledger.record
from core import clock as core_clock
from core.db import Database, Session
from core.ids import Ref, new_id
from core.settings import Settings
from policy import model
from policy.model import Layer
from recording import retention, reviews, seal, service, tasks
from recording.model import RecordingState, RetentionClass
from recording.service import Recorders
from recording.tables import RecordingRow
from rooms.desk_tables import ReviewRow
from tests.conftest import FakeClock
from tests.policy.test_model import WHOLE
from tests.recording.conftest import act
from tests.scheduler.world import World, build

KEPT, FLAGGED, DISPUTED = 30, 90, 150
BOTH = {"recording_flagged_days": FLAGGED, "recording_disputed_days": DISPUTED}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"recording_days": 365})


async def with_rules(db: Database, values: dict[str, Any]) -> World:
    return await build(db, **values)


@pytest.fixture
async def world(db: Database) -> World:
    return await with_rules(db, {"recording_kept_days": KEPT, **BOTH})


@pytest.fixture
async def visit(world: World) -> str:
    """Id of a booking."""
    family = await world.family()
    return (await world.hold(family, await world.slot())).id


async def take(visit: str, db: Database, settings: Settings, *tags: tuple[str, str]) -> str:
    """A take of the visit in which this was entered; its recording, sealed."""
    recorders = Recorders(settings, db, new_id("node"))
    recorder = await recorders.start("room_1", visit)
    act(recorder, seconds=1)
    async with db.write() as session:
        for tag, code in tags:
            who, about = Ref("officer", "off_1"), Ref("booking", visit)
            ledger.record.record(session, tag, actor=who, subject=about, code=code)
    await recorder.finish("over")
    await recorders.close()
    assert await tasks.seal_finished(db, settings) == 1
    return recorder.recording_id


async def row_of(db: Database, recording_id: str) -> RecordingRow:
    async with db.read() as session:
        return await session.get_one(RecordingRow, recording_id)


def days(one: RecordingRow) -> int:
    return round((one.keep_until - one.started_at) / timedelta(days=1))  # a manifest has milliseconds


@pytest.mark.parametrize(
    ("tags", "kept", "for_days"),
    [
        ((), "family", KEPT),
        ((("officer:visit:marked", "fine"),), "family", KEPT),
        ((("officer:visit:warned", "dress"),), "flagged", FLAGGED),
        ((("officer:visit:marked", "third-person"),), "flagged", FLAGGED),
        ((("officer:visit:ended", "rules-broken"),), "flagged", FLAGGED),
    ],
)
async def test_what_happened_decides_at_sealing_and_the_manifest_says_so(
    visit: str,
    db: Database,
    settings: Settings,
    tags: tuple[tuple[str, str], ...],
    kept: str,
    for_days: int,
) -> None:
    recording_id = await take(visit, db, settings, *tags)
    one = await row_of(db, recording_id)
    assert (one.retention, days(one)) == (kept, for_days)
    async with db.read() as session:
        manifest = seal.read_manifest(await service.path_of(session, settings, recording_id))
    assert manifest is not None
    until = one.keep_until.isoformat(timespec="milliseconds")
    assert manifest["retention"] == {"class": kept, "keep_until": until}


async def test_a_breach_found_by_listening_again_keeps_it_longer_before_anything_goes(
    clock: FakeClock, world: World, visit: str, db: Database, settings: Settings
) -> None:
    recording_id = await take(visit, db, settings)
    clock.move(days=KEPT + 1)
    async with db.write() as session:
        _reviewed(session, world, visit, reviews.BREACH)
    assert await retention.delete_expired(db, settings) == 0
    one = await row_of(db, recording_id)
    assert (one.retention, days(one), one.state) == ("disputed", DISPUTED, RecordingState.SEALED)
    async with db.read() as session:
        entries = await ledger.read.about(session, Ref("recording", recording_id))
    assert (entries[-1].tag, entries[-1].parsed()) == (retention.RECLASSIFIED, {"to": "disputed"})
    assert await retention.reclassify(db, settings) == 0  # once
    assert (await service.verify(db, settings, recording_id)).intact
    clock.move(days=DISPUTED - KEPT)
    assert await retention.delete_expired(db, settings) == 1


async def test_nothing_goes_because_much_has_become_graver_at_once(
    clock: FakeClock,
    world: World,
    visit: str,
    db: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        await take(visit, db, settings)
    clock.move(days=KEPT + 1)
    async with db.write() as session:
        _reviewed(session, world, visit, reviews.BREACH)
    monkeypatch.setattr(retention, "_AT_ONCE", 1)
    assert await retention.delete_expired(db, settings) == 0


async def test_takes_of_one_visit_are_kept_together(
    clock: FakeClock, visit: str, db: Database, settings: Settings
) -> None:
    first = await take(visit, db, settings)
    clock.move(minutes=1)
    second = await take(visit, db, settings, ("officer:visit:ended", "rules-broken"))
    assert (await row_of(db, first)).retention == "family"
    assert await retention.reclassify(db, settings) == 1
    assert [days(await row_of(db, one)) for one in (first, second)] == [FLAGGED, FLAGGED]


async def test_nothing_of_what_was_only_noted_is_kept_longer(
    clock: FakeClock, world: World, visit: str, db: Database, settings: Settings
) -> None:
    await take(visit, db, settings)
    async with db.write() as session:
        _reviewed(session, world, visit, "noted")
    clock.move(days=KEPT + 1)
    assert await retention.delete_expired(db, settings) == 1


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"recording_kept_days": 100, **BOTH}, [100, 100, 150]),  # a graver class is never kept for less
        ({"recording_kept_days": 10, **BOTH}, [10, 90, 150]),
        ({"recording_kept_days": 300, **BOTH}, [300, 300, 300]),
        ({"recording_kept_days": 400, **BOTH}, [365, 365, 365]),  # nor for longer than the installation says
    ],
)
async def test_each_class_has_its_days(
    db: Database, settings: Settings, stated: dict[str, int], expected: list[int]
) -> None:
    world, now = await with_rules(db, stated), core_clock.now()
    async with db.read() as session:
        until = [
            await retention.keep_until(session, settings, world.prison_id, now, one) for one in RetentionClass
        ]
    assert until == [now + timedelta(days=one) for one in expected]


def test_rules_from_before_there_were_classes_mean_the_same_for_each() -> None:
    before = {name: value for name, value in WHOLE.items() if name not in BOTH}
    values = model.merge([Layer("pol_n", "CN", 1, {**before, "recording_kept_days": 77}, ())]).values
    assert (values.recording_flagged_days, values.recording_disputed_days) == (77, 77)


def _reviewed(session: Session, world: World, visit: str, outcome: str) -> None:
    now = core_clock.now()
    session.add(
        ReviewRow(
            booking_id=visit, prison_id=world.prison_id, why="lot", risk=0, due_at=now, state="done", made_at=now,
            taken_by=None, taken_name="", done_at=now, outcome=outcome, words="",
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "kept", "for_days"), [("not-sealable", "disputed", DISPUTED), ("never-began", "family", KEPT)]
)
async def test_one_that_broke_is_kept_as_long_as_what_is_disputed(
    clock: FakeClock, visit: str, db: Database, settings: Settings, reason: str, kept: str, for_days: int
) -> None:
    recorders = Recorders(settings, db, new_id("node"))
    recorder = await recorders.start("room_1", visit)
    act(recorder, seconds=1)
    await recorder.finish("over")
    await recorders.close()
    async with db.write() as session:
        await service.fail(session, recorder.recording_id, RecordingState.SEALING, reason)
    clock.move(days=KEPT - 1)
    for _ in range(2):  # it is said once
        assert await retention.delete_expired(db, settings) == 0
    one = await row_of(db, recorder.recording_id)
    assert (one.retention, days(one)) == (kept, for_days)
    async with db.read() as session:
        entries = await ledger.read.about(session, Ref("recording", one.id))
    assert [entry.parsed() for entry in entries if entry.tag == retention.RECLASSIFIED] == [
        {"to": "disputed"}
    ] * (kept == "disputed")
    clock.move(days=2)
    assert await retention.delete_expired(db, settings) == (kept == "family")
