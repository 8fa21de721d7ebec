"""The pages on which two records of one inmate become one."""

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from people import repository
from people import service as people
from people.forms import InmateForm, StaffForm
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def test_one_proposes_another_looks_and_approves(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    place = house.place
    async with db.write() as session:
        kept = await repository.inmate(session, place.inmate)
        assert kept is not None
        twin = InmateForm("9001", "李 伟", place.prison, kept.wing_id, "ordinary")
        await people.create_inmate(session, SYSTEM, twin)
        form = StaffForm("luo", "罗警官", "admin", (), place.prison)
        other = Ref("admin", (await people.create_staff(session, SYSTEM, form)).staff_id)
    view = await staffed.requested_visit(db, house)
    await sign_in(browser, house.admin, strong=True)
    assert "重复登记" in (await browser.get("/admin/places")).text
    assert "没有待办" in (await browser.get("/admin/merges")).text
    wrong = await browser.send_form("/admin/merges", {"kept": "9001", "gone": "9001", "words": "x"})
    assert wrong.status_code == 422
    sent = await browser.send_form(
        "/admin/merges", {"kept": "9001", "gone": kept.number, "words": "身份证相同"}
    )
    path = sent.headers["location"]
    page = (await browser.get(path)).text
    assert "另一名管理员" in page
    assert "会见及其录像" in page
    assert (
        await browser.send_form("/admin/merges", {"kept": "9001", "gone": kept.number, "words": "x"})
    ).status_code == 409
    assert (await browser.send_form(f"{path}/drop", {})).status_code == 303
    again = await browser.send_form(
        "/admin/merges", {"kept": "9001", "gone": kept.number, "words": "身份证相同"}
    )
    path = again.headers["location"]
    await sign_in(browser, other, strong=True)
    assert "身份证相同" in (await browser.get(path)).text
    assert (await browser.send_form(f"{path}/approve", {})).status_code == 303
    assert "两份记录已合并" in (await browser.get(path)).text
    async with db.read() as session:
        found = await repository.find_inmate(session, place.prison, kept.number)
        assert found is not None
        assert found.number == "9001"
    assert view.inmate_id != found.id
