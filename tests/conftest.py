"""Fixtures of the whole suite: a database of each kind, a bus of each kind, a clock that can be moved."""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

import core.db
import ledger.record
from core import clock as core_clock
from core import settings as core_settings
from core.bus import Bus, open_bus
from core.db import Database
from tests import engines, schema, services
from tests.emptied import Emptied


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """All tests of a process put each statement into SQL once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.db, "create_async_engine", engines.create)
        yield


@pytest.fixture(scope="session")
def service_folder() -> Iterator[Path]:
    """Where the servers of this run live: outside pytest's own folders, which another run may sweep away."""
    with tempfile.TemporaryDirectory(prefix="kinbridge-services-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's own user must reach it
        yield Path(folder)


@pytest.fixture(scope="session")
def postgresql_url(service_folder: Path) -> Iterator[str]:
    """The base URL of a running PostgreSQL (no database name)."""
    with services.postgresql(service_folder / "postgresql") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(service_folder: Path) -> Iterator[str]:
    with services.redis(service_folder / "redis") as url:
        yield url


TURN_SECRET = "the secret that coturn and Kinbridge share in tests"


@pytest.fixture(scope="session")
def turn_url(service_folder: Path) -> Iterator[str]:
    """A running coturn that takes credentials made with `TURN_SECRET`."""
    with services.turn(service_folder / "turn", TURN_SECRET) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    asyncio.run(schema.create(f"sqlite+aiosqlite:///{path}"))
    with contextlib.closing(sqlite3.connect(path)) as own:
        own.execute("PRAGMA journal_mode=WAL")  # as the application has it, so that no copy must be turned
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> str:
    with psycopg.connect(f"{postgresql_url}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE template_kinbridge")
    asyncio.run(schema.create(_driver(f"{postgresql_url}/template_kinbridge")))
    return "template_kinbridge"


@pytest.fixture(scope="session")
def emptied(postgresql_url: str, postgresql_template: str) -> Iterator[Emptied]:
    made = Emptied(postgresql_url, postgresql_template)
    yield made
    made.close()


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database's URL as the settings take it; each test runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "kinbridge.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    emptied: Emptied = request.getfixturevalue("emptied")
    yield emptied.take()
    emptied.give_back()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A Database on each kind in turn, with the ledger installed."""
    url = core_settings.from_environment({}, mode="test", database_url=database_url).sqlalchemy_url
    database = Database.connect(url)
    ledger.record.install(database)
    yield database
    await database.close()


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    url = "" if request.param == "memory" else request.getfixturevalue("redis_url")
    opened = open_bus(url)
    yield opened
    await opened.close()


class FakeClock:
    """A clock that stands until it is moved. Starts on a Saturday, 2026-11-21 08:00 UTC (16:00 in Beijing)."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def move(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._now += step
        self._monotonic += step.total_seconds()

    def set(self, moment: datetime) -> None:
        """Jumps the wall clock only, as a wrong time server would; monotonic time goes on unmoved."""
        self._now = moment


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    fake = FakeClock()
    core_clock.set_source(fake)
    yield fake
    core_clock.set_source(None)


@pytest.fixture
def settings(tmp_path: Path) -> core_settings.Settings:
    """Test settings with a data folder of their own and SQLite in it."""
    return core_settings.from_environment({}, mode="test", data_dir=tmp_path / "var")


def host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port
