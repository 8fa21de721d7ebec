"""What is kept about a family: taken along, and erased as far and as soon as the law lets it go, page by page."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import clock
from core.db import Database
from core.ids import Ref
from ledger import read as ledger
from legalaid.means import LegalMeans
from notices import tasks as notices
from people.erasing import ERASED
from people.model import Identity, Role
from people.tables import RelationshipRow, RelativeRow, StaffRow
from recording import erasure, finding, holds, retention
from recording.erasure import ErasureState
from recording.erasure_table import ErasureRow
from recording.finding import Question
from recording.holds import Term
from recording.tables import KeyRow, RecordingRow, TrackRow
from scheduler.model import BookingView
from scheduler.tables import BanRow, BookingRow, VisitorRow
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web import erasing
from web.services import Services

TICKED = {"agreed": "1", "words": "不再使用"}


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def visit(db: Database, services: Services, house: Staffed) -> BookingView:
    made = await staffed.due_visit(db, house)
    await staffed.recorded(db, services, made, house, seconds=1)
    return made


async def over(db: Database, visit: BookingView) -> None:
    """The visit took place an hour ago, and no message is on its way."""
    async with db.write() as session:
        ended = clock.now() - timedelta(hours=1)
        values = {"state": "completed", "slot_ends_at": ended}
        await session.execute(update(BookingRow).where(BookingRow.id == visit.id).values(**values))
    while await notices.deliver_due(db, None):
        pass


async def carried_out(db: Database, services: Services) -> ErasureRow:
    """One turn of the worker, at a moment that is due."""
    legal_means = LegalMeans.of(services.settings.secret_key.get_secret_value(), services.means.limiter)
    async with db.write() as session:
        await session.execute(update(ErasureRow).values(next_at=clock.now()))
    assert await erasure.carry_out(db, erasing.parts(services.means, legal_means)) == 1
    async with db.read() as session:
        return (await session.scalars(select(ErasureRow))).one()


def kept(one: ErasureRow) -> dict[str, str]:
    return {line.what: line.why for line in erasure.lines_of(one) if line.kept}


async def names(db: Database, visit: BookingView) -> list[str]:
    async with db.read() as session:
        query = select(VisitorRow.name).where(VisitorRow.booking_id == visit.id).order_by(VisitorRow.name)
        return list(await session.scalars(query))


async def asked(browser: Browser, house: Staffed, sign_in: SignIn) -> str:
    """Mei asks; the path of her receipt."""
    await sign_in(browser, Ref("relative", house.place.mei))
    page = (await browser.send_form("/my-data/erasure", TICKED)).text
    return "/erased/" + page.split("/erased/")[1].split('"')[0]


async def agreed(db: Database, browser: Browser, house: Staffed, sign_in: SignIn) -> str:
    async with db.read() as session:
        one = (await session.scalars(select(ErasureRow.id))).one()
    await sign_in(browser, house.approver, strong=True)
    assert (await browser.send_form(f"/erasures/{one}/agree")).status_code == 303
    return one


async def test_a_family_takes_its_data_along(
    browser: Browser, visit: BookingView, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    assert "/my-data" in (await browser.get("/account")).text
    answer = await browser.get("/my-data/file")
    assert "attachment" in answer.headers["content-disposition"]
    content = answer.json()
    assert content["people"][0]["name"] == "林梅"
    assert content["people"][0]["document"]
    (one,) = content["visits"]
    assert one["reference"] == visit.reference
    assert one["recordings"][0]["state"] == "sealed"
    assert content["consents_and_steps"]
    await sign_in(browser, house.approver, strong=True)
    assert (await browser.get("/my-data/file")).status_code == 403


async def test_who_may_ask_and_who_decides(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    ahead = await browser.send_form("/my-data/erasure", TICKED)
    assert (ahead.status_code, visit.reference in ahead.text) == (422, True)
    await over(db, visit)
    assert "请勾选" in (await browser.send_form("/my-data/erasure", {})).text
    receipt = await asked(browser, house, sign_in)
    assert (await browser.send_form("/my-data/erasure", TICKED)).status_code == 409
    assert "等待决定" in (await another_browser.get(receipt)).text
    assert (await another_browser.get(receipt + "x")).status_code == 404
    async with db.write() as session:
        one = (await session.scalars(select(ErasureRow.id))).one()
        mei = await session.get_one(RelativeRow, house.place.mei)
        officer = await session.get_one(StaffRow, house.approver.id)
        before, officer.person_index = officer.person_index, mei.document_index
    await sign_in(another_browser, house.elsewhere, strong=True)
    assert (await another_browser.get(f"/erasures/{one}")).status_code in (403, 404)
    await sign_in(another_browser, house.monitor, strong=True)
    assert (await another_browser.get("/erasures")).status_code == 403
    await sign_in(another_browser, house.approver, strong=True)
    assert (
        await another_browser.send_form(f"/erasures/{one}/agree")
    ).status_code == 403  # their own family's
    async with db.write() as session:
        (await session.get_one(StaffRow, house.approver.id)).person_index = before
    assert "林梅" in (await another_browser.get("/erasures")).text
    assert (await another_browser.send_form(f"/erasures/{one}/refuse")).status_code == 422
    words = {"words": "案件尚未办结"}
    assert (await another_browser.send_form(f"/erasures/{one}/refuse", words)).status_code == 303
    assert (await another_browser.send_form(f"/erasures/{one}/agree")).status_code == 409
    assert "案件尚未办结" in (await another_browser.get(receipt)).text
    assert "案件尚未办结" in (await browser.get("/my-data")).text
    again = await asked(browser, house, sign_in)
    assert (await browser.send_form("/my-data/erasure/withdraw")).status_code == 303
    assert "已撤回" in (await another_browser.get(again)).text


async def test_what_the_law_lets_go_goes_and_the_rest_is_told_with_its_reason(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    await over(db, visit)
    receipt = await asked(browser, house, sign_in)
    erasure_id = await agreed(db, another_browser, house, sign_in)
    one = await carried_out(db, services)
    assert kept(one) == {"visits": "retention", "recordings": "retention", "entries": "ledger"}
    assert (await browser.get("/home")).status_code != 200  # signed out, for good
    async with db.read() as session:
        mei = await session.get_one(RelativeRow, house.place.mei)
        assert (mei.name, mei.phone, mei.document_sealed, mei.password_hash) == (ERASED, None, b"", None)
        assert (await session.get_one(RelationshipRow, house.place.mei_relationship)).state == "withdrawn"
    assert await names(db, visit) == ["林梅", "赵桂兰"]
    assert "保存到" in (await another_browser.get(receipt)).text

    await held_then_past(db, house, visit)
    assert await retention.delete_expired(db, services.settings) == 0
    assert kept(await carried_out(db, services))["recordings"] == "held"
    assert "被保全" in (await another_browser.get(f"/erasures/{erasure_id}")).text
    await released(db, house)
    assert await retention.delete_expired(db, services.settings) == 1
    one = await carried_out(db, services)
    assert (one.state, one.open_for, kept(one)) == (ErasureState.DONE, None, {"entries": "ledger"})
    assert await names(db, visit) == [ERASED, "赵桂兰"] or await names(db, visit) == ["赵桂兰", ERASED]
    await nothing_is_left(db, house, erasure_id)
    page = (await another_browser.get(receipt)).text
    assert "已删除 1 项" in page
    assert "林梅" not in page


async def held_then_past(db: Database, house: Staffed, visit: BookingView) -> None:
    later = clock.now() + timedelta(days=30)
    async with db.write() as session:
        await holds.place(session, _approver(house), visit.id, "court", "卷 3", Term(later, later))
        await session.execute(update(RecordingRow).values(keep_until=clock.now() - timedelta(days=1)))


async def released(db: Database, house: Staffed) -> None:
    async with db.write() as session:
        (hold,) = await holds.active(session, house.place.prison)
        await holds.release(session, _approver(house), hold.id, "结案")


def _approver(house: Staffed) -> Identity:
    who = frozenset({Role.APPROVER})
    return Identity("ses", house.approver, who, "郑警官", "zh", False, house.place.prison, True)


async def nothing_is_left(db: Database, house: Staffed, erasure_id: str) -> None:
    async with db.read() as session:
        tracks = {row[0]: row[1] for row in await session.execute(select(TrackRow.person_id, TrackRow.name))}
        assert tracks[house.place.mei] == ERASED
        assert (await session.scalars(select(KeyRow.wrapped))).all() == [None]
        found = await finding.visits(session, Question(house.place.prison, words="林梅"))
        assert found.bookings == ()
        entries = await ledger.about(session, Ref("erasure", erasure_id))
    assert [entry.tag.rpartition(":")[2] for entry in entries][:2] == ["asked", "agreed"]
    assert entries[-1].parsed()["kept"] == {"entries": [entries[-1].parsed()["kept"]["entries"][0], "ledger"]}
    assert "林梅" not in json.dumps([entry.details for entry in entries], ensure_ascii=False)
    assert (await ledger.verify(db)).intact


async def test_a_suspension_outlives_the_account(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    """Whoever may not visit for a month does not come back under another account."""
    today = clock.now().date()
    async with db.write() as session:
        session.add(
            BanRow(
                id="ban_1",
                prison_id=house.place.prison,
                relative_id=house.place.mei,
                first_day=today,
                last_day=today + timedelta(days=30),
                words="x",
                made_by_kind="officer",
                made_by_id=house.approver.id,
                made_at=clock.now(),
            )
        )
        index = (await session.get_one(RelativeRow, house.place.mei)).document_index
    await asked(browser, house, sign_in)
    async with db.write() as session:  # nobody visited yet, so the house itself decides
        await session.execute(update(ErasureRow).values(prison_id=house.place.prison))
    await agreed(db, another_browser, house, sign_in)
    one = await carried_out(db, services)
    assert kept(one)["account"] == "suspension"
    async with db.write() as session:
        assert (await session.get_one(RelativeRow, house.place.mei)).document_index == index
        await session.execute(update(BanRow).values(last_day=today - timedelta(days=1)))
    assert (await carried_out(db, services)).state == ErasureState.DONE
    async with db.read() as session:
        assert (await session.get_one(RelativeRow, house.place.mei)).document_index != index
