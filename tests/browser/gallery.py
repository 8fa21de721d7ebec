"""Pages that are only looked at: one server and one browser for a module, the ways of looking, and what is wrong.

Each page is looked at twice: on a narrow screen and on a wide one; every sixth page without scripts as well. In
which language, size and colours changes from page to page in cycles of different length, so that all ways
together meet every part of the pages. Pictures for people to look at are kept under `var/screens/`.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import uvicorn
from axe_playwright_python.base import AXE_SCRIPT
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page

from core import settings as core_settings
from core.db import Database
from tests.web import place
from web.app import create_app
from web.services import Services

SCREENS = Path(__file__).parents[2] / "var" / "screens"
# What was passed is not told: it is a hundred times longer than what was found.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
_JUDGE = "rules => axe.run(document, rules).then(found => found.violations)"


async def violations(page: Page) -> list[str]:
    """What the accessibility rules say against the page as it stands, each with the first three places."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(_JUDGE, RULES)
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']][:3]}" for one in found]


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    name: str
    width: int
    height: int
    language: Literal["zh", "en"] = "zh"
    scheme: Literal["light", "dark"] = "light"
    elder: bool = False
    script: bool = True


PHONES = (Look("390-zh", 390, 844), Look("390-en", 390, 844, language="en"))
DESKS = (Look("1440-en", 1440, 900, language="en"), Look("1440-zh", 1440, 900))
SPECIAL = (
    Look("1440-zh-dark", 1440, 900, scheme="dark"),
    Look("360-zh-elder", 360, 740, elder=True),
    Look("768-en", 768, 1024, language="en"),
    Look("360-zh-no-script", 360, 740, script=False),
)
PHONE, DESK = PHONES[0], DESKS[1]
LOOKS = (*PHONES, *DESKS, *SPECIAL)
_DARK, _ELDER, _TABLET, _NO_SCRIPT = SPECIAL
_NARROW, _WIDE = (*PHONES, _ELDER), (*DESKS, _DARK, _TABLET)


def looks_at(number: int) -> set[Look]:
    """How page `number` of a module is looked at."""
    bare = {_NO_SCRIPT} if number % 6 == 0 else set()
    return {_NARROW[number % 3], _WIDE[number % 4]} | bare


def chosen(names: Iterable[str], look: Look) -> set[str]:
    """Those of a module's pages that are looked at in this way."""
    return {name for number, name in enumerate(names) if look in looks_at(number)}


@dataclass(frozen=True)
class Site:
    """A running server without media. `tokens`: sessions by person; "" is nobody."""

    base_url: str
    services: Services
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        return self.services.db

    async def visit(self, browser: Browser, person: str = "", look: Look = DESK) -> "Visitor":
        """Somebody with a browser profile of their own, who looks in this way."""
        context = await browser.new_context(
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.scheme,
            reduced_motion="reduce",
            java_script_enabled=look.script,
            timezone_id=place.ZONE,
            base_url=self.base_url,
        )
        cookies = {"language": look.language, "elder": "1" if look.elder else "0"}
        if person:
            cookies["session"] = self.tokens[person]
        if look.script:
            await context.add_init_script(AXE_SCRIPT)
        await context.add_cookies(
            [{"name": f"kinbridge-{k}", "value": v, "url": self.base_url} for k, v in cookies.items()]
        )
        return Visitor(context, await context.new_page(), look)


class Visitor:
    """One page, whose uncaught errors and refusals (CSP) are remembered in `said`."""

    def __init__(self, context: BrowserContext, page: Page, look: Look) -> None:
        self.context = context
        self.page = page
        self.look = look
        self.said: list[str] = []
        page.on("pageerror", self._erred)
        page.on("console", self._complained)

    def _erred(self, error: Error) -> None:
        self.said.append(str(error))

    def _complained(self, message: ConsoleMessage) -> None:
        # What could not be fetched is for the test to judge: a page that is not there is one of the pages.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.said.append(message.text)

    async def problems(self, name: str) -> list[str]:
        """What is wrong with the page as it stands; its picture is kept as `name`."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        path = SCREENS / f"{name}-{self.look.name}.jpg"
        await self.page.screenshot(path=path, full_page=True, type="jpeg", quality=70)
        found, self.said = self.said, []
        if not self.look.script:
            return found  # nothing can be measured in a page without scripts but by eye
        wide = await self.page.evaluate("document.documentElement.scrollWidth")
        too_wide = [f"{wide} px wide on {self.look.width}"] if wide > self.look.width else []
        return [*found, *too_wide, *await violations(self.page)]

    async def speaks(self, path: str) -> None:
        """Chooses the look's language as people do; who has an account has one there, whatever the browser's is."""
        await self.page.goto(path)
        other = "zh-CN" if self.look.language == "zh" else "en"
        switch = self.page.locator(f"form[action='/language'] button[lang='{other}']")
        if await switch.count():
            await switch.click()
            await self.page.wait_for_load_state()
        self.said = []

    async def leave(self) -> None:
        await self.context.close()


@contextlib.asynccontextmanager
async def serving(folder: Path, template: Path) -> AsyncIterator[tuple[str, Services]]:
    """The product's pages on an empty database, without media node and worker: its URL and its services."""
    shutil.copy(template, folder / "kinbridge.sqlite3")
    settings = core_settings.from_environment(
        {}, mode="test", data_dir=folder, embed_media=False, embed_worker=False, help_phone="0551 1234 567"
    )
    app = create_app(settings)
    async with _listening(app) as port:
        yield f"http://127.0.0.1:{port}", app.state.services


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


async def look_around(
    site: Site, browser: Browser, paths: dict[str, tuple[str, str]], look: Look
) -> dict[str, list[str]]:
    """Looks at those of `paths` (picture -> path, person) whose turn it is; answers what is wrong, by picture."""
    wanted = chosen(paths, look)
    problems: dict[str, list[str]] = {}
    for person in dict.fromkeys(paths[name][1] for name in paths if name in wanted):
        visitor = await site.visit(browser, person, look)
        await visitor.speaks(next(path for path, whose in paths.values() if whose == person))
        for name in [name for name in paths if name in wanted and paths[name][1] == person]:
            await visitor.page.goto(paths[name][0])
            if found := await visitor.problems(name):
                problems[name] = found
        await visitor.leave()
    return problems
