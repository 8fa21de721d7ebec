"""Policy as rows: presets, drafts, two persons, validity, and what an old decision was judged by."""

import asyncio
from datetime import timedelta

import pytest

from core.db import Database
from core.errors import Conflict, NotFound
from core.ids import Ref
from ledger import read as ledger
from policy import repository, service
from policy.model import BadPolicy, LegalBasis, PolicyIncomplete, PolicyUnknown, Scope
from tests.conftest import FakeClock

ADMIN, OTHER = Ref("admin", "adm_1"), Ref("admin", "adm_2")
BASIS = [LegalBasis(title="A rule", says="so", seen="own")]


async def prison(db: Database, preset: str = "demo") -> None:
    async with db.write() as session:
        parent = await service.load_preset(session, ADMIN, preset)
        await service.create_scope(session, ADMIN, "prs", Scope.PRISON, "Prison", parent)
        await service.create_scope(session, ADMIN, "wng", Scope.WARD, "Wing", "prs")


async def state(db: Database, scope_id: str, **values: object) -> str:
    """Values of a scope, drafted by one and approved by another."""
    async with db.write() as session:
        draft = await service.draft(session, ADMIN, scope_id, values, BASIS)
        await service.approve(session, OTHER, draft)
    return draft


async def test_a_preset_is_loaded_once(db: Database, clock: FakeClock) -> None:
    for _ in range(2):
        async with db.write() as session:
            assert await service.load_preset(session, ADMIN, "demo") == "CN-DEMO"
    async with db.read() as session:
        versions = [draft.layer.version for draft in await repository.history(session, "CN")]
        current = await repository.current(session, "CN-DEMO", clock.now())
    assert versions == [1]
    assert current.version == "CN.1+CN-DEMO.1"
    assert current.values.minutes == 30
    assert current.legal_basis


async def test_a_ward_a_prison_and_a_province_differ(db: Database, clock: FakeClock) -> None:
    await prison(db)
    await state(db, "prs", minutes=25, max_visitors=2)
    await state(db, "wng", max_visitors=1)
    async with db.read() as session:
        at = clock.now()
        found = [
            (policy.values.minutes, policy.values.max_visitors)
            for policy in [
                await repository.current(session, scope, at) for scope in ("CN-DEMO", "prs", "wng")
            ]
        ]
    assert found == [(30, 3), (25, 2), (25, 1)]


async def test_nobody_approves_what_they_wrote(db: Database, clock: FakeClock) -> None:
    await prison(db)
    async with db.write() as session:
        draft = await service.draft(session, ADMIN, "prs", {"minutes": 25}, BASIS)
    with pytest.raises(service.SamePerson):
        async with db.write() as session:
            await service.approve(session, ADMIN, draft)
    async with db.read() as session:
        assert (await repository.current(session, "prs", clock.now())).values.minutes == 30
        (waiting,) = await repository.history(session, "prs")
    assert (waiting.drafted_by, waiting.approved_by) == ("admin:adm_1", None)
    async with db.write() as session:
        await service.approve(session, OTHER, draft)
    with pytest.raises(Conflict):
        async with db.write() as session:
            await service.approve(session, OTHER, draft)
    async with db.read() as session:
        assert (await repository.current(session, "prs", clock.now())).values.minutes == 25
        tags = [entry.tag for entry in await ledger.latest(session, about=draft)]
    assert tags == ["admin:policy:approved", "admin:policy:drafted"]


async def test_versions_are_in_force_from_and_to(db: Database, clock: FakeClock) -> None:
    await prison(db)
    now = clock.now()
    async with db.write() as session:
        for minutes, begins, ends in (
            (25, now + timedelta(days=1), now + timedelta(days=3)),
            (20, now + timedelta(days=2), None),
        ):
            draft = await service.draft(
                session, ADMIN, "prs", {"minutes": minutes}, BASIS, valid_from=begins, valid_to=ends
            )
            await service.approve(session, OTHER, draft)
    async with db.read() as session:
        found = [
            (await repository.current(session, "prs", now + timedelta(days=n))).values.minutes
            for n in range(5)
        ]
    assert found == [30, 25, 20, 20, 20]


