"""The resident procurator reads who intervened and who listened; changes nothing, and is entered too."""

import pytest
from sqlalchemy import select

import ledger.record
from core.db import Database
from core.ids import SYSTEM, Ref
from ledger.tables import EntryRow
from people import service as people
from people.forms import StaffForm
from scheduler.model import BookingView
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def auditor(db: Database, house: Staffed, browser: Browser, sign_in: SignIn) -> Browser:
    """Signed in as the procurator of the family's prison."""
    form = StaffForm("hejian", "何检察官", "auditor", (), house.place.prison)
    async with db.write() as session:
        made = await people.create_staff(session, SYSTEM, form)
    await sign_in(browser, Ref("auditor", made.staff_id), strong=True)
    return browser


@pytest.fixture
async def visit(db: Database, services: Services, house: Staffed) -> BookingView:
    made = await staffed.due_visit(db, house)
    await staffed.recorded(db, services, made, house)
    return made


async def intervene(db: Database, actor: Ref, tag: str, times: int) -> None:
    async with db.write() as session:
        for _ in range(times):
            ledger.record.record(session, tag, actor=actor, subject=Ref("room", "room_1"))


async def test_interventions_are_counted_from_the_ledger_and_for_one_prison_only(
    auditor: Browser, db: Database, house: Staffed
) -> None:
    assert "本月没有这类记录" in (await auditor.get("/audit")).text
    await intervene(db, house.monitor, "officer:visit:warned", 3)
    await intervene(db, house.monitor, "officer:visit:ended", 1)
    await intervene(db, house.elsewhere, "officer:visit:warned", 7)
    page = (await auditor.get("/audit")).text
    assert "wumin 警官" in page
    assert "qian 警官" not in page
    assert '<td class="figures" data-label="提醒">3</td>' in page
    assert '<td class="figures" data-label="提前结束">1</td>' in page
    earlier = (await auditor.get("/audit?month=2024-02")).text
    assert "wumin 警官" not in earlier


async def test_who_listened_stands_there_with_the_reason(
    auditor: Browser, another_browser: Browser, visit: BookingView, house: Staffed, sign_in: SignIn
) -> None:
    assert "没有人调阅录像" in (await auditor.get("/audit/listening")).text
    await sign_in(another_browser, house.monitor, strong=True)
    opened = await another_browser.send_form(
        f"/recordings/{visit.id}", {"reason": "complaint", "words": "家属来信 12 号"}
    )
    assert opened.status_code == 303
    page = (await auditor.get("/audit/listening")).text
    assert visit.reference in page
    assert "wumin 警官" in page
    assert "家属来信 12 号" in page


async def test_reading_and_proving_leave_a_trace(auditor: Browser, db: Database) -> None:
    await auditor.get("/audit")
    await auditor.get("/audit/listening")
    assert (await auditor.get("/admin/ledger")).status_code == 200
    proved = await auditor.send_form("/admin/ledger/verify")
    assert "完好" in proved.text
    async with db.read() as session:
        tags = (
            await session.scalars(
                select(EntryRow.tag).where(EntryRow.actor_kind == "auditor").order_by(EntryRow.seq)
            )
        ).all()
    assert list(tags)[1:] == ["auditor:report:read", "auditor:report:read", "auditor:ledger:checked"]


@pytest.mark.parametrize(
    "path", ["/officer", "/approvals", "/recordings", "/evidence", "/admin", "/admin/staff", "/counsel"]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_everything_else_is_closed_to_the_procurator(auditor: Browser, path: str) -> None:
    assert (await auditor.get(path)).status_code == 403


@pytest.mark.parametrize("role", ["monitor", "approver", "admin", "counsel"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_procurators_pages_are_closed_to_everybody_else(
    browser: Browser, house: Staffed, sign_in: SignIn, role: str
) -> None:
    await sign_in(browser, getattr(house, role), strong=True)
    assert (await browser.get("/audit")).status_code == 403
    assert (await browser.get("/audit/listening")).status_code == 403
