"""Days under one root: chained, signed, complete; and whatever is taken away or changed afterwards is found."""

import asyncio
import itertools
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

import ledger.read
import ledger.record
from core import keys
from core.db import Database
from core.ids import SYSTEM, Ref
from core.settings import Settings
from ledger import merkle
from recording import day, days, seal, service
from recording.day import DayVerdict
from recording.retention import delete_expired
from recording.service import Recorders
from tests.conftest import FakeClock
from tests.recording.test_retention import path_of, sealed_visit


async def enter(db: Database, *numbers: int) -> None:
    async with db.write() as session:
        for number in numbers:
            ledger.record.record(
                session, "system:test:done", actor=SYSTEM, subject=Ref("thing", str(number)), n=number
            )


def verify(settings: Settings, name: str) -> DayVerdict:
    public = keys.public_keys(settings.data_dir / "keys")
    return day.verify_file(days.home(settings.data_dir) / f"{name}.json", public)


def codes(verdict: DayVerdict) -> list[str]:
    return [problem.code for problem in verdict.problems]


async def broken_day(db: Database, settings: Settings) -> str | None:
    return (await days.check(db, settings.data_dir)).broken_at


async def unguarded(db: Database, *statements: str) -> None:
    """What somebody with the database's password can do to the ledger."""
    async with db.engine.connect() as connection:
        await connection.execution_options(write=True)  # what only reads is never committed
        async with connection.begin():
            if db.is_sqlite:
                await connection.execute(text("DROP TRIGGER IF EXISTS ledger_entry_no_delete"))
                await connection.execute(text("DROP TRIGGER IF EXISTS ledger_entry_no_update"))
            else:
                await connection.execute(text("ALTER TABLE ledger_entry DISABLE TRIGGER USER"))
            for statement in statements:
                await connection.execute(text(statement))


async def test_nothing_is_sealed_before_the_day_is_over(
    db: Database, settings: Settings, clock: FakeClock
) -> None:
    assert await days.seal_days(db, settings) == 0  # an empty ledger has no days
    await enter(db, 1)
    assert await days.seal_days(db, settings) == 0
    clock.move(hours=16, minutes=4)  # 00:04 UTC
    assert await days.seal_days(db, settings) == 0
    clock.move(minutes=2)
    assert await days.seal_days(db, settings) == 1
    assert await days.seal_days(db, settings) == 0


