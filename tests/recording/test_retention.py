"""Deletion when the time has come, with proof; and holds, which always win."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

import ledger.read
from core import clock as core_clock
from core import keys, placing
from core.db import Database
from core.errors import Conflict, Forbidden, Misconfigured, NotFound, Refused
from core.ids import Ref
from core.settings import Settings
from people.model import Identity, Role
from recording import deletion, holds, retention, seal, service, tasks
from recording.deletion import Deletion
from recording.errors import BeingDeleted, TrackMissing
from recording.holds import Term
from recording.model import RecordingState
from recording.service import Recorders
from recording.tables import RecordingRow
from tests.conftest import FakeClock
from tests.recording.conftest import act
from tests.scheduler.world import build


def officer(*roles: Role, prison: str | None = "prison_1") -> Identity:
    return Identity("ses_1", Ref("officer", "off_1"), frozenset(roles), "Chen", "zh", False, prison, True)


MONITOR, APPROVER = officer(Role.MONITOR), officer(Role.APPROVER)


def term(days: float = 180, review: float = 60) -> Term:
    now = core_clock.now()
    return Term(now + timedelta(days=days), now + timedelta(days=review))


async def sealed_visit(recorders: Recorders, db: Database, settings: Settings, booking: str = "bok_1") -> str:
    recorder = await recorders.start("room_1", booking)
    act(recorder)
    await recorder.finish("over")
    assert await tasks.seal_finished(db, settings) == 1
    return recorder.recording_id


async def path_of(db: Database, settings: Settings, recording_id: str) -> Path:
    async with db.read() as session:
        return await service.path_of(session, settings, recording_id)


async def state_of(db: Database, recording_id: str) -> RecordingState:
    async with db.read() as session:
        return (await service.get(session, recording_id)).state


async def hold(db: Database, booking: str = "bok_1") -> str:
    async with db.write() as session:
        return await holds.place(session, MONITOR, booking, "court", "file 17", term())


async def release(db: Database, hold_id: str) -> None:
    async with db.write() as session:
        await holds.release(session, APPROVER, hold_id, "the case is closed")


@pytest.fixture
async def expired(recorders: Recorders, db: Database, settings: Settings, clock: FakeClock) -> str:
    """A sealed recording whose time has come."""
    made = await sealed_visit(recorders, db, settings)
    clock.move(days=30, seconds=1)
    return made


async def test_nothing_goes_before_its_time(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    recording_id = await sealed_visit(recorders, db, settings)
    manifest = seal.read_manifest(await path_of(db, settings, recording_id))
    assert manifest is not None
    assert manifest["retention"] == {"class": "family", "keep_until": "2026-12-21T08:00:00.000+00:00"}
    clock.move(days=29, hours=23, minutes=59)
    assert await retention.delete_expired(db, settings) == 0
    clock.move(minutes=2)
    assert await retention.delete_expired(db, settings) == 1


async def test_files_go_and_the_proof_stays(expired: str, db: Database, settings: Settings) -> None:
    path = await path_of(db, settings, expired)
    before = {one.name: one.stat().st_size for one in path.iterdir() if not one.name.startswith("manifest")}
    assert await retention.delete_expired(db, settings) == 1
    assert sorted(one.name for one in path.iterdir()) == [
        "deletion.json",
        "deletion.sig",
        "manifest.json",
        "manifest.sig",
    ]
    proof = json.loads((path / "deletion.json").read_bytes())
    assert {one["file"]: one["bytes"] for one in proof["files"]} == before
    assert proof["why"] == "kept-long-enough"
    async with db.read() as session:
        view = await service.get(session, expired)
        entries = await ledger.read.about(session, Ref("recording", expired))
        with pytest.raises(TrackMissing):
            await service.open_track(session, settings, expired, view.tracks[0].id)
    assert (view.state, view.events) == (RecordingState.DELETED, ())
    assert view.seal is not None
    assert proof["manifest"] == view.seal.digest
    assert [entry.tag for entry in entries][-2:] == ["system:recording:expired", "system:recording:deleted"]
    verdict = await service.verify(db, settings, expired)
    assert (verdict.intact, verdict.proof) == (True, entries[-1].parsed()["proof"])
    assert verdict.report()["text"].startswith(f"Deleted: recording {expired}")
    assert await retention.delete_expired(db, settings) == 0
    assert (await ledger.read.verify(db)).intact


async def test_a_hold_wins_until_it_is_released(expired: str, db: Database, settings: Settings) -> None:
    first, second = await hold(db), await hold(db)
    assert await retention.delete_expired(db, settings) == 0
    await release(db, first)
    assert await retention.delete_expired(db, settings) == 0
    await release(db, second)
    assert await retention.delete_expired(db, settings) == 1
    with pytest.raises(BeingDeleted):
        await hold(db)


async def test_a_hold_does_not_end_by_itself(
    expired: str, db: Database, settings: Settings, clock: FakeClock
) -> None:
    hold_id = await hold(db)
    clock.move(days=2000)
    assert await retention.delete_expired(db, settings) == 0
    async with db.read() as session:
        (view,) = await holds.active(session, "prison_1")
        assert await holds.active(session, "prison_2") == []
        assert await holds.of_booking(session, "bok_1") == [view]
    assert (view.id, view.reason, view.words) == (hold_id, "court", "file 17")
    assert view.review_at < view.until < core_clock.now()
    async with db.write() as session:
        await holds.keep(session, APPROVER, hold_id, "the appeal is pending", term(days=90))
    async with db.read() as session:
        (kept,) = await holds.active(session, None)
        entries = await ledger.read.about(session, Ref("booking", "bok_1"))
    assert kept.review_at > core_clock.now()
    assert kept.reviewed_at == core_clock.now()
    assert [entry.tag for entry in entries] == ["officer:hold:placed", "officer:hold:kept"]


async def test_a_hold_that_is_not_yet_committed_stops_deletion(
    expired: str, db: Database, settings: Settings
) -> None:
    async with db.write() as session:
        await holds.place(session, MONITOR, "bok_1", "court", "file 17", term())
        deleting = asyncio.create_task(retention.delete_expired(db, settings))
        await asyncio.sleep(0.3)
    assert await deleting == 0
    assert await state_of(db, expired) is RecordingState.SEALED
    assert (await service.verify(db, settings, expired)).intact


async def test_of_hold_and_deletion_at_once_exactly_one_wins(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    visits = {f"bok_{n}": await sealed_visit(recorders, db, settings, f"bok_{n}") for n in range(4)}
    clock.move(days=31)
    tries = [hold(db, booking) for booking in visits]
    _, _, *held = await asyncio.gather(
        retention.delete_expired(db, settings),
        retention.delete_expired(db, settings),
        *tries,
        return_exceptions=True,
    )
    for (booking, recording_id), answer in zip(visits.items(), held, strict=True):
        state = await state_of(db, recording_id)
        async with db.read() as session:
            lasting = await holds.of_booking(session, booking)
        if isinstance(answer, BeingDeleted):
            assert (state, lasting) == (RecordingState.DELETED, [])
        else:
            assert (state, len(lasting)) == (RecordingState.SEALED, 1)
        assert (await service.verify(db, settings, recording_id)).intact


async def test_a_take_that_begins_later_is_held_too(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    first = await sealed_visit(recorders, db, settings)
    hold_id = await hold(db)
    second = await sealed_visit(recorders, db, settings)
    async with db.write() as session:  # as if it had begun in the very moment of the hold
        await session.execute(update(RecordingRow).where(RecordingRow.id == second).values(holds=0))
    clock.move(days=31)
    assert await retention.delete_expired(db, settings) == 0
    await release(db, hold_id)
    assert await retention.delete_expired(db, settings) == 2
    assert await state_of(db, first) is await state_of(db, second) is RecordingState.DELETED


async def test_what_failed_goes_in_time_too(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    recorder = await recorders.start("room_1", "bok_1")
    act(recorder)
    await recorder.finish("over")
    async with db.write() as session:
        await service.fail(session, recorder.recording_id, RecordingState.SEALING, "not-sealable")
    path = await path_of(db, settings, recorder.recording_id)
    content = hashlib.sha256((path / "relative-1.raw.webm").read_bytes()).hexdigest()
    clock.move(days=31)
    assert await retention.delete_expired(db, settings) == 1
    proof = json.loads((path / "deletion.json").read_bytes())
    assert proof["manifest"] is None
    assert content in {one["sha256"] for one in proof["files"]}
    assert (await service.verify(db, settings, recorder.recording_id)).intact


async def test_cut_off_at_each_step_it_is_done_again(
    expired: str, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails at the nth write or removal, for each n; never a proof that holds while files are there."""
    path = await path_of(db, settings, expired)
    public = keys.public_keys(settings.data_dir / "keys")
    for allowed in range(20):
        left = allowed

        def counted(real: Callable[..., None]) -> Callable[..., None]:
            def step(*args: object, **kwargs: object) -> None:
                nonlocal left
                if left == 0:
                    raise OSError(5, "power failure")
                left -= 1
                real(*args, **kwargs)

            return step

        with monkeypatch.context() as broken:
            broken.setattr(placing, "place", counted(placing.place))
            broken.setattr(Path, "unlink", counted(Path.unlink))
            done = await retention.delete_expired(db, settings)
        gone = deletion.read(path, public)
        if gone is not None and gone.problem is None:
            assert not list(path.glob("*.webm"))
        if done:
            break
        assert await state_of(db, expired) is RecordingState.DELETING
    assert allowed > 4
    assert (await service.verify(db, settings, expired)).intact


