"""A place that many tests stand on: built once per process through the real use cases, then written back row by row.

What is kept is what the database holds; whatever else a builder makes (files, messages) is not, so only builders
that leave nothing but rows may be kept.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from core import clock, ids
from core.db import Database
from tests import emptied

T = TypeVar("T")
_FROM_MIGRATIONS = frozenset({"alembic_version", "ledger_head"})
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"


@dataclass(frozen=True)
class _Kept:
    """What a builder answered, and the rows it left: of SQLite as tuples, of PostgreSQL as COPY writes them.

    `born`: its last id. Where the clock stands, later ids must sort after those that are written back.
    """

    answer: Any
    rows: dict[str, Any]
    sequences: tuple[tuple[str, int], ...] = ()
    born: int = 0


_KEPT: dict[tuple[str, str, str], _Kept] = {}


async def once(db: Database, name: str, build: Callable[[], Awaitable[T]]) -> T:
    """What `build` answers, with its rows in `db`. `name` stands for everything that `build` depends on, except
    the database's kind and the hour. In a database that is not empty nothing is kept."""
    kind = _Sqlite(db) if db.is_sqlite else _Postgresql(db)
    key = (name, db.engine.dialect.name, clock.now().strftime("%Y-%m-%d %H"))
    kept = _KEPT.get(key)
    if kept is not None and await asyncio.to_thread(kind.put_back, kept):
        ids._births._last = kept.born
        again: T = kept.answer
        return again
    keeps = kept is None and await asyncio.to_thread(kind.is_empty)
    answer = await build()
    if keeps:
        _KEPT[key] = replace(await asyncio.to_thread(kind.take, answer), born=ids._births._last)
    return answer


class _Sqlite:
    """Through a connection of its own beside the application's, which has no transaction open."""

    def __init__(self, db: Database) -> None:
        self._path = db.engine.url.database or ""

    def is_empty(self) -> bool:
        with closing(sqlite3.connect(self._path)) as own:
            return self._filled(own) <= _FROM_MIGRATIONS

    def take(self, answer: object) -> _Kept:
        with closing(sqlite3.connect(self._path)) as own:
            filled = self._filled(own) - {"alembic_version"}
            return _Kept(answer, {name: own.execute(f'SELECT * FROM "{name}"').fetchall() for name in filled})

    def put_back(self, kept: _Kept) -> bool:
        """Whether the rows went in; not where there are others."""
        with closing(sqlite3.connect(self._path)) as own, own:
            if not self._filled(own) <= _FROM_MIGRATIONS:
                return False
            own.execute("PRAGMA synchronous=OFF")
            own.execute("DELETE FROM ledger_head")
            for name, rows in kept.rows.items():
                places = ", ".join("?" * len(rows[0]))
                own.executemany(f'INSERT INTO "{name}" VALUES ({places})', rows)
        return True

    def _filled(self, own: sqlite3.Connection) -> frozenset[str]:
        names = own.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return frozenset(
            name for (name,) in names if own.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()
        )


class _Postgresql:
    """The same; the tests' user may put triggers and foreign keys off while rows go in."""

    def __init__(self, db: Database) -> None:
        url = db.engine.url.set(drivername="postgresql")
        self._url = url.render_as_string(hide_password=False)

    def is_empty(self) -> bool:
        with emptied.hand(self._url) as hand:
            return hand.filled() <= _FROM_MIGRATIONS

    def take(self, answer: object) -> _Kept:
        with emptied.hand(self._url) as hand:
            rows = {name: self._copied(hand.own, name) for name in hand.filled()}
            numbers = hand.own.execute(_SEQUENCES).fetchall()
            return _Kept(answer, rows, tuple((str(name), int(value)) for name, value in numbers))

    def put_back(self, kept: _Kept) -> bool:
        with emptied.hand(self._url) as hand:
            if not hand.filled() <= _FROM_MIGRATIONS:
                return False
            with hand.own.transaction(), hand.own.cursor() as cursor:
                self._put(cursor, kept)
        return True

    def _put(self, cursor: psycopg.Cursor, kept: _Kept) -> None:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("DELETE FROM ledger_head")
        for name, rows in kept.rows.items():
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                copy.write(rows)
        for name, value in kept.sequences:
            cursor.execute("SELECT setval(%s, %s)", (name, value))

    def _copied(self, own: psycopg.Connection, name: str) -> bytes:
        with own.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
            return b"".join(bytes(block) for block in copy)
