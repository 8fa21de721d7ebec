"""The database: one declarative base, a writer and readers, and what happens around a commit.

`async with db.write() as session:` is one transaction. Before its commit the registered hooks run (the
ledger chains its entries there, so the chain's lock is held for an instant only); after it, and only if it
succeeded, what was given to `after_commit` runs: publications, sockets, mail.

SQLite has one writer at a time: in this process writers stand in line and share commits (`grouping`), and
`BEGIN IMMEDIATE` with a 10 s busy timeout keeps processes apart. Readers use WAL snapshots. On PostgreSQL a
few write at a time in each process, the others wait their turn: one loop thinks for all of them, so each one more that
is under way makes every other hold its locks for longer.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Executable, MetaData, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.types import TypeDecorator

from core import sqlite
from core.errors import Unavailable
from core.grouping import Writers

Session = AsyncSession
Hook = Callable[[AsyncSession], Awaitable[None]]
Afterwards = Callable[[], Awaitable[None]]


# SQLSTATE 40001 serialization_failure, 40P01 deadlock_detected, 55P03 lock_not_available
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03"})
_WRITERS = (
    8  # at a time in a process on PostgreSQL: more than it takes to keep the loop busy while others commit
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, on both databases; a naive value is an error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """In one step from what the driver answers: a page may read a thousand of them."""
        del coltype
        return _from_sqlite if dialect.name == "sqlite" else _from_postgresql


def _from_sqlite(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "Z")


def _from_postgresql(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Root of all tables. `Mapped[datetime]` is `UtcDateTime`; ids are strings from `core.ids`."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own way


class Database:
    """An engine with the two ways in: `read()` and `write()`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._sessions = async_sessionmaker(engine, expire_on_commit=False, autoflush=True)
        self._reading = async_sessionmaker(self._of_readers(), expire_on_commit=False, autoflush=True)
        self._hooks: list[Hook] = []
        self._grouped = Writers(engine) if self.is_sqlite else None
        self._writers = asyncio.Semaphore(_WRITERS)

    @classmethod
    def connect(cls, url: str) -> "Database":
        """`url` as from `Settings.sqlalchemy_url`."""
        if make_url(url).get_backend_name() == "sqlite":
            engine = create_async_engine(
                url, connect_args={"timeout": 10, "async_creator_fn": sqlite.connect}
            )
            _prepare_sqlite(engine)
        else:
            engine = create_async_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
        return cls(engine)

    def before_commit(self, hook: Hook) -> None:
        """Registers what runs inside each write transaction, last."""
        if hook not in self._hooks:
            self._hooks.append(hook)

    def _of_readers(self) -> AsyncEngine:
        if self.is_sqlite:
            return self.engine
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(engine.sync_engine, "before_cursor_execute", _begin_to_write)
        return engine

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that never commits. On PostgreSQL it has no transaction as long as it only selects: each statement
        sees what is committed when it begins, with one and without, and two round trips are saved."""
        async with self._reading() as session:
            yield session  # closing rolls back, and leaves what was loaded readable

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back whole on any error.

        Raises `Unavailable` where two transactions stood in each other's way, or no connection came free in time:
        nothing happened, try again.
        """
        failed: list[Hook] = []
        try:
            async with self._writing() as session:
                session.info["failed"] = failed
                yield session
                await session.flush()
                for hook in self._hooks:
                    await hook(session)
        except BaseException as error:
            if failed:
                async with self.write() as another:
                    for hook in failed:
                        await hook(another)
            if stood_in_the_way(error):
                raise Unavailable from error
            raise
        for afterwards in session.info.pop("afterwards", ()):
            await afterwards()

    def _writing(self) -> contextlib.AbstractAsyncContextManager[AsyncSession]:
        return self._alone() if self._grouped is None else self._grouped.session()

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncSession]:
        async with self._writers, self._sessions() as session:
            try:
                await session.connection()
                yield session
                await session.commit()
            except BaseException:
                await session.rollback()
                raise

    async def close(self) -> None:
        await self.engine.dispose()


async def rows(session: AsyncSession, statement: Executable, given: Mapping[str, Any]) -> Sequence[Any]:
    """What a statement that selects columns answers: at half the price of `session.execute`, which would load objects.
    Worth it for statements that are built once and asked with every page."""
    return await session.run_sync(_rows, statement, given)


def _rows(session: OrmSession, statement: Executable, given: Mapping[str, Any]) -> Sequence[Any]:
    if session.new or session.dirty:
        session.flush()
    return session.connection().execute(statement, dict(given)).all()


def stood_in_the_way(error: BaseException) -> bool:
    """Whether two transactions stood in each other's way (deadlock, serialization), or so many waited that no
    connection came free in time: trying again may help."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
        return True
    return getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def after_commit(session: AsyncSession, afterwards: Afterwards) -> None:
    """Runs `afterwards` once the transaction of `session` is committed; never if it is rolled back."""
    session.info.setdefault("afterwards", []).append(afterwards)


def after_failure(session: AsyncSession, hook: Hook) -> None:
    """Runs `hook` in a transaction of its own, if that of `session` is rolled back: a refused attempt leaves
    no change, and yet its entry in the ledger."""
    session.info.setdefault("failed", []).append(hook)


def _begin_to_write(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
    """Whatever a reader does besides selecting is within a transaction, to be rolled back."""
    if not statement.startswith("SELECT") or "FOR UPDATE" in statement:
        driver: Any = connection.connection.dbapi_connection
        if driver.autocommit:  # cannot be set within a transaction
            driver.autocommit = False


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; we do, below
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        # The writer lock of the process is held by `write()`; readers must not take the file's write lock.
        connection.exec_driver_sql(
            sqlite.WRITING if connection.get_execution_options().get("write") else sqlite.READING
        )
