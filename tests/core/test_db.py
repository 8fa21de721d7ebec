"""The database: one transaction per block, hooks before its commit, the outside world after it."""

import asyncio
from datetime import datetime, timedelta, timezone

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import literal, select, text, update
from sqlalchemy.ext.asyncio import create_async_engine

from core import clock
from core.db import Database, Session, UtcDateTime, after_commit
from core.errors import Unavailable
from core.ids import SYSTEM, Ref
from ledger import record
from ledger.tables import EntryRow, HeadRow


def _enter(session: Session, number: int) -> None:
    record.record(session, "system:test:done", actor=SYSTEM, subject=Ref("thing", str(number)), number=number)


async def _entries(db: Database) -> list[EntryRow]:
    async with db.read() as session:
        return list(await session.scalars(select(EntryRow).order_by(EntryRow.seq)))


async def test_an_error_rolls_everything_back_and_nothing_runs_afterwards(db: Database) -> None:
    ran = []

    async def afterwards() -> None:
        ran.append(1)

    with pytest.raises(ValueError, match="no"):
        async with db.write() as session:
            _enter(session, 1)
            after_commit(session, afterwards)
            raise ValueError("no")
    assert await _entries(db) == []
    assert ran == []


async def test_what_is_outside_happens_after_the_commit(db: Database) -> None:
    seen: list[int] = []

    async def afterwards() -> None:
        seen.append(len(await _entries(db)))

    async with db.write() as session:
        _enter(session, 1)
        after_commit(session, afterwards)
        assert seen == []
    assert seen == [1]


async def test_readers_never_commit(db: Database) -> None:
    async with db.read() as session:
        head = await session.get(HeadRow, 1)
        assert head is not None
        head.seq = 99
        await session.flush()
    async with db.read() as session:
        head = await session.get(HeadRow, 1)
        assert head is not None
        assert head.seq == 0


async def test_readers_that_lock_or_write_are_undone_like_others(db: Database) -> None:
    """On PostgreSQL a reader's transaction begins with what does more than select."""
    for number, lock in enumerate((True, False, False)):
        async with db.read() as session:
            await session.execute(select(HeadRow.seq))
            assert db.is_sqlite or not await _in_transaction(session)
            if lock:
                await session.execute(select(HeadRow.seq).with_for_update())
                assert db.is_sqlite or await _in_transaction(session)
            for seq in (98, 99):
                await session.execute(update(HeadRow).values(seq=seq))
            assert db.is_sqlite or await _in_transaction(session)
            assert await session.scalar(select(HeadRow.seq)) == 99
        assert len(await _entries(db)) == number
        async with db.write() as session:  # on the same connection
            _enter(session, number)


async def _in_transaction(session: Session) -> bool:
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver.info.transaction_status is not TransactionStatus.IDLE


async def test_writers_of_two_processes_wait_for_each_other(db: Database) -> None:
    """Two Database objects share nothing but the file or server, as two processes would."""
    url = db.engine.url.render_as_string(hide_password=False)
    other = Database.connect(url)
    record.install(other)

    async def write(database: Database, number: int) -> None:
        async with database.write() as session:
            _enter(session, number)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(write((db, other)[n % 2], n) for n in range(40)))
    await other.close()
    assert [row.seq for row in await _entries(db)] == list(range(1, 41))


def test_a_naive_time_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="naive"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), db.engine.dialect)  # noqa: DTZ001 - the very case


async def test_other_zones_become_utc(db: Database) -> None:
    beijing = datetime(2026, 11, 21, 16, 0, 0, 250, tzinfo=timezone(timedelta(hours=8)))
    async with db.read() as session:
        for given in (beijing, None):
            back = await session.scalar(select(literal(given, UtcDateTime())))
            assert back == given
            assert back is None or back.utcoffset() == timedelta(0)
    assert clock.now().utcoffset() == timedelta(0)


async def test_a_transaction_begins_with_its_first_statement(db: Database) -> None:
    """Thinking of what to ask keeps nobody from writing; and one that asked nothing leaves nothing behind."""
    other = Database.connect(db.engine.url.render_as_string(hide_password=False))
    record.install(other)
    async with db.write(), other.write() as session:
        _enter(session, 1)
    async with db.write() as session:
        _enter(session, 2)
    await other.close()
    assert [row.seq for row in await _entries(db)] == [1, 2]


async def test_what_a_reader_saw_is_let_go_for_the_next(db: Database) -> None:
    """The end of a transaction that only read is not waited for, and yet comes before the next on its connection."""
    for number in range(1, 4):
        assert len(await _entries(db)) == number - 1
        async with db.write() as session:
            _enter(session, number)


async def test_a_deadlock_is_said_to_be_worth_another_try(db: Database) -> None:
    """Two transactions that lock two rows crosswise: one goes through, the other is told to try again."""
    if db.is_sqlite:  # one writer at a time: there is nothing to lock crosswise
        async with db.write(), asyncio.timeout(30):
            pass
        return
    async with db.write() as session:
        await session.execute(text("CREATE TABLE crossing (id integer PRIMARY KEY, n integer)"))
        await session.execute(text("INSERT INTO crossing VALUES (1, 0), (2, 0)"))
    ready = [asyncio.Event(), asyncio.Event()]

    async def cross(mine: int, other: int) -> str:
        try:
            async with db.write() as session:
                await session.execute(text("UPDATE crossing SET n = n + 1 WHERE id = :id"), {"id": mine})
                ready[mine - 1].set()
                await ready[other - 1].wait()
                await session.execute(text("UPDATE crossing SET n = n + 1 WHERE id = :id"), {"id": other})
        except Unavailable:
            return "again"
        return "through"

    assert sorted(await asyncio.gather(cross(1, 2), cross(2, 1))) == ["again", "through"]


async def test_a_crowd_that_no_connection_comes_free_for_is_told_to_try_again(db: Database) -> None:
    """SQLite's writers stand in line in this process; on PostgreSQL they wait for a connection, for a while."""
    narrow = Database(create_async_engine(db.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05))
    if db.is_sqlite:
        await narrow.close()
        return
    async with narrow.write():
        with pytest.raises(Unavailable):
            async with narrow.write():
                pass
    async with narrow.write() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    await narrow.close()
