"""Cases on the pages: terminal, family and desks; letters as paper; and who sees nothing of them."""

import re
from dataclasses import dataclass

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import service, setup
from legalaid.wording import TOPICS
from people import service as people
from people.forms import StaffForm
from scheduler import service as schedule
from tests.legalaid.test_prechecks import scan
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services

FACTS = "工地欠我爸三个月工资。"
REASON = "劳动关系没有任何材料可以证明。"


@dataclass(frozen=True)
class Aid:
    house: Staffed
    terminal: Ref
    clerk: Ref


@pytest.fixture
async def aid(db: Database, services: Services) -> Aid:
    """Sun Lan answers at the station; the clerk decides at the centre and at the bureau."""
    house = await staffed.build(db, services)
    prison = house.place.prison
    async with db.write() as session:
        device = await people.register_device(session, SYSTEM, prison, "3 号终端")
        (terminal,) = await schedule.terminals(session, prison)
        await schedule.link_device(session, SYSTEM, terminal.id, device.id)
        station = await service.create_desk(session, SYSTEM, prison, "驻监工作站", "station", "0551 1")
        await service.add_lawyer(session, SYSTEM, house.counsel.id, station, tuple(TOPICS), ("zh",))
        form = StaffForm("hemin", "何敏", "counsel", (), prison)
        clerk = Ref("counsel", (await people.create_staff(session, SYSTEM, form)).staff_id)
        for name, kind in (("市法律援助中心", "centre"), ("市司法局", "bureau")):
            desk = await service.create_desk(session, SYSTEM, prison, name, kind, "0551 2")
            await setup.seat_at_desk(session, SYSTEM, clerk.id, desk)
    return Aid(house, Ref("terminal", device.id), clerk)


def form(page: str, **more: str) -> dict[str, str]:
    """What the page has filled in, and the rest."""
    key = re.search(r'name="key" value="([^"]+)"', page)
    question = re.search(r'name="question_id" value="([^"]*)"', page)
    assert key
    assert question
    return {
        "key": key[1],
        "question_id": question[1],
        "topic": "work",
        "facts": FACTS,
        "beneficiary": "陈大山",
        "relation": "relative",
        "goal": "支付工资",
        "venue": "authority",
        "exemption": "migrant-wages",
        **more,
    }


async def at_desk(screen: Browser, aid: Aid, sign_in: SignIn) -> None:
    await sign_in(screen, aid.terminal, strong=True)
    values = {"number": "3401202107", "name": "陈志强", "pin": "274918"}
    assert (await screen.send_form("/terminal/lawyer", values)).status_code == 303


