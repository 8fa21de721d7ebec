"""Another time for a visit that stands, and other people, with the pages' own forms."""

import re

from core.db import Database
from core.ids import Ref
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from tests.web.test_booking import forms_of, tomorrow


async def visit(db: Database, here: Place) -> str:
    """Mei's visit of the day after tomorrow, asked for with Guilan."""
    return (await place.requested(db, here, await place.slot_at(db, here, place.soon(50 * 60)))).id


async def test_another_time_keeps_the_visit_until_the_prison_agrees(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    old = await visit(db, here)
    await sign_in(browser, Ref("relative", here.mei))
    assert f"/bookings/{old}/change" in (await browser.get(f"/bookings/{old}")).text
    the_month = await browser.get(f"/bookings/{old}/change")
    assert "监狱同意新时间之前" in the_month.text
    day = await browser.get(f"/bookings/{old}/change/{tomorrow()}")
    picks = [(action, hidden) for action, hidden in forms_of(day.text) if action.endswith("/hold")]
    assert {action for action, _ in picks} == {f"/bookings/{old}/change/hold"}
    held = (await browser.send_form(*picks[0])).headers["location"]
    new = held.split("/")[2]
    who = await browser.get(held)
    assert len(re.findall(r'name="visitor" value="\w+" checked', who.text)) == 2  # those who come so far
    chosen = [here.mei_relationship, here.guilan_relationship]
    answer = await browser.send_form(held, {"visitor": chosen})
    read_back = await browser.get(answer.headers["location"])
    assert "原来的会见仍然有效" in read_back.text
    (send,) = [hidden for action, hidden in forms_of(read_back.text) if action.endswith("/request")]
    await browser.send_form(f"/bookings/{new}/request", {**send, "visitor": chosen})
    assert "您申请改到这个时间" in (await browser.get(f"/bookings/{new}")).text
    assert "您已申请换时间" in (await browser.get(f"/bookings/{old}")).text
    again = await browser.get(f"/bookings/{old}/change")
    assert again.status_code == 409
    assert "已经申请过换时间" in again.text
    async with db.write() as session:
        await schedule.approve(session, here.officer, new)
    async with db.read() as session:
        states = [(await schedule.get(session, one)).state for one in (old, new)]
    assert states == [BookingState.WITHDRAWN, BookingState.APPROVED]


async def test_a_pick_given_back_leaves_the_visit_alone(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    old = await visit(db, here)
    await sign_in(browser, Ref("relative", here.mei))
    action, hidden = forms_of((await browser.get(f"/bookings/{old}/change")).text)[0]
    held = (await browser.send_form(action, hidden)).headers["location"]
    back = await browser.send_form(held.replace("/visitors", "/release"))
    assert back.headers["location"] == f"/bookings/{old}/change"
    async with db.read() as session:
        assert (await schedule.get(session, old)).state is BookingState.REQUESTED


async def test_a_time_taken_meanwhile_says_why_and_offers_others(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    old = await visit(db, here)
    await sign_in(browser, Ref("relative", here.mei))
    await sign_in(another_browser, Ref("relative", here.guilan))
    page = await browser.get(f"/bookings/{old}/change/{tomorrow()}")
    action, hidden = next(one for one in forms_of(page.text) if one[0].endswith("/hold"))
    await another_browser.send_form(f"/book/{here.inmate}/hold", hidden)
    refused = await browser.send_form(action, hidden)
    assert refused.status_code == 422
    assert "error-summary" in refused.text
    assert forms_of(refused.text)[0][0] == action  # the nearest others lead to the same change
    async with db.read() as session:
        assert (await schedule.get(session, old)).state is BookingState.REQUESTED


async def test_other_people_come_at_the_same_time(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    old = await visit(db, here)
    await sign_in(browser, Ref("relative", here.mei))
    path = f"/bookings/{old}/people"
    assert "林梅" in (await browser.get(path)).text
    nobody = await browser.send_form(path)
    assert nobody.status_code == 422
    alone = await browser.send_form(path, {"visitor": here.guilan_relationship})
    assert alone.headers["location"] == f"/bookings/{old}"
    page = (await browser.get(f"/bookings/{old}")).text
    assert "来访人员有更改" in page
    assert "林梅、赵桂兰" not in page
    await sign_in(another_browser, Ref("relative", here.stranger))
    for foreign in (path, f"/bookings/{old}/change"):
        assert (await another_browser.get(foreign)).status_code == 404
