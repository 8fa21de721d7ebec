"""The real application on a real database, spoken to over ASGI. Without media node and worker: their tests
start them. `sign_in` opens a session as the sign-in pages do, for tests that are about something else."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from core import clock
from core import settings as core_settings
from core.db import Database
from core.ids import Ref
from core.settings import Settings
from people import sessions
from tests.rooms.visits import ShiftedClock
from tests.web import place
from tests.web.place import Place
from web.app import create_app
from web.security import csrf_token
from web.services import Services

HTML = {"accept": "text/html"}
_LAST_HOUR = 23


@pytest.fixture(autouse=True)
def while_it_is_day() -> Iterator[None]:
    """In the last hour of the prison's day these tests have the hour before: what is in ten minutes is today."""
    now = clock.now()
    if now.astimezone(ZoneInfo(place.ZONE)).hour < _LAST_HOUR:
        yield
        return
    shifted = ShiftedClock()
    shifted.put_to(now - timedelta(hours=1))
    clock.set_source(shifted)
    yield
    clock.set_source(None)


@pytest.fixture
def web_settings(database_url: str, tmp_path: Path) -> Settings:
    return core_settings.from_environment(
        {},
        mode="test",
        secret_key="the secret that all pages of one run share",  # so that what one built, another can open
        data_dir=tmp_path / "var",
        database_url=database_url,
        embed_media=False,
        embed_worker=False,
        help_phone="020 1234 5678",
    )


@functools.cache
def application() -> FastAPI:
    """Made once: its routes are put together at the first request, which takes longer than most requests."""
    return create_app(
        core_settings.from_environment({}, mode="test", secret_key="a secret that no test of pages ever uses")
    )


@pytest.fixture
async def app(web_settings: Settings) -> AsyncIterator[FastAPI]:
    made = application()
    made.state.settings = web_settings
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


@pytest.fixture
def db(services: Services) -> Database:
    """The application's own database, so that tests and pages share one writer's lock."""
    return services.db


class Browser(httpx.AsyncClient):
    """A client that keeps cookies and sends the token of its page with each unsafe request, as pages do."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app),
            base_url="http://127.0.0.1:8000",
            headers={"accept": "text/html"},
        )
        self._settings: Settings = app.state.settings

    @property
    def csrf(self) -> str:
        seed = self.cookies.get("kinbridge-session") or self.cookies.get("kinbridge-stranger")
        return csrf_token(self._settings, seed or "")

    async def send_form(
        self, path: str, data: Mapping[str, object] | None = None, **kwargs: object
    ) -> httpx.Response:
        """POST of a form with its token; does not follow redirects."""
        if not (self.cookies.get("kinbridge-session") or self.cookies.get("kinbridge-stranger")):
            await self.get("/")
        return await self.post(path, data={"csrf": self.csrf, **(data or {})}, **kwargs)  # type: ignore[arg-type]


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    async with Browser(app) as made:
        yield made


@pytest.fixture
async def another_browser(app: FastAPI) -> AsyncIterator[Browser]:
    async with Browser(app) as made:
        yield made


@pytest.fixture
async def here(db: Database, services: Services) -> Place:
    """A prison with a family and free times every day."""
    return await place.build(db, services.means)


SignIn = Callable[..., Awaitable[None]]


@pytest.fixture
def sign_in(db: Database) -> SignIn:
    """`await sign_in(browser, Ref("relative", id), strong=False)`."""

    async def signing_in(client: httpx.AsyncClient, subject: Ref, *, strong: bool = False) -> None:
        async with db.write() as session:
            token, _ = await sessions.open_session(session, subject, strong=strong, agent="test")
        client.cookies.set("kinbridge-session", token)

    return signing_in
