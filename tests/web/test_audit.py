"""The resident procurator reads who intervened and who listened; changes nothing, and is entered too."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

import ledger.record
from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref, new_id
from ledger.tables import EntryRow
from people import service as people
from people.forms import StaffForm
from rooms.desk_tables import DeskTaskRow, ReviewRow
from rooms.desk_tasks import BY_ITSELF
from rooms.tables import RoomRow
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
    await staffed.recorded(db, services, made, house, seconds=1)
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
    auditor: Browser,
    another_browser: Browser,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
    db: Database,
    services: Services,
) -> None:
    """A visit of two takes is opened once; whoever has its files sent has them, whatever their browser reports."""
    await staffed.recorded(db, services, visit, house, seconds=1)
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
    assert '<td class="figures" data-label="调阅录像">1</td>' in (await auditor.get("/audit")).text
    address = opened.headers["location"]
    file = re.search(rf"{address}/[\w/]+\.webm", (await another_browser.get(address)).text)
    assert file is not None
    assert (await another_browser.get(file[0])).status_code == 200
    assert "已发送 1 个文件，未报告收听" in (await auditor.get("/audit/listening")).text


def _room(visit: BookingView) -> RoomRow:
    now = clock.now()
    spent = {"used_ms": 60_000, "lost_ms": 0, "given_back_ms": 0, "ticked_at": None, "lease_until": None}
    ended = {"end_reason": "time-up", "end_code": "", "end_words": "", "fault": "nobody"}
    return RoomRow(
        id=new_id("room"),
        booking_id=visit.id,
        sitting_id=None,
        confidentiality="supervised",
        node_id=None,
        epoch=1,
        phase="ended",
        live_at=now,
        ended_at=now,
        pause_code="",
        pause_words="",
        **spent,
        **ended,
    )


async def test_what_was_put_before_officers_and_each_call_stand_there(
    auditor: Browser, db: Database, house: Staffed
) -> None:
    """Marks, tasks by kind, calls that were listened to again or not in time, and the way to each call's log."""
    visit = await staffed.due_visit(db, house)
    now = clock.now()
    common = {"prison_id": house.place.prison, "booking_id": visit.id, "seat_id": "", "name": "", "words": ""}
    async with db.write() as session:
        session.add(_room(visit))
        for number, (done_at, outcome) in enumerate([(now, "looked"), (now, BY_ITSELF), (None, "")]):
            done = {"done_at": done_at, "outcome": outcome, "taken_by": None, "taken_name": ""}
            made_at = now - timedelta(seconds=90)
            session.add(
                DeskTaskRow(
                    id=f"tsk_{number}",
                    kind="language",
                    state="open",
                    live_key=None,
                    made_at=made_at,
                    **common,
                    **done,
                )
            )
        session.add(
            ReviewRow(
                booking_id=visit.id,
                prison_id=house.place.prison,
                why="",
                risk=1,
                due_at=now - timedelta(minutes=1),
                state="open",
                made_at=now - timedelta(minutes=2),
                taken_by=None,
                taken_name="",
                done_at=None,
                outcome="",
                words="",
            )
        )
    await intervene(db, house.monitor, "officer:visit:marked", 4)
    month = f"?month={visit.starts_at.astimezone(staffed.zone()):%Y-%m}"
    this = f"?month={now.astimezone(staffed.zone()):%Y-%m}"
    page = (await auditor.get(f"/audit{this}")).text
    assert '<td class="figures" data-label="标记">4</td>' in page
    assert '<td class="figures" data-label="提出">3</td>' in page
    assert '<td class="figures" data-label="最长处理用时">1:30</td>' in page
    assert "超期" in page
    calls = (await auditor.get(f"/audit/calls{month}")).text
    assert f"/officer/visits/{visit.id}/log" in calls
    assert visit.reference in (await auditor.get(f"/audit/calls{month}&q={visit.reference[:4].lower()}")).text
    assert "没有通话" in (await auditor.get(f"/audit/calls{month}&q=zzzz")).text
    log = await auditor.get(f"/officer/visits/{visit.id}/log")
    assert log.status_code == 200
    assert f"/recordings/{visit.id}" not in log.text  # no way that is closed to who reads


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_procurator_has_a_way_home(auditor: Browser) -> None:
    assert (await auditor.get("/")).headers["location"] == "/staff"
    assert (await auditor.get("/staff")).headers["location"] == "/audit"
    assert (await auditor.get("/check")).status_code == 200


@pytest.mark.parametrize("role", ["monitor", "approver", "admin", "counsel"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_procurators_pages_are_closed_to_everybody_else(
    browser: Browser, house: Staffed, sign_in: SignIn, role: str
) -> None:
    await sign_in(browser, getattr(house, role), strong=True)
    assert (await browser.get("/audit")).status_code == 403
    assert (await browser.get("/audit/listening")).status_code == 403
