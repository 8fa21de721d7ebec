"""A lawyer's request goes through the weekly plan: times named, papers found in order, planned, published, arranged."""

from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from core import clock
from core.db import Database
from core.ids import SYSTEM
from legalaid.meeting_tables import MeetingRow
from legalaid.model import Coming
from legalaid.planned import PlannedMeetings
from legalaid.tables import ComingRow
from people.model import Role
from policy import calendar
from scheduler import planner, plans
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.test_legalaid import Aid, aid  # noqa: F401 - a fixture
from tests.web.test_meetings import asked, role


async def test_a_request_goes_through_the_weekly_plan(
    browser: Browser,
    sign_in: SignIn,
    db: Database,
    aid: Aid,  # noqa: F811 - the fixture
) -> None:
    await asked(browser, sign_in, aid)
    today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
    day = calendar.load("cn").after(today, 1)
    async with db.read() as session:
        meeting = (await session.scalars(select(MeetingRow))).one().id
    async with db.write() as session:  # there is a help day every day, and the lawyer leaves them out
        await session.execute(update(ComingRow).values(coming=Coming.AWAY))
    times = f"/counsel/meetings/{meeting}/times"
    assert f"{day}" in (await browser.get(times)).text
    wrong = await browser.send_form(times, {"first": "soon", "first_part": "morning"})
    assert wrong.status_code == 422
    assert (await browser.send_form(times, {"first": str(day), "first_part": "afternoon"})).status_code == 303
    assert f'value="{day}" checked' in (await browser.get(times)).text

    await sign_in(browser, aid.house.admin, strong=True)
    hours = "/admin/meetings/hours"
    assert "09:00-11:30" in (await browser.get(hours)).text
    assert (await browser.send_form(hours, {"hours": "early"})).status_code == 422
    assert (await browser.send_form(hours, {"hours": "09:00-12:00, 15:00-16:00"})).status_code == 303

    await sign_in(browser, await role(db, Role.APPROVER), strong=True)
    admitted = await browser.send_form(f"/officer/meetings/{meeting}/admit", {"admitted": "yes"})
    assert admitted.status_code == 303
    assert "等候每周方案安排" in (await browser.get("/officer/meetings")).text
    week = {"first": str(day), "last": str(day)}
    assert (await browser.send_form("/officer/planner", week)).status_code == 303
    assert await planner.work(db, PlannedMeetings()) == 1
    ready = (await browser.get("/officer/planner")).text
    assert "0 次家属会见，1 次律师会见" in ready
    assert "15:00" in ready
    async with db.write() as session:
        plan = await plans.latest(session, aid.house.place.prison)
        assert plan is not None
        await plans.publish(session, SYSTEM, plan.id)
    assert "还剩 1 项" in (await browser.get("/officer/planner/state")).text
    assert await planner.publish(db, PlannedMeetings()) == 1
    assert "15:00" in (await browser.get("/officer/planner/state")).text
    assert "已安排" in (await browser.get("/officer/meetings")).text
    assert (await browser.send_form(f"/officer/meetings/{meeting}/admit")).status_code == 409
