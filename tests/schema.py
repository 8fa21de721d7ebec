"""Makes an empty database of the present schema by the real migrations."""

from sqlalchemy.ext.asyncio import create_async_engine

from core import schema as core_schema


async def create(url: str) -> None:
    """`url` as SQLAlchemy's async engine takes it."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(core_schema.metadata().create_all)
    await engine.dispose()
