"""One set of weekly times: rehearsing its end, and moving its visits to other times."""

from datetime import time

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM
from scheduler import service as schedule
from scheduler import templates
from scheduler.model import VisitorChoice
from scheduler.tables import SlotRow
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def test_an_end_is_rehearsed_and_visits_go_over_all_or_none(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    place = house.place
    mei = place.identity(place.mei)
    async with db.read() as session:
        choice = await schedule.choice(session, mei, place.inmate)
        picked = next(slot for slot, offer in choice.slots if offer.offered and slot.day > clock.now().date())
        slot = await session.get_one(SlotRow, picked.id)
        found = await templates.templates_of(session, place.prison)
    source = next(row for row in found if row.id == slot.template_id)
    async with db.write() as session:
        held = await schedule.hold(session, mei, place.inmate, picked.id, "k")
        view = await schedule.request(session, mei, held.id, [VisitorChoice(place.mei_relationship)], "k")
        fitting = await schedule.create_template(
            session, SYSTEM, place.prison, weekday=source.weekday, starts=source.starts, count=4, name="新"
        )
        late = await schedule.create_template(
            session, SYSTEM, place.prison, weekday=source.weekday, starts=time(20), count=1
        )
    await sign_in(browser, house.admin, strong=True)
    path = f"/admin/timetable/templates/{source.id}"
    page = (await browser.get(path)).text
    assert view.reference in page
    assert f"/admin/timetable/templates/{fitting}" in page  # it overlaps
    rehearsed = (await browser.send_form(f"{path}/rehearse")).text
    assert "此改动影响 1 场已约会见，其中 1 场有其他时间可换" in rehearsed
    refused = await browser.send_form(f"{path}/move", {"target": late})
    assert refused.status_code == 422
    assert f"{view.reference}：另一时间表" in refused.text
    assert (await browser.send_form(f"{path}/move", {"target": fitting})).status_code == 303
    assert "这些时段还没有人预约" in (await browser.get(path)).text
    assert view.reference in (await browser.get(f"/admin/timetable/templates/{fitting}")).text
    assert (await browser.send_form(f"{path}/end")).status_code == 303
    assert (await browser.get(path)).status_code == 404
    await sign_in(browser, house.approver, strong=True)
    assert (await browser.get(f"/admin/timetable/templates/{fitting}")).status_code == 403
