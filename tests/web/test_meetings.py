"""Lawyers' meetings on the pages: the rule, asking with papers, arranging, the closed room; and no officer in it."""

import io
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from PIL import Image
from sqlalchemy import select

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import service, setup
from legalaid.meeting_model import Paper
from legalaid.meeting_tables import MeetingRow
from people import service as people
from people.forms import StaffForm
from people.model import Role
from people.tables import StaffRow
from rooms.tables import SittingRow
from tests.rooms.closed import prove
from tests.web.conftest import Browser, SignIn
from tests.web.test_legalaid import Aid, aid, key_of  # noqa: F401 - a fixture
from web.services import Services

FORM = {
    "inmate_number": "3401202107",
    "inmate_name": "陈志强",
    "ground": "defence",
    "case_state": "open",
    "engaged_by": "relative",
    "minutes": "30",
    "interpreter": "马林",
}


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "#ffffff").save(file, "PNG")
    return file.getvalue()


async def role(db: Database, of: Role) -> Ref:
    """The one who was there first: of this prison, and not of another's."""
    here = select(StaffRow).where(StaffRow.roles.contains(of.value)).order_by(StaffRow.id).limit(1)
    async with db.read() as session:
        staff = (await session.scalars(here)).one()
    return Ref(staff.kind, staff.id)


async def asked(browser: Browser, sign_in: SignIn, place: Aid) -> None:
    """The rule is set, and the lawyer has asked with all three papers."""
    await sign_in(browser, place.house.admin, strong=True)
    refused = await browser.send_form("/admin/meetings", {"remote": "1", "officer": "looks-on", "basis": ""})
    assert refused.status_code == 422
    rule = {"remote": "1", "officer": "looks-on", "basis": "皖司〔2026〕3号"}
    assert (await browser.send_form("/admin/meetings", rule)).status_code == 303
    assert "皖司〔2026〕3号" in (await browser.get("/admin/meetings")).text
    await sign_in(browser, place.house.counsel, strong=True)
    page = (await browser.get("/counsel/meetings")).text
    values = {**FORM, "key": key_of(page)}
    without = await browser.send_form("/counsel/meetings", values)
    assert without.status_code == 422
    assert "需要这份材料" in without.text
    files = [(paper.value, (f"{paper.value}.png", picture(), "image/png")) for paper in Paper]
    for _ in range(2):  # the same form twice is one meeting
        assert (await browser.send_form("/counsel/meetings", values, files=files)).status_code == 303


async def test_from_the_papers_to_a_room_without_an_officer(
    browser: Browser,
    sign_in: SignIn,
    services: Services,
    db: Database,
    aid: Aid,  # noqa: F811 - the fixture
) -> None:
    await asked(browser, sign_in, aid)
    approver = await role(db, Role.APPROVER)
    await sign_in(browser, approver, strong=True)
    page = (await browser.get("/officer/meetings")).text
    assert page.count("/arrange") == 1
    shown = await browser.get(re.findall(r"/officer/meetings/papers/ppr_\w+", page)[0])
    assert shown.headers["content-type"].startswith("image/")
    (meeting,) = re.findall(r"/officer/meetings/(mtg_\w+)/arrange", page)
    terminal = re.findall(r'<option value="([^"]+)"', page)[0]
    begins = (clock.now() + timedelta(minutes=10)).astimezone(ZoneInfo("Asia/Shanghai"))
    gone = {"starts_at": "2020-01-01T10:00", "terminal": terminal}
    assert (await browser.send_form(f"/officer/meetings/{meeting}/arrange", gone)).status_code == 422
    wanted = {"starts_at": f"{begins:%Y-%m-%dT%H:%M}", "terminal": terminal}
    sent = await browser.send_form(f"/officer/meetings/{meeting}/arrange", wanted)
    assert sent.status_code == 303, sent.text
    admitted = await browser.send_form(f"/officer/meetings/{meeting}/interpreter", {"admitted": "yes"})
    assert admitted.status_code == 303
    async with db.read() as session:
        sitting = (await session.scalars(select(SittingRow))).one()
        assert (await session.get_one(MeetingRow, meeting)).interpreter_state == "admitted"
    assert "不录音录像，不受监控" in (await browser.get("/officer/meetings")).text
    assert (await browser.get(f"/sittings/{sitting.id}")).status_code == 404

    await sign_in(browser, aid.house.counsel, strong=True)
    page = (await browser.get(f"/sittings/{sitting.id}")).text
    assert "监狱方任何人都听不到、看不到这次谈话" in page
    ticket = f"/api/v1/sittings/{sitting.id}/ticket"
    unproved = await browser.post(ticket, headers={"x-csrf-token": browser.csrf})
    assert (unproved.status_code, unproved.json()["code"]) == (503, "closed-rooms-unproved")
    await prove(services.db)
    assert (await browser.post(ticket, headers={"x-csrf-token": browser.csrf})).status_code == 201
    await sign_in(browser, await role(db, Role.MONITOR), strong=True)
    refused = await browser.post(ticket, headers={"x-csrf-token": browser.csrf})
    assert (refused.status_code, refused.json()["code"]) == (403, "no-officer-here")
    await sign_in(browser, aid.terminal, strong=True)
    assert f'href="/sittings/{sitting.id}"' in (await browser.get("/terminal/next")).text
    asked_first = await browser.get(f"/sittings/{sitting.id}")
    assert "您是否同意由这位律师代理您？" in asked_first.text
    closed = await browser.post(ticket, headers={"x-csrf-token": browser.csrf})
    assert (closed.status_code, closed.json()["code"]) == (409, "mandate-unconfirmed")
    said = await browser.send_form(f"/sittings/{sitting.id}/mandate", {"answer": "yes"})
    assert said.status_code == 303
    assert 'id="check-start"' in (await browser.get(f"/sittings/{sitting.id}")).text
    assert (await browser.post(ticket, headers={"x-csrf-token": browser.csrf})).status_code == 201
    await sign_in(browser, aid.house.counsel, strong=True)
    assert (await browser.send_form(f"/counsel/meetings/{meeting}/withdraw")).status_code == 303
    page = (await browser.get(f"/sittings/{sitting.id}/receipt")).text
    assert "没有进行" in page
    assert (await browser.get(f"/sittings/{sitting.id}/receipt.json")).headers[
        "content-type"
    ] == "application/json"


