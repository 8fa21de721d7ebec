"""The demonstration: complete at once, one visit always due, and not there in any other mode."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import ledger.read
import ledger.record
import scheduler.service
from core import settings as core_settings
from core.db import Database
from core.errors import Misconfigured
from core.settings import Settings
from people.model import Role
from scheduler.model import BookingState
from tests.conftest import FakeClock
from tests.web.conftest import application
from web import demo
from web.cli import demo as command


@pytest.fixture
def demo_settings(tmp_path: Path) -> Settings:
    return core_settings.from_environment(
        {}, mode="demo", data_dir=tmp_path, embed_media=False, embed_worker=False, port=8000
    )


@pytest.fixture
async def demo_db(demo_settings: Settings, sqlite_template: Path) -> AsyncIterator[Database]:
    shutil.copy(sqlite_template, demo_settings.data_dir / "kinbridge.sqlite3")
    db = Database.connect(demo_settings.sqlalchemy_url)
    ledger.record.install(db)
    yield db
    await db.close()


async def test_a_visit_is_due_from_the_start_and_after_each_end(
    demo_db: Database, demo_settings: Settings, clock: FakeClock
) -> None:
    await demo.prepare(demo_db, demo_settings)
    cast = demo.Cast.load(demo_settings)
    for _ in range(4):
        async with demo_db.read() as session:
            visit = await demo.visit_due(session, cast, clock.now())
        assert visit is not None
        assert visit.state is BookingState.CONFIRMED
        assert visit.terminal_name == "一号会见室 · 3 号终端"
        assert {visitor.name for visitor in visit.visitors} == {"林梅", "赵桂兰"}
        clock.move(minutes=45)
        await demo.keep_one_visit_due(demo_db, demo_settings)
    assert await demo.keep_one_visit_due(demo_db, demo_settings) == 0
    assert (await ledger.read.verify(demo_db)).intact


async def test_no_minute_of_the_hour_is_without_a_visit(
    demo_db: Database, demo_settings: Settings, clock: FakeClock
) -> None:
    await demo.prepare(demo_db, demo_settings)
    cast = demo.Cast.load(demo_settings)
    made = 0
    for _ in range(12):
        clock.move(minutes=5)
        made += await demo.keep_one_visit_due(demo_db, demo_settings)
        async with demo_db.read() as session:
            assert await demo.visit_due(session, cast, clock.now()) is not None
    assert made in (1, 2)


async def test_preparing_again_changes_nothing(
    demo_db: Database, demo_settings: Settings, clock: FakeClock
) -> None:
    await demo.prepare(demo_db, demo_settings)
    before = await ledger.read.verify(demo_db)
    clock.move(minutes=1)
    await demo.prepare(demo_db, demo_settings)
    assert await ledger.read.verify(demo_db) == before


async def test_the_wife_can_book_the_next_one(
    demo_db: Database, demo_settings: Settings, clock: FakeClock
) -> None:
    await demo.prepare(demo_db, demo_settings)
    cast = demo.Cast.load(demo_settings)
    clock.move(minutes=1)
    wife = cast.identity("wife", Role.RELATIVE)
    async with demo_db.read() as session:
        days = await scheduler.service.month(session, wife, cast.inmate, 2026, 11)
    assert any(slot.offered for day in days for slot in day.slots)


async def _get(settings: Settings, path: str, host: str = "127.0.0.1:8000") -> httpx.Response:
    app = application()
    app.state.settings = settings
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as browser,
    ):
        return await browser.get(path)


async def test_each_card_signs_in_by_one_click(demo_db: Database, demo_settings: Settings) -> None:
    await demo.prepare(demo_db, demo_settings)
    page = await _get(demo_settings, "/demo")
    assert page.status_code == 200
    for card in demo.CARDS:
        assert f"http://{card.key}.localhost:8000/demo/enter/{card.key}" in page.text
        entered = await _get(demo_settings, f"/demo/enter/{card.key}", f"{card.key}.localhost:8000")
        assert (entered.status_code, entered.headers["location"]) == (303, card.path)
        assert "kinbridge-session=" in entered.headers["set-cookie"]
    assert (await _get(demo_settings, "/demo/enter/nobody")).status_code == 404
    assert (await _get(demo_settings, "/demo/outbox")).status_code == 200


@pytest.mark.parametrize("path", ["/demo", "/demo/enter/wife", "/demo/enter/admin", "/demo/outbox"])
async def test_outside_a_demonstration_these_pages_do_not_exist(
    demo_db: Database, demo_settings: Settings, path: str
) -> None:
    await demo.prepare(demo_db, demo_settings)
    for mode in ("production", "test"):
        response = await _get(demo_settings.model_copy(update={"mode": mode}), path)
        assert response.status_code == 404
        assert "set-cookie" not in response.headers or "session=" not in response.headers["set-cookie"]


async def test_it_begins_anew_where_it_is_asked_to(demo_settings: Settings, demo_db: Database) -> None:
    """Who is who goes with the database; the platform's keys stay."""
    await command.prepare(demo_settings, fresh=False)
    first, key = demo.Cast.load(demo_settings), (demo_settings.data_dir / "secret").read_bytes()
    await demo_db.close()
    await command.prepare(demo_settings, fresh=True)
    assert demo.Cast.load(demo_settings).prison != first.prison
    assert (demo_settings.data_dir / "secret").read_bytes() == key
    with pytest.raises(Misconfigured):
        await command.prepare(demo_settings.model_copy(update={"database_url": "postgresql://x"}), fresh=True)
