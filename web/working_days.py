"""Keeps the years of working days that were entered known to this process, from its start on."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from sqlalchemy.exc import SQLAlchemyError

from core import ending
from core.db import Database
from core.log import fields
from policy import years

_log = logging.getLogger(__name__)
EVERY = 30.0  # seconds


@contextlib.asynccontextmanager
async def known(db: Database) -> AsyncIterator[None]:
    """Loads them before anything is reckoned, and again and again until left."""
    await years.refresh(db)
    keeping = asyncio.create_task(_keep(db), name="years of working days")
    try:
        yield
    finally:
        await ending.end([keeping])


async def _keep(db: Database) -> None:
    while True:
        await asyncio.sleep(EVERY)
        try:
            if await years.refresh(db):
                _log.info("- years of working days %s", fields(taken="over"))
        except (SQLAlchemyError, OSError) as error:  # the database is away: what is known stays known
            _log.warning("x years of working days %s", fields(why=error))
