"""The planner, disruptions, roster and rehearsal in a real browser, and the family's side of them: accessible, within
the screen, without script errors, pictured (`var/screens/`)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from core import clock
from core.ids import SYSTEM, Ref
from legalaid import meeting_desk, meeting_times, meetings
from legalaid import service as legal
from legalaid.confidential import OfficerRule
from legalaid.meeting_model import MeetingForm
from legalaid.meeting_times import Time
from legalaid.planned import PlannedMeetings
from legalaid.wording import TOPICS
from people import service as people
from people import sessions
from people.forms import InmateForm, RegistrationForm
from people.model import Identity, Kinship, Role
from scheduler import befalling, flags, offering, planner, plans, roster, wishes
from scheduler.happenings import Happening, Kind
from scheduler.model import VisitorChoice
from scheduler.wishes import Choice
from tests.browser import gallery
from tests.browser.gallery import LOOKS, Look
from tests.legalaid.test_meetings import FILES
from tests.scheduler.world import identity
from tests.web import place, staffed
from tests.web.staffed import Staffed
from web.routes.wishes import PARTS
from web.services import Services

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMES = ("王建国", "李海", "张伟", "刘洋", "陈晨", "杨帆", "赵磊", "黄河", "周涛", "吴刚", "徐明", "孙立")


@dataclass(frozen=True)
class House:
    site: gallery.Site
    paths: dict[str, tuple[str, str]]


async def _families(services: Services, house: Staffed) -> None:
    """A dozen families who wish for the coming days; three of them with a reason to come first."""
    today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
    for number, name in enumerate(NAMES):
        async with services.db.write() as session:
            form = InmateForm(f"34012030{number:02}", name, house.place.prison, house.place.wing, "ordinary")
            inmate = await people.create_inmate(session, SYSTEM, form)
            who = RegistrationForm(
                f"{name[0]}秀英", "1970-05-01", "passport", f"E770000{number:02}", consent=True
            )
            phone = f"139000000{number:02}"
            relative = await people.create_relative(session, services.means, SYSTEM, phone, who)
            related = await people.seed_relationship(session, SYSTEM, relative.id, inmate.id, Kinship.PARENT)
            actor = Identity(
                "test", Ref("relative", relative.id), frozenset({Role.RELATIVE}), "", "zh", False, None, False
            )
            days = [today + timedelta(days=2 + (number + n) % 3) for n in range(2)]
            choices = [Choice(rank, day, *PARTS["any"]) for rank, day in enumerate(days)]
            made = await wishes.make(
                session, actor, inmate.id, [VisitorChoice(related.id)], choices, f"k{number}"
            )
            if number % 4 == 0:
                await wishes.grant(session, SYSTEM, made.id, "grave-illness", "hospital letter")


async def _struck(services: Services, house: Staffed) -> str:
    """A court date meets Mei's visit; another time is kept for her. Answers the offer."""
    asked = await staffed.requested_visit(services.db, house, minutes=26 * 60)
    async with services.db.write() as session:
        hour = timedelta(hours=1)
        court = Happening(
            "", house.place.prison, Kind.COURT, asked.starts_at - hour, asked.starts_at + hour,
            inmate_id=house.place.inmate, words="视频开庭",
        )  # fmt: skip
        await befalling.report(session, SYSTEM, court)
        await offering.offer_all(session, SYSTEM, await flags.open_in(session, house.place.prison))
        return (await offering.of_bookings(session, [asked.id]))[asked.id].id


async def _lawyers(services: Services, house: Staffed) -> str:
    """A lawyer asks for three meetings: two may be planned, one of them at no hour. Answers the third."""
    prison, made = house.place.prison, []
    lawyer = identity("counsel", house.counsel.id, Role.COUNSEL, prison_id=prison)
    office = identity("officer", house.approver.id, Role.APPROVER, prison_id=prison)
    papers = meetings.box(services.settings.secret_key.get_secret_value())
    async with services.db.write() as session:
        bureau = await legal.create_desk(session, SYSTEM, prison, "司法局", "superior", "0551 2")
        station = await legal.create_desk(session, SYSTEM, prison, "驻监工作站", "station", "0551 1", bureau)
        await legal.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
        await meeting_desk.set_rule(
            session, SYSTEM, prison, remote=True, officer=OfficerRule.LOOKS_ON, basis="皖司〔2026〕3号"
        )
        today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
        night = Time(0, today + timedelta(days=3), time(20), time(22))
        for number in range(3):
            form = MeetingForm(f"34012030{number:02}", NAMES[number], "defence", "open", f"m{number}")
            made.append(await meetings.ask(session, papers, lawyer, form, FILES))
        await meeting_times.name(session, lawyer, made[1], [night])
        for meeting_id in made[:2]:
            await meeting_times.admit(session, office, meeting_id, admitted=True)
    return made[2]


async def _planned(services: Services, house: Staffed) -> None:
    today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
    async with services.db.write() as session:
        begins = clock.now().replace(hour=0, minute=30, second=0, microsecond=0)
        for day in range(2, 6):
            span = (begins + timedelta(days=day), begins + timedelta(days=day, hours=9))
            pause = (span[0] + timedelta(hours=4), span[0] + timedelta(hours=5))
            await roster.add_shift(session, SYSTEM, house.monitor.id, span, pause, 4)
        await plans.ask(session, SYSTEM, house.place.prison, today, today + timedelta(days=6), today)
    assert await planner.work(services.db, PlannedMeetings()) == 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncIterator[House]:
    async with gallery.serving(tmp_path_factory.mktemp("planning"), sqlite_template) as (url, services):
        made = await staffed.build(services.db, services)
        await _families(services, made)
        offer = await _struck(services, made)
        meeting = await _lawyers(services, made)
        await _planned(services, made)
        tokens = {}
        async with services.db.write() as session:
            for name, subject in (
                ("approver", made.approver),
                ("monitor", made.monitor),
                ("counsel", made.counsel),
                ("admin", made.admin),
                ("mei", Ref("relative", made.place.mei)),
            ):
                tokens[name], _ = await sessions.open_session(session, subject, strong=True, agent="Chromium")
        today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
        paths = {
            "planner": ("/officer/planner", "approver"),
            "happenings": ("/officer/happenings", "approver"),
            "roster": (f"/officer/roster?week={today + timedelta(days=3)}", "approver"),
            "rehearsal": ("/officer/rehearsal", "approver"),
            "meeting-times": (f"/counsel/meetings/{meeting}/times", "counsel"),
            "meeting-hours": ("/admin/meetings/hours", "admin"),
            "meetings-to-plan": ("/officer/meetings", "approver"),
            "home-must-move": ("/home", "mei"),
            "wish": (f"/wish/{made.place.inmate}", "mei"),
            "offer": (f"/offers/{offer}", "mei"),
        }
        yield House(gallery.Site(url, services, tokens), paths)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_every_page_is_accessible_and_pictured(browser: Browser, house: House, look: Look) -> None:
    assert await gallery.look_around(house.site, browser, house.paths, look) == {}


async def test_a_rehearsed_lockdown_is_pictured(browser: Browser, house: House) -> None:
    visitor = await house.site.visit(browser, "approver")
    await visitor.page.goto("/officer/rehearsal")
    await visitor.page.select_option("#kind", "lockdown")
    await visitor.page.get_by_role("button", name="演练").click()
    await visitor.page.get_by_text("模拟 4 周").wait_for()
    assert await visitor.problems("rehearsal-done") == []
    await visitor.leave()
