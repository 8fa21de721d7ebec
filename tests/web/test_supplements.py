"""Papers that are missing, on the pages: the officer asks once, the family reads what for and sends them."""

from core.db import Database
from core.ids import Ref
from legalaid import approvals
from legalaid import service as legal
from people import repository
from tests.scheduler.world import ADMIN
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.test_approvals import applied, picture
from web.services import Services

WORDS = "户口簿的本人页。"


async def test_asked_once_and_sent(
    browser: Browser, another_browser: Browser, db: Database, services: Services, sign_in: SignIn
) -> None:
    house = await staffed.build(db, services)
    async with db.write() as session:
        await legal.create_desk(session, ADMIN, house.place.prison, "会见室", "office", "0551 7")
    relationship = await applied(db, services, house)
    await approvals.watch(db)
    await sign_in(browser, house.approver, strong=True)
    await sign_in(another_browser, Ref("relative", house.place.stranger))
    case, own = f"/approvals/relationships/{relationship}", f"/relationships/{relationship}"
    assert "要求补充材料……" in (await browser.get(case)).text
    empty = await browser.send_form(f"{case}/papers/ask", {"papers": " "})
    assert (empty.status_code, "请写明缺少哪些材料" in empty.text) == (422, True)
    assert (await browser.send_form(f"{case}/papers/ask", {"papers": WORDS})).status_code == 303
    await approvals.watch(db)
    page = (await browser.get(case)).text
    assert WORDS in page
    assert "期限暂停" in page
    assert "要求补充材料……" not in page
    assert "等家属补充材料" in (await browser.get("/approvals")).text
    assert (await browser.send_form(f"{case}/papers/ask", {"papers": WORDS})).status_code == 409

    page = (await another_browser.get(own)).text
    assert WORDS in page
    assert 'enctype="multipart/form-data"' in page
    nothing = await another_browser.send_form(f"{own}/papers", {})
    assert (nothing.status_code, 'id="proof-error"' in nothing.text) == (422, True)
    sent = await another_browser.send_form(
        f"{own}/papers", files={"proof": ("p.png", picture(), "image/png")}
    )
    assert sent.status_code == 303
    page = (await another_browser.get(own)).text
    assert (WORDS in page, "2 个文件" in page) == (False, True)
    assert (
        await another_browser.send_form(f"{own}/papers", files={"proof": ("p.png", picture(), "image/png")})
    ).status_code == 409
    await approvals.watch(db)
    page = (await browser.get(case)).text
    assert "已补交" in page
    assert (await browser.send_form(f"{case}/approve")).status_code == 303
    async with db.read() as session:
        held = await repository.relationship_by_id(session, relationship)
    assert held is not None
    assert (held.state, len(held.proof_ids)) == ("approved", 2)
