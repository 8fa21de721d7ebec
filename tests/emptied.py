"""One PostgreSQL database for many tests, emptied between them: making one anew costs ten times as much.

A test that changes the schema itself (drops a trigger, adds a table) costs its database: the next gets a new one.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

_SHAPE = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
    SELECT concat(relname, relkind) AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat(tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS lines
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_END_OTHERS = f"SELECT pg_terminate_backend(pid, 5000) FROM ({_OTHERS}) AS others"
_NUMBERED = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
_PATIENCE, _LOOK = (
    0.2,
    0.002,
)  # seconds: for connections that were closed an instant ago; how often they are looked for


class Hand:
    """A connection that stays with its database: what a new one must learn of so many tables costs more than what
    it is asked."""

    def __init__(self, url: str) -> None:
        self.own = psycopg.connect(url, autocommit=True)
        self.tables = [row[0] for row in self.own.execute(_TABLES)]
        asked = [
            sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(sql.Literal(name), sql.Identifier(name))
            for name in self.tables
        ]
        self._filled = sql.SQL(" UNION ALL ").join(asked)

    def filled(self) -> frozenset[str]:
        """The tables that hold anything, but for the one in which the migrations are noted."""
        return frozenset(row[0] for row in self.own.execute(self._filled, prepare=True))

    def shape(self) -> str:
        """What stands for the schema."""
        row = self.own.execute(_SHAPE, prepare=True).fetchone()
        assert row is not None
        return str(row[0])

    def alone(self) -> None:
        """Returns when nobody else has a connection; whoever does not let go of it loses it."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self.own.execute(_OTHERS, prepare=True).fetchone() is None:
                return
            time.sleep(_LOOK)  # PostgreSQL itself would wait for a tenth of a second
        self.own.execute(_END_OTHERS)


_hands: dict[str, Hand] = {}  # by the name of the database


@contextlib.contextmanager
def hand(url: str) -> Iterator[Hand]:
    """The one that stays with the database, or else one for the moment. `url` as libpq takes it."""
    name = url.rpartition("/")[2]
    if name in _hands:
        yield _hands[name]
        return
    made = Hand(url)
    with made.own:
        yield made


@dataclass
class Emptied:
    """`base`: the server's URL without a database; `template`: the name of a migrated, empty database."""

    base: str
    template: str
    _name: str = ""
    _shape: str = ""
    _rows: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)  # what migrations put in
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def take(self) -> str:
        """The URL of a migrated, empty database."""
        if not self._name:
            self._make()
        return f"{self.base}/{self._name}"

    def give_back(self) -> None:
        """Empties it; whoever still has a connection loses it."""
        own = _hands[self._name]
        own.alone()
        if own.shape() == self._shape:
            self._empty(own)
            return
        self.close()
        with self._admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name)))
        self._name = ""

    def close(self) -> None:
        """Lets go of the database: a server that is to end waits for whoever is connected."""
        if self._name in _hands:
            _hands.pop(self._name).own.close()

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(f"{self.base}/postgres", autocommit=True)

    def _make(self) -> None:
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        names = (sql.Identifier(name), sql.Identifier(self.template))
        with self._admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY=FILE_COPY").format(*names))
        own = _hands[name] = Hand(f"{self.base}/{name}")
        self._shape = own.shape()
        self._rows = {table: own.own.execute(_all_of(table)).fetchall() for table in own.filled()}
        self._name = name

    def _empty(self, hand: Hand) -> None:
        own = hand.own
        filled = hand.filled()
        with own.transaction():
            own.execute("SET LOCAL session_replication_role = replica")  # no triggers, no foreign keys
            for name in filled:
                own.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name, rows in self._rows.items():
                for row in rows:
                    values = sql.SQL(", ").join(map(sql.Placeholder, [""] * len(row)))
                    own.execute(
                        sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(name), values), row
                    )
            for (sequence,) in own.execute(_NUMBERED, prepare=True).fetchall():
                own.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(sequence)))


def _all_of(name: str) -> sql.Composed:
    return sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))
