"""What a command stands on: its folder, a database of this version, a bus that answers. Raises `Misconfigured`."""

from redis.exceptions import RedisError

from core import placing, schema
from core.bus import open_bus
from core.errors import Misconfigured
from core.settings import Settings


async def require_parts(settings: Settings) -> None:
    """Raises `Misconfigured` when the database is older or newer than this program, or a part does not answer."""
    await require_migrated(settings)
    bus = open_bus(settings.redis_url)
    try:
        await bus.ping()
    except (RedisError, OSError) as error:
        raise Misconfigured(problem=f"KINBRIDGE_REDIS_URL: Redis does not answer: {error}") from error
    finally:
        await bus.close()


async def require_migrated(settings: Settings) -> None:
    """Raises `Misconfigured` when the database is older or newer than this program."""
    make_data_dir(settings)
    present, needed = await schema.present_revision(settings.sqlalchemy_url), schema.newest_revision()
    if present != needed:
        raise Misconfigured(
            problem=f"the database is at revision {present or 'none'}, this program needs {needed}: "
            "run `kinbridge migrate`"
        )


def make_data_dir(settings: Settings) -> None:
    try:
        placing.make(settings.data_dir)
    except OSError as error:
        raise Misconfigured(problem=f"KINBRIDGE_DATA_DIR: {settings.data_dir}: {error.strerror}") from error
