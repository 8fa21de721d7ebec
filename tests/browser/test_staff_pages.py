"""The prison side's pages in a real browser: accessible, within the screen, without script errors, pictured
(`var/screens/`); playback in step; a terminal that enrols and signs in with a key of its own."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Playwright, expect

from core import clock
from core import settings as core_settings
from core.db import Database
from ledger import read
from people import sessions
from people import terminals as devices
from people.model import Identity, Role
from recording import holds, recheck
from scheduler import service as schedule
from tests.browser.chromium import EXECUTABLE
from tests.web import place, staffed
from tests.web.staffed import Staffed
from web import listening
from web.app import create_app
from web.services import Services

SCREENS = Path(__file__).parents[2] / "var" / "screens"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
IN_STEP_MS = 80


@dataclass(frozen=True)
class Look:
    """How the pages are looked at."""

    name: str
    width: int
    height: int
    language: Literal["zh", "en"] = "zh"
    scheme: Literal["light", "dark"] = "light"
    script: bool = True


LOOKS = (
    Look("390-zh", 390, 844),
    Look("390-en", 390, 844, language="en"),
    Look("1440-zh", 1440, 900),
    Look("1440-en", 1440, 900, language="en"),
    Look("1440-zh-dark", 1440, 900, scheme="dark"),
    Look("360-zh-no-script", 360, 740, script=False),
)


@dataclass(frozen=True)
class Site:
    """A running server; `tokens` are sessions by person; `paths` by the picture's name: (path, person)."""

    base_url: str
    services: Services
    house: Staffed
    visit: str
    tokens: dict[str, str]
    paths: dict[str, tuple[str, str]]

    @property
    def db(self) -> Database:
        return self.services.db


@contextlib.asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="none", log_config=None, lifespan="on"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done()
        await asyncio.sleep(0.05)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def _held(services: Services, visit: str, token: str) -> str:
    async with services.db.write() as session:
        who = await sessions.resume(session, token)
        assert who is not None
        now = clock.now()
        term = holds.Term(now + timedelta(days=90), now + timedelta(hours=12))
        return await holds.place(session, who, visit, "court", "（2026）刑字 17 号", term)


def _paths(house: Staffed, visit: str, asked: str, hold: str) -> dict[str, tuple[str, str]]:
    return {
        "officer-today": ("/officer", "monitor"),
        "officer-call-list": ("/officer/call-list", "monitor"),
        "approvals": ("/approvals", "approver"),
        "approvals-relationship": (f"/approvals/relationships/{house.place.mei_relationship}", "approver"),
        "approvals-visit": (f"/approvals/bookings/{asked}", "approver"),
        "recordings": ("/recordings", "monitor"),
        "recording-door": (f"/recordings/{visit}", "monitor"),
        "evidence": ("/evidence", "approver"),
        "evidence-hold": (f"/evidence/visits/{visit}/hold", "monitor"),
        "evidence-review": (f"/evidence/holds/{hold}", "approver"),
        "admin": ("/admin", "admin"),
        "admin-places": ("/admin/places", "admin"),
        "admin-timetable": ("/admin/timetable", "admin"),
        "admin-terminals": ("/admin/terminals", "admin"),
        "admin-staff": ("/admin/staff", "admin"),
        "admin-policy": ("/admin/policy", "admin"),
        "admin-ledger": ("/admin/ledger", "admin"),
        "my-security": ("/account/security", "monitor"),
        "counsel": ("/counsel", "counsel"),
        "terminal-enrol": ("/terminal/enrol", ""),
        "terminal-start": ("/terminal", ""),
    }


@pytest.fixture
async def site(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Site]:
    shutil.copy(sqlite_template, tmp_path / "kinbridge.sqlite3")
    settings = core_settings.from_environment(
        {}, mode="test", data_dir=tmp_path, embed_media=False, embed_worker=False, help_phone="0551 1234 567"
    )
    app = create_app(settings)
    async with _listening(app) as port:
        services: Services = app.state.services
        house = await staffed.build(services.db, services)
        visit = await staffed.due_visit(services.db, house)
        asked = await staffed.requested_visit(services.db, house, minutes=2880)
        await staffed.recorded(services.db, services, visit, house, seconds=8)
        tokens = {}
        async with services.db.write() as session:
            for name, subject in (
                ("monitor", house.monitor),
                ("approver", house.approver),
                ("admin", house.admin),
                ("counsel", house.counsel),
            ):
                tokens[name], _ = await sessions.open_session(session, subject, strong=True, agent="Chromium")
        hold = await _held(services, visit.id, tokens["monitor"])
        await recheck.recheck(services.db, settings, rate=1e12)
        paths = _paths(house, visit.id, asked.id, hold)
        yield Site(f"http://127.0.0.1:{port}", services, house, visit.id, tokens, paths)


