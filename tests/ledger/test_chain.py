"""The chain: whatever is changed, removed, inserted or cut off is found at its place."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.ids import SYSTEM, Ref
from ledger import chain, read, record


def _chain(length: int) -> list[chain.Entry]:
    entries: list[chain.Entry] = []
    previous = chain.GENESIS
    for number in range(1, length + 1):
        blank = chain.Entry(
            number, f"2026-11-21T08:00:{number:02}.000000+00:00", "system:test:done", "system", "kinbridge",
            "thing", str(number), chain.canonical({"n": number}), previous, "",
        )  # fmt: skip
        previous = chain.digest(blank)
        entries.append(replace(blank, digest=previous))
    return entries


def test_a_whole_chain_is_intact() -> None:
    entries = _chain(20)
    verdict = chain.verify(entries, (20, entries[-1].digest))
    assert verdict.intact
    assert (verdict.entries, verdict.head) == (20, entries[-1].digest)
    assert chain.verify([]).intact


FIELDS = [
    "at",
    "tag",
    "actor_kind",
    "actor_id",
    "subject_kind",
    "subject_id",
    "details",
    "previous",
    "digest",
]


@given(st.integers(0, 9), st.sampled_from(FIELDS))
def test_a_changed_field_is_found_at_its_entry(place: int, field: str) -> None:
    entries = _chain(10)
    changes: Any = {field: getattr(entries[place], field) + "x"}
    entries[place] = replace(entries[place], **changes)
    verdict = chain.verify(entries)
    assert verdict.broken_at == place + 1


@given(st.integers(0, 8))
def test_a_removed_entry_is_found(place: int) -> None:
    entries = _chain(10)
    del entries[place]
    assert chain.verify(entries).broken_at == entries[place].seq


def test_a_cut_end_is_found_by_the_head() -> None:
    entries = _chain(10)
    verdict = chain.verify(entries[:7], (10, entries[-1].digest))
    assert verdict.broken_at == 8


def test_a_forged_entry_with_a_right_digest_breaks_the_next() -> None:
    entries = _chain(10)
    forged = replace(entries[4], details=chain.canonical({"n": 999}))
    entries[4] = replace(forged, digest=chain.digest(forged))
    assert chain.verify(entries).broken_at == 6


def test_canonical_form_is_one_form() -> None:
    assert chain.canonical({"b": 1, "a": [True, None, "亲"]}) == '{"a":[true,null,"亲"],"b":1}'
    for bad in (float("nan"), {1, 2}, object()):
        with pytest.raises((TypeError, ValueError)):
            chain.canonical({"x": bad})


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=7, max_size=7), st.integers(1, 10**9)
)
def test_a_database_may_put_in_the_place_in_the_chain(texts: list[str], seq: int) -> None:
    noted = chain.Noted(*texts)
    whole = chain.digest(chain.Entry(seq, *noted, previous="ab" * 32, digest=""))
    before, after = chain.halves(noted)
    body = f"{before}{'ab' * 32}{chain.BETWEEN}{seq}{after}"
    assert hashlib.sha256(body.encode()).hexdigest() == whole


async def _fill(db: Database, count: int) -> None:
    async with db.write() as session:
        for number in range(count):
            record.record(
                session, "system:test:done", actor=SYSTEM, subject=Ref("thing", str(number)), number=number
            )


async def test_the_database_refuses_to_change_or_delete_entries(db: Database) -> None:
    await _fill(db, 3)
    for statement in (
        "UPDATE ledger_entry SET details = '{}' WHERE seq = 2",
        "DELETE FROM ledger_entry WHERE seq = 3",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with db.write() as session:
                await session.execute(text(statement))
    assert (await read.verify(db)).intact


async def test_entries_of_many_writers_make_one_chain(db: Database) -> None:
    await asyncio.gather(*(_fill(db, 3) for _ in range(20)))
    verdict = await read.verify(db)
    assert verdict.intact
    assert verdict.entries == 60


async def test_tampering_past_the_triggers_is_found(db: Database) -> None:
    """Somebody with the database's own rights can drop a trigger, but not repair the chain unnoticed."""
    await _fill(db, 5)
    drop = (
        "DROP TRIGGER ledger_entry_no_delete"
        if db.is_sqlite
        else "ALTER TABLE ledger_entry DISABLE TRIGGER ALL"
    )
    async with db.write() as session:
        await session.execute(text(drop))
    async with db.write() as session:
        await session.execute(text("DELETE FROM ledger_entry WHERE seq = 5"))
    verdict = await read.verify(db)
    assert verdict.broken_at == 5
    assert "ends early" in verdict.problem


async def test_a_ledger_that_grows_while_it_is_checked_is_intact(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(db, 3)
    real = AsyncSession.get

    async def get(session: AsyncSession, *asked: Any, **how: Any) -> Any:
        found = await real(session, *asked, **how)
        await _fill(db, 2)
        return found

    monkeypatch.setattr(AsyncSession, "get", get)
    verdict = await read.verify(db)
    assert verdict.intact, verdict
    assert verdict.entries == 3


async def test_bad_tags_and_details_are_refused_at_once(db: Database) -> None:
    async with db.write() as session:
        with pytest.raises(ValueError, match="tag"):
            record.record(session, "Family booked", actor=SYSTEM, subject=SYSTEM)
        with pytest.raises(TypeError):
            record.record(session, "system:test:done", actor=SYSTEM, subject=SYSTEM, what=object())
    assert (await read.verify(db)).entries == 0


async def test_reading_by_subject_and_tag(db: Database) -> None:
    await _fill(db, 4)
    async with db.read() as session:
        about = await read.about(session, Ref("thing", "1"), Ref("thing", "2"), Ref("other", "3"))
        assert [entry.parsed()["number"] for entry in about] == [1, 2]
        newest = await read.latest(session, tag_prefix="system:test", limit=2)
        assert [entry.seq for entry in newest] == [4, 3]
        assert [entry.seq for entry in await read.latest(session, before=3)] == [2, 1]
        assert await read.latest(session, tag_prefix="family") == []


async def test_of_a_long_story_nothing_is_left_out(db: Database) -> None:
    async with db.write() as session:
        for number in range(501):
            record.record(session, "system:test:done", actor=SYSTEM, subject=Ref("thing", "1"), number=number)
    async with db.read() as session:
        assert [e.parsed()["number"] for e in await read.about(session, Ref("thing", "1"))] == [*range(501)]
        newest = await read.about(session, Ref("thing", "1"), limit=7)
        assert [entry.parsed()["number"] for entry in newest] == [*range(494, 501)]
