"""A family without a device books by hand: the booth is chosen on the last page, goes along, and is told when full."""

import re

from core.db import Database
from core.ids import SYSTEM, Ref
from people import service as people
from people.forms import StaffForm
from scheduler import booths
from scheduler import service as schedule
from scheduler.model import BookingView
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from tests.web.test_booking import forms_of, pick


async def sits(db: Database, booking_id: str) -> str | None:
    async with db.read() as session:
        found = (await booths.of_bookings(session, [booking_id])).get(booking_id)
    return found.name if found else None


async def get(db: Database, booking_id: str) -> BookingView:
    async with db.read() as session:
        return await schedule.get(session, booking_id)


async def test_a_booth_is_chosen_when_booking_and_goes_along(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    first = await pick(browser, here)
    chosen = f"?visitor={here.mei_relationship}"
    assert "您在哪里参加会见" not in (await browser.get(f"/bookings/{first}/confirm{chosen}")).text
    async with db.write() as session:
        booth = await booths.create(session, SYSTEM, here.prison, "城东司法所", "长江路 1 号", 1)
    page = (await browser.get(f"/bookings/{first}/confirm{chosen}")).text
    assert "城东司法所 · 长江路 1 号" in page
    (form,) = [hidden for action, hidden in forms_of(page) if action.endswith("/request")]
    await browser.send_form(f"/bookings/{first}/request", {**form, "booth": booth})
    assert "城东司法所 · 长江路 1 号" in (await browser.get(f"/bookings/{first}")).text
    people = f"/bookings/{first}/people"
    assert f'value="{booth}" selected' in (await browser.get(people)).text
    for where, name in (("", None), (booth, "城东司法所")):
        given = {"visitor": here.mei_relationship, "booth": where}
        assert (await browser.send_form(people, given)).status_code == 303
        assert await sits(db, first) == name
    day = (await browser.get(f"/bookings/{first}/change")).text
    action, hidden = forms_of(day)[0]
    second = (await browser.send_form(action, hidden)).headers["location"].split("/")[2]
    page = (await browser.get(f"/bookings/{second}/confirm{chosen}")).text
    assert f'value="{booth}" selected' in page
    (form,) = [hidden for action, hidden in forms_of(page) if action.endswith("/request")]
    await browser.send_form(f"/bookings/{second}/request", {**form, "booth": booth})
    assert await sits(db, second) == await sits(db, first) == "城东司法所"


async def test_a_full_booth_is_told_and_the_pick_stays(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    booking_id = await pick(browser, here)
    view = await get(db, booking_id)
    async with db.write() as session:
        booth = await booths.create(session, SYSTEM, here.prison, "城东司法所", "长江路 1 号", 1)
        await booths.take(session, booth, view.starts_at, view.slot_ends_at, "bkg_other")
    path = f"/bookings/{booking_id}/confirm?visitor={here.mei_relationship}"
    page = (await browser.get(path)).text
    assert "会见点已没有空位" in page
    assert not re.search(r'<select[^>]*name="booth"', page)
    (form,) = [hidden for action, hidden in forms_of(page) if action.endswith("/request")]
    late = await browser.send_form(f"/bookings/{booking_id}/request", {**form, "booth": booth})
    assert late.status_code == 422
    assert "所选的会见点此时没有空位" in late.text
    assert (await get(db, booking_id)).state == "held"


async def test_a_program_names_a_booth_too(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    booking_id = await pick(browser, here)
    async with db.write() as session:
        booth = await booths.create(session, SYSTEM, here.prison, "城东司法所", "长江路 1 号", 1)
    wish = {"relationship_ids": [here.mei_relationship], "key": "a-long-key", "booth_id": booth}
    answer = await browser.post(
        f"/api/v1/bookings/{booking_id}/request", json=wish, headers={"x-csrf-token": browser.csrf}
    )
    assert answer.status_code == 200, answer.text
    assert await sits(db, booking_id) == "城东司法所"


async def test_who_looks_after_several_prisons_shares_a_booth(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    async with db.write() as session:
        other = await schedule.create_prison(session, SYSTEM, name="南山监狱", zone=place.ZONE, policy="demo")
        booth = await booths.create(session, SYSTEM, here.prison, "城东司法所", "长江路 1 号", 1)
        form = StaffForm("sheng", "省局", "admin", (), None)
        made = await people.create_staff(session, SYSTEM, form)
    await sign_in(browser, Ref("admin", made.staff_id), strong=True)
    path, lending = f"/admin/places?prison={other}", f"/admin/places/booths/{booth}/lend"
    assert "城东司法所" not in (await browser.get(path)).text
    lent = {"prison": here.prison, "other": other}
    assert (await browser.send_form(lending, lent | {"other": "prs_none"})).status_code == 404
    assert (await browser.send_form(lending, lent)).status_code == 303
    shown = (await browser.get(path)).text
    assert "城东司法所" in shown
    assert f"/admin/places/booths/{booth}/close" not in shown  # it is the other prison's to close
    assert (await browser.send_form(lending, lent | {"back": "1"})).status_code == 303
    assert "城东司法所" not in (await browser.get(path)).text
