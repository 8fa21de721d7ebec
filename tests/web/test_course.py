"""The call log's pages: the prison's with every number, the family's that says why, and what is made good."""

import io
import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pypdf
import pytest
from sqlalchemy import update

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from ledger import read
from ledger.record import record
from people import service as people
from policy import service as rules
from rooms import call_log, directory, opening, redress, repository
from rooms.minutes import COLUMNS, Figures, LegMinute
from rooms.model import EndReason, Phase
from rooms.sightlines import Sight
from rooms.tables import RoomRow
from scheduler import accounts, offering
from scheduler import service as schedule
from scheduler.allowance import worth
from scheduler.model import BookingState, BookingView, Fault
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def broken(db: Database, house: Staffed, outcome: BookingState, used: int = 120) -> BookingView:
    """A call of which two minutes took place; the recorder was gone for the rest."""
    booking = await staffed.due_visit(db, house)
    about = Ref("booking", booking.id)
    async with db.write() as session:
        room_id = await opening.prepare(session, await opening.read(session, about))
        seats = await repository.seats(session, room_id)
        family, inmate = seats[0], next(seat for seat in seats if seat.role == "inmate")
        now = clock.now()
        for tag, details in (
            ("family:visit:joined", {"seat": family.id}),
            ("inmate:visit:joined", {"seat": inmate.id}),
            ("officer:seat:admitted", {"seat": family.id}),
            ("officer:visit:warned", {"code": "dress"}),
            ("system:visit:started", {}),
            ("system:recording:lost", {}),
            ("system:visit:paused", {"reason": "recorder-lost"}),
        ):
            record(session, tag, actor=SYSTEM, subject=about, **details)
        row = Figures(**{**dict.fromkeys(COLUMNS, 40), "round_trip_ms": 71, "down_lost": 53})
        await call_log.add(session, room_id, [LegMinute(family.id, "leg", now, (row,) * 30)])
        call_log.add_sights(session, room_id, [Sight(family.id, inmate.id, sound=True, picture=True)])
        await session.execute(
            update(RoomRow)
            .where(RoomRow.id == room_id)
            .values(
                phase="ended",
                live_at=now - timedelta(seconds=used),
                ended_at=booking.starts_at + timedelta(minutes=20),
                end_reason="recorder-lost",
                used_ms=used * 1000,
                lost_ms=600_000,
            )
        )
        fault = Fault.PLATFORM if outcome is BookingState.CANCELLED else Fault.NOBODY
        return await schedule.complete(session, booking.id, outcome, fault=fault)


