"""SQLite with one change of thread per statement.

aiosqlite runs every step of a statement (make a cursor, execute, fetch, close) in its thread, and each step costs a
change of threads there and back, which is more than most statements of ours take. Here a statement is executed and
fetched in one step; results are small, since what is large is asked for in parts. A transaction begins in the step of
its first statement, so that no lock is held while the statement is being thought of; and nobody waits for the end of
one that only read.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self, TypeVar

import aiosqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

_CHUNK = 64  # rows; aiosqlite asks for it, and it is not used: everything is fetched at once
READING, WRITING = "BEGIN", "BEGIN IMMEDIATE"
_MARKS = ("SAVEPOINT ", "RELEASE ")


class _Cursor:
    """What SQLAlchemy's adapter asks of a cursor. One statement at a time."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        if statement in (READING, WRITING):
            self._connection.begin(statement)
        elif statement.startswith(_MARKS):
            self._connection.mark(statement)
        else:
            await self._connection.in_thread(self._run, statement, parameters)
        return self

    async def executemany(self, statement: str, many: Iterable[Sequence[Any]]) -> Self:
        await self._connection.in_thread(self._run_many, statement, many)
        return self

    def _run(self, connection: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> None:
        cursor = connection.execute(statement, parameters)
        self._rows = cursor.fetchall() if cursor.description else []
        self._keep(cursor)

    def _run_many(
        self, connection: sqlite3.Connection, statement: str, many: Iterable[Sequence[Any]]
    ) -> None:
        self._keep(connection.executemany(statement, many))

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.rowcount, self.lastrowid = (
            cursor.description,
            cursor.rowcount,
            cursor.lastrowid,
        )
        cursor.close()

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []


class Connection(aiosqlite.Connection):
    """A connection whose cursors cost nothing to make and to close."""

    _due: tuple[str, ...] = ()  # what begins the present transaction, and its savepoints, until it is sent
    _begun = False  # whether the present transaction was sent
    _reads = False  # whether it only reads
    _undone = (
        False  # whether the database undid it by itself (a full disk), so that it can only be rolled back
    )

    def cursor(self) -> Any:
        return _Cursor(self)

    def begin(self, statement: str) -> None:
        """Begins a transaction with the next statement; `READING` or `WRITING`."""
        self._due, self._reads = (statement,), statement == READING

    def mark(self, statement: str) -> None:
        """Makes or forgets a savepoint with the next statement."""
        self._due = (*self._due, statement)

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """What `function` answers, run with the sqlite3 connection in the connection's own thread."""
        run: Callable[..., Awaitable[T]] = self._execute  # aiosqlite leaves it untyped
        self._check()
        due, self._due = self._due, ()
        self._begun = self._begun or bool(due)
        try:
            if due:
                return await run(_after, self._conn, due, function, *arguments)
            return await run(function, self._conn, *arguments)
        except sqlite3.Error:
            self._undone = self._begun and not self._conn.in_transaction
            raise

    def _check(self) -> None:
        if self._undone:
            raise sqlite3.OperationalError("the database has undone this transaction")

    async def commit(self) -> None:
        self._check()
        if not self._let_go():
            try:
                await super().commit()
            except BaseException:
                self._begun = True  # still open, and to be rolled back
                raise

    async def rollback(self) -> None:
        if not self._let_go():
            await super().rollback()

    def _let_go(self) -> bool:
        """Ends a transaction that never began, or one that only read: its end is in line before whatever this
        connection is asked next, and nothing hangs on it."""
        begun, self._begun, self._due, self._undone = self._begun, False, (), False
        if begun and self._reads:
            self._tx.put_nowait((None, self._conn.rollback))
        return not begun or self._reads


def _after(
    connection: sqlite3.Connection, due: Sequence[str], function: Callable[..., T], *arguments: Any
) -> T:
    for statement in due:
        connection.execute(statement)
    return function(connection, *arguments)


async def in_one_step(connection: AsyncConnection, function: Callable[..., T], *arguments: Any) -> T:
    """What `function` answers, run with the driver's connection in its thread: as many statements as it likes, within
    the present transaction, for one change of threads. Errors come as SQLAlchemy's, as from any statement."""
    own = (await connection.get_raw_connection()).driver_connection
    if not isinstance(own, Connection):
        raise TypeError(own)  # an engine that `core.db` did not make
    try:
        return await own.in_thread(function, *arguments)
    except sqlite3.Error as error:
        raise DBAPIError.instance(function.__qualname__, (), error, sqlite3.Error) from error


def connect(database: str, **options: Any) -> Connection:
    """As `aiosqlite.connect`; to be awaited."""
    connection = Connection(lambda: sqlite3.connect(database, **options), _CHUNK)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does for those that it makes itself
    return connection
