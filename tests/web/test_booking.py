"""Booking in a few screens, with the pages' own forms: nothing but what a browser without scripts does."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.db import Database
from core.ids import Ref, new_id
from policy import service as rules
from scheduler import service as schedule
from scheduler.model import BookingState, DayOffer, SlotOffer
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from web import month

Forms = list[tuple[str, dict[str, str]]]


def forms_of(page: str) -> Forms:
    """(action, hidden fields) of each form between <main> and </main>."""
    main = page.split("<main")[1].split("</main>", maxsplit=1)[0]
    found = []
    for attributes, body in re.findall(r"<form ([^>]*)>(.*?)</form>", main, re.DOTALL):
        action = re.search(r'action="([^"]*)"', attributes)
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', body))
        hidden.pop("csrf", None)
        found.append((action.group(1) if action else "", hidden))
    return found


def tomorrow() -> date:
    return (datetime.now(ZoneInfo(place.ZONE)) + timedelta(days=1)).date()


async def pick(browser: Browser, here: Place, number: int = 0) -> str:
    """Takes the n-th free time of tomorrow; answers the booking's id."""
    day = await browser.get(f"/book/{here.inmate}/{tomorrow()}")
    offered = [hidden for action, hidden in forms_of(day.text) if action.endswith("/hold")]
    held = await browser.send_form(f"/book/{here.inmate}/hold", offered[number])
    assert held.status_code == 303, held.text
    (booking_id,) = re.findall(r"/bookings/(\w+)/visitors", held.headers["location"])
    return str(booking_id)