async def test_the_prison_reads_and_exports_everything(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await broken(db, house, BookingState.CANCELLED)
    await sign_in(browser, house.monitor, strong=True)
    page = await browser.get(f"/officer/visits/{visit.id}/log")
    for words in ("通话经过", "录制中断", "谁能看到、听到谁", "2:00", "林梅"):
        assert words in page.text
    assert f'href="/officer/visits/{visit.id}"' in page.text
    assert f"/recordings/{visit.id}" not in page.text  # there is none
    data = json.loads((await browser.get(f"/officer/visits/{visit.id}/log.json")).text)
    assert data["took_place"]["used_s"] == 120
    assert len(data["seconds"]) == 30
    assert data["could_see_and_hear"][0]["sound"] is True
    paper = await browser.get(f"/officer/visits/{visit.id}/log.pdf")
    read_back = _words(paper.content)
    assert visit.reference in read_back
    assert "通话经过" in read_back
    assert sum(one["seconds"] for one in data["minutes"]) == len(data["seconds"])
    for one in data["minutes"]:  # the paper says of each minute what the data say
        at = datetime.fromisoformat(one["at"]).astimezone(ZoneInfo(visit.zone))
        figures = (one["round_trip_ms"], one["round_trip_worst_ms"], one["lost"])
        row = re.escape(f"{at:%H:%M}") + r"\s*{} ≤ {}\s*{}\s".format(*figures)
        assert re.search(row, read_back), read_back
    async with db.read() as session:
        entries = await read.latest(session, tag_prefix="officer:call-log:read")
    assert [entry.parsed()["how"] for entry in entries] == ["pdf", "json", "page"]


async def test_it_is_nobody_elses(browser: Browser, db: Database, house: Staffed, sign_in: SignIn) -> None:
    visit = await broken(db, house, BookingState.CANCELLED)
    await sign_in(browser, house.elsewhere, strong=True)
    assert (await browser.get(f"/officer/visits/{visit.id}/log")).status_code == 404
    await sign_in(browser, Ref("relative", house.place.stranger))
    assert (await browser.get(f"/visits/{visit.id}/log")).status_code == 404
    assert (await browser.get(f"/officer/visits/{visit.id}/log.json")).status_code == 403
    for who in (
        house.monitor,
        house.approver,
        house.admin,
        house.counsel,
    ):  # their own page enters that they read it
        await sign_in(browser, who, strong=True)
        for path in ("log", "log.pdf"):
            assert (await browser.get(f"/visits/{visit.id}/{path}")).status_code == 403, (who, path)


async def test_what_broke_through_our_fault_is_made_good_without_a_form(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await broken(db, house, BookingState.CANCELLED)
    assert await redress.make_good(db) == 1
    assert await redress.make_good(db) == 0
    async with db.read() as session:
        offer = (await offering.of_bookings(session, [visit.id]))[visit.id]
        assert worth(await accounts.lines(session, visit.inmate_id)) == 0
    await sign_in(browser, Ref("relative", house.place.mei))
    home = await browser.get("/home")
    assert f"/offers/{offer.id}/accept" in home.text
    assert "的会见中断了" in home.text
    told = await browser.get(f"/visits/{visit.id}/log")
    assert "当时没有警官在场" in told.text
    assert "已补偿" in told.text
    assert (await browser.get(f"/visits/{visit.id}/log.pdf")).content.startswith(b"%PDF")
    taken = await browser.send_form(f"/offers/{offer.id}/accept")
    assert taken.status_code == 303
    async with db.read() as session:
        again = await schedule.get(session, offer.hold_id)
        assert again.state is BookingState.APPROVED
        assert {one.name for one in again.visitors} == {one.name for one in visit.visitors}
        assert (await schedule.get(session, visit.id)).state is BookingState.CANCELLED
        assert worth(await accounts.lines(session, visit.inmate_id)) == -1  # the new one's
    assert "的会见中断了" not in (await browser.get("/home")).text


async def test_a_call_that_took_place_is_looked_at_and_left(db: Database, house: Staffed) -> None:
    visit = await broken(db, house, BookingState.COMPLETED, used=1790)
    assert await redress.make_good(db) == 0
    async with db.read() as session:
        found = await redress.of(session, visit.id)
        assert found is not None
        assert not found.due
        assert worth(await accounts.lines(session, visit.inmate_id)) == -1


@dataclass(frozen=True)
class Counts:
    """A call of so many seconds, how it ended, whether the worker has looked; what is told, in words and as data."""

    used: int
    outcome: BookingState
    looked: bool
    words: str
    data: str


COUNTS = (
    Counts(1790, BookingState.COMPLETED, True, "本次会见计入会见次数", "counts"),
    Counts(120, BookingState.COMPLETED, False, "结束后几分钟内确定", "counts"),
    Counts(120, BookingState.CANCELLED, True, "次会见不计", "given-back"),
)


@pytest.mark.parametrize("case", COUNTS, ids=lambda case: f"{case.used}-{case.outcome}-{case.looked}")
async def test_every_log_says_whether_the_visit_counts(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn, case: Counts
) -> None:
    visit = await broken(db, house, case.outcome, case.used)
    if case.looked:
        await redress.make_good(db)
    await sign_in(browser, house.monitor, strong=True)
    log = f"/officer/visits/{visit.id}/log"
    read = [(await browser.get(log)).text, _words((await browser.get(f"{log}.pdf")).content)]
    assert json.loads((await browser.get(f"{log}.json")).text)["took_place"]["allowance"] == case.data
    await sign_in(browser, Ref("relative", house.place.mei))
    read.append(_words((await browser.get(f"/visits/{visit.id}/log.pdf")).content))
    read.append((await browser.get(f"/visits/{visit.id}/log")).text)
    assert all(case.words in text for text in read)
    assert ("实际通话不少于约定时间的 50%" in read[-1]) is (case.used == 1790)


async def test_before_anybody_came_there_is_nothing_to_tell(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, Ref("relative", house.place.mei))
    assert "没有通话" in (await browser.get(f"/visits/{visit.id}/log")).text
    await sign_in(browser, house.monitor, strong=True)
    assert "没有通话" in (await browser.get(f"/officer/visits/{visit.id}/log")).text
    assert (await browser.get(f"/officer/visits/{visit.id}/log.pdf")).status_code == 404


async def screen_of(db: Database, house: Staffed) -> Ref:
    """The terminal's device."""
    async with db.write() as session:
        device = await people.register_device(session, SYSTEM, house.place.prison, "3 号终端")
        (terminal,) = await schedule.terminals(session, house.place.prison)
        await schedule.link_device(session, SYSTEM, terminal.id, device.id)
    return Ref("terminal", device.id)


async def test_the_inmate_reads_at_the_terminal_why_it_broke_and_takes_nothing_along(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await broken(db, house, BookingState.CANCELLED)
    assert await redress.make_good(db) == 1
    await sign_in(browser, await screen_of(db, house))
    page = (await browser.get(f"/visits/{visit.id}/log")).text
    for words in ("通话经过", "2 分钟", "当时没有警官在场", "本次会见不计次数"):
        assert words in page, words
    for familys in ("您的手机或电脑", "/offers/", "/home", "log.pdf"):
        assert familys not in page, familys
    assert (await browser.get(f"/visits/{visit.id}/log.pdf")).status_code == 403
    assert f'href="/visits/{visit.id}/log"' in (await browser.get(f"/visits/{visit.id}")).text


@pytest.mark.parametrize("told", [("family", "inmate"), ("inmate",), ("family",)])
async def test_each_end_reads_why_an_officer_ended_it_only_where_the_rules_say_so(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn, told: tuple[str, ...]
) -> None:
    prison = house.place.prison
    async with db.write() as session:
        drafted = await rules.draft(session, Ref("admin", "one"), prison, {"reason_told_to": told}, ())
        await rules.approve(session, Ref("admin", "two"), drafted)
    booking = await staffed.due_visit(db, house)
    about = Ref("booking", booking.id)
    async with db.write() as session:
        opened = await opening.open_room(session, about, "node_1")
        assert opened is not None
        record(session, "officer:visit:paused", actor=house.monitor, subject=about, code="security")
        record(session, "officer:visit:ended", actor=house.monitor, subject=about, code="health")
        record(session, "system:visit:ended", actor=SYSTEM, subject=about, reason="by-officer", code="health")
        over = replace(
            opened.room.record(),
            phase=Phase.ENDED,
            live_at=booking.starts_at,
            ended_at=booking.starts_at + timedelta(minutes=5),
            end_reason=EndReason.BY_OFFICER,
            end_code="health",
            end_words="for the file",
        )
        await directory.write(session, opened.claim, over, opened.room.visit)
        await opening.complete(session, opened.room.visit, over)
    await sign_in(browser, Ref("relative", house.place.mei))
    plain, reason = "警官已结束会见", "因参加人员的身体原因"
    read = {}
    for path in ("log", "log.pdf", ""):
        answer = await browser.get(f"/visits/{booking.id}/{path}".rstrip("/"))
        assert answer.status_code == 200, path
        read[path or "live"] = _words(answer.content) if path == "log.pdf" else answer.text
    read["booking"] = (await browser.get(f"/bookings/{booking.id}")).text
    read["home"] = (await browser.get("/home")).text
    assert {place for place, text in read.items() if reason in text} == (
        {"log", "log.pdf", "booking", "home"} if "family" in told else set()
    )
    of_the_pause = {place for place, text in read.items() if "因监管秩序和安全需要" in text}
    assert of_the_pause == ({"log", "log.pdf"} if "family" in told else set())
    assert all("警官暂停了会见" in read[place] for place in ("log", "log.pdf"))
    assert not any("for the file" in text for text in read.values())
    assert (plain in read["log"]) is ("family" not in told)
    await sign_in(browser, await screen_of(db, house))
    at_terminal = (await browser.get(f"/visits/{booking.id}/log")).text
    assert (reason in at_terminal, plain in at_terminal) == ("inmate" in told, "inmate" not in told)
    assert ("因监管秩序和安全需要" in at_terminal) is ("inmate" in told)
    await sign_in(browser, house.monitor, strong=True)
    assert reason in (await browser.get(f"/officer/visits/{booking.id}/log")).text


def _words(paper: bytes) -> str:
    """What stands in a PDF; its lines and cells end with a break."""
    return "\n".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(paper)).pages).replace("\0", "")
