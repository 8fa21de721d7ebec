"""The pages about questions to lawyers in a real browser: accessible, within the screen, without script errors,
pictured (`var/screens/`); and an inmate who asks, is answered and walks away, with no script at all."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import time
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from core.db import Database
from core.ids import SYSTEM, Ref, new_id
from legalaid import cases, cities, complaints, directory, referrals, service, setup, tasks
from legalaid.complaints import ComplaintForm
from legalaid.forms import QuestionForm
from legalaid.referrals import ReferralForm
from legalaid.setup import TemplateForm
from legalaid.wording import TOPICS
from people import service as people
from people import sessions
from people.model import Role
from scheduler import inviting
from scheduler import service as schedule
from tests.browser import gallery
from tests.browser.gallery import DESK, LOOKS, Look, Site
from tests.legalaid.case_place import form as application
from tests.scheduler.world import identity
from tests.web import staffed
from tests.web.place import soon
from tests.web.staffed import Staffed
from web import legal

NUMBER, NAME, PIN = "3401202107", "陈志强", "274918"
NO_SCRIPT = Look("no-script", 1280, 900, script=False)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Aid:
    """The site, and its pages by the picture's name: (path, person)."""

    site: Site
    paths: dict[str, tuple[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aid(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncIterator[Aid]:
    """One question waits."""
    async with gallery.serving(tmp_path_factory.mktemp("legal"), sqlite_template) as (url, services):
        house = await staffed.build(services.db, services)
        terminal = await _station(services.db, house)
        async with services.db.write() as session:
            form = QuestionForm("debt", "我哥哥欠的钱要我还吗？", new_id("key"), limitation="2026-11-24")
            means = legal.means_of(services)
            mei = house.place.identity(house.place.mei)
            view = await service.by_relative(session, means, mei, house.place.inmate, form)
            case = await cases.by_relative(session, means, mei, house.place.inmate, application())
            lawyer = identity("counsel", house.counsel.id, Role.COUNSEL, prison_id=house.place.prison)
            await cases.forward(session, means, lawyer, case)
            need = ReferralForm(
                "child", "女儿八岁，已经三天没有人照看。", new_id("key"), Ref("question", view.id)
            )
            referral = await referrals.raise_(session, means, lawyer, need)
            said = ComplaintForm(Ref("case", case), "三个月没有人来，也没有人告诉我进展。", new_id("key"))
            complaint = await complaints.make(session, means, mei, said)
            screen = identity("terminal", terminal.id, Role.TERMINAL, prison_id=house.place.prison)
            free = await schedule.create_slot(session, SYSTEM, house.place.prison, soon(3000))
            held = house.place.mei_relationship
            asked = await inviting.invite(session, screen, house.place.inmate, held, free, new_id("key"))
            tokens = {}
            for person, subject in (
                ("mei", Ref("relative", house.place.mei)),
                ("counsel", house.counsel),
                ("clerk", house.counsel),
                ("admin", house.admin),
                ("monitor", house.monitor),
                ("terminal", terminal),
            ):
                tokens[person], _ = await sessions.open_session(session, subject, strong=True, agent="test")
        await tasks.plan(services.db)
        paths = _paths(view.id, house.place.inmate) | _case_paths(case, referral, house.place.inmate)
        paths |= _complaint_paths(case, complaint)
        paths["family-invitation"] = (f"/invitations/{asked.id}", "mei")
        paths["terminal-visits-times"] = (f"/terminal/visits/{house.place.mei_relationship}", "inmate")
        yield Aid(Site(url, services, tokens), paths)


def _case_paths(case: str, referral: str, inmate: str) -> dict[str, tuple[str, str]]:
    return {
        "family-aid": ("/aid", "mei"),
        "family-apply": (f"/aid/{inmate}/apply", "mei"),
        "family-case": (f"/aid/cases/{case}", "mei"),
        "letter": (f"/aid/cases/{case}/letters/1", "mei"),
        "directory": ("/directory?topic=family&place=临江市/江北区", "mei"),
        "case": (f"/cases/{case}?act=refuse", "clerk"),
        "lights": ("/lights", "admin"),
        "review": ("/reviews?by=day", "admin"),
        "import": ("/admin/directory?q=律师", "admin"),
        "years": ("/admin/years?calendar=CN&year=2028", "admin"),
        "wing": ("/officer/help-day", "monitor"),
        "referral": (f"/referrals/{referral}", "clerk"),
        "defence-notice": ("/defence-notices", "clerk"),
        "terminal-cases": ("/terminal/lawyer/cases", "inmate"),
        "terminal-case": (f"/terminal/lawyer/cases/{case}", "inmate"),
    }


def _complaint_paths(case: str, complaint: str) -> dict[str, tuple[str, str]]:
    return {
        "family-complain": (f"/aid/complaints/new?about=case:{case}", "mei"),
        "family-complaint": (f"/aid/complaints/{complaint}", "mei"),
        "complaint": (f"/complaints/{complaint}", "clerk"),
        "terminal-complain": (f"/terminal/lawyer/complaints/new?about=case:{case}", "inmate"),
    }


def _paths(question: str, inmate: str) -> dict[str, tuple[str, str]]:
    return {
        "family-ask": ("/ask", "mei"),
        "family-form": (f"/ask/{inmate}", "mei"),
        "counsel-day": ("/counsel", "counsel"),
        "counsel-question": (f"/counsel/questions/{question}?template=debt", "counsel"),
        "counsel-hotline": ("/counsel/hotline", "counsel"),
        "counsel-roster": ("/counsel/roster", "counsel"),
        "admin": ("/admin/legal", "admin"),
        "terminal": ("/terminal", "terminal"),
        "terminal-door": ("/terminal/lawyer", "terminal"),
        "terminal-questions": ("/terminal/lawyer/questions", "inmate"),
        "terminal-ask": ("/terminal/lawyer/ask", "inmate"),
        "terminal-question": (f"/terminal/lawyer/questions/{question}", "inmate"),
        "terminal-visits-door": ("/terminal/visits", "terminal"),
        "terminal-visits": ("/terminal/visits", "inmate"),
    }


async def _station(db: Database, house: Staffed) -> Ref:
    """A station, its lawyer, a help day every day, and a terminal's browser."""
    prison = house.place.prison
    async with db.write() as session:
        device = await people.register_device(session, SYSTEM, prison, "3 号终端")
        (terminal,) = await schedule.terminals(session, prison)
        await schedule.link_device(session, SYSTEM, terminal.id, device.id)
        station = await service.create_desk(session, SYSTEM, prison, "驻监工作站", "station", "0551 1")
        await service.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
        for name, kind in (("市法律援助中心", "centre"), ("市司法局", "bureau"), ("市民政局", "welfare")):
            desk = await service.create_desk(session, SYSTEM, prison, name, kind, "0551 2")
            await setup.seat_at_desk(session, SYSTEM, house.counsel.id, desk)
        await directory.import_csv(session, SYSTEM, cities.demonstration(), whole=True)
        for weekday in range(1, 8):
            form = TemplateForm(weekday, time(0), 1435, 2, 15, (house.counsel.id,))
            await service.create_template(session, SYSTEM, station, form)
    await tasks.materialise(db)
    return Ref("terminal", device.id)


async def _step_up(page: Page) -> None:
    await page.goto("/terminal/lawyer")
    await page.fill("#number", NUMBER)
    await page.fill("#name", NAME)
    await page.fill("#pin", PIN)
    await page.click(".lawyer form .button--primary")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_pages_are_open_to_everybody(browser: Browser, aid: Aid, look: Look) -> None:
    paths = {f"legal-{name}": page for name, page in aid.paths.items() if page[1] != "inmate"}
    problems = await gallery.look_around(aid.site, browser, paths, look)
    visitor = await aid.site.visit(browser, "terminal", look)
    await _step_up(visitor.page)
    for name in gallery.chosen(aid.paths, look) - {path.removeprefix("legal-") for path in paths}:
        await visitor.page.goto(aid.paths[name][0])
        if found := await visitor.problems(f"legal-{name}"):
            problems[name] = found
    await visitor.leave()
    assert problems == {}


async def test_an_inmate_asks_and_is_answered_without_scripts(browser: Browser, aid: Aid) -> None:
    visitors = [await aid.site.visit(browser, person, NO_SCRIPT) for person in ("terminal", "counsel")]
    screen, desk = (visitor.page for visitor in visitors)
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
    for visitor in visitors:
        await visitor.leave()


async def test_a_screen_that_nobody_touches_goes_back_by_itself(browser: Browser, aid: Aid) -> None:
    visitor = await aid.site.visit(browser, "terminal", DESK)
    page = visitor.page
    await page.clock.install()
    await _step_up(page)
    await page.wait_for_url("**/terminal/lawyer/questions")
    await page.clock.fast_forward(200_000)
    await page.wait_for_url("**/terminal")
    await page.goto("/terminal/lawyer/questions")
    assert page.url.endswith("/terminal/lawyer")
    await visitor.leave()