async def test_the_prison_reports_a_lawyer_and_the_bureau_answers(
    browser: Browser,
    sign_in: SignIn,
    db: Database,
    aid: Aid,  # noqa: F811 - the fixture
) -> None:
    """The officer's form with what is missing, the letter, the lawyer who reads it, the bureau's answer."""
    await asked(browser, sign_in, aid)
    approver = await role(db, Role.APPROVER)
    async with db.write() as session:
        row = (await session.scalars(select(MeetingRow))).one()
        row.state = "held"
        bureau = await service.create_desk(session, SYSTEM, row.prison_id, "市司法局", "bureau", "0551 9")
        form = StaffForm("fawei", "法伟", "counsel", (), row.prison_id)
        judge = Ref("counsel", (await people.create_staff(session, SYSTEM, form)).staff_id)
        await setup.seat_at_desk(session, SYSTEM, judge.id, bureau)
    await sign_in(browser, approver, strong=True)
    begin = f"/officer/meetings/{row.id}/report"
    assert begin in (await browser.get("/officer/meetings")).text
    path = (await browser.send_form(begin)).headers["location"]
    page = (await browser.get(path)).text
    assert "会见时没有警告" in page
    missing = await browser.send_form(f"{path}/send", {"words": "<b>", "lawyer_id": row.lawyer_id})
    assert missing.status_code == 422
    for words in ("请选择律师有哪些行为", "请选择司法局", "&lt;b&gt;"):
        assert words in missing.text
    assert (await browser.send_form(f"{path}/drop", {"words": "无"})).status_code == 422
    told = "会见后清点物品时发现多出一封信。"
    values = {"lawyer_id": row.lawyer_id, "breaches": "letters", "bureau_id": bureau, "words": told}
    assert (await browser.send_form(f"{path}/send", {**values, "copy_to_bar": "1"})).status_code == 303
    letter = (await browser.get(f"{path}/letter")).text
    for words in ("市司法局", "抄送", "律师协会", "书信、钱物", told, "会见结束后才发现"):
        assert words in letter
    await sign_in(browser, aid.house.counsel, strong=True)
    assert path in (await browser.get("/counsel/meetings")).text
    mine = (await browser.get(path)).text
    assert told in mine
    assert f"{path}/answer" not in mine
    await sign_in(browser, judge, strong=True)
    assert path in (await browser.get("/cases")).text
    assert (await browser.send_form(f"{path}/answer", {"words": "好"})).status_code == 422
    answered = "已约谈该律师，责令其书面检讨，并通报律师事务所。"
    assert (await browser.send_form(f"{path}/answer", {"words": answered})).status_code == 303
    await sign_in(browser, approver, strong=True)
    assert answered in (await browser.get(path)).text
