"""What is kept about those who work here: taken along, and erased as far as their acts let it, page by page."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import clock
from core.db import Database
from core.ids import Ref
from ledger import read as ledger
from legalaid.case_tables import CaseRow
from legalaid.meeting_tables import MeetingRow
from legalaid.tables import DeskRow, LawyerRow
from people.erasing import ERASED
from people.tables import SessionRow, StaffRow
from recording import erasure, retention
from recording.erasure import ErasureState
from recording.erasure_table import ErasureRow
from recording.tables import RecordingRow
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from tests.web.test_erasure import TICKED, carried_out, kept
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def asked(browser: Browser, who: Ref, sign_in: SignIn) -> str:
    """The path of the receipt."""
    await sign_in(browser, who, strong=True)
    page = (await browser.send_form("/account/data/erasure", TICKED)).text
    return "/erased/" + page.split("/erased/")[1].split('"')[0]


async def agreed(db: Database, browser: Browser, house: Staffed, sign_in: SignIn) -> None:
    async with db.read() as session:
        one = (await session.scalars(select(ErasureRow.id))).one()
    await sign_in(browser, house.admin, strong=True)
    assert (await browser.send_form(f"/erasures/{one}/agree")).status_code == 303


async def account(db: Database, who: Ref) -> StaffRow:
    async with db.read() as session:
        return await session.get_one(StaffRow, who.id)


async def test_somebody_who_works_here_takes_their_data_along(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.counsel, strong=True)
    assert "/account/data" in (await browser.get("/account/security")).text
    assert "/account/data/file" in (await browser.get("/account/data")).text
    answer = await browser.get("/account/data/file")
    assert "attachment" in answer.headers["content-disposition"]
    told = answer.json()
    assert (told["account"]["username"], told["account"]["kind"]) == ("sunlan", "counsel")
    assert len(told["account"]["signed_in"]) == 1
    assert told["changes_of_the_account"][0]["what"].endswith(":account:created")
    async with db.read() as session:
        tags = [entry.tag for entry in await ledger.about(session, house.counsel)]
    assert tags[-1] == "counsel:data:taken"
    await sign_in(browser, Ref("relative", house.place.mei))
    assert (await browser.get("/account/data/file")).status_code == 403


async def test_nobody_decides_on_their_own_account_and_the_last_administrator_stays(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.admin, strong=True)
    assert (await browser.send_form("/account/data/erasure", TICKED)).status_code == 422
    async with db.write() as session:
        (await session.get_one(StaffRow, house.elsewhere.id)).kind = "admin"
    assert (await browser.send_form("/account/data/erasure", {})).status_code == 422
    await asked(browser, house.admin, sign_in)
    async with db.read() as session:
        one = (await session.scalars(select(ErasureRow.id))).one()
    assert (await browser.send_form(f"/erasures/{one}/agree")).status_code == 403
    assert (await browser.send_form("/account/data/erasure/withdraw")).status_code == 303


async def test_an_account_without_acts_goes_whole(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    receipt = await asked(browser, house.counsel, sign_in)
    await agreed(db, another_browser, house, sign_in)
    one = await carried_out(db, services)
    assert (one.state, kept(one)) == (ErasureState.DONE, {"entries": "ledger"})
    row = await account(db, house.counsel)
    assert (row.name, row.active, row.password_hash, row.totp_sealed) == (ERASED, False, None, None)
    assert row.username == f"erased:{row.id}"
    async with db.read() as session:
        sessions = select(SessionRow.id).where(SessionRow.subject_id == row.id)
        assert (await session.scalars(sessions)).all() == []
    assert (await browser.get("/account/data")).status_code != 200
    assert "sunlan" not in (await another_browser.get(receipt)).text


async def test_an_officers_name_stays_as_long_as_a_recording_of_what_they_watched(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    await staffed.recorded(db, services, await staffed.due_visit(db, house), house, seconds=1)
    receipt = await asked(browser, house.approver, sign_in)
    await agreed(db, another_browser, house, sign_in)
    one = await carried_out(db, services)
    assert kept(one) == {"supervised": "retention", "staff-name": "retention", "entries": "ledger"}
    (line,) = [line for line in erasure.lines_of(one) if line.what == "staff-name"]
    async with db.write() as session:
        row = (await session.scalars(select(RecordingRow))).one()
        assert line.until == row.keep_until.isoformat(timespec="seconds")
        await session.execute(update(RecordingRow).values(keep_until=clock.now() - timedelta(days=1)))
    named = await account(db, house.approver)
    assert (named.name == ERASED, named.active) == (False, False)
    assert "保存到" in (await another_browser.get(receipt)).text
    assert await retention.delete_expired(db, services.settings) == 1
    one = await carried_out(db, services)
    assert (one.state, kept(one)) == (ErasureState.DONE, {"entries": "ledger"})
    assert (await account(db, house.approver)).name == ERASED


async def test_a_lawyers_acts_keep_the_name_and_work_at_hand_comes_first(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    await with_acts(db, house)
    await sign_in(browser, house.counsel, strong=True)
    ahead = await browser.send_form("/account/data/erasure", TICKED)
    assert (ahead.status_code, "LA-1" in ahead.text) == (422, True)
    async with db.write() as session:
        await session.execute(update(CaseRow).values(ended_at=clock.now()))
    receipt = await asked(browser, house.counsel, sign_in)
    await agreed(db, another_browser, house, sign_in)
    one = await carried_out(db, services)
    assert one.state == ErasureState.DONE  # what stays, stays for good
    assert kept(one) == {"legal-acts": "acts", "staff-name": "acts", "entries": "ledger"}
    row = await account(db, house.counsel)
    assert (row.name != ERASED, row.active) == (True, False)
    async with db.read() as session:
        assert (await session.get_one(LawyerRow, row.id)).feed_digest is None
    assert "受援人随时可以知道由谁负责" in (await another_browser.get(receipt)).text


async def with_acts(db: Database, house: Staffed) -> None:
    """A meeting that is over and a case that is not."""
    now, prison, inmate = clock.now(), house.place.prison, house.place.inmate
    async with db.write() as session:
        session.add(
            DeskRow(id="dsk_1", prison_id=prison, name="站", kind="station", tier="", phone="", area="")
        )
        await session.flush()
        session.add(
            LawyerRow(
                staff_id=house.counsel.id, station_id="dsk_1", topics=[], languages=["zh"], feed_digest="aa"
            )
        )
        await session.flush()
        session.add(
            MeetingRow(
                id="mtg_1", reference="LM-1", prison_id=prison, lawyer_id=house.counsel.id, inmate_id=inmate,
                ask_key="k", ground="agent", case_state="", assistant="", interpreter="", interpreter_state="",
                minutes=30, state="held", asked_at=now, words="", excused=False,
            )
        )  # fmt: skip
        session.add(
            CaseRow(
                id="cas_1", reference="LA-1", prison_id=prison, inmate_id=inmate, applied_by_kind="inmate",
                applied_by_id=inmate, apply_key="k", topic="wages", exemption="", facts_sealed=b"x", generation=1,
                state="assigned", station_id="dsk_1", desk_id="dsk_1", lawyer_id=house.counsel.id,
                change_asked=False, letters=0, applied_at=now,
            )
        )  # fmt: skip
