"""Proof files: sealed on the disk, seen by few and never unseen, deleted in time."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from core.box import BrokenBoxError
from core.db import Database
from core.errors import NotFound, Unavailable
from core.ids import Ref
from ledger import read as ledger_read
from people import service, tasks
from people.means import Means
from people.model import PROOF_KEPT_DAYS
from people.service import MinorForm, ProofContent, Upload
from people.tables import ChallengeRow, KnownDeviceRow, OneTimeCodeRow, ProofRow, SessionRow
from tests.conftest import FakeClock
from tests.people.conftest import (
    PRISON,
    Case,
    add_relative,
    add_staff,
    application,
    applied,
    caller,
    identity,
    picture,
    tags,
)


def files(means: Means) -> list[Path]:
    return sorted(path for path in means.proofs_dir.rglob("*") if path.is_file())


async def read(db: Database, means: Means, case: Case, proof_id: str) -> ProofContent:
    async with db.write() as session:
        return await service.read_proof(session, means, case.officer, proof_id)


async def test_sealed_on_the_disk_and_read_back(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    (path,) = files(means)
    sealed = path.read_bytes()
    assert b"JFIF" not in sealed
    assert path.stat().st_mode & 0o077 == 0
    assert made.id not in str(path)
    assert case.relative.id not in str(path)
    content = await read(db, means, case, made.proof_ids[0])
    assert content.media_type == "image/jpeg"
    assert content.data.startswith(b"\xff\xd8\xff")


async def test_every_look_is_entered(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    proof_id = made.proof_ids[0]
    await read(db, means, case, proof_id)
    async with db.write() as session:
        await service.read_proof(session, means, case.actor, proof_id)
    assert (await tags(db))[-2:] == ["officer:proof:read", "family:proof:read"]
    async with db.read() as session:
        entry = (await ledger_read.about(session, Ref("proof", proof_id)))[0]
    assert entry.actor_id == case.officer.subject.id
    assert entry.parsed() == {"relationship": made.id, "minor": False}


async def test_looks_at_minors_papers_are_marked(db: Database, means: Means, case: Case) -> None:
    async with db.write() as session:
        form = MinorForm("小明", "2016-05-04", "passport", "E87654321", consent=True)
        child = await service.add_minor(session, means, case.actor, form)
    made = await applied(db, means, case, visitor_id=child.id, consent=True)
    await read(db, means, case, made.proof_ids[0])
    async with db.read() as session:
        entry = (await ledger_read.about(session, Ref("proof", made.proof_ids[0])))[0]
    assert entry.parsed()["minor"] is True


async def test_only_the_family_and_the_prisons_officers_look(db: Database, means: Means, case: Case) -> None:
    proof_id = (await applied(db, means, case)).proof_ids[0]
    other = await add_relative(db, means, "13900139000", document_kind="passport", document="E11111111")
    monitor = await add_staff(db, "monitor", roles=("monitor",))
    await read(db, means, replace(case, officer=monitor), proof_id)
    for actor in (
        await identity(db, Ref("relative", other.id)),
        await add_staff(db, "far", prison="prs_two"),
        await add_staff(db, "admin", "admin", PRISON),
        await add_staff(db, "counsel", "counsel", PRISON),
    ):
        with pytest.raises(NotFound):
            await read(db, means, replace(case, officer=actor), proof_id)
    with pytest.raises(NotFound):
        await read(db, means, case, "prf_nothing")
    assert (await tags(db)).count("officer:proof:read") == 1


async def test_a_changed_exchanged_or_lost_file_is_noticed(db: Database, means: Means, case: Case) -> None:
    first = (await applied(db, means, case)).proof_ids[0]
    (path,) = files(means)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(BrokenBoxError):
        await read(db, means, case, first)
    path.write_bytes(means.proofs.seal(b"another", "prf_another"))
    with pytest.raises(BrokenBoxError):
        await read(db, means, case, first)
    path.unlink()
    with pytest.raises(Unavailable):
        await read(db, means, case, first)


async def test_deleted_in_time_after_it_is_over_and_not_before(
    db: Database, means: Means, case: Case, clock: FakeClock
) -> None:
    made = await applied(db, means, case)
    clock.move(days=365)
    assert await tasks.delete_proofs(db, means) == 0  # still waits
    async with db.write() as session:
        await service.approve(session, case.officer, made.id)
    clock.move(days=365)
    assert await tasks.delete_proofs(db, means) == 0  # needed to compare faces
    async with db.write() as session:
        await service.withdraw(session, case.actor, made.id)
    clock.move(days=PROOF_KEPT_DAYS)
    assert await tasks.delete_proofs(db, means) == 0
    clock.move(seconds=1)
    assert await tasks.delete_proofs(db, means) == 1
    assert files(means) == []
    assert (await tags(db))[-1] == "system:proof:deleted"
    with pytest.raises(NotFound):
        await read(db, means, case, made.proof_ids[0])
    assert await tasks.delete_proofs(db, means) == 0
    async with db.read() as session:
        view = await service.relationship_for(session, case.actor, made.id)
    assert view.proof_ids == ()


async def test_files_of_failed_transactions_are_swept(
    db: Database, means: Means, case: Case, clock: FakeClock
) -> None:
    with pytest.raises(RuntimeError):
        async with db.write() as session:
            form, upload = application(case.inmate), Upload("a.jpg", picture())
            await service.apply(session, means, case.actor, caller(), form, [upload])
            raise RuntimeError
    (orphan,) = files(means)
    made = await applied(db, means, case)
    unfinished = orphan.with_suffix(".new")
    unfinished.write_bytes(b"cut off")
    for path in files(means):
        os.utime(path, (clock.now().timestamp(), clock.now().timestamp()))
    assert await tasks.sweep_files(db, means) == 0  # its transaction might still run
    clock.move(hours=1, seconds=1)
    assert await tasks.sweep_files(db, means) == 2
    async with db.read() as session:
        kept = await session.scalar(select(ProofRow.file))
    assert [path.stem for path in files(means)] == [kept]
    await read(db, means, case, made.proof_ids[0])


async def test_nothing_to_sweep_is_no_error(db: Database, means: Means) -> None:
    assert await tasks.sweep_files(db, means) == 0


async def test_secrets_sessions_and_browsers_are_forgotten(
    db: Database, means: Means, case: Case, clock: FakeClock
) -> None:
    async with db.write() as session:
        await service.ask_code(session, means, caller(), "13900139000")
        await service.device_challenge(session, means, caller(), "trm_x")
        session.add(KnownDeviceRow(id="dev_x", account_id="rel_x", digest="x", seen_at=clock.now()))

    async def left() -> list[bool]:
        async with db.read() as session:
            return [
                await session.scalar(select(table).limit(1)) is not None
                for table in (OneTimeCodeRow, ChallengeRow, SessionRow, KnownDeviceRow)
            ]

    await tasks.forget(db)
    assert await left() == [True, True, True, True]
    clock.move(hours=1, minutes=6)
    await tasks.forget(db)
    assert await left() == [False, False, True, True]
    clock.move(days=61)
    await tasks.forget(db)
    assert await left() == [False, False, False, True]
    clock.move(days=400)
    await tasks.forget(db)
    assert await left() == [False, False, False, False]
