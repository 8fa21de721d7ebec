"""Makes an empty database of the present schema by the real migrations."""

from core import schema as core_schema


async def create(url: str) -> None:
    """`url` as SQLAlchemy's async engine takes it."""
    await core_schema.migrate(url)
