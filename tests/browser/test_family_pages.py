"""The family's pages in a real browser: no accessibility violation, nothing wider than the screen, no script
error, and a picture of each for people to look at (`var/screens/`).

They run on a small prison of their own, with a visit in every state, without the media plane.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright

from core import settings as core_settings
from core.db import Database
from core.ids import Ref
from people import service as people
from people import sessions
from scheduler import service as schedule
from tests.browser.chromium import EXECUTABLE
from tests.web import place
from tests.web.place import Place
from web.app import create_app
from web.services import Services

SCREENS = Path(__file__).parents[2] / "var" / "screens"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass(frozen=True)
class Look:
    """How the pages are looked at."""

    name: str
    width: int
    height: int
    language: Literal["zh", "en"] = "zh"
    scheme: Literal["light", "dark"] = "light"
    elder: bool = False
    script: bool = True


LOOKS = (
    Look("390-zh", 390, 844),
    Look("390-en", 390, 844, language="en"),
    Look("1440-zh", 1440, 900),
    Look("1440-en", 1440, 900, language="en"),
    Look("1440-zh-dark", 1440, 900, scheme="dark"),
    Look("360-zh-elder", 360, 740, elder=True),
    Look("390-zh-no-script", 390, 844, script=False),
)


@dataclass(frozen=True)
class Site:
    """A running server; `sessions` are tokens by person; `paths` by the picture's name: (path, person)."""

    base_url: str
    services: Services
    here: Place
    sessions: dict[str, str]
    paths: dict[str, tuple[str, str]]


async def _visits(db: Database, here: Place) -> dict[str, str]:
    """One visit that can be entered now, one that waits, one that was refused."""
    now = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(15)))
    waits = await place.requested(db, here, await place.slot_at(db, here, place.soon(3000)))
    refused = await place.requested(db, here, await place.slot_at(db, here, place.soon(4500)))
    async with db.write() as session:
        await schedule.refuse(session, here.officer, refused.id, "inmate-away")
    return {"confirmed": now.id, "requested": waits.id, "refused": refused.id}


def _paths(here: Place, visits: dict[str, str]) -> dict[str, tuple[str, str]]:
    tomorrow = (datetime.now(ZoneInfo(place.ZONE)) + timedelta(days=1)).date()
    return {
        "landing": ("/", ""),
        "privacy": ("/privacy", ""),
        "sign-in": ("/signin", ""),
        "sign-in-code": ("/signin/code?id=x&to=138****0011", ""),
        "sign-in-staff": ("/signin/staff", ""),
        "not-found": ("/nothing-here", ""),
        "home-new": ("/home", "stranger"),
        "home": ("/home", "mei"),
        "apply": ("/relationships/new", "mei"),
        "relationships": ("/relationships", "mei"),
        "relationship": (f"/relationships/{here.mei_relationship}", "mei"),
        "child": ("/minors/new", "mei"),
        "book-month": (f"/book/{here.inmate}", "mei"),
        "book-day": (f"/book/{here.inmate}/{tomorrow}", "mei"),
        "booking": (f"/bookings/{visits['confirmed']}", "mei"),
        "booking-sent": (f"/bookings/{visits['requested']}?sent=1", "mei"),
        "booking-refused": (f"/bookings/{visits['refused']}", "mei"),
        "account": ("/account", "mei"),
    }


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
            {},
            mode="test",
            data_dir=tmp_path,
            embed_media=False,
            embed_worker=False,
            help_phone="0551 1234 567",
        )
    )
    async with _listening(app) as port:
        services = app.state.services
        here = await place.build(services.db, services.means)
        visits = await _visits(services.db, here)
        tokens = {}
        async with services.db.write() as session:
            for person, relative in (("mei", here.mei), ("stranger", here.stranger)):
                subject = Ref("relative", relative)
                tokens[person], _ = await sessions.open_session(
                    session, subject, strong=False, agent="Mozilla/5.0 (Linux; Android 14) Chrome/126.0"
                )
        yield Site(f"http://127.0.0.1:{port}", services, here, tokens, _paths(here, visits))


@pytest.fixture
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    launched = await playwright.chromium.launch(executable_path=EXECUTABLE, args=["--no-sandbox"])
    yield launched
    await launched.close()


