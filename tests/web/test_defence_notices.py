"""Notices of authorities on the pages: the clerk's form, the prison's, and what the person reads at the terminal."""

import re

import pytest

from tests.conftest import FakeClock
from tests.web import test_cases
from tests.web.conftest import Browser, SignIn
from tests.web.test_cases import Aid, at_desk

aid = test_cases.aid  # the same station, centre and terminal


@pytest.fixture(autouse=True)
def saturday(clock: FakeClock) -> None:
    """2026-11-21 in Beijing, before anything else is made."""
    del clock


NOTICE = {
    "inmate_number": "3401202107",
    "inmate_name": "陈志强",
    "authority": "court",
    "office": "合肥市中级人民法院",
    "number": "（2026）皖01刑初88号",
    "accused_of": "抢劫罪",
    "ground": "gravest",
    "found_on": "2026-11-16",
    "received_on": "2026-11-20",
}


async def test_a_notice_for_a_defender_is_entered_marked_late_and_followed(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    screen, desk = browser, another_browser
    await sign_in(desk, aid.clerk, strong=True)
    assert "/defence-notices" in (await desk.get("/cases")).text
    page = (await desk.get("/defence-notices")).text
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    wrong = {**NOTICE, "key": key[1], "authority": "", "found_on": "2026-11-21", "inmate_name": "<b>x"}
    again = await desk.send_form("/defence-notices", wrong)
    assert again.status_code == 422
    for words in ("请选择通知机关", "发现的日期不能晚于收到通知的日期", "&lt;b&gt;x", NOTICE["number"]):
        assert words in again.text
    sent = await desk.send_form("/defence-notices", {**NOTICE, "key": key[1]})
    assert sent.status_code == 303
    path = sent.headers["location"]
    case = (await desk.get(path)).text
    for words in ("通知迟到", "抢劫罪", "正在指派辩护律师", "act=assign", "act=recall"):
        assert words in case
    twice = await desk.send_form("/defence-notices", {**NOTICE, "key": "another-key"})
    assert (twice.status_code, "已经登记" in twice.text) == (422, True)

    await at_desk(screen, aid, sign_in)
    told = (await screen.get("/terminal/lawyer/questions")).text
    assert "您的辩护律师" in told
    mine = f"/terminal/lawyer{path}"
    assert mine in told
    assert "withdraw" not in (await screen.get(mine)).text
    assert (await screen.send_form(f"{mine}/withdraw")).status_code == 409
    named = await desk.send_form(f"{path}/assign", {"lawyer_id": aid.house.counsel.id})
    assert named.status_code == 303
    assert "为您辩护" in (await screen.get(mine)).text
    letters = [(await screen.get(f"{mine}/letters/{number}")).text for number in (1, 2)]
    assert "第三十六条" in letters[0]
    assert "抄送" in letters[1]


async def test_the_prison_enters_a_notice_and_reads_nothing_of_it(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    await sign_in(browser, aid.house.monitor, strong=True)
    assert (await browser.get("/defence-notices")).status_code == 403
    await sign_in(another_browser, aid.house.approver, strong=True)
    assert "/defence-notices" in (await another_browser.get("/officer/meetings")).text
    sent = await another_browser.send_form("/defence-notices", {**NOTICE, "key": "long-enough"})
    assert sent.headers["location"] == "/defence-notices?sent=1"
    assert "通知已登记" in (await another_browser.get("/defence-notices?sent=1")).text
    assert (await another_browser.get("/cases")).status_code == 403
