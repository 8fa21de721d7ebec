"""The statement of visits on the pages of family and officer, overbooking, and a chain of signatures."""

from typing import Any

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from policy import service as policy
from policy.model import LegalBasis
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web import place, staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from tests.web.test_booking import forms_of
from web.services import Services

NUMBER = "3401202107"


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def test_both_read_the_same_lines(
    browser: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    view = await staffed.requested_visit(db, house)
    await sign_in(browser, house.approver, strong=True)
    assert (await browser.get("/approvals/allowance?number=0")).status_code == 404
    found = await browser.get(f"/approvals/allowance?number={NUMBER}")
    path = found.headers["location"]
    assert view.reference in (await browser.get(path)).text
    today = str(house_day(view))
    typed = {"day": today, "channel": "onsite-glass", "words": "现场会见"}
    assert (await browser.send_form(f"{path}/use", typed)).status_code == 303
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("use", {**typed, "day": "soon"}),
        ("use", {**typed, "channel": "voice"}),  # does not share the allowance
        ("adjust", {"visits": "many", "words": "x"}),
        ("adjust", {"visits": "2", "words": "x"}),  # nothing is saved here
    ]
    for act, form in wrong:
        assert (await browser.send_form(f"{path}/{act}", form)).status_code == 422, form
    officer = (await browser.get(path)).text
    await sign_in(another_browser, Ref("relative", house.place.mei))
    mine = await another_browser.get(f"/allowance/{house.place.inmate}")
    for page in (officer, mine.text):
        assert "现场会见" in page
        assert "剩 18 次" in page
    assert f"/bookings/{view.id}" in mine.text
    await sign_in(another_browser, Ref("relative", house.place.guilan))
    hers = (await another_browser.get(f"/allowance/{house.place.inmate}")).text
    assert view.reference not in hers  # another relative's visit counts, and is not shown
    await sign_in(another_browser, Ref("relative", house.place.stranger))
    assert (await another_browser.get(f"/allowance/{house.place.inmate}")).status_code == 404
    await sign_in(browser, house.elsewhere, strong=True)
    assert (await browser.get(path)).status_code == 404


def house_day(view: Any) -> Any:
    """The day of a visit by the prison's clocks."""
    return view.starts_at.astimezone(staffed.zone()).date()


async def test_a_place_more_is_opened_with_a_reason_and_reported(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    full = await place.slot_at(db, house.place, place.soon(26 * 60))
    await sign_in(browser, house.approver, strong=True)
    path = "/approvals/overbooking"
    assert "没有超出名额的会见" in (await browser.get(path)).text
    assert (await browser.get(f"{path}?number=0")).status_code == 404
    page = await browser.get(f"{path}?number={NUMBER}")
    (hidden,) = [fields for action, fields in forms_of(page.text) if "key" in fields]
    form = {**hidden, "relationship": house.place.mei_relationship, "slot": full}
    assert (await browser.send_form(path, {**form, "words": " "})).status_code == 422
    sent = await browser.send_form(path, {**form, "words": "母亲病重"})
    assert sent.status_code == 303
    booking_id = sent.headers["location"].rpartition("/")[2]
    assert "警官代家属提交申请" in (await browser.get(sent.headers["location"])).text
    report = (await browser.get(path)).text
    assert f"/approvals/bookings/{booking_id}" in report
    await browser.send_form(
        f"/approvals/bookings/{booking_id}/refuse", {"reason": "security", "words": "改期"}
    )
    unused = (await browser.get(path)).text
    assert "已增开但空着的名额" in unused
    (close,) = [action for action, _ in forms_of(unused) if action.endswith("/close")]
    assert (await browser.send_form(close)).status_code == 303
    assert "已增开但空着的名额" not in (await browser.get(path)).text


async def with_exception(db: Database, house: Staffed) -> None:
    """Who books sooner than a month before needs the division and the deputy head."""
    values = {"lead_days": 30, "lead_unit": "days", "horizon_days": 60,
              "exceptions": {"too-soon": ["division", "deputy"]}}  # fmt: skip
    basis = LegalBasis(title="t", says="s", seen="own")
    async with db.write() as session:
        draft = await policy.draft(session, house.admin, house.place.prison, values, [basis])
        await policy.approve(session, SYSTEM, draft)


async def test_every_office_of_a_chain_is_shown_with_who_signed(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await with_exception(db, house)
    view = await staffed.requested_visit(db, house, minutes=26 * 60)
    assert view.chain
    await sign_in(browser, house.approver, strong=True)
    path = f"/approvals/bookings/{view.id}"
    page = (await browser.get(path)).text
    assert "审批环节" in page
    assert "代表科室签批" in page
    assert (await browser.send_form(f"{path}/approve")).status_code == 303
    signed = (await browser.get(path)).text
    assert "郑警官 已签" in signed or "郑警官已签" in signed
    assert "代表分管监狱长签批" in signed
    again = await browser.send_form(f"{path}/approve")
    assert again.status_code == 409
    async with db.read() as session:
        assert (await schedule.get(session, view.id)).state is BookingState.REQUESTED


async def test_visits_are_suspended_listed_and_lifted(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    view = await staffed.requested_visit(db, house, minutes=26 * 60)
    await sign_in(browser, house.approver, strong=True)
    path = "/approvals/suspensions"
    assert "没有被暂停会见的人员" in (await browser.get(path)).text
    assert "林梅" in (await browser.get(f"{path}?number={NUMBER}")).text
    form = {"number": NUMBER, "whom": "pair", "relative": house.place.mei, "days": "30", "words": "喧闹",
            "first": str(house_day(view))}  # fmt: skip
    for wrong in ({"days": "93"}, {"days": "x"}, {"words": ""}, {"relative": ""}, {"number": "0"}):
        assert (await browser.send_form(path, {**form, **wrong})).status_code in (404, 422), wrong
    assert (await browser.send_form(path, form)).status_code == 303
    listed = (await browser.get(path)).text
    assert "林梅 · 陈志强" in listed
    (lift,) = [action for action, _ in forms_of(listed) if action.endswith("/lift")]
    assert (await browser.send_form(lift)).status_code == 303
    assert "没有被暂停会见的人员" in (await browser.get(path)).text
