"""The prison side's pages in a real browser: accessible, within the screen, without script errors, pictured
(`var/screens/`); playback in step; a terminal that enrols and signs in with a key of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from core import clock
from core.db import Database
from ledger import read
from ledger.chain import Entry
from people import sessions
from people import terminals as devices
from people.model import Identity, Role
from recording import holds, recheck
from scheduler import service as schedule
from tests.browser import gallery
from tests.browser.gallery import DESK, DESKS, LOOKS, PHONE, Look, Visitor
from tests.web import staffed
from tests.web.staffed import Staffed
from web import listening
from web.services import Services

IN_STEP_MS = 80

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class House:
    """The site, its prison and staff, a recorded visit, and the pages by the picture's name: (path, person)."""

    site: gallery.Site
    staffed: Staffed
    visit: str
    paths: dict[str, tuple[str, str]]

    @property
    def db(self) -> Database:
        return self.site.db


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncIterator[House]:
    async with gallery.serving(tmp_path_factory.mktemp("staff"), sqlite_template) as (url, services):
        made = await staffed.build(services.db, services)
        visit = await staffed.due_visit(services.db, made)
        asked = await staffed.requested_visit(services.db, made, minutes=2880)
        await staffed.recorded(services.db, services, visit, made, seconds=8)
        tokens = {}
        async with services.db.write() as session:
            for name, subject in (
                ("monitor", made.monitor),
                ("approver", made.approver),
                ("admin", made.admin),
                ("counsel", made.counsel),
            ):
                tokens[name], _ = await sessions.open_session(session, subject, strong=True, agent="Chromium")
        hold = await _held(services, visit.id, tokens["monitor"])
        await recheck.recheck(services.db, services.settings, rate=1e12)
        paths = _paths(made, visit.id, asked.id, hold)
        yield House(gallery.Site(url, services, tokens), made, visit.id, paths)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_every_page_is_accessible_and_pictured(browser: Browser, house: House, look: Look) -> None:
    assert await gallery.look_around(house.site, browser, house.paths, look) == {}


@pytest.mark.parametrize("look", [PHONE, DESKS[0], *gallery.SPECIAL[::3]], ids=lambda look: look.name)
async def test_playback_is_accessible_and_pictured(browser: Browser, house: House, look: Look) -> None:
    visitor = await house.site.visit(browser, "monitor", look)
    page = await _opened(visitor, house)
    if look.script:
        await page.locator("[data-playback][data-ready]").wait_for()
    else:
        assert await page.locator("video[controls]").count() == 3
        assert await page.locator("[data-play]").is_hidden()
    assert await visitor.problems("recording") == []
    await visitor.leave()


async def _opened(visitor: Visitor, house: House) -> Page:
    """The playback page, after the reason was given."""
    page = visitor.page
    await page.goto(f"/recordings/{house.visit}")
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


async def _played(house: House) -> list[Entry]:
    async with house.db.read() as session:
        return await read.latest(session, tag_prefix=listening.PLAYED)


async def _now(page: Page) -> float:
    """Where playback stands, in ms."""
    return float(await page.eval_on_selector("[data-seek]", "bar => bar.value"))


@pytest.mark.alone
async def test_all_tracks_play_in_step_and_what_was_heard_is_entered(browser: Browser, house: House) -> None:
    before = len(await _played(house))
    visitor = await house.site.visit(browser, "monitor")
    page = await _opened(visitor, house)
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
        async with house.db.read() as session:
            heard = [e.parsed() for e in await read.latest(session, tag_prefix=listening.HEARD)]
        return len(await _played(house)) == before + 3 and any(
            e["from_ms"] == 0 and e["to_ms"] >= 5_000 for e in heard
        )

    await _until(entered)
    await visitor.leave()


async def test_playback_is_moved_by_the_keyboard_and_the_events(browser: Browser, house: House) -> None:
    visitor = await house.site.visit(browser, "monitor")
    page = await _opened(visitor, house)
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
    await visitor.leave()


async def test_terminal_enrols_signs_in_by_itself_and_goes_into_its_visit(
    browser: Browser, house: House
) -> None:
    prison = house.staffed.place.prison
    admin = Identity("t", house.staffed.admin, frozenset({Role.ADMIN}), "", "zh", False, prison, True)
    async with house.db.write() as session:
        (terminal,) = await schedule.terminals(session, prison)
        invitation = await devices.invite_device(session, admin, prison, terminal.name)
        await session.flush()
        await schedule.link_device(session, house.staffed.admin, terminal.id, invitation.device_id)
    visitor = await house.site.visit(browser, "")
    page = visitor.page
    await page.goto("/terminal")
    await page.get_by_role("link", name="登记此终端").click()
    await page.get_by_label("登记码").fill(invitation.code.lower())
    await page.get_by_role("button", name="登记").click()
    await page.wait_for_url(f"**/visits/{house.visit}")  # the lobby is open: it goes in by itself
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

    await page.goto("/terminal")  # left again: the button stays, nobody is dragged back in
    await page.get_by_role("link", name="进入会见").wait_for()
    assert page.url.endswith("/terminal")
    for look in (PHONE, DESK):
        await page.set_viewport_size({"width": look.width, "height": look.height})
        visitor.look = look
        assert await visitor.problems("terminal") == []

    await visitor.context.clear_cookies()
    await page.goto("/terminal")  # switched on in the morning
    await page.locator(".kiosk-time").wait_for()
    async with house.db.write() as session:
        await devices.revoke_device(session, house.site.services.means, admin, invitation.device_id)
    await page.get_by_role("heading", name="此终端已停用").wait_for(timeout=20_000)
    await visitor.leave()


async def test_board_keeps_itself_fresh_and_the_focus_where_it_was(browser: Browser, house: House) -> None:
    visitor = await house.site.visit(browser, "monitor")
    page = visitor.page
    await page.goto("/officer")
    tile = page.locator(f'[data-key="{house.visit}"]')
    await tile.focus()
    async with house.db.write() as session:
        await schedule.cancel(session, house.staffed.place.officer, house.visit, "staff")
    await page.get_by_text("已取消").wait_for(timeout=15_000)
    await expect(tile).to_be_focused()
    await visitor.leave()


async def test_call_list_is_printed_by_a_button_that_only_a_script_shows(
    browser: Browser, house: House
) -> None:
    visitor = await house.site.visit(browser, "monitor")
    page = visitor.page
    await page.add_init_script("window.print = () => { window.printed = true; };")
    await page.goto("/officer/call-list")
    await page.get_by_role("button", name="打印").click()
    assert await page.evaluate("window.printed")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="打印")).to_be_hidden()
    await expect(page.locator(".staff-nav")).to_be_hidden()
    await visitor.leave()


async def test_approver_walks_and_decides_by_key(browser: Browser, house: House) -> None:
    visitor = await house.site.visit(browser, "approver")
    page = visitor.page
    await page.goto("/approvals")
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
    await visitor.leave()