async def _context(browser: Browser, site: Site, look: Look, person: str) -> BrowserContext:
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        java_script_enabled=look.script,
        timezone_id=place.ZONE,
        base_url=site.base_url,
    )
    cookies = {"language": look.language, "elder": "1" if look.elder else "0"}
    if person:
        cookies["session"] = site.sessions[person]
    await context.add_cookies(
        [
            {"name": f"kinbridge-{name}", "value": value, "url": site.base_url}
            for name, value in cookies.items()
        ]
    )
    return context


def _script_errors(page: Page) -> list[str]:
    """Fills with what the page's scripts do not catch."""
    said: list[str] = []

    def remember(error: Error) -> None:
        said.append(str(error))

    page.on("pageerror", remember)
    return said


async def _prefer(site: Site, look: Look) -> None:
    """Language and large text of both accounts, as their switches would set them."""
    async with site.services.db.write() as session:
        for relative in (site.here.mei, site.here.stranger):
            await people.set_language(session, site.here.identity(relative), look.language)
            await people.set_elder(session, site.here.identity(relative), look.elder)


async def _problems(page: Page, look: Look, axe: Axe) -> list[str]:
    """What axe finds, and whether the page is wider than the screen. Both need the page's scripts."""
    wide = await page.evaluate("document.documentElement.scrollWidth")
    violations = (await axe.run(page, options=RULES)).response["violations"]
    return [
        *([f"{wide} px wide"] if wide > look.width else []),
        *(f"{violation['id']}: {violation['nodes'][0]['html'][:160]}" for violation in violations),
    ]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_pages_are_open_to_everybody(browser: Browser, site: Site, look: Look) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    await _prefer(site, look)
    axe, problems = Axe(), {}
    for person in ("", "mei", "stranger"):
        context = await _context(browser, site, look, person)
        page = await context.new_page()
        said = _script_errors(page)
        for name, (path, reader) in site.paths.items():
            if reader != person:
                continue
            await page.goto(path)
            await page.screenshot(path=SCREENS / f"family-{name}-{look.name}.png", full_page=True)
            found = await _problems(page, look, axe) if look.script else []
            problems[name] = [*said, *found]
            said.clear()
        await context.close()
    assert not {name: found for name, found in problems.items() if found}


async def test_a_visit_is_booked_without_scripts_and_without_a_mouse(browser: Browser, site: Site) -> None:
    """Only Tab, Space and Enter, on pages whose scripts are off."""
    context = await _context(browser, site, Look("keyboard", 1440, 900, script=False), "mei")
    page = await context.new_page()
    await page.goto("/book")
    await _press(page, "a.day--free >> nth=-1")
    await _press(page, ".slot .button >> nth=0")
    assert "/visitors" in page.url
    await page.focus("input[name=visitor] >> nth=1")
    await page.keyboard.press("Space")
    await _press(page, "main form .button--primary")
    assert "林梅、赵桂兰" in await page.inner_text("main")
    await _press(page, "main form .button--primary")
    assert "sent=1" in page.url
    assert "预约已提交" in await page.inner_text("main")
    await context.close()


async def _press(page: Page, selector: str) -> None:
    await page.focus(selector)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_what_is_wrong_takes_the_focus_and_leads_to_its_field(browser: Browser, site: Site) -> None:
    context = await _context(browser, site, LOOKS[0], "mei")
    page = await context.new_page()
    await page.goto("/relationships/new")
    await page.fill("#inmate_name", "陈志强")
    await page.click("main form .button--primary")
    assert await page.evaluate("document.activeElement.className") == "error-summary"
    await page.click(".error-summary a[href='#inmate_number']")
    assert await page.evaluate("document.activeElement.id") == "inmate_number"
    assert await page.input_value("#inmate_name") == "陈志强"
    assert not (await Axe().run(page, options=RULES)).response["violations"]
    await page.screenshot(path=SCREENS / "family-apply-wrong-390-zh.png", full_page=True)
    await context.close()


async def test_fifty_megabytes_are_told_of_and_nothing_typed_is_lost(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(50 << 20)
    context = await _context(browser, site, Look("no-script", 390, 844, script=False), "stranger")
    page = await context.new_page()
    await page.goto("/relationships/new")
    await page.fill("#inmate_name", "陈志强")
    await page.set_input_files("#proof", huge)
    await page.click("main form .button--primary")
    assert "12 MB" in await page.inner_text("main")
    await page.go_back()
    assert await page.input_value("#inmate_name") == "陈志强"
    await context.close()
