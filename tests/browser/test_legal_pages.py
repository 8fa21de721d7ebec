"""The pages about questions to lawyers in a real browser: accessible, within the screen, without script errors,
pictured (`var/screens/`); and an inmate who asks, is answered and walks away, with no script at all."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, Playwright

from core import settings as core_settings
from core.db import Database
from core.ids import SYSTEM, Ref, new_id
from legalaid import service, tasks
from legalaid.forms import QuestionForm
from legalaid.setup import TemplateForm
from legalaid.wording import TOPICS
from people import service as people
from people import sessions
from scheduler import service as schedule
from tests.browser.chromium import EXECUTABLE
from tests.web import place, staffed
from tests.web.staffed import Staffed
from web import legal
from web.app import create_app

if TYPE_CHECKING:
    from web.services import Services

SCREENS = Path(__file__).parents[2] / "var" / "screens"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
NUMBER, NAME, PIN = "3401202107", "陈志强", "274918"


@dataclass(frozen=True)
class Look:
    """How the pages are looked at."""

    name: str
    width: int
    language: Literal["zh", "en"] = "zh"
    scheme: Literal["light", "dark"] = "light"


LOOKS = (Look("390-zh", 390), Look("1440-en", 1440, "en"), Look("1280-zh-dark", 1280, scheme="dark"))


@dataclass(frozen=True)
class Site:
    """A running server; `tokens` are sessions by person; `question` is one that waits."""

    base_url: str
    db: Database
    question: str
    inmate: str
    tokens: dict[str, str]


@contextlib.asynccontextmanager
async def _listening(app: FastAPI) -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="none", log_config=None, lifespan="on"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done()
        await asyncio.sleep(0.05)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.fixture
async def site(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Site]:
    shutil.copy(sqlite_template, tmp_path / "kinbridge.sqlite3")
    app = create_app(
        core_settings.from_environment(
            {}, mode="test", data_dir=tmp_path, embed_media=False, embed_worker=False
        )
    )
    async with _listening(app) as port:
        services: Services = app.state.services
        house = await staffed.build(services.db, services)
        terminal = await _station(services.db, house)
        async with services.db.write() as session:
            form = QuestionForm("debt", "我哥哥欠的钱要我还吗？", new_id("key"), limitation="2026-11-24")
            means = legal.means_of(services)
            mei = house.place.identity(house.place.mei)
            view = await service.by_relative(session, means, mei, house.place.inmate, form)
            tokens = {}
            for person, subject in (
                ("mei", Ref("relative", house.place.mei)),
                ("counsel", house.counsel),
                ("admin", house.admin),
                ("terminal", terminal),
            ):
                tokens[person], _ = await sessions.open_session(session, subject, strong=True, agent="test")
        await tasks.plan(services.db)
        yield Site(f"http://127.0.0.1:{port}", services.db, view.id, house.place.inmate, tokens)


async def _station(db: Database, house: Staffed) -> Ref:
    """A station, its lawyer, a help day every day, and a terminal's browser."""
    prison = house.place.prison
    async with db.write() as session:
        device = await people.register_device(session, SYSTEM, prison, "3 号终端")
        (terminal,) = await schedule.terminals(session, prison)
        await schedule.link_device(session, SYSTEM, terminal.id, device.id)
        station = await service.create_desk(session, SYSTEM, prison, "驻监工作站", "station", "0551 1")
        await service.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
        for weekday in range(1, 8):
            form = TemplateForm(weekday, time(0), 1435, 2, 15, (house.counsel.id,))
            await service.create_template(session, SYSTEM, station, form)
    await tasks.materialise(db)
    return Ref("terminal", device.id)


@pytest.fixture
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    launched = await playwright.chromium.launch(executable_path=EXECUTABLE, args=["--no-sandbox"])
    yield launched
    await launched.close()


async def _context(
    browser: Browser, site: Site, look: Look, person: str, *, script: bool = True
) -> BrowserContext:
    context = await browser.new_context(
        viewport={"width": look.width, "height": 900},
        color_scheme=look.scheme,
        java_script_enabled=script,
        timezone_id=place.ZONE,
        base_url=site.base_url,
    )
    cookies = {"language": look.language, "session": site.tokens[person]}
    await context.add_cookies(
        [
            {"name": f"kinbridge-{name}", "value": value, "url": site.base_url}
            for name, value in cookies.items()
        ]
    )
    return context