async def test_a_day_holds_its_entries_and_recordings(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    recording_id = await sealed_visit(recorders, db, settings)
    clock.move(days=1)
    assert await days.seal_days(db, settings) == 1
    verdict = verify(settings, "2026-11-21")
    assert (verdict.intact, verdict.entries, verdict.recordings) == (True, 3, 1)
    assert len(verdict.unproved) == 1  # no authority outside is configured
    assert verdict.report()["text"].startswith(
        "Intact: day 2026-11-21, 3 entries of the ledger, 1 recordings"
    )
    leaves = day.read_leaves(days.home(settings.data_dir) / "2026-11-21.leaves.json")
    assert leaves is not None
    async with db.read() as session:
        view = await service.get(session, recording_id)
        entries = await ledger.read.latest(session, before=4)
        (row,) = await days.latest(session, 10)
    assert view.seal is not None
    assert leaves.recordings == ((recording_id, view.seal.digest),)
    assert leaves.entries == tuple(entry.digest for entry in reversed(entries))
    assert row.root == merkle.root(leaves.encoded()).hex()
    assert (await days.check(db, settings.data_dir)).days == 1


async def test_each_recording_gets_the_proof_that_it_stands_under_the_root(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    made = [await sealed_visit(recorders, db, settings, f"bok_{n}") for n in range(3)]
    assert (await service.verify(db, settings, made[0])).day == ""
    clock.move(days=1)
    await days.seal_days(db, settings)
    for recording_id in made:
        verdict = await service.verify(db, settings, recording_id)
        assert (verdict.intact, verdict.day) == (True, "2026-11-21")
    first, second = [await path_of(db, settings, one) / "inclusion.json" for one in made[:2]]
    shutil.copy(second, first)
    verdict = await service.verify(db, settings, made[0])
    assert [problem.code for problem in verdict.problems] == ["inclusion-wrong"]
    second.write_bytes(b"[]")
    assert not (await service.verify(db, settings, made[1])).intact
    clock.move(days=31)
    assert await delete_expired(db, settings) == 3
    verdict = await service.verify(db, settings, made[2])
    assert (verdict.intact, verdict.day, verdict.deleted_at[:10]) == (True, "2026-11-21", "2026-12-23")


def test_a_proof_by_another_key_or_of_another_manifest_proves_nothing(settings: Settings) -> None:
    signer = keys.signer(settings.data_dir)
    public = keys.public_keys(settings.data_dir / "keys")
    leaves = day.Leaves(1, ("aa", "bb"), (("rec_1", "cc"), ("rec_2", "dd")))
    head = day.head(date(2026, 11, 21), leaves, "bb", None, "2026-11-22T00:05:00", signer.key_id)
    tree = merkle.Tree(leaves.encoded())
    proof = day.inclusion(head, signer.sign(head), leaves, tree, "rec_2")
    assert day.check_inclusion(proof, "rec_2", "dd", public) == "2026-11-21"
    for recording_id, manifest, known in [
        ("rec_1", "dd", public),
        ("rec_2", "cc", public),
        ("rec_2", "dd", {}),
    ]:
        with pytest.raises(ValueError, match=r"does not lead|not signed"):
            day.check_inclusion(proof, recording_id, manifest, known)
    for index in range(0, len(proof), 7):
        changed = bytearray(proof)
        changed[index] ^= 1
        with pytest.raises(ValueError, match=r"."):
            day.check_inclusion(bytes(changed), "rec_2", "dd", public)
    with pytest.raises(StopIteration):
        day.inclusion(head, signer.sign(head), leaves, tree, "rec_3")


async def test_missed_days_are_caught_up_and_chained(
    db: Database, settings: Settings, clock: FakeClock
) -> None:
    await enter(db, 1, 2)
    clock.move(days=2)
    await enter(db, 3)
    clock.move(days=2)
    done = await asyncio.gather(days.seal_days(db, settings), days.seal_days(db, settings))
    await days.seal_days(db, settings)
    async with db.read() as session:
        rows = (await days.latest(session, 10))[::-1]
    assert sum(done) <= 4
    assert [row.day for row in rows] == ["2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"]
    assert [(row.first_seq, row.last_seq) for row in rows] == [(1, 2), (3, 2), (3, 3), (4, 3)]
    assert rows[1].root == merkle.EMPTY.hex()
    for before, after in itertools.pairwise(rows):
        previous = json.loads(after.content)["previous"]
        assert previous == day.link(before.content.encode())
        assert previous["root"] == before.root
        assert verify(settings, after.day).intact
    assert (await days.check(db, settings.data_dir)).days == 4
    clock.move(days=1)
    await days.seal_days(db, settings)  # today's entries tell of the sealing itself
    async with db.read() as session:
        (last, *_) = await days.latest(session, 1)
    assert last.last_seq - last.first_seq + 1 == 4


async def test_what_is_entered_late_or_with_the_clock_set_back_belongs_to_the_next_day(
    db: Database, settings: Settings, clock: FakeClock
) -> None:
    await enter(db, 1)
    clock.move(days=1)
    await days.seal_days(db, settings)
    clock.move(days=-1)
    await enter(db, 2)
    assert await days.seal_days(db, settings) == 0
    clock.move(days=2)
    assert await days.seal_days(db, settings) == 1
    async with db.read() as session:
        second, first = await days.latest(session, 2)
    assert (first.first_seq, first.last_seq, second.first_seq, second.last_seq) == (1, 1, 2, 3)
    assert (await days.check(db, settings.data_dir)).intact


async def test_a_ledger_that_ends_early_is_found(db: Database, settings: Settings, clock: FakeClock) -> None:
    await enter(db, 1, 2, 3)
    clock.move(days=1)
    await days.seal_days(db, settings)
    async with db.read() as session:
        entries = {entry.seq: entry.digest for entry in await ledger.read.latest(session)}
    await unguarded(
        db,
        "DELETE FROM ledger_entry WHERE seq > 2",
        f"UPDATE ledger_head SET seq = 2, digest = '{entries[2]}'",
    )
    assert (await ledger.read.verify(db)).intact  # the chain itself cannot tell
    verdict = await days.check(db, settings.data_dir)
    assert (verdict.broken_at, verdict.intact) == ("2026-11-21", False)
    assert "reaches entry 3, the ledger 2" in verdict.problem
    await unguarded(db, "DELETE FROM recording_day")  # the head's file is still there
    assert await broken_day(db, settings) == "2026-11-21"


async def test_what_is_changed_in_ledger_or_days_is_found_at_its_day(
    db: Database, settings: Settings, clock: FakeClock
) -> None:
    await enter(db, 1, 2)
    clock.move(days=1)
    await enter(db, 3)
    clock.move(days=1)
    await days.seal_days(db, settings)
    assert await broken_day(db, settings) is None
    await unguarded(
        db, "UPDATE recording_day SET content = replace(content, 'root', 'toor') WHERE day = '2026-11-22'"
    )
    assert await broken_day(db, settings) == "2026-11-22"
    (days.home(settings.data_dir) / "2026-11-22.json").unlink()
    assert await broken_day(db, settings) == "2026-11-22"
    await unguarded(db, "UPDATE ledger_entry SET digest = 'x' WHERE seq = 1")
    assert await broken_day(db, settings) == "2026-11-21"


async def test_files_that_are_missing_are_written_again(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    recording_id = await sealed_visit(recorders, db, settings)
    clock.move(days=1)
    await days.seal_days(db, settings)
    home = days.home(settings.data_dir)
    proof = await path_of(db, settings, recording_id) / "inclusion.json"
    before = {path: path.read_bytes() for path in (*home.iterdir(), proof)}
    for path in before:
        path.unlink()
    assert await days.seal_days(db, settings) == 0
    assert {path: path.read_bytes() for path in (*home.iterdir(), proof)} == before


SPOILT: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a changed head": (
        lambda home: (home / "2026-11-22.json").write_bytes(
            (home / "2026-11-22.json").read_bytes().replace(b'"recordings":0', b'"recordings":1')
        ),
        ["day-changed", "leaves-differ"],
    ),
    "no signature": (lambda home: (home / "2026-11-22.json.sig").unlink(), ["no-signature"]),
    "an old head put back": (
        lambda home: [
            shutil.copy(home / f"2026-11-21{end}", home / f"2026-11-22{end}")
            for end in (".json", ".json.sig", ".leaves.json")
        ],
        ["day-misnamed"],
    ),
    "another day before": (
        lambda home: (home / "2026-11-21.json").write_bytes(b"{}"),
        ["day-unlinked"],
    ),
    "a leaf less": (
        lambda home: (home / "2026-11-22.leaves.json").write_bytes(
            b'{"entries":[],"first":3,"recordings":[]}'
        ),
        ["leaves-differ"],
    ),
    "leaves that are none": (
        lambda home: (home / "2026-11-22.leaves.json").write_bytes(b"x"),
        ["leaves-differ"],
    ),
    "no head": (lambda home: (home / "2026-11-22.json").write_bytes(b"[]"), ["day-unreadable"]),
}


async def test_whatever_is_done_to_the_files_is_found(
    db: Database, settings: Settings, clock: FakeClock, tmp_path: Path
) -> None:
    await enter(db, 1, 2)
    clock.move(days=1)
    await enter(db, 3)
    clock.move(days=1)
    await days.seal_days(db, settings)
    public = keys.public_keys(settings.data_dir / "keys")
    for number, (spoil, expected) in enumerate(SPOILT.values()):
        copied = tmp_path / str(number)
        shutil.copytree(days.home(settings.data_dir), copied)
        assert day.verify_file(copied / "2026-11-22.json", public).intact
        spoil(copied)
        assert codes(day.verify_file(copied / "2026-11-22.json", public)) == expected
    alone = tmp_path / "alone"
    alone.mkdir()
    for end in (".json", ".json.sig"):
        shutil.copy(days.home(settings.data_dir) / f"2026-11-22{end}", alone)
    verdict = day.verify_file(alone / "2026-11-22.json", public)
    assert (verdict.intact, len(verdict.unproved)) == (True, 3)
    assert verdict.report()["text"].count("Not proved") == 3
    assert codes(day.verify_file(alone / "2026-11-22.json", {})) == ["unknown-key"]


async def test_after_a_change_of_keys_old_days_still_hold(
    recorders: Recorders, db: Database, settings: Settings, clock: FakeClock
) -> None:
    recording_id = await sealed_visit(recorders, db, settings)
    clock.move(days=1)
    await days.seal_days(db, settings)
    keys.rotate(settings.data_dir)
    clock.move(days=1)
    assert await days.seal_days(db, settings) == 1
    assert await broken_day(db, settings) is None
    assert verify(settings, "2026-11-22").key_id != verify(settings, "2026-11-21").key_id
    public = keys.public_keys(settings.data_dir / "keys")
    assert seal.verify_folder(await path_of(db, settings, recording_id), public).day == "2026-11-21"
