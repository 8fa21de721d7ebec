"""The wall's and the shift's pages over HTTP: what stands on them, who may act, and the forms without a script."""

import functools
import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import clock
from core.db import Database
from core.ids import Ref
from people import service as people
from people.forms import StaffForm
from rooms import desk_tasks, watches
from rooms.client import MediaKind
from rooms.desk_tasks import Kind
from rooms.model import Phase, Quality, Waiting
from scheduler import repository as scheduler
from scheduler.model import BookingView
from scheduler.shifts import Shift
from tests.rooms.visits import ShiftedClock
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services

JSON: Mapping[str, str] = {"accept": "application/json"}


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def visit(db: Database, house: Staffed) -> BookingView:
    return await staffed.due_visit(db, house)


@pytest.fixture
def later() -> Iterator[ShiftedClock]:
    source = ShiftedClock()
    clock.set_source(source)
    yield source
    clock.set_source(None)


async def state(browser: Browser) -> dict[str, Any]:
    answer: dict[str, Any] = (await browser.get("/officer/wall/state", headers=JSON)).json()
    return answer


async def test_a_call_is_taken_over_and_stands_on_the_wall(
    browser: Browser, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    page = await browser.get("/officer/wall")
    assert page.status_code == 200
    assert "监看墙" in page.text
    (call,) = (await state(browser))["calls"]
    assert (call["booking"], call["mine"], call["officer"], call["open"]) == (visit.id, False, "", True)
    sent = {**JSON, "x-csrf-token": browser.csrf}
    assert (await browser.post(f"/officer/wall/{visit.id}/take", headers=sent)).status_code == 201
    (call,) = (await state(browser))["calls"]
    assert call["mine"]
    assert call["hint"] == "由您监看"


SCRIPTS = Path(__file__).parents[2] / "web" / "static" / "js" / "wall"
FILLED: Mapping[str, Collection[str]] = {  # what a name of a sentence ends with
    "waiting": list(Waiting),
    "wall.phase": list(Phase),
    "wall.missing": list(MediaKind),
    "wall.quality": list(Quality),
    "wall": ["warn", "pause", "mark", "end", "extend"],
}


async def test_every_sentence_that_the_walls_script_writes_stands_on_its_page(
    browser: Browser, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    page = (await browser.get("/officer/wall")).text
    blocks = re.findall(r'<script type="application/json" class="page-texts">(.*?)</script>', page, re.DOTALL)
    found: dict[str, Any] = {key: value for block in blocks for key, value in json.loads(block).items()}
    code = "".join(one.read_text(encoding="utf-8") for one in SCRIPTS.glob("*.js"))
    names = set(re.findall(r'"((?:wall|power)\.[\w.]+)"', code))
    begun = set(re.findall(r"text\(`([\w.]+)\.\$\{", code))
    assert begun == FILLED.keys()
    names |= {f"{name}.{end}" for name in begun for end in FILLED[name]}
    missing = [name for name in names if not isinstance(functools.reduce(_step, name.split("."), found), str)]
    assert not missing


def _step(node: Any, key: str) -> Any:
    return node.get(key) if isinstance(node, dict) else None


async def test_only_who_monitors_this_prison_sees_and_takes(
    browser: Browser, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    for who, status in ((house.approver, 403), (Ref("relative", house.place.mei), 403)):
        await sign_in(browser, who, strong=True)
        assert (await browser.get("/officer/wall/state", headers=JSON)).status_code == status
    await sign_in(browser, house.elsewhere, strong=True)
    assert (await state(browser))["calls"] == []
    sent = {**JSON, "x-csrf-token": browser.csrf}
    assert (await browser.post(f"/officer/wall/{visit.id}/take", headers=sent)).status_code == 404


async def test_tasks_are_dealt_with_and_calls_handed_over_without_a_script(
    browser: Browser, db: Database, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    async with db.write() as session:
        await desk_tasks.put(session, visit, Kind.HELP, seat="seat_1", name="林梅")
    await sign_in(browser, house.monitor, strong=True)
    page = await browser.get("/officer/shift")
    assert "请求帮助 · 林梅" in page.text
    async with db.read() as session:
        (task,) = await desk_tasks.open_in(session, house.place.prison)
    assert (await browser.send_form(f"/officer/tasks/{task.id}/take")).status_code == 303
    assert "正在处理" in (await browser.get("/officer/shift")).text
    assert (
        await browser.send_form(f"/officer/tasks/{task.id}/done", {"outcome": "acted"})
    ).status_code == 303
    assert (
        await browser.send_form(f"/officer/tasks/{task.id}/done", {"outcome": "acted"})
    ).status_code == 409
    refused = await browser.send_form("/officer/shift/hand-over", {"to": house.monitor.id, "words": "x"})
    assert refused.status_code == 422
    assert "请选择一位监看同事" in refused.text


async def test_a_note_is_left_to_a_colleague_who_reads_it(
    browser: Browser, db: Database, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    async with db.write() as session:
        form = StaffForm("sun", "孙警官", "officer", ("monitor",), house.place.prison)
        other = (await people.create_staff(session, house.admin, form)).staff_id
    await sign_in(browser, house.monitor, strong=True)
    sent = {**JSON, "x-csrf-token": browser.csrf}
    await browser.post(f"/officer/wall/{visit.id}/take", headers=sent)
    done = await browser.send_form("/officer/shift/hand-over", {"to": other, "words": "家属身体不适"})
    assert done.status_code == 303
    await sign_in(browser, Ref("officer", other), strong=True)
    assert "家属身体不适" in (await browser.get("/officer/shift")).text
    told = await state(browser)
    assert told["calls"][0]["mine"]
    assert told["handed"][0]["words"] == "家属身体不适"
    async with db.read() as session:
        (note,) = await watches.left_to(session, other)
    assert (await browser.send_form(f"/officer/shift/seen/{note.id}")).status_code == 303
    assert "家属身体不适" not in (await browser.get("/officer/shift")).text


async def test_the_second_failed_check_asks_an_officer_to_help(
    browser: Browser, db: Database, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    for waiting in (0, 1, 1):
        assert (await browser.send_form(f"/visits/{visit.id}/check-failed")).status_code == 204
        async with db.read() as session:
            found = await desk_tasks.open_in(session, house.place.prison)
        assert [task.kind for task in found] == [Kind.CHECK_FAILED] * waiting
    await sign_in(browser, Ref("relative", house.place.stranger))
    assert (await browser.send_form(f"/visits/{visit.id}/check-failed")).status_code == 404


async def test_who_decides_on_visits_gives_more_time_by_a_form_and_a_monitor_here_does_not(
    browser: Browser, db: Database, house: Staffed, visit: BookingView, sign_in: SignIn, later: ShiftedClock
) -> None:
    later.put_to(visit.starts_at + timedelta(minutes=1))
    path = f"/officer/visits/{visit.id}/longer"
    await sign_in(browser, house.monitor, strong=True)
    assert (await browser.send_form(path, {"minutes": "5"})).status_code == 403
    await sign_in(browser, house.approver, strong=True)
    page = await browser.get(f"/approvals/bookings/{visit.id}")
    assert f'action="{path}"' in page.text
    assert (await browser.send_form(path, {"minutes": "5"})).status_code == 303
    async with db.read() as session:
        assert (await scheduler.get(session, visit.id)).minutes == visit.minutes + 5
    refused = await browser.send_form(path, {"minutes": "200"})
    assert refused.status_code == 422
    assert "每次会见最长" in refused.text


async def test_the_next_call_is_one_of_mine_or_the_wall(
    browser: Browser, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    elsewhere = await browser.get("/officer/visits/bkg_other/next")
    assert elsewhere.headers["location"] == "/officer/wall"
    await browser.post(f"/officer/wall/{visit.id}/take", headers={**JSON, "x-csrf-token": browser.csrf})
    mine = await browser.get("/officer/visits/bkg_other/next")
    assert mine.headers["location"] == f"/officer/visits/{visit.id}"
    assert (await browser.get(f"/officer/visits/{visit.id}/next")).headers["location"] == "/officer/wall"


async def test_whoever_is_called_reads_it_on_the_pages_where_officers_stay(
    browser: Browser, db: Database, house: Staffed, visit: BookingView, sign_in: SignIn
) -> None:
    now = clock.now()
    me = Shift(house.monitor.id, "吴敏", now - timedelta(hours=1), now + timedelta(hours=1), 4, ())

    async def called() -> list[dict[str, str]]:
        answer = await browser.get("/officer/paged", headers=JSON)
        told: list[dict[str, str]] = answer.json()["calls"]
        return told

    await sign_in(browser, house.monitor, strong=True)
    async with db.write() as session:
        await desk_tasks.put(session, visit, Kind.MONITOR_MISSING)
    assert await called() == []  # nobody in particular
    async with db.write() as session:
        await watches.page(session, visit, me)
    (call,) = await called()
    assert call["booking"] == visit.id
    assert visit.inmate_name in call["words"]
    for path in ("/officer", f"/officer/visits/{visit.id}"):
        assert 'data-paged="/officer/paged"' in (await browser.get(path)).text
    await sign_in(browser, house.elsewhere, strong=True)
    assert await called() == []
    await sign_in(browser, house.monitor, strong=True)
    async with db.write() as session:
        await desk_tasks.settle(session, visit.id, [Kind.MONITOR_MISSING])  # somebody is there
    assert await called() == []
