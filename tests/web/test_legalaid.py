"""Questions to lawyers on the pages: terminal, family, counsel, administrator; and who sees nothing of them."""

import re
from dataclasses import dataclass
from datetime import time

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import service, tasks
from legalaid.setup import TemplateForm
from legalaid.wording import TOPICS
from people import service as people
from scheduler import service as schedule
from tests.legalaid.spoken import recording
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services

WORDS = "我哥哥把我们的房子卖了。"
ADVICE = "请向法院起诉。"
PIN = "274918"


@dataclass(frozen=True)
class Aid:
    house: Staffed
    terminal: Ref


@pytest.fixture
async def aid(db: Database, services: Services) -> Aid:
    """Sun Lan is the lawyer of the station, and there is a help day every day."""
    house = await staffed.build(db, services)
    prison = house.place.prison
    async with db.write() as session:
        device = await people.register_device(session, SYSTEM, prison, "3 号终端")
        (terminal,) = await schedule.terminals(session, prison)
        await schedule.link_device(session, SYSTEM, terminal.id, device.id)
        bureau = await service.create_desk(session, SYSTEM, prison, "司法局", "superior", "0551 2")
        station = await service.create_desk(
            session, SYSTEM, prison, "驻监工作站", "station", "0551 1", bureau
        )
        await service.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
        for weekday in range(1, 8):
            form = TemplateForm(weekday, time(0), 1435, 2, 15, (house.counsel.id,))
            await service.create_template(session, SYSTEM, station, form)
    await tasks.materialise(db)
    return Aid(house, Ref("terminal", device.id))


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found
    return found[1]


async def at_desk(screen: Browser, aid: Aid, sign_in: SignIn, pin: str = PIN) -> str:
    """The inmate steps up to the terminal; answers the page that follows."""
    await sign_in(screen, aid.terminal, strong=True)
    values = {"number": "3401202107", "name": "陈志强", "pin": pin}
    answer = await screen.send_form("/terminal/lawyer", values)
    if answer.status_code != 303:
        return answer.text
    return (await screen.get(answer.headers["location"])).text


async def ask(screen: Browser, **more: str) -> str:
    """Asks at the terminal; answers the id of the newest question."""
    form = (await screen.get("/terminal/lawyer/ask")).text
    values = {"topic": "property", "words": WORDS, "key": key_of(form), "language": "zh", **more}
    sent = await screen.send_form("/terminal/lawyer/ask", values)
    assert sent.status_code == 303, sent.text
    page = (await screen.get("/terminal/lawyer/questions")).text
    newest: str = re.findall(r"/terminal/lawyer/questions/(qst_\w+)", page)[0]
    return newest


async def test_from_the_question_to_the_written_answer_and_on(
    browser: Browser, another_browser: Browser, db: Database, aid: Aid, sign_in: SignIn
) -> None:
    screen, desk = browser, another_browser
    await sign_in(screen, aid.terminal, strong=True)
    assert 'href="/terminal/lawyer"' in (await screen.get("/terminal")).text
    assert "陈志强" in await at_desk(screen, aid, sign_in)
    question = await ask(screen)
    page = (await screen.get("/terminal/lawyer/questions")).text
    assert "驻监工作站" in page  # which desk holds it
    assert await tasks.plan(db) >= 1

    await sign_in(desk, aid.house.counsel, strong=True)
    day = (await desk.get("/counsel")).text
    assert "陈志强" in day
    assert WORDS not in day
    turn = re.findall(r"/counsel/turns/(trn_\w+)/begin", day)[0]
    assert WORDS in (await desk.get(f"/counsel/questions/{question}")).text
    assert (await desk.send_form(f"/counsel/turns/{turn}/begin")).status_code == 303
    assert (await desk.send_form(f"/counsel/turns/{turn}/over", {"minutes": "5"})).status_code == 303
    assert f"/counsel/turns/{turn}/done" in (await desk.get("/counsel")).text
    assert (await desk.send_form(f"/counsel/turns/{turn}/done")).status_code == 303
    assert (await desk.send_form(f"/counsel/turns/{turn}/done")).status_code == 409
    assert (await desk.send_form(f"/counsel/turns/{turn}/fly")).status_code == 404
    empty = await desk.send_form(f"/counsel/questions/{question}/advice", {"words": " "})
    assert empty.status_code == 422
    assert "房屋" in empty.text
    started = (await desk.get(f"/counsel/questions/{question}?template=debt")).text
    assert "三年" in started
    sent = await desk.send_form(f"/counsel/questions/{question}/advice", {"words": ADVICE})
    assert sent.status_code == 303

    answer = (await screen.get(f"/terminal/lawyer/questions/{question}")).text
    assert ADVICE in answer
    assert WORDS in answer
    for reader, path in (
        (screen, f"/terminal/lawyer/questions/{question}"),
        (desk, f"/counsel/questions/{question}"),
    ):
        assert f"{path}/paper" in (await reader.get(path)).text
        sheet = (await reader.get(f"{path}/paper")).text
        assert ADVICE in sheet
        assert "陈志强" not in sheet  # a sheet that may lie about names nobody
    await ask(screen, follows=question, words="要多少钱？")
    assert (await screen.send_form("/terminal/lawyer/finish")).headers["location"] == "/terminal"
    assert (await screen.get(f"/terminal/lawyer/questions/{question}")).status_code == 303
    assert "密码对不上" in await at_desk(screen, aid, sign_in, "000111")


