"""SQLite's writers share commits: each keeps its own outcome, and nothing is acknowledged that is not on the disk."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from core.db import Database, after_commit
from core.errors import Unavailable

_LONG = "upwards(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM upwards WHERE n < 1000000)"  # takes its time


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[tuple[Database, list[str]]]:
    """A database with one table, and what ended its transactions."""
    db = Database.connect(f"sqlite+aiosqlite:///{tmp_path / 'grouped.sqlite3'}")
    async with db.write() as session:
        await session.execute(text("CREATE TABLE line (n INTEGER PRIMARY KEY)"))
    ends: list[str] = []
    event.listen(db.engine.sync_engine, "commit", lambda _connection: ends.append("commit"))
    event.listen(db.engine.sync_engine, "rollback", lambda _connection: ends.append("rollback"))
    yield db, ends
    await db.close()


async def put(db: Database, number: int, fail: type[BaseException] | None = None) -> None:
    async with db.write() as session:
        await session.execute(text("INSERT INTO line VALUES (:n)"), {"n": number})
        await asyncio.sleep(0)
        if fail is not None:
            raise fail


async def lines(db: Database) -> list[int]:
    async with db.read() as session:
        return list((await session.scalars(text("SELECT n FROM line ORDER BY n"))).all())


async def test_those_who_wait_for_each_other_share_commits(file: tuple[Database, list[str]]) -> None:
    db, ends = file
    await asyncio.gather(*(put(db, number) for number in range(20)))
    assert await lines(db) == list(range(20))
    assert ends.count("commit") == 3  # eight, eight, four
    ends.clear()
    await put(db, 20)
    assert ends.count("commit") == 1


async def test_each_keeps_its_own_outcome(file: tuple[Database, list[str]]) -> None:
    """The first of a group, one in its midst and the last fail; the others do not notice."""
    db, _ = file
    bad = {0, 3, 7, 8}
    outcomes = await asyncio.gather(
        *(put(db, number, ValueError if number in bad else None) for number in range(9)),
        return_exceptions=True,
    )
    assert {n for n, one in enumerate(outcomes) if isinstance(one, ValueError)} == bad
    assert await lines(db) == [1, 2, 4, 5, 6]


async def test_nobody_is_told_before_it_is_on_the_disk(file: tuple[Database, list[str]]) -> None:
    """Who is done first still waits; another process sees the row as soon as anybody is told."""
    db, _ = file
    path = db.engine.url.database or ""
    seen: dict[int, bool] = {}

    async def told(number: int) -> None:
        async def afterwards() -> None:
            with sqlite3.connect(path) as other:
                seen[number] = (
                    other.execute("SELECT 1 FROM line WHERE n = ?", (number,)).fetchone() is not None
                )
            other.close()

        async with db.write() as session:
            after_commit(session, afterwards)
            await session.execute(text("INSERT INTO line VALUES (:n)"), {"n": number})

    await asyncio.gather(*(told(number) for number in range(12)))
    assert seen == dict.fromkeys(range(12), True)


async def test_a_commit_that_fails_fails_all_who_share_it(
    file: tuple[Database, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    db, _ = file
    async with db.write() as session:
        await session.execute(
            text("CREATE TABLE child (n INTEGER REFERENCES line DEFERRABLE INITIALLY DEFERRED)")
        )

    async def orphan() -> None:
        async with db.write() as session:
            await session.execute(text("INSERT INTO child VALUES (99)"))  # noticed when it is committed

    outcomes = await asyncio.gather(put(db, 1), orphan(), put(db, 2), return_exceptions=True)
    assert all(isinstance(one, Exception) for one in outcomes)
    assert await lines(db) == []
    await put(db, 3)
    assert await lines(db) == [3]


async def test_who_gives_up_in_line_leaves_nobody_hanging(file: tuple[Database, list[str]]) -> None:
    """One has left the transaction open for the next, who then does not come."""
    db, _ = file
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with db.write() as session:
            await session.execute(text("INSERT INTO line VALUES (1)"))
            inside.set()
            await go_on.wait()

    working = asyncio.create_task(first())
    await inside.wait()
    impatient = [asyncio.create_task(put(db, number)) for number in (2, 3)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.sleep(0)
    for one in impatient:
        one.cancel()
    async with asyncio.timeout(60):
        await working
        await asyncio.gather(*impatient, return_exceptions=True)
        await put(db, 4)
    assert {1, 4} <= set(await lines(db))


async def test_who_is_cut_off_in_a_statement_spoils_only_his_group(file: tuple[Database, list[str]]) -> None:
    """What shared the transaction is told to try again; who stood in line behind it does not notice."""
    db, _ = file
    in_it = asyncio.Event()

    async def slow() -> None:
        async with db.write() as session:
            await session.execute(text("INSERT INTO line VALUES (1)"))
            in_it.set()
            await session.execute(text(f"WITH RECURSIVE {_LONG} SELECT count(*) FROM upwards"))

    first, cut, behind = (asyncio.create_task(one) for one in (put(db, 0), slow(), put(db, 2)))
    await in_it.wait()
    cut.cancel()
    outcomes = await asyncio.gather(first, cut, behind, return_exceptions=True)
    assert isinstance(outcomes[0], Unavailable)
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert outcomes[2] is None
    assert await lines(db) == [2]
    await put(db, 0)
    assert await lines(db) == [0, 2]


async def test_a_transaction_that_the_database_undid_is_not_acknowledged(
    file: tuple[Database, list[str]],
) -> None:
    """A full disk does that, and this conflict: the group's earlier work is gone, and nobody is told otherwise."""
    db, _ = file

    async def struck() -> None:
        async with db.write() as session:
            await session.execute(text("INSERT OR ROLLBACK INTO line VALUES (1)"))

    outcomes = await asyncio.gather(put(db, 1), struck(), put(db, 2), return_exceptions=True)
    assert all(isinstance(one, Exception) for one in outcomes)
    assert await lines(db) == []