async def test_from_the_month_to_the_answer_in_five_screens(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    screens = 1
    the_month = await browser.get(f"/book/{here.inmate}")
    assert re.search(
        r'class="day day--free" href="/book/\w+/\d{4}-\d\d-\d\d" aria-label="[^"]+可约"', the_month.text
    )
    screens += 1
    booking_id = await pick(browser, here)
    who = await browser.get(f"/bookings/{booking_id}/visitors")
    screens += 1
    assert "data-remaining-ms" in who.text
    assert f'value="{here.mei_relationship}" checked' in who.text
    chosen = [here.mei_relationship, here.guilan_relationship]
    answer = await browser.send_form(f"/bookings/{booking_id}/visitors", {"visitor": chosen})
    read_back = await browser.get(answer.headers["location"])
    screens += 1
    assert "林梅、赵桂兰" in read_back.text
    (send,) = [hidden for action, hidden in forms_of(read_back.text) if action.endswith("/request")]
    sent = await browser.send_form(f"/bookings/{booking_id}/request", {**send, "visitor": chosen})
    done = await browser.get(sent.headers["location"])
    screens += 1
    assert screens <= 5
    assert "预约已提交" in done.text
    assert re.search(r"最迟 .+\d\d:\d\d 答复", done.text)
    async with db.read() as session:
        view = await schedule.get(session, booking_id)
    assert view.state is BookingState.REQUESTED
    assert {visitor.name for visitor in view.visitors} == {"林梅", "赵桂兰"}


async def test_sending_twice_books_once(browser: Browser, sign_in: SignIn, here: Place, db: Database) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    booking_id = await pick(browser, here)
    page = await browser.get(f"/bookings/{booking_id}/confirm?visitor={here.mei_relationship}")
    (form,) = [hidden for action, hidden in forms_of(page.text) if action.endswith("/request")]
    answers = await asyncio.gather(
        *(browser.send_form(f"/bookings/{booking_id}/request", form) for _ in range(3))
    )
    assert {answer.headers["location"] for answer in answers} == {f"/bookings/{booking_id}?sent=1"}
    async with db.read() as session:
        assert len(await schedule.of_relative(session, here.mei)) == 1


async def test_picking_twice_from_one_page_picks_once(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    page = await browser.get(f"/book/{here.inmate}")
    action, hidden = forms_of(page.text)[0]
    first = await browser.send_form(action, hidden)
    second = await browser.send_form(action, hidden)
    assert first.headers["location"] == second.headers["location"]


async def test_a_page_from_before_picks_anew_after_the_pick_was_given_back(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    page = await browser.get(f"/book/{here.inmate}")
    action, hidden = forms_of(page.text)[0]
    first = (await browser.send_form(action, hidden)).headers["location"]
    back = await browser.send_form(first.replace("/visitors", "/release"))
    assert back.headers["location"] == f"/book/{here.inmate}"
    again = await browser.send_form(action, hidden)
    assert again.status_code == 303
    assert again.headers["location"] != first


async def test_a_taken_time_says_why_and_offers_the_nearest(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    await sign_in(another_browser, Ref("relative", here.guilan))
    day = await another_browser.get(f"/book/{here.inmate}/{tomorrow()}")
    offered = [hidden for action, hidden in forms_of(day.text) if action.endswith("/hold")]
    await pick(browser, here)
    late = await another_browser.send_form(f"/book/{here.inmate}/hold", offered[0])
    assert late.status_code == 422
    assert 'role="alert"' in late.text
    nearest = [hidden for action, hidden in forms_of(late.text) if action.endswith("/hold")]
    assert offered[0]["slot_id"] not in {hidden["slot_id"] for hidden in nearest}
    assert nearest
    page = await another_browser.get(f"/book/{here.inmate}/{tomorrow()}")
    assert "slot--not" in page.text


async def test_nobody_chosen_is_told_at_the_field(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    booking_id = await pick(browser, here)
    answer = await browser.send_form(f"/bookings/{booking_id}/visitors")
    assert answer.status_code == 422
    assert 'id="visitor-error"' in answer.text


async def test_what_ran_out_is_said_so_and_not_lost(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    booking_id = await pick(browser, here)
    page = await browser.get(f"/bookings/{booking_id}/confirm?visitor={here.mei_relationship}")
    (form,) = [hidden for action, hidden in forms_of(page.text) if action.endswith("/request")]
    await browser.send_form(f"/bookings/{booking_id}/release")
    late = await browser.send_form(f"/bookings/{booking_id}/request", form)
    assert late.status_code == 422
    assert 'role="alert"' in late.text
    moved = await browser.get(f"/bookings/{booking_id}/visitors")
    assert moved.headers["location"] == f"/bookings/{booking_id}"


@pytest.mark.parametrize(
    ("used_by", "told_of_it"),
    [(["completed"], "本次会见不计入会见次数"), (["completed", "late-withdrawal"], "本次会见计入会见次数")],
)
async def test_a_booking_is_withdrawn_late_and_its_story_told(
    browser: Browser, sign_in: SignIn, here: Place, db: Database, used_by: list[str], told_of_it: str
) -> None:
    async with db.write() as session:
        drafted = await rules.draft(session, Ref("admin", "one"), here.prison, {"consumed_by": used_by}, ())
        await rules.approve(session, Ref("admin", "two"), drafted)
    view = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(180)))
    await sign_in(browser, Ref("relative", here.mei))
    page = await browser.get(f"/bookings/{view.id}")
    assert view.reference in page.text
    told = re.findall(r'class="timeline-text">([^<]+)<', page.text)
    assert told == [
        "选了时间。",
        "预约已提交给监狱。",
        "监狱已批准。",
        "已安排终端。",
        "全部确定，已通知各方。",
    ]
    assert (await browser.send_form(f"/bookings/{view.id}/withdraw")).status_code == 303
    after = await browser.get(f"/bookings/{view.id}")
    assert "您已撤回" in after.text
    assert told_of_it in after.text
    assert "不占您的会见次数" not in after.text
    assert "/withdraw" not in after.text


async def test_another_family_sees_nothing_and_changes_nothing(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    view = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(180)))
    await sign_in(browser, Ref("relative", here.stranger))
    for path in (f"/bookings/{view.id}", f"/bookings/{view.id}/visitors", f"/book/{here.inmate}"):
        assert (await browser.get(path)).status_code == 404, path
    for act in ("withdraw", "release", "request"):
        assert (
            await browser.send_form(f"/bookings/{view.id}/{act}", {"key": new_id("key")})
        ).status_code == 404
    async with db.read() as session:
        assert (await schedule.get(session, view.id)).state is BookingState.CONFIRMED


async def test_who_only_comes_along_sees_the_visit_and_cannot_withdraw_it(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    view = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(180)))
    await sign_in(browser, Ref("relative", here.guilan))
    page = await browser.get(f"/bookings/{view.id}")
    assert page.status_code == 200
    assert "/withdraw" not in page.text
    assert (await browser.send_form(f"/bookings/{view.id}/withdraw")).status_code == 404


async def test_a_month_out_of_reach_is_shown_as_the_nearest_in_reach(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    for text in ("1999-01", "2999-12", "nonsense"):
        answer = await browser.get(f"/book/{here.inmate}?month={text}")
        assert answer.status_code == 200
        assert 'class="month"' in answer.text
    assert (await browser.get(f"/book/{here.inmate}/nonsense")).status_code == 422


def test_a_month_is_weeks_from_monday_without_those_that_are_over() -> None:
    first = date(2026, 11, 1)
    slot = SlotOffer("slt_1", datetime(2026, 11, 26, 1, tzinfo=UTC), 30, 1, ())
    grid = month.grid(first, [DayOffer(date(2026, 11, 26), (slot,))], date(2026, 11, 22))
    assert [week[0].date.weekday() for week in grid.weeks] == [0] * len(grid.weeks)
    assert grid.weeks[0][0].date == date(2026, 11, 16)
    thursday = grid.weeks[1][3]
    assert (thursday.date.day, thursday.slots, thursday.free, thursday.inside) == (26, 1, 1, True)
    assert grid.weeks[-1][-1].inside is False
    assert month.following(date(2026, 12, 1)) == date(2027, 1, 1)
    assert month.preceding(date(2027, 1, 1)) == date(2026, 12, 1)
