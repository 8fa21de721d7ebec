"""Re-listening: what comes into the queue and until when, notes that two officers share, the strip of voices."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.db import Database
from core.ids import SYSTEM, Ref
from ledger import read
from ledger.chain import Entry, canonical
from ledger.record import record
from policy import service as rules
from recording import reviews
from recording.tables import RecordingRow
from rooms import voices
from rooms.minutes import COLUMNS, Figures, LegMinute
from scheduler.model import BookingView
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from tests.web.test_recordings import opened
from web.services import Services

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def recorded(
    db: Database, services: Services, house: Staffed, *said: tuple[str, dict[str, Any]]
) -> BookingView:
    made = await staffed.due_visit(db, house)
    await staffed.recorded(db, services, made, house, seconds=1)
    async with db.write() as session:
        for tag, details in said:
            record(session, tag, actor=SYSTEM, subject=Ref("booking", made.id), **details)
    return made


def entry(tag: str, **details: str) -> Entry:
    return Entry(1, START.isoformat(), tag, "officer", "x", "booking", "b", canonical(details), "", "")


@pytest.mark.parametrize(
    ("entries", "risk", "why"),
    [
        ([], 0, "lot"),
        ([entry("system:visit:started"), entry("officer:visit:marked", code="good")], 0, "lot"),
        ([entry("officer:visit:warned", code="dress")], 1, "warned"),
        (
            [entry("officer:visit:marked", code="sign"), entry("officer:visit:warned", code="last")],
            4,
            "marked",
        ),
        ([entry("officer:visit:ended", code="rules-broken")], 3, "ended"),
        ([entry("officer:visit:ended", code="said-goodbye")], 0, "lot"),
        ([entry("officer:seat:removed", code="identity")], 3, "ended"),
    ],
)
def test_what_happened_weighs(entries: list[Entry], risk: int, why: str) -> None:
    assert reviews.risk_of(entries) == (risk, why)


def test_the_lot_falls_on_about_one_in_ten() -> None:
    assert 60 < sum(reviews.drawn(f"bkg_{n}", 10) for n in range(1000)) < 140
    assert [sum(reviews.drawn(f"bkg_{n}", share) for n in range(1000)) for share in (0, 100)] == [0, 1000]


async def test_a_flagged_call_is_queued_taken_and_done(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    visit = await recorded(db, services, house, ("officer:visit:marked", {"code": "look-again"}))
    assert await reviews.enqueue(db) == 1
    assert await reviews.enqueue(db) == 0
    await sign_in(browser, house.monitor, strong=True)
    page = await browser.get("/officer/review")
    for words in ("复听", "警官做了标记", visit.reference, "light--"):
        assert words in page.text
    taken = await browser.send_form(f"/officer/review/{visit.id}/take")
    assert taken.headers["location"] == f"/recordings/{visit.id}"
    done = {"outcome": "violation", "words": "转交狱政科"}
    assert (await browser.send_form(f"/officer/review/{visit.id}/done", done)).status_code == 303
    assert (await browser.send_form(f"/officer/review/{visit.id}/done", done)).status_code == 409
    assert visit.reference not in (await browser.get("/officer/review")).text
    async with db.read() as session:
        entries = await read.latest(session, tag_prefix="officer:review:")
    assert [one.tag for one in entries] == ["officer:review:done", "officer:review:taken"]
    await sign_in(browser, house.elsewhere, strong=True)
    assert (await browser.send_form(f"/officer/review/{visit.id}/take")).status_code == 404


@pytest.mark.parametrize(("marks", "days"), [((), 5), (("sign",), 2)])
async def test_until_when_goes_by_treatment_level_and_what_is_grave_is_never_later(
    db: Database, services: Services, house: Staffed, marks: tuple[str, ...], days: int
) -> None:
    stated = {"relisten_days_by_level": {"ordinary": 5}, "relisten_share_percent": 100}
    async with db.write() as session:
        drafted = await rules.draft(session, Ref("admin", "one"), house.place.prison, stated, ())
        await rules.approve(session, Ref("admin", "two"), drafted)
    await recorded(db, services, house, *(("officer:visit:marked", {"code": mark}) for mark in marks))
    assert await reviews.enqueue(db) == 1
    async with db.read() as session:
        (waits,) = await reviews.waiting(session, house.place.prison)
        begun = await session.scalar(select(RecordingRow.started_at))
    assert begun is not None
    assert waits.due_at - begun == timedelta(days=days)


async def test_two_who_listen_see_each_others_notes_and_nobody_without_a_reason(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    visit = await recorded(db, services, house)
    await sign_in(browser, house.monitor, strong=True)
    await sign_in(another_browser, house.approver, strong=True)
    mine, theirs = await opened(browser, visit), await opened(another_browser, visit)
    sent = {"accept": "application/json", "x-csrf-token": browser.csrf}
    note = {"at_ms": 400, "code": "unclear", "words": "方言"}
    assert (await browser.post(f"{mine}/notes", json=note, headers=sent)).status_code == 201
    for wrong in ({"at_ms": 1}, {"at_ms": 1, "code": "none-such"}):
        assert (await browser.post(f"{mine}/notes", json=wrong, headers=sent)).status_code == 422
    told = (await another_browser.get(f"{theirs}/notes")).json()["notes"]
    assert [(one["at_ms"], one["text"], one["words"]) for one in told] == [(400, "没听清内容", "方言")]
    guessed = f"/recordings/{visit.id}/opn_guessed/notes"
    assert (await another_browser.get(guessed, headers={"accept": "application/json"})).status_code == 403
    assert "在此刻记一笔" in (await browser.get(mine)).text


def test_voices_are_drawn_and_silence_is_found() -> None:
    def minute(seat: str, loud: set[int]) -> LegMinute:
        rows = [dict.fromkeys(COLUMNS, None) | {"level": 20 if n in loud else 90} for n in range(60)]
        return LegMinute(seat, "leg", START, tuple(Figures(**row) for row in rows))

    found = voices.voices([minute("a", {5, 6, 7, 20}), minute("b", {9, 40})], START + timedelta(seconds=2))
    assert voices.spoken(found) == [(3000, 8000), (18000, 19000), (38000, 39000)]
    assert found["a"].loudness[0] == (0, 0.0)
    assert max(loud for _, loud in found["a"].loudness) == pytest.approx(0.83)
