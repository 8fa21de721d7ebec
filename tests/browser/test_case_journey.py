"""A matter's whole way in real browsers: asked, answered, asked on, applied for, let lie, handed up, decided."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import service, setup, tasks
from legalaid.wording import TOPICS
from people import service as people
from people import sessions
from scheduler import service as schedule
from tests.browser import gallery
from tests.browser.gallery import DESK, Site
from tests.web import staffed
from tests.web.staffed import Staffed

pytestmark = pytest.mark.asyncio(loop_scope="module")
CASE = "工地欠我爸三个月工资，包工头不接电话。"


class Later:
    """The real clock, some hours on."""

    def __init__(self) -> None:
        self.hours = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=self.hours)

    def monotonic(self) -> float:
        return datetime.now(UTC).timestamp() + self.hours * 3600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def later() -> AsyncIterator[Later]:
    source = Later()
    clock.set_source(source)
    yield source
    clock.set_source(None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, later: Later
) -> AsyncIterator[tuple[Site, dict[str, Ref]]]:
    del later  # stands before anything is written
    async with gallery.serving(tmp_path_factory.mktemp("journey"), sqlite_template) as (url, services):
        house = await staffed.build(services.db, services)
        people_ = await _desks(services.db, house)
        yield Site(url, services, {}), people_


async def _desks(db: Database, house: Staffed) -> dict[str, Ref]:
    prison = house.place.prison
    async with db.write() as session:
        device = await people.register_device(session, SYSTEM, prison, "3 号终端")
        (terminal,) = await schedule.terminals(session, prison)
        await schedule.link_device(session, SYSTEM, terminal.id, device.id)
        above = await service.create_desk(session, SYSTEM, prison, "市督查室", "superior", "0551 9")
        for name, kind in (("驻监工作站", "station"), ("市法律援助中心", "centre")):
            desk = await service.create_desk(session, SYSTEM, prison, name, kind, "0551 1", above)
            if kind == "station":
                await service.add_lawyer(session, SYSTEM, house.counsel.id, desk, tuple(TOPICS), ("zh",))
            else:
                await setup.seat_at_desk(session, SYSTEM, house.counsel.id, desk)
    return {"terminal": Ref("terminal", device.id), "counsel": house.counsel, "admin": house.admin}


async def _enter(site: tuple[Site, dict[str, Ref]], browser: Browser, person: str) -> Page:
    """A fresh session: by now the old one may have run out."""
    house, subjects = site
    async with house.db.write() as session:
        token, _ = await sessions.open_session(session, subjects[person], strong=True, agent="test")
    house.tokens[person] = token
    page = (await house.visit(browser, person, DESK)).page
    if person == "terminal":
        await page.goto("/terminal/lawyer")
        await page.fill("#number", "3401202107")
        await page.fill("#name", "陈志强")
        await page.fill("#pin", "274918")
        await page.click(".lawyer form .button--primary")
        await page.wait_for_url("**/terminal/lawyer/questions**")
    return page


async def _ask(screen: Page, words: str) -> None:
    await screen.check("input[name=topic][value=work]")
    await screen.fill("#words", words)
    await screen.click("form[action='/terminal/lawyer/ask'] .button--primary")
    await screen.wait_for_url("**/terminal/lawyer/questions?asked=1")


async def _apply(screen: Page) -> str:
    """From the newest question, filled in with what is known; answers the case's path."""
    await screen.click(".lawyer-item a >> nth=0")
    await screen.click("a[href*='/terminal/lawyer/apply?question=']")
    assert await screen.input_value("#facts") == "仲裁要多少钱？"
    await screen.fill("#facts", CASE)
    await screen.fill("#goal", "要回工资")
    await screen.select_option("#venue", "duty")
    await screen.check("input[name=exemption][value=migrant-wages]")
    await screen.click("form[action='/terminal/lawyer/apply'] .button--primary")
    await screen.wait_for_url("**/terminal/lawyer/cases/**")
    return "/" + screen.url.split("/", 3)[3]


async def test_from_a_question_to_a_decision_after_a_desk_let_it_lie(
    browser: Browser, site: tuple[Site, dict[str, Ref]], later: Later
) -> None:
    screen, desk = await _enter(site, browser, "terminal"), await _enter(site, browser, "counsel")
    await screen.goto("/terminal/lawyer/ask")
    await _ask(screen, CASE)
    await desk.goto("/counsel")
    await desk.click("a[href^='/counsel/questions/'] >> nth=0")
    await desk.fill("#words", "可以申请劳动仲裁，也可以申请法律援助。")
    await desk.click("form[action$='/advice'] .button--primary")
    await screen.click(".lawyer-item a >> nth=0")
    assert "劳动仲裁" in await screen.inner_text("main")
    await screen.click("a[href*='/terminal/lawyer/ask?follows=']")
    await _ask(screen, "仲裁要多少钱？")
    case = await _apply(screen)
    assert "驻监工作站最迟" in await screen.inner_text("main")

    later.hours = 19  # three quarters of the 24 hours are over
    await tasks.turn_lights(site[0].db)
    admin = await _enter(site, browser, "admin")
    await admin.goto("/lights?colour=yellow")
    assert "转交申请" in await admin.inner_text("main table")

    later.hours = 25
    await tasks.turn_lights(site[0].db)
    await admin.context.close()
    admin, screen = await _enter(site, browser, "admin"), await _enter(site, browser, "terminal")
    await admin.goto("/lights?colour=red")
    assert "市督查室" in await admin.inner_text("main table")
    await screen.goto(case)
    assert "市督查室" in await screen.inner_text("main")  # who waits is told who holds it now

    desk = await _enter(site, browser, "counsel")
    staff_case = "/cases/" + case.rpartition("/")[2]
    for act in ("forward", "approve", "assign"):
        await desk.goto(f"{staff_case}?act={act}")
        if act == "assign":
            await desk.select_option("#lawyer_id", index=1)
        await desk.click(f"form[action$='/{act}'] .button")
        await desk.wait_for_url(f"**{staff_case}")
    await screen.goto(case)
    assert "指派通知书" in await screen.inner_text("main")
    await admin.goto("/reviews?by=month")
    assert "转交申请" in await admin.inner_text("main table >> nth=0")