async def _problems(page: Page, name: str, look: Look) -> list[str]:
    """What axe finds, and whether the page is wider than the screen."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENS / f"legal-{name}-{look.name}.png", full_page=True)
    wide = await page.evaluate("document.documentElement.scrollWidth")
    violations = (await Axe().run(page, options=RULES)).response["violations"]
    return [
        *([f"{wide} px wide"] if wide > look.width else []),
        *(f"{found['id']}: {found['nodes'][0]['html'][:160]}" for found in violations),
    ]


async def _step_up(page: Page) -> None:
    await page.goto("/terminal/lawyer")
    await page.fill("#number", NUMBER)
    await page.fill("#name", NAME)
    await page.fill("#pin", PIN)
    await page.click(".lawyer form .button--primary")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_pages_are_open_to_everybody(browser: Browser, site: Site, look: Look) -> None:
    paths = {
        "family-ask": ("/ask", "mei"),
        "family-form": (f"/ask/{site.inmate}", "mei"),
        "counsel-day": ("/counsel", "counsel"),
        "counsel-question": (f"/counsel/questions/{site.question}?template=debt", "counsel"),
        "counsel-hotline": ("/counsel/hotline", "counsel"),
        "counsel-roster": ("/counsel/roster", "counsel"),
        "admin": ("/admin/legal", "admin"),
        "terminal": ("/terminal", "terminal"),
        "terminal-door": ("/terminal/lawyer", "terminal"),
        "terminal-questions": ("/terminal/lawyer/questions", "terminal"),
        "terminal-ask": ("/terminal/lawyer/ask", "terminal"),
        "terminal-question": (f"/terminal/lawyer/questions/{site.question}", "terminal"),
    }
    problems, said = {}, list[str]()
    for person in ("mei", "counsel", "admin", "terminal"):
        context = await _context(browser, site, look, person)
        page = await context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        for name, (path, reader) in paths.items():
            if reader != person:
                continue
            if name == "terminal-questions":
                await _step_up(page)
            await page.goto(path)
            problems[name] = await _problems(page, name, look)
        await context.close()
    assert not said
    assert not {name: found for name, found in problems.items() if found}


async def test_an_inmate_asks_and_is_answered_without_scripts(browser: Browser, site: Site) -> None:
    look = Look("no-script", 1280)
    screen = await (await _context(browser, site, look, "terminal", script=False)).new_page()
    desk = await (await _context(browser, site, look, "counsel", script=False)).new_page()
    await screen.goto("/terminal")
    await screen.click(".kiosk-lawyer .button")
    await _step_up(screen)
    await screen.click("a[href='/terminal/lawyer/ask']")
    await screen.check("input[value=work]")
    await screen.fill("#words", "工伤没有赔。")
    await screen.click("form[action='/terminal/lawyer/ask'] .button--primary")
    assert "您的问题已收到" in await screen.inner_text("main")

    await desk.goto("/counsel")
    await desk.click("a:has-text('工资与工伤')")
    assert "工伤没有赔。" in await desk.inner_text("main")
    await desk.fill("#words", "可以申请仲裁。")
    await desk.click("form[action$='/advice'] .button--primary")

    await screen.click(".lawyer-item a:has-text('工资与工伤')")
    assert "可以申请仲裁。" in await screen.inner_text("main")
    await screen.click("form[action='/terminal/lawyer/finish'] .button")
    await screen.goto("/terminal/lawyer/questions")
    assert "工资与工伤" not in await screen.inner_text("main")


async def test_a_screen_that_nobody_touches_goes_back_by_itself(browser: Browser, site: Site) -> None:
    page = await (await _context(browser, site, Look("idle", 1280), "terminal")).new_page()
    await page.clock.install()
    await _step_up(page)
    await page.wait_for_url("**/terminal/lawyer/questions")
    await page.clock.fast_forward(200_000)
    await page.wait_for_url("**/terminal")
    await page.goto("/terminal/lawyer/questions")
    assert page.url.endswith("/terminal/lawyer")
