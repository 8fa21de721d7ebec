"""The officer's pages on the real application: the board, the call list, and who may see them."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from scheduler import roster
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web import place, staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def test_staff_goes_to_the_page_of_its_role(browser: Browser, house: Staffed, sign_in: SignIn) -> None:
    for subject, path in (
        (house.monitor, "/officer"),
        (house.approver, "/approvals"),
        (house.admin, "/admin"),
        (house.counsel, "/counsel"),
    ):
        await sign_in(browser, subject, strong=True)
        answer = await browser.get("/staff")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert (await browser.get(path)).status_code == 200


async def test_board_shows_what_is_due_with_a_link_to_it(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, house.monitor, strong=True)
    page = (await browser.get("/officer")).text
    fragment = (await browser.get("/officer/board")).text
    for text in (page, fragment):
        assert f"/officer/visits/{visit.id}" in text
        assert "陈志强" in text
        assert "林梅" in text
        assert "已到时间" in text
    assert "<html" not in fragment
    assert "data-fresh-button" in page  # without a script it is loaded again by a button


async def test_board_of_another_prison_is_empty(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, house.elsewhere, strong=True)
    page = (await browser.get("/officer")).text
    assert visit.id not in page
    assert "今天没有会见" in page


async def test_call_list_says_whom_to_bring_where(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, house.approver, strong=True)
    local = visit.starts_at.astimezone(ZoneInfo(place.ZONE))
    page = (await browser.get(f"/officer/call-list?date={local.date()}")).text
    assert "3401202107" in page
    assert "3 号终端" in page
    assert visit.reference in page
    assert "3 号终端" not in (await browser.get(f"/officer/call-list?date={local.date()}&wing=other")).text
    empty = (await browser.get("/officer/call-list?date=2020-01-01")).text
    assert "这一天没有会见" in empty
    assert (await browser.get("/officer/call-list?date=nonsense")).status_code == 200


async def test_call_list_of_another_day_gives_no_terminal_and_names_who_supervises(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    slot = await place.slot_at(db, house.place, place.soon(26 * 60))
    visit = await place.confirmed(db, house.place, slot)
    async with db.write() as session:
        hour = timedelta(hours=1)
        span = (visit.starts_at - hour, visit.starts_at + hour)
        await roster.add_shift(session, SYSTEM, house.monitor.id, span, None, 4)
    await sign_in(browser, house.approver, strong=True)
    local = visit.starts_at.astimezone(ZoneInfo(place.ZONE))
    page = (await browser.get(f"/officer/call-list?date={local.date()}")).text
    assert visit.reference in page
    assert "3 号终端" not in page
    assert "叫人时给出" in page
    assert "wumin 警官" in page


async def test_a_shift_that_is_entered_twice_at_once_is_one(db: Database, house: Staffed) -> None:
    span = (place.soon(60), place.soon(120))

    async def enter() -> str:
        async with db.write() as session:
            return await roster.add_shift(session, SYSTEM, house.monitor.id, span, None, 4)

    made = await asyncio.gather(*(enter() for _ in range(4)))
    async with db.read() as session:
        (shift,) = await roster.on_duty(session, house.place.prison, *span)
    assert shift.officer_id == house.monitor.id
    assert len(set(made)) == 4  # each replaced the one before


@pytest.mark.parametrize(
    "path", ["/officer", "/officer/board", "/officer/call-list", "/recordings", "/approvals"]
)
async def test_pages_are_for_officers_with_a_second_factor(
    browser: Browser, house: Staffed, sign_in: SignIn, path: str
) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/signin")
    await sign_in(browser, Ref("relative", house.place.mei))
    assert (await browser.get(path)).status_code == 403
    await sign_in(browser, house.admin, strong=True)
    assert (await browser.get(path)).status_code == 403
    await sign_in(browser, house.approver if path == "/approvals" else house.monitor, strong=False)
    assert (await browser.get(path)).status_code == 403


async def test_cancelled_visit_is_on_the_board_as_such(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    async with db.write() as session:
        cancelled = await schedule.cancel(session, house.place.officer, visit.id, "staff")
    assert cancelled.state is BookingState.CANCELLED
    await sign_in(browser, house.monitor, strong=True)
    assert "已取消" in (await browser.get("/officer")).text
