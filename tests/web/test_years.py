"""Working days on the administrators' page: a file or typed lines, each wrong line named, two people, in force."""

import re
from collections.abc import Iterator
from datetime import date

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from legalaid import recounting
from people import service as people
from people.forms import StaffForm
from policy import calendar, years
from policy.running import ClockMoved
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from web.services import Services

DAYS = "2031-01-01..2031-01-03, 放假\n2031-01-04, 上班\n"


@pytest.fixture(autouse=True)
def as_shipped() -> Iterator[None]:
    yield
    calendar.put_entered({})


async def second(db: Database, prison_id: str) -> Ref:
    """Another administrator."""
    async with db.write() as session:
        form = StaffForm("second", "第二位", "admin", (), prison_id)
        return Ref("admin", (await people.create_staff(session, SYSTEM, form)).staff_id)


async def test_a_year_whose_deadlines_are_not_reckoned_again_is_not_in_force(
    browser: Browser, db: Database, services: Services, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its matters moves on at that very moment: nothing has happened, and it is approved once more."""

    async def moved(*_: object) -> int:
        raise ClockMoved

    house = await staffed.build(db, services)
    async with db.write() as session:
        entry_id, _ = await years.enter(session, house.admin, "CN", 2031, DAYS, "通知")
    await sign_in(browser, await second(db, house.place.prison), strong=True)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(recounting, "recount", moved)
        assert (await browser.send_form(f"/admin/years/{entry_id}/approve")).status_code == 409
    assert (await browser.send_form(f"/admin/years/{entry_id}/approve")).status_code == 303


async def test_a_year_is_entered_by_one_and_approved_by_another(
    browser: Browser, another_browser: Browser, db: Database, services: Services, sign_in: SignIn
) -> None:
    house = await staffed.build(db, services)
    other = await second(db, house.place.prison)
    await sign_in(browser, house.admin, strong=True)
    page = (await browser.get("/admin/years?calendar=CN&year=2031")).text
    assert "CN-LHASA" in page
    assert 'value="2031"' in page
    values = {"calendar": "CN", "year": "2031", "source": "通知", "days": "2031-02-30, 放假\nx"}
    wrong = await browser.send_form("/admin/years", values)
    assert wrong.status_code == 422
    assert "没有这一天" in wrong.text
    assert "2031-02-30" in wrong.text  # nothing typed is lost
    file = {"file": ("2031.csv", DAYS.encode("gb18030"), "text/csv")}
    sent = await browser.send_form("/admin/years", {**values, "days": ""}, files=file)
    assert sent.status_code == 303
    page = (await browser.get("/admin/years")).text
    assert "另一位管理员" in page
    (entry,) = set(re.findall(r"/admin/years/(cyr_\w+)/drop", page))
    assert (await browser.send_form(f"/admin/years/{entry}/approve")).status_code == 409

    await sign_in(another_browser, other, strong=True)
    done = await another_browser.send_form(f"/admin/years/{entry}/approve")
    assert done.headers["location"] == "/admin/years?counted=0"
    assert "2031" in (await another_browser.get("/admin/years?counted=0")).text
    assert calendar.load("CN").is_working_day(date(2031, 1, 4))
    assert (await another_browser.send_form(f"/admin/years/{entry}/drop")).status_code == 409
    await sign_in(browser, house.monitor, strong=True)
    assert (await browser.get("/admin/years")).status_code == 403
