"""The live pages, tickets and the report of the device check, over HTTP: who gets what, and who does not."""

import json
from typing import Any

import pytest

from core.db import Database
from core.ids import Ref
from ledger import read
from people import service as people
from scheduler import service as schedule
from tests.web import place, staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web import checkup, wording
from web.services import Services

JSON = {"accept": "application/json"}
REPORT: dict[str, Any] = {
    "results": {
        part: {"state": "good", "code": "good"}
        for part in ("browser", "camera", "microphone", "speaker", "network")
    },
    "measured": {
        "camera": {"width": 640, "height": 360, "frameRate": 25},
        "microphone": {"loudest": 0.6},
        "network": {"state": "good", "code": "good", "roundTrip": 12, "loss": 0.1, "relay": "none"},
    },
    "browser": "Mozilla/5.0",
    "screen": "390x844@3",
    "path": "/check",
}


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def ask_ticket(browser: Browser, booking_id: str) -> tuple[int, dict[str, Any]]:
    answer = await browser.post(
        f"/api/v1/visits/{booking_id}/ticket", headers={**JSON, "x-csrf-token": browser.csrf}
    )
    return answer.status_code, answer.json()


async def test_a_visitor_gets_page_and_ticket(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, Ref("relative", house.place.mei))
    page = await browser.get(f"/visits/{visit.id}")
    assert page.status_code == 200
    for words in ("设备都正常吗", "本次会见有警官监督并全程录像", visit.reference, "陈志强"):
        assert words in page.text
    assert page.text.count('class="page-texts"') == 3
    status, ticket = await ask_ticket(browser, visit.id)
    assert status == 201
    assert ticket["ticket"].startswith("kbt_")
    assert ticket["expires_in"] == 60


async def test_anothers_visit_is_not_there(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, Ref("relative", house.place.stranger))
    assert (await browser.get(f"/visits/{visit.id}")).status_code == 404
    status, body = await ask_ticket(browser, visit.id)
    assert (status, body["code"]) == (404, "not-found")
    async with db.read() as session:
        attempts = await read.latest(session, tag_prefix="family:ticket:refused")
    assert [entry.subject_id for entry in attempts] == [visit.id]


async def test_too_early_says_when(browser: Browser, db: Database, house: Staffed, sign_in: SignIn) -> None:
    slot = await place.slot_at(db, house.place, place.soon(180))
    visit = await place.confirmed(db, house.place, slot)
    await sign_in(browser, Ref("relative", house.place.mei))
    status, body = await ask_ticket(browser, visit.id)
    assert (status, body["code"]) == (409, "visit-not-open")
    assert body["params"]["opens_at"] == visit.opens_at.isoformat()
    assert wording.time("zh", visit.opens_at) in body["text"], "a moment for people, not for programs"


async def test_a_relationship_that_ended_after_booking(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    async with db.write() as session:
        await people.withdraw(
            session, house.place.identity(house.place.guilan), house.place.guilan_relationship
        )
        await schedule.relationship_ended(
            session, house.place.guilan_relationship, house.place.identity(house.place.guilan)
        )
    await sign_in(browser, Ref("relative", house.place.guilan))
    status, body = await ask_ticket(browser, visit.id)
    assert (status, body["code"]) in {(403, "relationship-ended"), (404, "not-found")}


async def test_a_visit_that_is_over_says_so_on_the_page(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    async with db.write() as session:
        await schedule.cancel(session, house.place.officer, visit.id, "terminal-broken")
    await sign_in(browser, Ref("relative", house.place.mei))
    page = (await browser.get(f"/visits/{visit.id}")).text
    data = json.loads(page.partition('id="page-data">')[2].partition("</script>")[0])
    assert data["over"] == "这次会见已结束或不再举行。"
    status, body = await ask_ticket(browser, visit.id)
    assert (status, body["code"]) == (410, "visit-over")


async def test_a_ticket_needs_the_pages_token(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, Ref("relative", house.place.mei))
    answer = await browser.post(f"/api/v1/visits/{visit.id}/ticket", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")


async def test_strangers_are_asked_to_sign_in(browser: Browser, db: Database, house: Staffed) -> None:
    visit = await staffed.due_visit(db, house)
    await browser.get("/")
    assert (await browser.get(f"/visits/{visit.id}")).headers["location"].startswith("/signin?next=/visits/")
    status, body = await ask_ticket(browser, visit.id)
    assert (status, body["code"]) == (401, "sign-in-needed")


async def test_the_desk_is_for_monitors_of_this_prison(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    expected = {house.monitor: 200, house.approver: 403, house.elsewhere: 404, house.counsel: 403}
    for subject, status in expected.items():
        await sign_in(browser, subject, strong=True)
        assert (await browser.get(f"/officer/visits/{visit.id}")).status_code == status, subject
    await sign_in(browser, house.monitor, strong=True)
    away = await browser.get(f"/visits/{visit.id}")
    assert away.headers["location"] == f"/officer/visits/{visit.id}"
    page = (await browser.get(f"/officer/visits/{visit.id}")).text
    for words in ("时间线", "插话", "断线保留位置", "120 秒"):
        assert words in page


async def test_the_report_is_a_file_in_the_readers_language(
    browser: Browser, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    answer = await browser.send_form("/check/report", {"report": json.dumps(REPORT)})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "attachment" in answer.headers["content-disposition"]
    assert "亲桥设备检测" in answer.text
    assert "网络: 正常" in answer.text
    assert (
        json.loads(answer.text[answer.text.index("{") :])["report"]["measured"]["camera"]["frameRate"] == 25
    )


@pytest.mark.parametrize(
    "report",
    [
        "",
        "nothing",
        json.dumps({**REPORT, "more": 1}),
        json.dumps({**REPORT, "browser": "x" * 401}),
        json.dumps({**REPORT, "results": {"camera": {"state": "good", "code": "<script>"}}}),
        json.dumps({**REPORT, "path": "y" * checkup.MAX_BYTES}),
    ],
)
async def test_a_report_that_is_none_is_refused(
    browser: Browser, house: Staffed, sign_in: SignIn, report: str
) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    answer = await browser.send_form("/check/report", {"report": report})
    assert answer.status_code in (400, 422)
    assert "重新检测" in answer.text or "cannot" in answer.text or "不能" in answer.text
