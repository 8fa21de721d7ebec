"""All tables in one place, and the way from any older state of the database to the present one.

The packages stand above this one, so they are imported by name, not by statement: whoever makes or
migrates a database needs all of them, and nobody else needs this module.
"""

import contextlib
import importlib
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from core.db import Base
from core.errors import Misconfigured

PACKAGES = ("ledger", "notices", "people", "policy", "scheduler", "rooms", "recording", "legalaid")
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def metadata() -> MetaData:
    """The metadata with the tables of every package in it."""
    for package in PACKAGES:
        if importlib.util.find_spec(f"{package}.tables"):
            importlib.import_module(f"{package}.tables")
    return Base.metadata


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.attributes["connection"] = connection
    return made


async def migrate(url: str) -> None:
    """Brings the database at `url` (as from `Settings.sqlalchemy_url`) to the newest revision."""
    async with _connection(url) as connection, connection.begin():
        await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))


def newest_revision() -> str | None:
    """The revision that this program needs."""
    return ScriptDirectory.from_config(config()).get_current_head()


async def present_revision(url: str) -> str | None:
    """The revision that the database at `url` has; `None` for an empty one. `Misconfigured` if it cannot be read."""
    async with _connection(url) as connection:
        return await connection.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    try:
        return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:  # SQLite opens whatever lies there; only a question shows what it is
        raise _unusable(error) from error


@contextlib.asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url)
    try:
        try:
            connection = await engine.connect()
        except DBAPIError as error:
            raise _unusable(error) from error
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await engine.dispose()


def _unusable(error: DBAPIError) -> Misconfigured:
    said = " ".join(str(error.orig).split())
    return Misconfigured(
        problem=f"the database cannot be used (KINBRIDGE_DATABASE_URL, KINBRIDGE_DATA_DIR): {said}"
    )
