"""SQLite with one change of thread per statement.

aiosqlite runs every step of a statement (make a cursor, execute, fetch, close) in its thread, and each step costs a
change of threads there and back, which is more than most statements of ours take. Here a statement is executed and
fetched in one step; results are small, since what is large is asked for in parts.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite

_CHUNK = 64  # rows; aiosqlite asks for it, and it is not used: everything is fetched at once


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

    def cursor(self) -> Any:
        return _Cursor(self)

    async def in_thread(self, function: Callable[..., None], *arguments: Any) -> None:
        """Runs `function` with the sqlite3 connection in the connection's own thread."""
        run: Callable[..., Awaitable[None]] = self._execute  # aiosqlite leaves it untyped
        await run(function, self._conn, *arguments)


def connect(database: str, **options: Any) -> Connection:
    """As `aiosqlite.connect`; to be awaited."""
    connection = Connection(lambda: sqlite3.connect(database, **options), _CHUNK)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does for those that it makes itself
    return connection
