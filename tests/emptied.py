"""One PostgreSQL database for many tests, emptied between them: making one anew costs ten times as much.

A test that changes the schema itself (drops a trigger, adds a table) costs its database: the next gets a new one.
"""

import itertools
import os
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


@dataclass
class Emptied:
    """`base`: the server's URL without a database; `template`: the name of a migrated, empty database."""

    base: str
    template: str
    _name: str = ""
    _shape: str = ""
    _tables: list[str] = field(default_factory=list)
    _rows: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)  # what migrations put in
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def take(self) -> str:
        """The URL of a migrated, empty database."""
        if not self._name:
            self._make()
        return f"{self.base}/{self._name}"

    def give_back(self) -> None:
        """Empties it; whoever still has a connection loses it."""
        with psycopg.connect(f"{self.base}/{self._name}", autocommit=True) as own:
            own.execute(_END_OTHERS)
            if _value(own, _SHAPE) == self._shape:
                self._empty(own)
                return
        with self._admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name)))
        self._name = ""

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(f"{self.base}/postgres", autocommit=True)

    def _make(self) -> None:
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        names = (sql.Identifier(name), sql.Identifier(self.template))
        with self._admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY=FILE_COPY").format(*names))
        with psycopg.connect(f"{self.base}/{name}", autocommit=True) as own:
            self._shape = _value(own, _SHAPE)
            self._tables = [row[0] for row in own.execute(_TABLES)]
            self._rows = {table: own.execute(_all_of(table)).fetchall() for table in self._filled(own)}
        self._name = name

    def _filled(self, own: psycopg.Connection) -> list[str]:
        """The tables that hold anything."""
        asked = [
            sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(sql.Literal(name), sql.Identifier(name))
            for name in self._tables
        ]
        return [row[0] for row in own.execute(sql.SQL(" UNION ALL ").join(asked))]

    def _empty(self, own: psycopg.Connection) -> None:
        filled = self._filled(own)
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
            for (sequence,) in own.execute(
                "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
            ):
                own.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(sequence)))


def _all_of(name: str) -> sql.Composed:
    return sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))


def _value(own: psycopg.Connection, query: str) -> str:
    row = own.execute(query).fetchone()
    assert row is not None
    return str(row[0])
