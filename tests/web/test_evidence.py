"""Holding, reviewing and releasing on the pages; who may do what, in which prison."""

from datetime import timedelta

import pytest

import ledger.read
from core import clock as core_clock
from core.db import Database
from recording import days, holds, recheck
from recording import service as recordings
from recording.model import RecordingState
from recording.retention import delete_expired
from scheduler.model import BookingView
from tests.conftest import FakeClock
from tests.recording.test_days import unguarded
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def visit(db: Database, services: Services, house: Staffed) -> BookingView:
    """A visit that was recorded and sealed."""
    made = await staffed.due_visit(db, house)
    await staffed.recorded(db, services, made, house, seconds=1)
    return made


def wish(until: int = 90, review: int = 30) -> dict[str, object]:
    today = core_clock.now().astimezone(staffed.zone()).date()
    days = {"until": today + timedelta(days=until), "review": today + timedelta(days=review)}
    return {"reason": "court", "words": "卷 17", **{name: day.isoformat() for name, day in days.items()}}


async def placed(browser: Browser, db: Database, visit: BookingView) -> str:
    answer = await browser.send_form(f"/evidence/visits/{visit.id}/hold", wish())
    assert answer.headers["location"] == "/evidence"
    async with db.read() as session:
        return (await holds.of_booking(session, visit.id))[-1].id


async def test_from_the_hold_to_its_release(
    browser: Browser,
    db: Database,
    services: Services,
    clock: FakeClock,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    assert "没有保全的录像" in (await browser.get("/evidence")).text
    assert f"/evidence/visits/{visit.id}/hold" in (await browser.get(f"/recordings/{visit.id}")).text
    hold_id = await placed(browser, db, visit)
    listed = (await browser.get("/evidence")).text
    assert "法院或检察院调取" in listed
    assert "卷 17" in listed
    assert "2027年2月19日" in listed  # the day that was entered
    assert hold_id not in listed  # who supervises cannot release
    assert "保全中" in (await browser.get(f"/recordings/{visit.id}")).text
    clock.move(days=31)
    assert await delete_expired(db, services.settings) == 0
    await sign_in(browser, house.approver, strong=True)
    overdue = (await browser.get("/evidence")).text
    assert "已逾期" in overdue or "逾期" in overdue
    assert (await browser.get(f"/evidence/holds/{hold_id}")).status_code == 200
    kept = await browser.send_form(f"/evidence/holds/{hold_id}/keep", wish())
    assert kept.headers["location"] == "/evidence"
    released = await browser.send_form(f"/evidence/holds/{hold_id}/release", {"words": "结案"})
    assert released.headers["location"] == "/evidence"
    assert await delete_expired(db, services.settings) == 1
    door = (await browser.get(f"/recordings/{visit.id}")).text
    assert "已到期删除" in door
    assert f"/evidence/visits/{visit.id}/hold" not in door
    async with db.read() as session:
        (take,) = await recordings.of_booking(session, visit.id)
    assert take.state is RecordingState.DELETED
    late = await browser.send_form(f"/evidence/visits/{visit.id}/hold", wish())
    assert late.status_code == 409
    assert "不能再保全" in late.text


async def test_damage_is_red_on_every_page_that_shows_it(
    browser: Browser,
    db: Database,
    services: Services,
    clock: FakeClock,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    assert "尚未复查" in (await browser.get("/evidence")).text
    async with db.read() as session:
        (take,) = await recordings.of_booking(session, visit.id)
        path = await recordings.path_of(session, services.settings, take.id) / take.tracks[0].file_name
    path.write_bytes(path.read_bytes() + b"x")
    assert await recheck.recheck(db, services.settings, rate=1e12) == 1
    for page in ("/evidence", f"/recordings/{visit.id}"):
        text = (await browser.get(page)).text
        assert "band--red" in text
        assert "有文件被改动" in text
        assert path.name in text
    assert "已损毁" in (await browser.get("/recordings")).text
    assert "kinbridge_recordings_damaged 1.0" in (await browser.get("/metrics")).text
    await sign_in(browser, house.admin, strong=True)
    assert "损毁 1。" in (await browser.get("/admin")).text
    await sign_in(browser, house.elsewhere, strong=True)
    assert path.name not in (await browser.get("/evidence")).text


async def test_sealed_days_are_listed(
    browser: Browser, db: Database, services: Services, clock: FakeClock, house: Staffed, sign_in: SignIn
) -> None:
    clock.move(days=1)
    await days.seal_days(db, services.settings)
    await sign_in(browser, house.admin, strong=True)
    page = (await browser.get("/evidence")).text
    async with db.read() as session:
        (row,) = await days.latest(session, 7)
    assert "2026-11-21" in page
    assert row.root in page


async def test_a_ledger_that_was_cut_off_is_red(
    browser: Browser, db: Database, services: Services, clock: FakeClock, house: Staffed, sign_in: SignIn
) -> None:
    clock.move(days=1)
    await days.seal_days(db, services.settings)
    await sign_in(browser, house.admin, strong=True)
    assert "全部相符" in (await browser.send_form("/admin/ledger/verify")).text
    async with db.read() as session:
        (row,) = await days.latest(session, 1)
        (before,) = await ledger.read.latest(session, before=row.last_seq, limit=1)
    await unguarded(
        db,
        f"DELETE FROM ledger_entry WHERE seq > {before.seq}",
        f"UPDATE ledger_head SET seq = {before.seq}, digest = '{before.digest}'",
    )
    page = (await browser.send_form("/admin/ledger/verify")).text
    assert "与 2026-11-21 的封存不符" in page


async def test_what_is_wrong_stands_at_its_field(
    browser: Browser, db: Database, visit: BookingView, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.approver, strong=True)
    way = f"/evidence/visits/{visit.id}/hold"
    refused = await browser.send_form(way, {"words": "卷 17", "until": "soon"})
    assert refused.status_code == 422
    for text in ("请选择保全理由。", "请填写预计保全到哪一天", "请填写复核日期", "卷 17"):
        assert text in refused.text
    hold_id = await placed(browser, db, visit)
    for decision in ("keep", "release"):
        refused = await browser.send_form(f"/evidence/holds/{hold_id}/{decision}", {"words": " "})
        assert refused.status_code == 422
        assert "请用几句话说明理由" in refused.text
    assert (await browser.send_form(f"/evidence/holds/{hold_id}/burn", {})).status_code == 404
    async with db.read() as session:
        assert [one.id for one in await holds.of_booking(session, visit.id)] == [hold_id]


async def test_only_those_who_may_and_only_their_own(
    browser: Browser, db: Database, visit: BookingView, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.admin, strong=True)
    hold_id = await placed(browser, db, visit)
    assert hold_id in (await browser.get("/evidence")).text
    await sign_in(browser, house.elsewhere, strong=True)
    assert visit.reference not in (await browser.get("/evidence")).text
    for path in (f"/evidence/visits/{visit.id}/hold", f"/evidence/holds/{hold_id}"):
        assert (await browser.get(path)).status_code == 404
    assert (await browser.send_form(f"/evidence/holds/{hold_id}/release", {"words": "x"})).status_code == 404
    await sign_in(browser, house.monitor, strong=True)
    assert (await browser.send_form(f"/evidence/holds/{hold_id}/release", {"words": "x"})).status_code == 403
    await sign_in(browser, house.counsel, strong=True)
    assert (await browser.get("/evidence")).status_code == 403
