"""Planner, disruptions and roster on the real application, and the family's side of them, all without script."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from people import repository as people
from scheduler import befalling, flags, moves, offering, planner, plans, setup, wishes
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web import place, staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web import week_board
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def open_slot(db: Database, house: Staffed, hours: int) -> str:
    return await place.slot_at(db, house.place, place.soon(hours * 60))


async def test_from_wish_to_visit(browser: Browser, db: Database, house: Staffed, sign_in: SignIn) -> None:
    """A family without a device wishes for a booth, an officer plans and publishes, the visit is booked there."""
    await sign_in(browser, house.admin, strong=True)
    booth = {"booth": "城东司法所", "place": "长江路 1 号", "seats": "none"}
    assert (await browser.send_form("/admin/places/booths", booth)).status_code == 422
    assert (await browser.send_form("/admin/places/booths", booth | {"seats": "2"})).status_code == 303
    page = (await browser.get("/admin/places")).text
    assert "城东司法所" in page
    (booth_id,) = set(re.findall(r"/admin/places/booths/(\w+)/close", page))
    lending = f"/admin/places/booths/{booth_id}/lend"
    assert lending not in page  # who has one prison has nobody to lend to
    assert (await browser.send_form(lending, {"other": house.place.prison})).status_code == 404
    await open_slot(db, house, 48)
    day = (clock.now() + timedelta(hours=48)).astimezone(ZoneInfo(place.ZONE)).date()
    mei = house.place.mei
    await sign_in(browser, Ref("relative", mei))
    path = f"/wish/{house.place.inmate}"
    assert str(day) in (await browser.get(path)).text
    nothing = await browser.send_form(path, {"key": "k1", "visitor": house.place.mei_relationship})
    assert nothing.status_code == 422
    sent = await browser.send_form(
        path,
        {"key": "k2", "visitor": house.place.mei_relationship, "first": str(day), "booth": booth_id},
    )
    assert sent.headers["location"] == "/home"
    assert "等候安排" in (await browser.get("/home")).text

    await sign_in(browser, house.approver, strong=True)
    page = (await browser.get("/officer/planner")).text
    assert "陈志强" in page
    assert (await browser.send_form("/officer/planner", {"first": "x", "last": "y"})).status_code == 422
    today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
    week = {"first": str(today), "last": str(today + timedelta(days=6))}
    assert (await browser.send_form("/officer/planner", week)).status_code == 303
    assert "正在生成方案" in (await browser.get("/officer/planner")).text
    assert await planner.work(db) == 1
    ready = (await browser.get("/officer/planner")).text
    assert "1 份中的 1 份" in ready
    assert "没有比这更好的方案" in ready
    async with db.read() as session:
        plan = await plans.latest(session, house.place.prison)
    assert plan is not None
    assert '<svg class="bar"' in ready
    assert "各终端负荷" in ready
    for _ in range(2):  # pressed twice is pressed once
        assert (await browser.send_form(f"/officer/planner/{plan.id}/publish", {})).status_code == 303
    assert "还剩 1 项" in (await browser.get("/officer/planner/state")).text
    assert await planner.publish(db) == 1
    published = (await browser.get("/officer/planner/state")).text
    assert "已发布" in published
    assert "已获得安排" in published
    async with db.read() as session:
        (view,) = await schedule.of_relative(session, mei)
        assert await wishes.of_relative(session, mei) == []
    assert view.state is BookingState.APPROVED
    await sign_in(browser, Ref("relative", mei))
    assert "城东司法所 · 长江路 1 号" in (await browser.get(f"/bookings/{view.id}")).text
    await sign_in(browser, house.admin, strong=True)
    assert (await browser.send_form(f"/admin/places/booths/{booth_id}/close")).status_code == 303
    assert "城东司法所" not in (await browser.get("/admin/places")).text
    async with db.write() as session:
        await moves.move(session, SYSTEM, view.id, BookingState.CANCELLED)
    async with db.read() as session:
        board = await week_board.of(session, plan, place.ZONE, clock.now())
    assert (board.given, board.booked) == (1, 0)  # what the plan booked and is over was not booked before


async def test_a_plan_on_data_that_has_changed_says_what_was_gone(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    """Between planning and publishing the inmate is called to court: nothing is booked, and the page says why."""
    await open_slot(db, house, 48)
    starts_at = place.soon(48 * 60).astimezone(ZoneInfo(place.ZONE))
    await sign_in(browser, Ref("relative", house.place.mei))
    wish = {"key": "k1", "visitor": house.place.mei_relationship, "first": str(starts_at.date())}
    await browser.send_form(f"/wish/{house.place.inmate}", wish)
    await sign_in(browser, house.approver, strong=True)
    today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
    week = {"first": str(today), "last": str(today + timedelta(days=6))}
    await browser.send_form("/officer/planner", week)
    assert await planner.work(db) == 1
    async with db.read() as session:
        plan = await plans.latest(session, house.place.prison)
        inmate = await people.inmate(session, house.place.inmate)
    assert plan is not None
    assert inmate is not None
    court = {
        "kind": "court",
        "inmate": inmate.number,
        "from": f"{starts_at:%Y-%m-%d}T00:00",
        "till": f"{starts_at:%Y-%m-%d}T23:59",
    }
    assert (await browser.send_form("/officer/happenings", court)).status_code == 303
    assert (await browser.send_form(f"/officer/planner/{plan.id}/publish", {})).status_code == 303
    assert await planner.publish(db) == 0
    page = (await browser.get("/officer/planner")).text
    assert "发布时有些时间已不可用" in page
    (gone,) = re.findall(r"<caption>最终未预约.*?</table>", page, re.DOTALL)
    assert "陈志强" in gone
    assert "1 份中的 0 份" in page  # got a time: as it came out, not as it was planned
    assert re.search(r'<span class="wish-choice">[^<]*[一-鿿]', gone)  # why
    again = await browser.send_form(f"/officer/planner/{plan.id}/publish", {})  # it has been published
    assert again.status_code == 409
    async with db.read() as session:
        assert len(await wishes.of_relative(session, house.place.mei)) == 1  # still waits


async def test_a_court_date_moves_a_visit_with_one_tap(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    old = await staffed.requested_visit(db, house, minutes=26 * 60)
    await open_slot(db, house, 72)
    await sign_in(browser, house.monitor, strong=True)
    async with db.read() as session:
        inmate = await people.inmate(session, house.place.inmate)
    assert inmate is not None
    local = old.starts_at.astimezone(ZoneInfo(place.ZONE))
    form = {
        "kind": "court",
        "inmate": inmate.number,
        "from": f"{local - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "till": f"{local + timedelta(hours=2):%Y-%m-%dT%H:%M}",
    }
    assert (await browser.send_form("/officer/happenings", form | {"inmate": ""})).status_code == 422
    assert (await browser.send_form("/officer/happenings", form)).status_code == 303
    page = (await browser.get("/officer/happenings")).text
    assert "<strong>出庭</strong>" in page  # what befell, beside the family's sentence
    assert "家属未答复" in page
    await sign_in(browser, Ref("relative", house.place.mei))
    home = (await browser.get("/home")).text
    assert "接受这个时间" in home
    async with db.read() as session:
        offer = (await offering.of_bookings(session, [old.id]))[old.id]
    assert "您的会见改到另一个时间" in (await browser.get(f"/offers/{offer.id}")).text
    taken = await browser.send_form(f"/offers/{offer.id}/accept", {})
    assert taken.headers["location"] == f"/bookings/{offer.hold_id}"
    assert (await browser.send_form(f"/offers/{offer.id}/accept", {})).status_code == 303  # tapped twice
    async with db.read() as session:
        new = await schedule.get(session, offer.hold_id)
        assert await flags.open_in(session, house.place.prison) == []
    assert new.state is BookingState.APPROVED


async def test_an_officer_keeps_a_visit_with_a_reason(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    old = await staffed.requested_visit(db, house, minutes=26 * 60)
    await sign_in(browser, house.approver, strong=True)
    async with db.read() as session:
        inmate = await people.inmate(session, house.place.inmate)
    assert inmate is not None
    form = {"kind": "isolation", "inmate": inmate.number, "from": "", "till": ""}
    assert (await browser.send_form("/officer/happenings", form)).status_code == 303
    async with db.read() as session:
        (flag,) = await flags.open_in(session, house.place.prison)
    assert flag.booking_id == old.id
    empty = await browser.send_form(f"/officer/flags/{flag.id}/keep", {"words": " "})
    assert empty.status_code == 422
    assert "请写明保留这次会见的理由" in empty.text
    await browser.send_form(f"/officer/flags/{flag.id}/keep", {"words": "医生同意"})
    assert "所有已预约的会见都可以照常进行" in (await browser.get("/officer/happenings")).text


async def test_the_roster_of_a_week(browser: Browser, house: Staffed, sign_in: SignIn) -> None:
    await sign_in(browser, house.approver, strong=True)
    today = clock.now().astimezone(ZoneInfo(place.ZONE)).date()
    form = {
        "officer": house.monitor.id, "day": str(today), "starts": "08:30", "ends": "17:30",
        "break_starts": "12:00", "break_ends": "13:00", "at_once": "4",
    }  # fmt: skip
    for wrong in ({"at_once": "0"}, {"ends": "07:00", "starts": "06:00"}, {"break_starts": "x"}, {"day": ""}):
        assert (await browser.send_form("/officer/roster", form | wrong)).status_code == 422
    assert (await browser.send_form("/officer/roster", form)).status_code == 303
    page = (await browser.get(f"/officer/roster?week={today}")).text
    assert "08:30–17:30" in page
    assert "同时监督 4 路" in page
    shift = page.partition("/officer/roster/shf_")[2].partition("/")[0]
    await browser.send_form(f"/officer/roster/shf_{shift}/remove", {"week": str(today)})
    assert "08:30–17:30" not in (await browser.get(f"/officer/roster?week={today}")).text


@pytest.mark.parametrize("path", ["/officer/planner", "/officer/roster", "/officer/happenings"])
async def test_only_officers_see_them(browser: Browser, house: Staffed, sign_in: SignIn, path: str) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    assert (await browser.get(path)).status_code == 403
    await sign_in(browser, house.counsel, strong=True)
    assert (await browser.get(path)).status_code == 403


async def test_a_closed_day_ends_in_the_timetable(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    """Else its flags and offers would go while the day stays closed; nor is it entered among the disruptions."""
    day = (clock.now() + timedelta(hours=48)).astimezone(ZoneInfo(place.ZONE)).date()
    await sign_in(browser, house.approver, strong=True)
    by_hand = {"kind": "date-closed", "from": f"{day}T00:00", "till": ""}
    assert (await browser.send_form("/officer/happenings", by_hand)).status_code == 422
    async with db.write() as session:
        await befalling.close_date(session, SYSTEM, house.place.prison, day, "检修")
        (closed,) = await befalling.open_in(session, house.place.prison)
    page = (await browser.get("/officer/happenings")).text
    assert "在登记处解除" in page
    assert closed.id not in page
    answer = await browser.send_form(f"/officer/happenings/{closed.id}/close")
    assert answer.status_code == 409
    assert "时间表" in answer.text
    async with db.read() as session:
        assert len(await befalling.open_in(session, house.place.prison)) == 1


@pytest.mark.parametrize("whom", ["inmate", "relative", "pair"])
async def test_a_suspension_ends_when_it_is_lifted(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn, whom: str
) -> None:
    """Else whoever supervises could clear what it flagged while it stands; what was reported by hand is theirs."""
    async with db.read() as session:
        inmate = await people.inmate(session, house.place.inmate)
    assert inmate is not None
    await sign_in(browser, house.approver, strong=True)
    suspension = {
        "number": inmate.number,
        "whom": whom,
        "relative": house.place.mei,
        "days": "30",
        "words": "打架",
    }
    first = {"first": str(clock.now().astimezone(ZoneInfo(place.ZONE)).date())}
    assert (await browser.send_form("/approvals/suspensions", suspension | first)).status_code == 303
    async with db.read() as session:
        (going_on,) = await befalling.open_in(session, house.place.prison)
    await sign_in(browser, house.monitor, strong=True)
    over = f"/officer/happenings/{going_on.id}/close"
    assert over not in (await browser.get("/officer/happenings")).text
    assert (await browser.send_form(over)).status_code == 409
    by_hand = {"kind": "isolation", "inmate": inmate.number, "till": f"{place.soon(9999):%Y-%m-%dT%H:%M}"}
    assert (await browser.send_form("/officer/happenings", by_hand)).status_code == 303
    async with db.read() as session:
        (isolated,) = [one for one in await befalling.open_in(session, house.place.prison) if one != going_on]
    assert (await browser.send_form(f"/officer/happenings/{isolated.id}/close")).status_code == 303
    await sign_in(browser, house.approver, strong=True)
    (lift,) = re.findall(
        r"/approvals/suspensions/\w+/lift", (await browser.get("/approvals/suspensions")).text
    )
    assert (await browser.send_form(lift)).status_code == 303
    async with db.read() as session:
        assert await befalling.open_in(session, house.place.prison) == []


async def test_wishes_by_the_api(browser: Browser, db: Database, house: Staffed, sign_in: SignIn) -> None:
    await open_slot(db, house, 48)
    day = (clock.now() + timedelta(hours=48)).astimezone(ZoneInfo(place.ZONE)).date()
    await sign_in(browser, Ref("relative", house.place.mei))
    asked = {
        "inmate_id": house.place.inmate, "visitors": [house.place.mei_relationship], "key": "k",
        "choices": [{"rank": 0, "day": str(day), "starts": "00:00", "ends": "23:59"}],
    }  # fmt: skip
    token = {"x-csrf-token": browser.csrf}
    made = await browser.post("/api/v1/wishes", json=asked, headers=token)
    assert made.status_code == 201
    again = await browser.post("/api/v1/wishes", json=asked, headers=token)
    assert again.json()["id"] == made.json()["id"]
    assert [wish["id"] for wish in (await browser.get("/api/v1/wishes")).json()] == [made.json()["id"]]
    gone = await browser.delete(f"/api/v1/wishes/{made.json()['id']}", headers=token)
    assert gone.status_code == 204


async def test_a_rehearsal_shows_what_would_happen(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    old = await staffed.requested_visit(db, house, minutes=26 * 60)
    await sign_in(browser, house.approver, strong=True)
    assert "不作任何改动" in (await browser.get("/officer/rehearsal")).text
    assert (await browser.send_form("/officer/rehearsal", {"kind": "x"})).status_code == 422
    day = old.starts_at.astimezone(ZoneInfo(place.ZONE)).date()
    shown = await browser.send_form("/officer/rehearsal", {"kind": "lockdown", "day": str(day)})
    assert "这将影响 1 个预约，其中 1 个有其他时间" in shown.text
    assert "模拟 4 周" in shown.text
    async with db.read() as session:
        assert await flags.open_in(session, house.place.prison) == []


async def test_a_lawyer_who_is_away_and_a_blocked_room_are_reported(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    path = "/officer/lawyer-away"
    assert "律师缺席" in (await browser.get("/officer/happenings")).text
    assert (await browser.get(path)).status_code == 200
    assert (await browser.send_form(path, {"from": "soon", "till": ""})).status_code == 422
    async with db.write() as session:
        room = await setup.visit_room(session, SYSTEM, house.place.prison, "一号会见室")
    form = {"kind": "room-blocked", "room": room, "from": "", "till": ""}
    assert (await browser.send_form("/officer/happenings", form)).status_code == 303
    assert "一号会见室" in (await browser.get("/officer/happenings")).text