async def test_a_form_that_is_not_right_keeps_what_was_typed(
    browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    assert "太容易被猜到" in await at_desk(browser, aid, sign_in, "123456")
    await at_desk(browser, aid, sign_in)
    key = key_of((await browser.get("/terminal/lawyer/ask")).text)
    again = await browser.send_form("/terminal/lawyer/ask", {"words": WORDS, "key": key, "topic": ""})
    assert again.status_code == 422
    assert WORDS in again.text
    assert key_of(again.text) == key


async def test_the_desk_opens_in_its_own_session_only(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    await at_desk(browser, aid, sign_in)
    stolen = browser.cookies.get("kinbridge-legal-desk")
    assert stolen
    await sign_in(another_browser, aid.terminal, strong=True)
    for value in (stolen, "x", "AAAA"):
        another_browser.cookies.set("kinbridge-legal-desk", value)
        answer = await another_browser.get("/terminal/lawyer/questions")
        assert answer.headers["location"] == "/terminal/lawyer"
    for path in ("/terminal/lawyer/ask", "/terminal/lawyer/questions/qst_x"):
        assert (await another_browser.get(path)).status_code == 303


async def test_a_relative_asks_and_does_not_read_the_answer(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    inmate = aid.house.place.inmate
    await sign_in(browser, Ref("relative", aid.house.place.mei))
    assert 'href="/ask"' in (await browser.get("/home")).text
    form = (await browser.get(f"/ask/{inmate}")).text
    values = {"topic": "property", "words": WORDS, "key": key_of(form), "language": "zh"}
    wrong = await browser.send_form(f"/ask/{inmate}", {**values, "topic": ""})
    assert wrong.status_code == 422
    for _ in range(2):
        assert (await browser.send_form(f"/ask/{inmate}", values)).status_code == 303
    page = (await browser.get("/ask?asked=1")).text
    (question,) = set(re.findall(r"/ask/questions/(qst_\w+)/withdraw", page))

    await sign_in(another_browser, aid.house.counsel, strong=True)
    await another_browser.send_form(f"/counsel/questions/{question}/advice", {"words": ADVICE})
    page = (await browser.get("/ask")).text
    assert "已答复" in page
    assert ADVICE not in page
    assert (await browser.send_form(f"/ask/questions/{question}/withdraw")).status_code == 409
    await at_desk(another_browser, aid, sign_in)
    assert ADVICE in (await another_browser.get(f"/terminal/lawyer/questions/{question}")).text

    await sign_in(browser, Ref("relative", aid.house.place.stranger))
    assert (await browser.get(f"/ask/{inmate}")).status_code == 404
    assert (await browser.send_form(f"/ask/{inmate}", values)).status_code == 404


async def test_what_was_asked_can_be_taken_back(browser: Browser, aid: Aid, sign_in: SignIn) -> None:
    await at_desk(browser, aid, sign_in)
    question = await ask(browser)
    assert (await browser.send_form(f"/terminal/lawyer/questions/{question}/withdraw")).status_code == 303
    page = (await browser.get("/terminal/lawyer/questions")).text
    assert "已撤回" in page or "撤回" in page


async def test_the_telephone_the_roster_and_the_feed(browser: Browser, aid: Aid, sign_in: SignIn) -> None:
    await sign_in(browser, aid.house.counsel, strong=True)
    key = key_of((await browser.get("/counsel/hotline")).text)
    values = {"inmate_number": "nobody", "topic": "debt", "words": WORDS, "key": key, "language": "zh"}
    assert "没有这个编号" in (await browser.send_form("/counsel/hotline", values)).text
    taken = await browser.send_form("/counsel/hotline", {**values, "inmate_number": "3401202107"})
    assert taken.status_code == 303
    question = taken.headers["location"]
    assert "电话登记" in (await browser.get(question)).text

    roster = (await browser.get("/counsel/roster")).text
    day = re.findall(r'action="/counsel/roster/(hlp_\w+)"', roster)[0]
    assert (await browser.send_form(f"/counsel/roster/{day}", {"coming": "away"})).status_code == 303
    assert (await browser.send_form(f"/counsel/roster/{day}", {"coming": "maybe"})).status_code == 404
    shown = (await browser.send_form("/counsel/feed")).text
    path = re.findall(r"(/calendar/[\w-]+\.ics)", shown)[0]
    browser.cookies.clear()
    feed = await browser.get(path)
    assert feed.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "STATUS:CANCELLED" in feed.text
    assert "陈志强" not in feed.text
    assert (await browser.get("/calendar/guessed.ics")).status_code == 404


async def test_a_conflict_hides_the_question_and_more_time_is_answered_above(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    await at_desk(browser, aid, sign_in)
    question = await ask(browser)
    counsel = another_browser
    await sign_in(counsel, aid.house.counsel, strong=True)
    path = f"/counsel/questions/{question}"
    assert (await counsel.send_form(f"{path}/time", {"more": "3", "why": "等判决书"})).status_code == 303
    assert "等判决书" in (await counsel.get(path)).text
    assert (await counsel.send_form(f"{path}/time", {"more": "3"})).status_code == 409

    await sign_in(browser, aid.house.admin, strong=True)
    board = (await browser.get("/lights")).text
    clock = re.findall(r"/lights/(clk_\w+)/grant", board)[0]
    assert "驻监工作站" in board
    assert clock not in (await browser.get("/lights?colour=red")).text
    mine = (await counsel.get("/lights")).text
    assert f"/counsel/questions/{question}" in mine
    assert f"{clock}/grant" not in mine
    assert (await counsel.send_form(f"/lights/{clock}/grant")).status_code == 404
    assert (await browser.send_form(f"/lights/{clock}/grant")).status_code == 303
    assert (await browser.send_form(f"/lights/{clock}/refuse")).status_code == 409
    assert (await browser.send_form(f"/lights/{clock}/fly")).status_code == 404
    assert "同意延期" in (await counsel.get(path)).text

    assert (await counsel.send_form(f"{path}/conflict")).status_code == 303
    assert (await counsel.get(path)).status_code == 403


async def test_the_administrator_sees_numbers_and_sets_up(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    await at_desk(another_browser, aid, sign_in)
    await ask(another_browser)
    await sign_in(browser, aid.house.admin, strong=True)
    page = (await browser.get("/admin/legal")).text
    assert "驻监工作站" in page
    assert WORDS not in page
    prison = aid.house.place.prison
    desk = {"prison": prison, "name": "督察室", "kind": "discipline", "phone": "0551 3"}
    assert (await browser.send_form("/admin/legal/desks", desk)).status_code == 303
    assert "督察室" in (await browser.get("/admin/legal")).text
    assert (await browser.send_form("/admin/legal/desks", {**desk, "phone": ""})).status_code == 422
    station = re.findall(r'name="station_id" value="(dsk_\w+)"', page)[0]
    lawyer = {"prison": prison, "staff_id": aid.house.counsel.id, "station_id": station}
    assert (await browser.send_form("/admin/legal/lawyers", lawyer)).status_code == 422
    many = {**lawyer, "topics": ["debt", "work"], "languages": ["zh"]}
    assert (await browser.send_form("/admin/legal/lawyers", many)).status_code == 303
    day = {"prison": prison, "station_id": station, "weekday": "3", "starts": "09:00", "minutes": "180"}
    good = {**day, "rooms": "4", "turn_minutes": "15", "roster": [aid.house.counsel.id]}
    assert (await browser.send_form("/admin/legal/days", good)).status_code == 303
    assert (await browser.send_form("/admin/legal/days", {**good, "rooms": "many"})).status_code == 422
    code = {"prison": prison, "number": "3401202107"}
    assert (await browser.send_form("/admin/legal/codes", code)).status_code == 303
    assert (await browser.send_form("/admin/legal/codes", {**code, "number": "x"})).status_code == 404
    gone = await another_browser.get("/terminal/lawyer/questions")
    assert gone.headers["location"] == "/terminal/lawyer"


async def test_nobody_of_the_prison_reads_a_question(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    await at_desk(another_browser, aid, sign_in)
    question = await ask(another_browser)
    paths = ("/counsel", f"/counsel/questions/{question}", f"/terminal/lawyer/questions/{question}", "/ask")
    for subject in (aid.house.monitor, aid.house.approver, aid.house.admin):
        await sign_in(browser, subject, strong=True)
        for path in paths:
            answer = await browser.get(path)
            assert answer.status_code == 403
            assert WORDS not in answer.text


async def test_a_spoken_question_by_an_officers_hand_closes_the_page_and_reaches_the_lawyer(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    await at_desk(browser, aid, sign_in)
    key = key_of((await browser.get("/terminal/lawyer/ask")).text)
    values = {"topic": "family", "words": "", "key": key, "hand": "officer"}
    bad = {"voice": ("voice.webm", b"no sound", "audio/webm")}
    assert "无法播放" in (await browser.send_form("/terminal/lawyer/ask", values, files=bad)).text
    sound = recording(1)
    good = {"voice": ("voice.webm", sound, "audio/webm")}
    sent = await browser.send_form("/terminal/lawyer/ask", values, files=good)
    assert sent.headers["location"] == "/terminal/lawyer?sent=1"
    assert "已发送" in (await browser.get("/terminal/lawyer?sent=1")).text
    assert (
        await browser.get("/terminal/lawyer/questions")
    ).status_code == 303  # whoever wrote it reads no more

    await sign_in(another_browser, aid.house.counsel, strong=True)
    question = re.findall(r"/counsel/questions/(qst_\w+)", (await another_browser.get("/counsel")).text)[0]
    page = (await another_browser.get(f"/counsel/questions/{question}")).text
    assert "警官代写" in page
    heard = await another_browser.get(f"/counsel/questions/{question}/voice")
    assert heard.content == sound
    assert heard.headers["content-type"] == "audio/webm"
    await sign_in(another_browser, aid.house.monitor, strong=True)
    assert (await another_browser.get(f"/counsel/questions/{question}/voice")).status_code == 403


async def test_the_wing_brings_whom_the_list_says_and_learns_nothing_else(
    browser: Browser, another_browser: Browser, db: Database, aid: Aid, sign_in: SignIn
) -> None:
    await at_desk(another_browser, aid, sign_in)
    await ask(another_browser)
    await ask(another_browser, topic="debt")
    await sign_in(browser, aid.house.monitor, strong=True)
    await tasks.plan(db)
    page = (await browser.get("/officer/help-day")).text
    assert "陈志强" in page
    assert "3401202107" in page
    assert "房屋" not in page
    assert WORDS not in page
    (first, *_) = re.findall(r"/officer/help-day/(trn_\w+)/brought", page)
    told = (await another_browser.get("/terminal/lawyer/questions")).text
    assert "与律师谈话" in told
    assert "&lt;time" not in told  # a moment in a sentence is an element, and not its letters
    wing = re.findall(r'<option value="(\w+)"', page)
    assert (await browser.get(f"/officer/help-day/list?wing={wing[-1] if wing else ''}")).status_code == 200
    assert "陈志强" not in (await browser.get("/officer/help-day/list?wing=wng_other")).text
    assert (await browser.send_form(f"/officer/help-day/{first}/brought")).status_code == 303
    assert (await browser.send_form(f"/officer/help-day/{first}/brought")).status_code == 409
    assert (await browser.send_form(f"/officer/help-day/{first}/fly")).status_code == 404

    counsel = another_browser
    await sign_in(counsel, aid.house.counsel, strong=True)
    day = (await counsel.get("/counsel/turns")).text
    assert "在律师室等候" in day
    (help_day,) = set(re.findall(r"/counsel/days/(hlp_\w+)/here", day))
    assert (await counsel.send_form(f"/counsel/days/{help_day}/here")).status_code == 303
    assert f"/counsel/days/{help_day}/here" not in (await counsel.get("/counsel")).text
    assert (await browser.send_form(f"/officer/help-day/{first}/absent")).status_code == 303
    for stranger in (aid.house.counsel, aid.house.admin):
        await sign_in(browser, stranger, strong=True)
        assert (await browser.get("/officer/help-day")).status_code == 403
    await sign_in(browser, aid.house.elsewhere, strong=True)
    assert "陈志强" not in (await browser.get("/officer/help-day")).text
    assert (await browser.send_form(f"/officer/help-day/{first}/absent")).status_code == 404
