"""The family's pages in a real browser: no accessibility violation, nothing wider than the screen, no script
error, and a picture of each for people to look at (`var/screens/`).

They run on a small prison of their own, with a visit in every state, without the media plane.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from core.db import Database
from core.ids import Ref
from people import service as people
from people import sessions
from scheduler import service as schedule
from tests.browser import gallery
from tests.browser.gallery import DESK, LOOKS, PHONE, Look, Site
from tests.web import place
from tests.web.place import Place

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Family:
    """The site, its prison, and its pages by the picture's name: (path, person)."""

    site: Site
    here: Place
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def family(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncIterator[Family]:
    async with gallery.serving(tmp_path_factory.mktemp("family"), sqlite_template) as (url, services):
        here = await place.build(services.db, services.means)
        visits = await _visits(services.db, here)
        tokens = {}
        async with services.db.write() as session:
            for person, relative in (("mei", here.mei), ("stranger", here.stranger)):
                subject = Ref("relative", relative)
                tokens[person], _ = await sessions.open_session(
                    session, subject, strong=False, agent="Mozilla/5.0 (Linux; Android 14) Chrome/126.0"
                )
        yield Family(Site(url, services, tokens), here, _paths(here, visits))


async def _prefer(family: Family, look: Look) -> None:
    """Language and large text of both accounts, as their switches would set them."""
    async with family.site.db.write() as session:
        for relative in (family.here.mei, family.here.stranger):
            await people.set_language(session, family.here.identity(relative), look.language)
            await people.set_elder(session, family.here.identity(relative), look.elder)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_pages_are_open_to_everybody(browser: Browser, family: Family, look: Look) -> None:
    await _prefer(family, look)
    paths = {f"family-{name}": page for name, page in family.paths.items()}
    assert await gallery.look_around(family.site, browser, paths, look) == {}


@pytest_asyncio.fixture(loop_scope="module")
async def in_chinese(family: Family) -> Family:
    await _prefer(family, DESK)
    return family


async def test_a_visit_is_booked_without_scripts_and_without_a_mouse(
    browser: Browser, in_chinese: Family
) -> None:
    """Only Tab, Space and Enter, on pages whose scripts are off."""
    visitor = await in_chinese.site.visit(browser, "mei", Look("keyboard", 1440, 900, script=False))
    page = visitor.page
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
    await visitor.leave()


async def _press(page: Page, selector: str) -> None:
    await page.focus(selector)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_what_is_wrong_takes_the_focus_and_leads_to_its_field(
    browser: Browser, in_chinese: Family
) -> None:
    visitor = await in_chinese.site.visit(browser, "mei", PHONE)
    page = visitor.page
    await page.goto("/relationships/new")
    await page.fill("#inmate_name", "陈志强")
    await page.click("main form .button--primary")
    assert await page.evaluate("document.activeElement.className") == "error-summary"
    await page.click(".error-summary a[href='#inmate_number']")
    assert await page.evaluate("document.activeElement.id") == "inmate_number"
    assert await page.input_value("#inmate_name") == "陈志强"
    assert await visitor.problems("family-apply-wrong") == []
    await visitor.leave()


async def test_fifty_megabytes_are_told_of_and_nothing_typed_is_lost(
    browser: Browser, in_chinese: Family, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(50 << 20)
    visitor = await in_chinese.site.visit(browser, "stranger", Look("no-script", 390, 844, script=False))
    page = visitor.page
    await page.goto("/relationships/new")
    await page.fill("#inmate_name", "陈志强")
    await page.set_input_files("#proof", huge)
    await page.click("main form .button--primary")
    assert "12 MB" in await page.inner_text("main")
    await page.go_back()
    assert await page.input_value("#inmate_name") == "陈志强"
    await visitor.leave()
