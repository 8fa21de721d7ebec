"""Visits that belong together on the family's pages: all or none."""

import re

from core.db import Database
from core.ids import SYSTEM, Ref
from scheduler import booths
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from tests.web.test_booking import tomorrow


async def test_all_parts_are_asked_for_and_withdrawn_together(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    path = f"/book/{here.inmate}/parts"
    page = (await browser.get(f"{path}?day={tomorrow()}")).text
    (key,) = re.findall(r'name="key" value="([^"]+)"', page)
    select = page.split('id="main_slot"')[1].split("</select>")[0]
    first, second, third = re.findall(r'<option value="(slt_\w+)"', select)[:3]
    both = [here.mei_relationship, here.guilan_relationship]
    form = {"day": str(tomorrow()), "key": key, "pre_slot": first, "main_slot": second, "visitor": both}
    wrongs: tuple[dict[str, object], ...] = (
        {"main_slot": ""},
        {"visitor": []},
        {"pre_slot": third},
        {"pre_slot": second},
    )
    for wrong in wrongs:
        answer = await browser.send_form(path, {**form, **wrong})
        assert answer.status_code == 422, wrong
    assert 'name="booth"' not in page
    async with db.write() as session:
        booth = await booths.create(session, SYSTEM, here.prison, "城东司法所", "长江路 1 号", 1)
    assert "城东司法所 · 长江路 1 号" in (await browser.get(path)).text
    form["booth"] = booth
    sent = await browser.send_form(path, form)
    assert sent.status_code == 303
    again = await browser.send_form(path, form)
    assert again.headers["location"] == sent.headers["location"]
    async with db.read() as session:
        views = await schedule.of_relative(session, here.mei)
        sits = await booths.of_bookings(session, [view.id for view in views])
    assert sorted(view.part for view in views) == ["main", "pre"]
    assert [one.name for one in sits.values()] == ["城东司法所"] * 2
    main = sent.headers["location"].partition("?")[0]
    page = (await browser.get(main)).text
    assert "与以下会见连在一起" in page
    assert (await browser.get(f"{main}/change")).status_code == 409  # not one of them alone
    await sign_in(another_browser, Ref("relative", here.guilan))
    assert (await another_browser.send_form(f"{main}/parts/withdraw")).status_code == 404
    assert (await browser.send_form(f"{main}/parts/withdraw")).status_code == 303
    async with db.read() as session:
        views = await schedule.of_relative(session, here.mei)
    assert {view.state for view in views} == {BookingState.WITHDRAWN}