async def test_from_a_question_to_a_case_to_a_refusal_to_an_objection(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    screen, desk = browser, another_browser
    await at_desk(screen, aid, sign_in)
    asked = (await screen.get("/terminal/lawyer/ask")).text
    key = re.search(r'name="key" value="([^"]+)"', asked)
    assert key
    await screen.send_form("/terminal/lawyer/ask", {"topic": "work", "words": FACTS, "key": key[1]})
    page = (await screen.get("/terminal/lawyer/questions")).text
    question = re.findall(r"/terminal/lawyer/questions/(qst_\w+)", page)[0]
    apply = (await screen.get(f"/terminal/lawyer/apply?question={question}")).text
    assert FACTS in apply  # filled in
    wrong = await screen.send_form("/terminal/lawyer/apply", form(apply, goal="", exemption=""))
    assert wrong.status_code == 422
    assert "请写明您希望得到什么结果" in wrong.text
    sent = await screen.send_form("/terminal/lawyer/apply", form(apply))
    assert sent.status_code == 303
    mine = sent.headers["location"]
    assert "驻监工作站最迟" in (await screen.get(mine)).text
    case = mine.rpartition("/")[2]

    await sign_in(desk, aid.house.counsel, strong=True)
    assert f"/cases/{case}" in (await desk.get("/cases")).text
    assert (await desk.get(f"/cases/new?question={question}")).status_code == 200
    assert FACTS in (await desk.get(f"/cases/{case}")).text
    assert (await desk.send_form(f"/cases/{case}/forward")).status_code == 303
    assert (await desk.send_form(f"/cases/{case}/fly")).status_code == 404

    await sign_in(desk, aid.clerk, strong=True)
    assert "理由" in (await desk.get(f"/cases/{case}?act=refuse")).text
    short = await desk.send_form(f"/cases/{case}/refuse", {"words": "不行"})
    assert short.status_code == 422
    assert "不行" in short.text
    assert (await desk.send_form(f"/cases/{case}/refuse", {"words": REASON})).status_code == 303
    assert (await desk.send_form(f"/cases/{case}/refuse", {"words": REASON})).status_code == 409

    told = (await screen.get(mine)).text
    assert REASON in told
    assert "提出异议" in told
    letter = (await screen.get(f"{mine}/letters/3")).text
    assert "不予法律援助决定书" in letter
    assert "第四十九条" in letter
    assert (await screen.get(f"{mine}/letters/9")).status_code == 404
    assert (await screen.send_form(f"{mine}/object", {"words": "没有"})).status_code == 422
    assert (
        await screen.send_form(f"{mine}/object", {"words": "有工友可以作证，也有考勤表。"})
    ).status_code == 303
    decided = {"decision": "granted", "words": "考勤表可以证明劳动关系，应当给予援助。"}
    assert (await desk.send_form(f"/cases/{case}/objection", decided)).status_code == 303
    named = await desk.send_form(f"/cases/{case}/assign", {"lawyer_id": aid.house.counsel.id})
    assert named.status_code == 303
    assert "sunlan" in (await screen.get(mine)).text
    assert "还没有申请" not in (await screen.get("/terminal/lawyer/cases")).text
    assert (await screen.send_form(f"{mine}/withdraw")).status_code == 409


async def test_a_relative_applies_and_follows_it_from_home(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    place = aid.house.place
    await sign_in(browser, Ref("relative", place.mei))
    apply = (await browser.get(f"/aid/{place.inmate}/apply")).text
    assert "陈志强" in apply
    wrong = await browser.send_form(f"/aid/{place.inmate}/apply", form(apply, venue=""))
    assert wrong.status_code == 422
    sent = await browser.send_form(f"/aid/{place.inmate}/apply", form(apply))
    assert sent.status_code == 303
    mine = sent.headers["location"]
    assert "驻监工作站" in (await browser.get("/aid")).text
    assert FACTS in (await browser.get(mine)).text
    assert "法律援助申请书" in (await browser.get(f"{mine}/letters/1")).text
    await sign_in(another_browser, Ref("relative", place.guilan))
    assert (await another_browser.get(mine)).status_code == 404
    assert (await another_browser.get(f"/aid/{place.inmate}/apply?question=qst_x")).status_code == 404
    assert (await browser.send_form(f"{mine}/withdraw")).status_code == 303
    assert (await browser.send_form(f"{mine}/fly")).status_code == 404


async def test_an_inmate_and_a_relative_complain_and_the_bureau_answers(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    screen, desk, place = browser, another_browser, aid.house.place
    await at_desk(screen, aid, sign_in)
    apply = (await screen.get("/terminal/lawyer/apply")).text
    case = (await screen.send_form("/terminal/lawyer/apply", form(apply))).headers["location"]
    link = f"/terminal/lawyer/complaints/new?about=case:{case.rpartition('/')[2]}"
    assert link in (await screen.get(case)).text
    key = re.search(r'name="key" value="([^"]+)"', (await screen.get(link)).text)
    assert key
    values = {"about": link.partition("=")[2], "key": key[1], "words": "不好"}
    short = await screen.send_form("/terminal/lawyer/complaints", values)
    assert short.status_code == 422
    assert "请写明哪里有问题" in short.text
    values["words"] = "三个月没有人来，也没有人告诉我进展。"
    sent = await screen.send_form("/terminal/lawyer/complaints", values)
    mine = sent.headers["location"]
    assert "市司法局答复期限" in (await screen.get(mine)).text
    assert mine in (await screen.get("/terminal/lawyer/cases")).text
    again = {**values, "key": "another-key"}
    assert (await screen.send_form("/terminal/lawyer/complaints", again)).status_code == 409

    path = f"/complaints/{mine.rpartition('/')[2]}"
    for staff in (aid.house.admin, aid.house.monitor):
        await sign_in(desk, staff, strong=True)
        closed = await desk.get(path)
        assert closed.status_code == 403
        assert values["words"] not in closed.text
    await sign_in(desk, aid.clerk, strong=True)
    assert path in (await desk.get("/cases")).text
    assert path in (await desk.get("/lights")).text
    assert values["words"] in (await desk.get(path)).text
    assert (await desk.send_form(f"{path}/answer", {"words": "好"})).status_code == 422
    told = {"words": "已责令律师三日内会见并书面告知进展。"}
    assert (await desk.send_form(f"{path}/answer", told)).status_code == 303
    assert (await desk.send_form(f"{path}/answer", told)).status_code == 409
    assert told["words"] in (await screen.get(mine)).text

    await sign_in(desk, Ref("relative", place.mei))
    apply = (await desk.get(f"/aid/{place.inmate}/apply")).text
    case = (await desk.send_form(f"/aid/{place.inmate}/apply", form(apply))).headers["location"]
    link = f"/aid/complaints/new?about=case:{case.rpartition('/')[2]}"
    assert link in (await desk.get(case)).text
    assert (await desk.get(link)).status_code == 200
    values = {**values, "about": link.partition("=")[2]}
    mine = (await desk.send_form("/aid/complaints", values)).headers["location"]
    assert "正在调查" in (await desk.get(mine)).text
    assert mine in (await desk.get("/aid")).text
    assert (await desk.get(path.replace("/complaints", "/aid/complaints"))).status_code == 404


async def test_nobody_of_the_prison_opens_a_case(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    place = aid.house.place
    await sign_in(browser, Ref("relative", place.mei))
    apply = (await browser.get(f"/aid/{place.inmate}/apply")).text
    sent = await browser.send_form(f"/aid/{place.inmate}/apply", form(apply))
    case = sent.headers["location"].rpartition("/")[2]
    for staff in (aid.house.admin, aid.house.monitor, aid.house.approver):
        await sign_in(another_browser, staff, strong=True)
        for path in ("/cases", f"/cases/{case}", f"/cases/{case}/letters/1", f"/aid/cases/{case}"):
            answer = await another_browser.get(path)
            assert answer.status_code == 403
            assert FACTS not in answer.text


async def test_the_administrator_makes_desks_and_seats_people_at_them(
    browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    prison = aid.house.place.prison
    await sign_in(browser, aid.house.admin, strong=True)
    values = {
        "prison": prison,
        "name": "云台县司法所",
        "kind": "welfare",
        "phone": "0551 9",
        "tier": "county",
    }
    assert (await browser.send_form("/admin/legal/desks", values)).status_code == 303
    page = (await browser.get("/admin/legal")).text
    assert "云台县司法所" in page
    desk = re.findall(r'value="(dsk_\w+)"[^>]*>云台县司法所', page)[0]
    seat = {"prison": prison, "staff_id": aid.house.counsel.id, "desk_id": desk}
    assert (await browser.send_form("/admin/legal/seats", seat)).status_code == 303
    officer = {**seat, "staff_id": aid.house.monitor.id}
    assert (await browser.send_form("/admin/legal/seats", officer)).status_code == 404
    assert (
        await browser.send_form("/admin/legal/desks", {**values, "name": "乙", "tier": "moon"})
    ).status_code == 422


async def test_the_review_opens_into_the_matters_and_prints(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    place = aid.house.place
    await sign_in(browser, Ref("relative", place.mei))
    apply = (await browser.get(f"/aid/{place.inmate}/apply")).text
    sent = await browser.send_form(f"/aid/{place.inmate}/apply", form(apply))
    case = sent.headers["location"].rpartition("/")[2]
    desk = another_browser
    await sign_in(desk, aid.house.admin, strong=True)
    for by in ("day", "month", "quarter"):
        page = (await desk.get(f"/reviews?by={by}")).text
        assert "转交申请" in page
        assert "<svg" in page
    link = re.findall(r"/reviews/matters\?[^\"]*group=came[^\"]*", page)[0].replace("&amp;", "&")
    behind = (await desk.get(link)).text
    assert f"/cases/{case}" not in behind  # the administrator may not read it, but sees its way
    way = re.findall(r"/lights/clk_\w+", behind)[0]
    assert "开始计时" in (await desk.get(way)).text
    assert (await desk.get("/lights/clk_none")).status_code == 404
    await sign_in(desk, aid.house.counsel, strong=True)
    assert f"/cases/{case}" in (await desk.get(link)).text
    assert (await desk.get(link.replace("group=came", "group=x"))).status_code == 404
    assert "没有" in (await desk.get("/reviews?span=2020-01")).text
    await sign_in(desk, aid.house.monitor, strong=True)
    assert (await desk.get("/reviews")).status_code == 403


async def test_a_referral_is_raised_handed_on_and_answered(
    browser: Browser, another_browser: Browser, db: Database, aid: Aid, sign_in: SignIn
) -> None:
    prison = aid.house.place.prison
    async with db.write() as session:
        desks = [
            await service.create_desk(session, SYSTEM, prison, name, "welfare", "0551 5", None, tier)
            for name, tier in (("市民政局", "city"), ("云台县民政局", "county"))
        ]
        for made in desks:
            await setup.seat_at_desk(session, SYSTEM, aid.clerk.id, made)
    await at_desk(browser, aid, sign_in)
    asked = (await browser.get("/terminal/lawyer/ask")).text
    key = re.search(r'name="key" value="([^"]+)"', asked)
    assert key
    await browser.send_form("/terminal/lawyer/ask", {"topic": "family", "words": FACTS, "key": key[1]})
    page = (await browser.get("/terminal/lawyer/questions")).text
    question = re.findall(r"/terminal/lawyer/questions/(qst_\w+)", page)[0]

    desk = another_browser
    await sign_in(desk, aid.house.counsel, strong=True)
    form_page = (await desk.get(f"/referrals/new?question={question}")).text
    key = re.search(r'name="key" value="([^"]+)"', form_page)
    assert key
    values = {"key": key[1], "source": f"question:{question}", "kind": "", "words": "女儿八岁，没人照看。"}
    assert (await desk.send_form("/referrals", values)).status_code == 422
    sent = await desk.send_form(
        "/referrals", {**values, "kind": "child", "words": "女儿八岁，已经三天没有人照看。"}
    )
    assert sent.status_code == 303
    path = sent.headers["location"]
    await sign_in(desk, aid.clerk, strong=True)
    page = (await desk.get(path)).text
    assert "三天没有人照看" in page
    handed = {"desk_id": desks[1], "words": "孩子住在云台县"}
    assert (
        await desk.send_form(f"/handover{path.replace('referrals', 'referral')}", handed)
    ).status_code == 303
    assert "孩子住在云台县" in (await desk.get(path)).text
    assert (await desk.send_form(f"{path}/answer", {"words": "好"})).status_code == 422
    assert (
        await desk.send_form(f"{path}/answer", {"words": "孩子已由姑姑接走照看，村干部每周走访。"})
    ).status_code == 303
    assert "已答复" in (await desk.get("/referrals")).text
    mine = (await browser.get("/terminal/lawyer/cases")).text
    assert "其他帮扶" in mine
    told = (await browser.get(re.findall(r"/terminal/lawyer/help/ref_\w+", mine)[0])).text
    assert "姑姑" in told
    await sign_in(desk, aid.house.monitor, strong=True)
    assert "还没有" in (await desk.get("/referrals")).text
    assert (await desk.get(path)).status_code == 403
    await sign_in(desk, aid.house.admin, strong=True)
    assert (await desk.get("/referrals/new?question=qst_x")).status_code == 403  # meets nobody


async def test_papers_are_looked_at_before_a_time_is_asked_for(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn
) -> None:
    place = aid.house.place
    await sign_in(browser, Ref("relative", place.mei))
    assert "/papers" in (await browser.get("/ask")).text
    page = (await browser.get(f"/papers/new/{place.inmate}")).text
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    values = {"kind": "notary", "words": "委托书公证，房子在柳河县。", "key": key[1]}
    path = f"/papers/new/{place.inmate}"
    assert (await browser.send_form(path, values)).status_code == 422
    paper = {"proof": ("委托书.png", scan().data, "image/png")}
    sent = await browser.send_form(path, values, files=paper)
    assert sent.status_code == 303
    mine = sent.headers["location"]
    told = (await browser.get(mine)).text
    assert "驻监工作站" in told
    file = re.findall(rf"{mine}/files/ppr_\w+", told)[0]
    assert (await browser.get(file)).headers["content-type"] == "image/png"
    assert mine in (await browser.get("/papers")).text

    desk = another_browser
    await sign_in(desk, aid.house.counsel, strong=True)
    assert mine in (await desk.get("/cases")).text
    assert "柳河县" in (await desk.get(mine)).text
    assert (await desk.send_form(f"{mine}/judge", {"verdict": "missing", "words": "缺"})).status_code == 422
    missing = {"verdict": "missing", "words": "请补不动产权证书和结婚证。"}
    assert (await desk.send_form(f"{mine}/judge", missing)).status_code == 303
    assert "不动产权证书" in (await browser.get(mine)).text
    assert (await browser.send_form(f"{mine}/add")).status_code == 422
    assert (await browser.send_form(f"{mine}/add", files=paper)).status_code == 303
    assert (await browser.send_form(f"{mine}/time")).status_code == 409
    assert (await desk.send_form(f"{mine}/judge", {"verdict": "ready"})).status_code == 303
    assert (await browser.send_form(f"{mine}/time")).status_code == 303
    await sign_in(desk, aid.house.monitor, strong=True)
    for closed in (mine, file):
        assert (await desk.get(closed)).status_code == 403


async def test_the_station_sees_to_which_centre_a_case_belongs_and_may_choose_another(
    browser: Browser, another_browser: Browser, aid: Aid, sign_in: SignIn, db: Database
) -> None:
    screen, desk = browser, another_browser
    async with db.write() as session:
        near = await service.create_desk(
            session, SYSTEM, aid.house.place.prison, "云台县法律援助中心", "centre", "0551 3"
        )
    await sign_in(desk, aid.house.admin, strong=True)
    prison = aid.house.place.prison
    sent = await desk.send_form("/admin/legal/areas", {"prison": prison, "desk_id": near, "area": "云台县"})
    assert sent.status_code == 303
    assert "服务区域：" in (await desk.get("/admin/legal")).text
    await at_desk(screen, aid, sign_in)
    apply = (await screen.get("/terminal/lawyer/apply")).text
    values = form(apply, place="云台县人民法院")
    case = (await screen.send_form("/terminal/lawyer/apply", values)).headers["location"].rpartition("/")[2]
    await sign_in(desk, aid.house.counsel, strong=True)
    page = (await desk.get(f"/cases/{case}?act=forward")).text
    assert f'value="{near}" selected' in page
    assert "云台县人民法院" in page
    wrong = await desk.send_form(f"/cases/{case}/forward", {"centre_id": "dsk_none"})
    assert (wrong.status_code, "请选择法律援助中心" in wrong.text) == (422, True)
    assert (await desk.send_form(f"/cases/{case}/forward", {"centre_id": near})).status_code == 303
    assert "云台县法律援助中心" in (await screen.get(f"/terminal/lawyer/cases/{case}")).text