@pytest.fixture
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(
        executable_path=EXECUTABLE,
        args=["--headless=new", "--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
    )
    yield browser
    await browser.close()


async def _context(chromium: Browser, site: Site, who: str, look: Look = LOOKS[2]) -> BrowserContext:
    context = await chromium.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        reduced_motion="reduce",
        timezone_id=place.ZONE,
        java_script_enabled=look.script,
    )
    cookies: dict[str, str] = {"kinbridge-language": look.language}
    if who:
        cookies["kinbridge-session"] = site.tokens[who]
    await context.add_cookies(
        [{"name": name, "value": value, "url": site.base_url} for name, value in cookies.items()]
    )
    return context


def _listen(page: Page, name: str, wrong: list[str]) -> None:
    """Errors that scripts did not catch, and what the browser refused (CSP)."""
    page.on("pageerror", lambda error: wrong.append(f"{name}: {error}"))
    page.on("console", lambda said: wrong.append(f"{name}: {said.text}") if said.type == "error" else None)


async def _judge(page: Page, name: str, *, script: bool) -> list[str]:
    """What is wrong with the page as it stands; its picture is kept."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
    if not script:
        return []  # nothing can be measured in a page without scripts but by eye
    wrong = []
    width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if width > 0:
        wrong.append(f"{name}: {width} px too wide")
    found = await Axe().run(page, options=RULES)
    wrong += [f"{name}: {v['id']} {v['nodes'][0]['target']}" for v in found.response["violations"]]
    return wrong


@pytest.mark.timeout(400)
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_every_page_is_accessible_and_pictured(chromium: Browser, site: Site, look: Look) -> None:
    wrong: list[str] = []
    for name, (path, who) in site.paths.items():
        context = await _context(chromium, site, who, look)
        page = await context.new_page()
        _listen(page, name, wrong)
        answer = await page.goto(site.base_url + path)
        assert answer is not None
        assert answer.ok, name
        wrong += await _judge(page, f"{name}-{look.name}", script=look.script)
        await context.close()
    wrong += await _playback(chromium, site, look)
    assert wrong == []


async def _playback(chromium: Browser, site: Site, look: Look) -> list[str]:
    context = await _context(chromium, site, "monitor", look)
    page = await _opened(context, site)
    if look.script:
        await page.locator("[data-playback][data-ready]").wait_for()
    wrong = await _judge(page, f"recording-{look.name}", script=look.script)
    if not look.script:
        assert await page.locator("video[controls]").count() == 3
        assert await page.locator("[data-play]").is_hidden()
    await context.close()
    return wrong


async def _opened(context: BrowserContext, site: Site) -> Page:
    """The playback page, after the reason was given."""
    page = await context.new_page()
    await page.goto(f"{site.base_url}/recordings/{site.visit}")
    await page.check("#reason-1")
    await (
        page.get_by_role("button", name="打开录像")
        .or_(page.get_by_role("button", name="Open the recording"))
        .click()
    )
    await page.wait_for_url("**/opn_*")
    return page


async def _until(true: Callable[[], Coroutine[Any, Any, bool]], seconds: float = 40) -> None:
    deadline = clock.monotonic() + seconds
    while not await true():
        assert clock.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.1)


async def _now(page: Page) -> float:
    """Where playback stands, in ms."""
    return float(await page.eval_on_selector("[data-seek]", "bar => bar.value"))


async def test_all_tracks_play_in_step_and_what_was_heard_is_entered(chromium: Browser, site: Site) -> None:
    context = await _context(chromium, site, "monitor")
    page = await _opened(context, site)
    await page.locator("[data-playback][data-ready]").wait_for()
    await page.keyboard.press("Tab")
    await page.locator("[data-play]").press("k")
    drifts: list[float] = []

    async def past(moment: float) -> bool:
        found = await page.eval_on_selector_all(
            "[data-person][data-drift]", "people => people.map(person => Number(person.dataset.drift))"
        )
        if await _now(page) > 1_500:  # what has just come in may still hurry
            drifts.extend(found)
        return await _now(page) >= moment

    await _until(lambda: past(2_800))
    assert await page.locator("[data-nothing]:visible").count() == 1  # Guilan is gone from 2.0 to 3.5
    await _until(lambda: past(5_500))
    assert len(drifts) > 20
    late = [drift for drift in drifts if abs(drift) >= IN_STEP_MS]
    assert len(late) <= len(drifts) // 20, drifts  # a page under load may be late for an instant
    await page.locator("[data-play]").press("k")
    await expect(page.locator("[data-playback]")).to_have_attribute("data-state", "standing")

    async def entered() -> bool:
        async with site.db.read() as session:
            heard = [e.parsed() for e in await read.latest(session, tag_prefix=listening.HEARD)]
            played = await read.latest(session, tag_prefix=listening.PLAYED)
        return len(played) == 3 and any(e["from_ms"] == 0 and e["to_ms"] >= 5_000 for e in heard)

    await _until(entered)
    await context.close()


async def test_playback_is_moved_by_the_keyboard_and_the_events(chromium: Browser, site: Site) -> None:
    context = await _context(chromium, site, "monitor")
    page = await _opened(context, site)
    await page.locator("[data-playback][data-ready]").wait_for()
    bar = page.locator("[data-seek]")
    await bar.press("End")
    end = await _now(page)
    assert end >= 8_000
    await bar.press("ArrowLeft")
    assert await _now(page) == pytest.approx(end - 5_000, abs=200)
    await bar.press("Home")
    assert await _now(page) == 0
    await bar.press("2")
    await expect(page.locator("[data-speed]")).to_have_value("2")
    last = page.locator("[data-event]").last
    await last.get_by_role("button").click()
    offset = float(await last.get_attribute("data-event") or "nan")
    assert await _now(page) == pytest.approx(offset, abs=100)
    await expect(last).to_have_attribute("aria-current", "time")
    await page.locator("[data-sound]").first.click()
    assert await page.eval_on_selector_all("video", "all => all.filter(v => v.muted).length") == 1
    await context.close()


async def test_terminal_enrols_signs_in_by_itself_and_goes_into_its_visit(
    chromium: Browser, site: Site
) -> None:
    prison = site.house.place.prison
    admin = Identity("t", site.house.admin, frozenset({Role.ADMIN}), "", "zh", False, prison, True)
    async with site.db.write() as session:
        (terminal,) = await schedule.terminals(session, prison)
        invitation = await devices.invite_device(session, admin, prison, terminal.name)
        await session.flush()
        await schedule.link_device(session, site.house.admin, terminal.id, invitation.device_id)
    context = await _context(chromium, site, "")
    page = await context.new_page()
    await page.goto(f"{site.base_url}/terminal")
    await page.get_by_role("link", name="登记此终端").click()
    await page.get_by_label("登记码").fill(invitation.code.lower())
    await page.get_by_role("button", name="登记").click()
    await page.wait_for_url(f"**/visits/{site.visit}")  # the lobby is open: it goes in by itself
    kept = await page.evaluate(
        """() => new Promise((resolve) => {
            const request = indexedDB.open("kinbridge-terminal");
            request.onsuccess = () => {
                const key = request.result.transaction("key").objectStore("key").get("terminal");
                key.onsuccess = () => resolve([key.result.privateKey.extractable, key.result.device]);
            };
        })"""
    )
    assert kept == [False, invitation.device_id]

    await page.goto(f"{site.base_url}/terminal")  # left again: the button stays, nobody is dragged back in
    await page.get_by_role("link", name="进入会见").wait_for()
    assert page.url.endswith("/terminal")
    wrong = [line for look in LOOKS[:3] for line in await _resized(page, look)]
    assert wrong == []

    await context.clear_cookies()
    await page.goto(f"{site.base_url}/terminal")  # switched on in the morning
    await page.locator(".kiosk-time").wait_for()
    async with site.db.write() as session:
        await devices.revoke_device(session, site.services.means, admin, invitation.device_id)
    await page.get_by_role("heading", name="此终端已停用").wait_for(timeout=20_000)
    await context.close()


async def _resized(page: Page, look: Look) -> list[str]:
    await page.set_viewport_size({"width": look.width, "height": look.height})
    return await _judge(page, f"terminal-{look.width}", script=True)


async def test_board_keeps_itself_fresh_and_the_focus_where_it_was(chromium: Browser, site: Site) -> None:
    context = await _context(chromium, site, "monitor")
    page = await context.new_page()
    await page.goto(f"{site.base_url}/officer")
    tile = page.locator(f'[data-key="{site.visit}"]')
    await tile.focus()
    async with site.db.write() as session:
        await schedule.cancel(session, site.house.place.officer, site.visit, "staff")
    await page.get_by_text("已取消").wait_for(timeout=15_000)
    await expect(tile).to_be_focused()
    await context.close()


async def test_call_list_is_printed_by_a_button_that_only_a_script_shows(
    chromium: Browser, site: Site
) -> None:
    context = await _context(chromium, site, "monitor")
    page = await context.new_page()
    await page.add_init_script("window.print = () => { window.printed = true; };")
    await page.goto(f"{site.base_url}/officer/call-list")
    await page.get_by_role("button", name="打印").click()
    assert await page.evaluate("window.printed")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="打印")).to_be_hidden()
    await expect(page.locator(".staff-nav")).to_be_hidden()
    await context.close()


async def test_approver_walks_and_decides_by_key(chromium: Browser, site: Site) -> None:
    context = await _context(chromium, site, "approver")
    page = await context.new_page()
    await page.goto(f"{site.base_url}/approvals")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/approvals/bookings/*")
    await page.keyboard.press("r")
    await expect(page.locator("summary[data-decide=refuse]")).to_be_focused()
    await page.keyboard.press("a")
    await expect(page.locator("[data-decide=approve]")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/approvals")
    await expect(page.get_by_text("没有待办事项").first).to_be_visible()
    await context.close()