async def test_an_old_decision_can_be_explained(db: Database, clock: FakeClock) -> None:
    await prison(db)
    await state(db, "prs", minutes=25)
    async with db.read() as session:
        judged = await repository.current(session, "prs", clock.now())
    await state(db, "prs", minutes=20)
    async with db.read() as session:
        assert (await repository.current(session, "prs", clock.now())).values.minutes == 20
        assert await repository.judged_by(session, judged.version) == judged
        with pytest.raises(PolicyUnknown):
            await repository.judged_by(session, "CN.99")


async def test_an_incomplete_or_unknown_scope_is_an_error(db: Database, clock: FakeClock) -> None:
    await prison(db, "yunnan")
    async with db.read() as session:
        with pytest.raises(PolicyIncomplete):
            await repository.current(session, "prs", clock.now())
        with pytest.raises(PolicyUnknown):
            await repository.current(session, "prs_none", clock.now())
    await state(db, "prs", visits_per_month=1, minutes=30, lead_days=3, reply_working_days=3)
    async with db.read() as session:
        assert (await repository.current(session, "wng", clock.now())).values.max_visitors == 3


async def test_bad_values_scopes_and_codes_are_refused(db: Database, clock: FakeClock) -> None:
    clock.move(seconds=1)
    await prison(db)
    cases: list[tuple[str, dict[str, object], type[Exception]]] = [
        ("prs", {"minutes": -1}, BadPolicy),
        ("prs", {"cancel_reasons": ["because"]}, BadPolicy),
        ("prs_none", {"minutes": 25}, NotFound),
    ]
    for scope_id, values, error in cases:
        with pytest.raises(error):
            async with db.write() as session:
                await service.draft(session, ADMIN, scope_id, values, BASIS)
    for scope_id, parent, wrong in (("prs", "CN-DEMO", Conflict), ("x", "none", NotFound)):
        with pytest.raises(wrong):
            async with db.write() as session:
                await service.create_scope(session, ADMIN, scope_id, Scope.PRISON, "X", parent)


async def test_rules_are_tried_from_now_on_and_at_every_turn(db: Database, clock: FakeClock) -> None:
    """Against what has come in force since they were proposed, and what begins, or comes back, while they hold."""
    await prison(db)
    async with db.write() as session:
        early = await service.draft(session, ADMIN, "wng", {"minutes": 50}, BASIS)
        older = await service.draft(session, ADMIN, "prs", {"most_minutes": 45}, BASIS)
    clock.move(minutes=1)
    await state(db, "prs", most_minutes=40)
    with pytest.raises(BadPolicy, match="minutes, most_minutes"):
        async with db.write() as session:
            await service.approve(session, OTHER, early)
    await state(db, "prs", most_minutes=60)
    then = clock.now() + timedelta(days=10)
    async with db.write() as session:
        later = await service.draft(session, ADMIN, "wng", {"minutes": 55}, BASIS, valid_from=then)
        await service.approve(session, OTHER, later)
        before = {"valid_to": then}
        await service.draft(session, ADMIN, "prs", {"most_minutes": 50}, BASIS, **before)  # type: ignore[arg-type]
        with pytest.raises(BadPolicy, match="minutes, most_minutes"):
            await service.draft(session, ADMIN, "prs", {"most_minutes": 50}, BASIS)
        await service.approve(session, OTHER, older)  # of no effect: newer ones hold


async def test_two_who_approve_at_once_do_not_contradict_each_other(db: Database, clock: FakeClock) -> None:
    await prison(db)
    async with db.write() as session:
        drafts = [
            await service.draft(session, ADMIN, scope_id, values, BASIS)
            for scope_id, values in (("prs", {"most_minutes": 40}), ("wng", {"minutes": 50}))
        ]

    async def approve(policy_id: str) -> None:
        async with db.write() as session:
            await service.approve(session, OTHER, policy_id)

    answers = await asyncio.gather(*map(approve, drafts), return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["BadPolicy", "NoneType"]
    async with db.read() as session:
        await repository.current(session, "wng", clock.now())
