"""A lawyer says on the pages that they are away: prison, lawyer and inmate read what becomes of a meeting."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Database
from legalaid.absence_table import MeetingFlagRow
from legalaid.meeting_flags import FlagState
from legalaid.meeting_tables import MeetingRow
from people.model import Role
from tests.web.conftest import Browser, SignIn
from tests.web.test_legalaid import Aid, aid, at_desk  # noqa: F401 - a fixture
from tests.web.test_meetings import asked, role


async def test_what_becomes_of_a_meeting_is_decided_and_told(
    browser: Browser,
    sign_in: SignIn,
    db: Database,
    aid: Aid,  # noqa: F811 - the fixture
) -> None:
    await asked(browser, sign_in, aid)
    approver = await role(db, Role.APPROVER)
    await sign_in(browser, approver, strong=True)
    page = (await browser.get("/officer/meetings")).text
    (meeting,) = re.findall(r"/officer/meetings/(mtg_\w+)/arrange", page)
    terminal = re.findall(r'<option value="([^"]+)"', page)[0]
    begins = (clock.now() + timedelta(days=3)).astimezone(ZoneInfo("Asia/Shanghai"))
    wanted = {"starts_at": f"{begins:%Y-%m-%dT%H:%M}", "terminal": terminal}
    assert (await browser.send_form(f"/officer/meetings/{meeting}/arrange", wanted)).status_code == 303
    await sign_in(browser, aid.house.admin, strong=True)
    assert "律师缺席时" in (await browser.get("/admin/meetings")).text
    assert (await browser.send_form("/admin/meetings/away", {"decides": "1"})).status_code == 303

    await sign_in(browser, aid.house.counsel, strong=True)
    assert "/counsel/away" in (await browser.get("/counsel/meetings")).text
    assert (await browser.send_form("/counsel/away", {"from": "soon", "till": ""})).status_code == 422
    now = begins - timedelta(days=3, minutes=1)  # and for so long that nothing is free within 48 hours
    span = {"from": f"{now:%Y-%m-%dT%H:%M}", "till": f"{begins + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    assert "在此之前仍按原时间" in (await browser.send_form("/counsel/away", span)).text
    assert "在此之前仍按原时间" in (await browser.get("/counsel/meetings")).text

    await sign_in(browser, approver, strong=True)
    page = (await browser.get("/officer/lawyer-away")).text
    (release,) = re.findall(r"/officer/meetings/flags/\w+/release", page)
    unsaid = await browser.send_form(release.replace("release", "keep"), {"words": ""})
    assert (unsaid.status_code, "陈志强" in unsaid.text) == (422, True)
    assert (await browser.send_form(release, {})).status_code == 303
    async with db.read() as session:
        assert (await session.scalars(select(MeetingFlagRow.state))).one() == FlagState.FREED
        assert (await session.get_one(MeetingRow, meeting)).sitting_id is None
    assert "等候每周方案安排" in (await browser.get("/officer/meetings")).text
    assert "您的律师" in await at_desk(browser, aid, sign_in)
    await sign_in(browser, aid.house.counsel, strong=True)
    assert "由下一次每周方案另行安排" in (await browser.get("/counsel/meetings")).text
    flag = re.findall(r"flags/(\w+)/release", release)[0]
    gone = await browser.send_form(f"/counsel/meetings/flags/{flag}/accept", {})
    assert gone.status_code == 409


async def test_an_absence_is_taken_back_on_the_pages(
    browser: Browser,
    sign_in: SignIn,
    aid: Aid,  # noqa: F811 - the fixture
) -> None:
    await sign_in(browser, aid.house.counsel, strong=True)
    now = clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    span = {"from": f"{now:%Y-%m-%dT%H:%M}", "till": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    assert (await browser.get("/counsel/away")).text.count("/take-back") == 0
    page = (await browser.send_form("/counsel/away", span)).text
    (own,) = re.findall(r"/counsel/away/abs_\w+/take-back", page)
    back = (await browser.send_form(own, {})).text
    assert "缺席已撤销" in back
    assert "/take-back" not in back
    await browser.send_form("/counsel/away", span)
    await sign_in(browser, aid.house.monitor, strong=True)
    page = (await browser.get("/officer/lawyer-away")).text
    (path,) = re.findall(r"/officer/lawyer-away/abs_\w+/take-back", page)
    assert "已报告的缺席" in page
    assert "缺席已撤销" in (await browser.send_form(path, {})).text
    assert (await browser.send_form("/officer/lawyer-away/abs_none/take-back", {})).status_code == 404