async def test_a_failure_before_the_database_was_told_changes_no_proof(
    expired: str, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object) -> None:
        raise OSError(5, "the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(retention, "_deleted", away)
        assert await retention.delete_expired(db, settings) == 0
    path = await path_of(db, settings, expired)
    proof = (path / "deletion.json").read_bytes()
    keys.rotate(settings.data_dir)
    assert await retention.delete_expired(db, settings) == 1
    assert (path / "deletion.json").read_bytes() == proof
    assert (await service.verify(db, settings, expired)).intact


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed proof": (
        lambda path: (path / "deletion.json").write_bytes(
            (path / "deletion.json").read_bytes().replace(b"kept-long-enough", b"asked-by-someone")
        ),
        "deletion-changed",
    ),
    "no signature": (lambda path: (path / "deletion.sig").unlink(), "deletion-changed"),
    "no proof any more": (lambda path: (path / "deletion.json").write_bytes(b"{"), "deletion-changed"),
    "a file that stayed": (lambda path: (path / "relative-1.webm").write_bytes(b"x"), "extra-file"),
    "a changed manifest": (
        lambda path: (path / "manifest.json").write_bytes((path / "manifest.json").read_bytes() + b" "),
        "manifest-changed",
    ),
    "no manifest": (lambda path: (path / "manifest.json").unlink(), "manifest-changed"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_spoilt_proof_is_found(what: str, sealed: Path, settings: Settings) -> None:
    signer, now = keys.signer(settings.data_dir), core_clock.now()
    why = Deletion("rec_1", "bok_1", "family", now, now, "kept-long-enough")
    deletion.delete(sealed, why, seal.digests(sealed), signer)
    public = keys.public_keys(settings.data_dir / "keys")
    assert seal.verify_folder(sealed, public).intact
    assert seal.verify_folder(sealed, {}).problems[0].code == "unknown-key"
    spoil, code = SPOILT[what]
    spoil(sealed)
    assert code in {problem.code for problem in seal.verify_folder(sealed, public).problems}


async def test_a_proof_that_the_ledger_does_not_know_is_found(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    """Somebody with the signing key removes a recording by hand; and somebody removes a proof."""
    recording_id = await sealed_visit(recorders, db, settings)
    path, now = await path_of(db, settings, recording_id), core_clock.now()
    why = Deletion(recording_id, "bok_1", "family", now, now, "kept-long-enough")
    deletion.delete(path, why, seal.digests(path), keys.signer(settings.data_dir))
    verdict = await service.verify(db, settings, recording_id)
    assert [problem.code for problem in verdict.problems] == ["deletion-differs"]


async def test_a_proof_that_is_gone_is_missed(expired: str, db: Database, settings: Settings) -> None:
    await retention.delete_expired(db, settings)
    (await path_of(db, settings, expired) / "deletion.json").unlink()
    assert "deletion-differs" in {one.code for one in (await service.verify(db, settings, expired)).problems}


async def test_all_that_is_wrong_with_a_hold_is_said(expired: str, db: Database) -> None:
    wrong = {
        ("curiosity", " ", Term(None, None)): {"reason", "words", "until", "review"},
        ("court", "x" * 301, term()): {"words"},
        ("court", "x", term(days=-1)): {"until"},
        ("court", "x", term(review=93)): {"review"},
        ("court", "x", term(days=10, review=11)): {"review"},
    }
    for (reason, words, when), at in wrong.items():
        with pytest.raises(Refused) as refused:
            async with db.write() as session:
                await holds.place(session, MONITOR, "bok_1", reason, words, when)
        assert {one.params["field"] for one in refused.value.reasons} == at
    async with db.read() as session:
        assert await holds.active(session, None) == []
        assert (await service.get(session, expired)).holds == 0


async def test_who_may_hold_and_who_may_release(expired: str, db: Database) -> None:
    hold_id = await hold(db)
    elsewhere = officer(Role.APPROVER, prison="prison_2")
    refused: list[tuple[type[Exception], Identity]] = [(Forbidden, MONITOR), (NotFound, elsewhere)]
    for error, who in refused:
        with pytest.raises(error):
            async with db.write() as session:
                await holds.release(session, who, hold_id, "x")
    for error, who in [(Forbidden, officer(Role.COUNSEL)), (NotFound, elsewhere)]:
        with pytest.raises(error):
            async with db.write() as session:
                await holds.place(session, who, "bok_1", "court", "x", term())
    await release(db, hold_id)
    with pytest.raises(Conflict):
        await release(db, hold_id)


async def test_without_a_retention_nothing_is_recorded(db: Database, settings: Settings) -> None:
    undecided = settings.model_copy(update={"recording_days": None})
    async with db.read() as session:
        with pytest.raises(Misconfigured):
            await retention.keep_until(session, undecided, "prison_1", core_clock.now())


@pytest.mark.parametrize(("ruled", "installed", "kept"), [(30, 180, 30), (400, 180, 180)])
async def test_the_prisons_rules_say_how_long_and_never_longer_than_the_installation(
    db: Database, settings: Settings, ruled: int, installed: int, kept: int
) -> None:
    """`recording_kept_days`."""
    world = await build(db, recording_kept_days=ruled)
    now, here = core_clock.now(), settings.model_copy(update={"recording_days": installed})
    async with db.read() as session:
        until = await retention.keep_until(session, here, world.prison_id, now)
    assert until == now + timedelta(days=kept)


async def test_the_prisons_rules_say_when_a_hold_is_looked_at_again(db: Database) -> None:
    """`hold_review_days`."""
    world = await build(db, hold_review_days=10)
    now = core_clock.now()
    who = officer(Role.MONITOR, prison=world.prison_id)
    async with db.write() as session:
        session.add(
            RecordingRow(
                id="rec_1", booking_id="bok_1", room_id="rom_1", prison_id=world.prison_id, state="sealed", node_id="n",
                beat_at=now, folder="f", started_at=now, retention="family", keep_until=now, holds=0,
            )
        )  # fmt: skip
    for days, fine in ((11, False), (9, True)):
        with contextlib.nullcontext() if fine else pytest.raises(Refused) as caught:
            async with db.write() as session:
                await holds.place(session, who, "bok_1", "court", "x", term(review=days))
        if caught is not None:
            assert caught.value.reasons[0].params["days"] == 10
