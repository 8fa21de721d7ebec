"""A database that a released version filled comes through every later migration: nothing lost, nothing let go."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection

from core import schema

RELEASED = "0002"  # the oldest state that stands anywhere
_VALUES: tuple[tuple[type[sa.types.TypeEngine[Any]], object], ...] = (
    (sa.Boolean, False),
    (sa.Integer, 1),
    (sa.Double, 1.0),
    (sa.Numeric, 1),
    (sa.DateTime, datetime(2026, 11, 22, tzinfo=UTC)),
    (sa.Date, date(2026, 11, 22)),
    (sa.Time, time(9)),
    (sa.LargeBinary, b"1"),
    (sa.JSON, {}),
    (sa.String, "1"),
)
_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """An empty database of each kind that no other test sees."""
    if request.param == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    else:
        base = request.getfixturevalue("postgresql_url")
        with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS old_kinbridge WITH (FORCE)")
            admin.execute("CREATE DATABASE old_kinbridge")
        engine = sa.create_engine(
            f"{base.replace('postgresql://', 'postgresql+psycopg://', 1)}/old_kinbridge"
        )
    with engine.begin() as made:
        yield made
    engine.dispose()


def _fill(connection: Connection) -> dict[str, int]:
    """One row in every table (those that migrations filled keep theirs); how many rows each has."""
    tables = sa.MetaData()
    tables.reflect(connection)
    counts: dict[str, int] = {}
    for table in tables.sorted_tables:
        if not connection.scalar(sa.select(sa.func.count()).select_from(table)):
            connection.execute(table.insert().values(_row(table)))
        counts[table.name] = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
    counts.pop("alembic_version")
    return counts


def _row(table: sa.Table) -> dict[str, object]:
    asked = [column for column in table.columns if not column.nullable]
    if table.name == "room":  # is about a booking or about a sitting
        asked.append(table.columns["booking_id"])
    return {column.name: _value(column.type) for column in asked}


def _value(kind: sa.types.TypeEngine[Any]) -> object:
    return next(value for known, value in _VALUES if isinstance(kind, known))


def _triggers(connection: Connection) -> set[str]:
    return set(connection.scalars(sa.text(_TRIGGERS[connection.dialect.name])))


def test_what_a_released_version_wrote_is_all_there_after_the_upgrade(connection: Connection) -> None:
    config = schema.config(connection)
    command.upgrade(config, RELEASED)
    counts, triggers = _fill(connection), _triggers(connection)
    assert len(counts) > 80
    assert triggers

    command.upgrade(config, "head")

    for name, count in counts.items():
        assert connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) == count, name
    assert triggers <= _triggers(connection)


def test_the_upgraded_tables_are_those_of_the_code(connection: Connection) -> None:
    command.upgrade(schema.config(connection), "head")
    command.check(schema.config(connection))  # raises when a table or column differs
