"""All tables in one place, and the way from any older state of the database to the present one.

The packages stand above this one, so they are imported by name, not by statement: whoever makes or
migrates a database needs all of them, and nobody else needs this module.
"""

import importlib
import importlib.util
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from core.db import Base

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
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))
    finally:
        await engine.dispose()


def newest_revision() -> str | None:
    """The revision that this program needs."""
    return ScriptDirectory.from_config(config()).get_current_head()


async def present_revision(url: str) -> str | None:
    """The revision that the database at `url` has; `None` for an empty one."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: MigrationContext.configure(sync).get_current_revision()
            )
    finally:
        await engine.dispose()
