"""A mediation on the pages, from the family's request to the result; and what the prison reads of it."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import gathering_desk, service, setup
from people.model import Role
from rooms import sittings
from tests.rooms.closed import prove
from tests.web.conftest import Browser, SignIn
from tests.web.test_legalaid import Aid, aid, at_desk, key_of  # noqa: F401 - a fixture
from tests.web.test_meetings import role

WORDS, RESULT = "我们为房子吵了三年。", "房子归女方。"


@pytest.fixture
async def helped(db: Database, aid: Aid) -> Aid:  # noqa: F811 - the fixture
    """The lawyer is also mediator and counsellor."""
    async with db.write() as session:
        prison = aid.house.place.prison
        for name, kind in (("调解室", "mediation"), ("心理辅导站", "counselling")):
            desk = await service.create_desk(session, SYSTEM, prison, name, kind, "0551 7")
            await setup.seat_at_desk(session, SYSTEM, aid.house.counsel.id, desk)
    return aid


async def family(browser: Browser, sign_in: SignIn, place: Aid) -> None:
    await sign_in(browser, Ref("relative", place.house.place.mei), strong=True)


async def test_a_mediation_from_the_request_to_the_result(
    browser: Browser, sign_in: SignIn, db: Database, helped: Aid
) -> None:
    inmate = helped.house.place.inmate
    await family(browser, sign_in, helped)
    assert f"/gatherings/new/{inmate}" in (await browser.get("/gatherings")).text
    form = (await browser.get(f"/gatherings/new/{inmate}")).text
    empty = await browser.send_form(f"/gatherings/new/{inmate}", {"words": " ", "key": key_of(form)})
    assert empty.status_code == 422
    sent = await browser.send_form(f"/gatherings/new/{inmate}", {"words": WORDS, "key": key_of(form)})
    assert sent.status_code == 303
    listed = (await browser.get("/gatherings")).text
    (gathering,) = set(re.findall(r'href="/gatherings/(gth_\w+)"', listed))
    assert WORDS in (await browser.get(f"/gatherings/{gathering}")).text

    await sign_in(browser, helped.house.counsel, strong=True)
    assert gathering in (await browser.get("/counsel/gatherings")).text
    path = f"/counsel/gatherings/{gathering}"
    assert WORDS in (await browser.get(path)).text
    assert (await browser.send_form(f"{path}/take")).status_code == 303
    assert (await browser.send_form(f"{path}/invite", {"minutes": "5"})).status_code == 422
    sent = await browser.send_form(f"{path}/invite", {"minutes": "60", "relatives": helped.house.place.mei})
    assert sent.status_code == 303

    assert "陈志强" in await at_desk(browser, helped, sign_in)
    here = f"/terminal/lawyer/gatherings/{gathering}"
    assert here in (await browser.get("/terminal/lawyer/gatherings")).text
    assert WORDS not in (await browser.get("/terminal/lawyer/gatherings")).text
    assert "由您自己决定" in (await browser.get(here)).text
    assert (await browser.send_form(f"{here}/yes")).status_code == 303
    assert (await browser.send_form(f"{here}/fly")).status_code == 404

    await sign_in(browser, await role(db, Role.APPROVER), strong=True)
    page = (await browser.get("/officer/gatherings")).text
    assert "待安排时间" in page
    assert WORDS not in page
    terminal = re.findall(r'<option value="([^"]+)"', page)[0]
    begins = (clock.now() + timedelta(minutes=10)).astimezone(ZoneInfo("Asia/Shanghai"))
    at = {"starts_at": f"{begins:%Y-%m-%dT%H:%M}", "terminal": terminal}
    assert (await browser.send_form(f"/officer/gatherings/{gathering}/arrange", at)).status_code == 303
    assert (await browser.send_form(f"/officer/gatherings/{gathering}/arrange", at)).status_code == 409
    assert (await browser.get(f"/counsel/gatherings/{gathering}")).status_code == 403

    await prove(db)
    await family(browser, sign_in, helped)
    assert "您的调解已定时间" in (await browser.get("/home")).text
    (sitting,) = set(re.findall(r"/sittings/(sit_\w+)", (await browser.get(f"/gatherings/{gathering}")).text))
    live = (await browser.get(f"/sittings/{sitting}")).text
    assert "警官在场" in live
    assert "调解员已到" in live
    ticket = f"/api/v1/sittings/{sitting}/ticket"
    for who in (Ref("relative", helped.house.place.mei), helped.house.counsel, helped.terminal):
        await sign_in(browser, who, strong=True)
        assert (await browser.post(ticket, headers={"x-csrf-token": browser.csrf})).status_code == 201
    await sign_in(browser, await role(db, Role.MONITOR), strong=True)
    assert f"/officer/sittings/{sitting}" in (await browser.get("/officer/sittings")).text

    async with db.write() as session:  # its room was live, and is over
        await sittings.cancel(session, SYSTEM, sitting, "test")
        await gathering_desk.sweep(session)
    await sign_in(browser, helped.house.counsel, strong=True)
    assert "另找时间" in (await browser.get(path)).text
    assert (await browser.send_form(f"{path}/take")).status_code == 303


async def test_a_counsellor_is_asked_for_at_the_terminal(
    browser: Browser, sign_in: SignIn, db: Database, helped: Aid
) -> None:
    assert "陈志强" in await at_desk(browser, helped, sign_in)
    page = (await browser.get("/terminal/lawyer/gatherings")).text
    values = {"kind": "counselling", "words": "睡不着。", "key": key_of(page)}
    assert (await browser.send_form("/terminal/lawyer/gatherings", values)).status_code == 303
    (gathering,) = set(
        re.findall(
            r"/terminal/lawyer/gatherings/(gth_\w+)", (await browser.get("/terminal/lawyer/gatherings")).text
        )
    )
    await family(browser, sign_in, helped)
    assert (await browser.get(f"/gatherings/{gathering}")).status_code == 404
    await sign_in(browser, helped.house.counsel, strong=True)
    path = f"/counsel/gatherings/{gathering}"
    assert "睡不着。" in (await browser.get(path)).text
    assert (await browser.send_form(f"{path}/refuse", {"words": ""})).status_code == 422
    assert (await browser.send_form(f"{path}/refuse", {"words": "请先看医生"})).status_code == 303
    assert "请先看医生" in (await browser.get(path)).text
    await sign_in(browser, helped.house.admin, strong=True)
    saved = await browser.send_form("/admin/meetings/counselling", {"rule": "alone"})
    assert saved.status_code == 303
    assert (await browser.send_form("/admin/meetings/counselling", {"rule": "record"})).status_code == 404
    await sign_in(browser, await role(db, Role.MONITOR), strong=True)
    assert (await browser.get(path)).status_code == 403
