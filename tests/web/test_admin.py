"""The administrator's pages: health, tables, terminals, staff, rules, the ledger, one's own security."""

import re

import pyotp
import pytest
from sqlalchemy import text

from core import clock as core_clock
from core.db import Database
from core.ids import Ref
from ledger import read
from people import repository as people
from people import sessions
from scheduler import service as schedule
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.routes.admin import ledger_browser
from web.services import Services

PAGES = (
    "/admin",
    "/admin/places",
    "/admin/timetable",
    "/admin/terminals",
    "/admin/staff",
    "/admin/policy",
    "/admin/ledger",
)


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def admin(browser: Browser, house: Staffed, sign_in: SignIn) -> Browser:
    await sign_in(browser, house.admin, strong=True)
    return browser


@pytest.mark.parametrize("path", PAGES)
async def test_pages_open_for_administrators_only(
    admin: Browser, house: Staffed, sign_in: SignIn, path: str
) -> None:
    assert (await admin.get(path)).status_code == 200
    for other in (house.monitor, house.approver, house.counsel):
        await sign_in(admin, other, strong=True)
        assert (await admin.get(path)).status_code == 403


async def test_health_names_what_is_wrong(admin: Browser, db: Database) -> None:
    page = (await admin.get("/admin")).text
    assert "数据库" in page
    assert "light--red" in page  # no media node runs in this test
    assert page.count("<li><h2") == 7


async def test_wing_is_added_once(admin: Browser, db: Database, house: Staffed) -> None:
    assert (await admin.send_form("/admin/places/wings", {"name": " 五监区 "})).status_code == 303
    again = await admin.send_form("/admin/places/wings", {"name": "五监区"})
    assert again.status_code == 409
    assert 'aria-invalid="true"' in again.text
    assert (await admin.send_form("/admin/places/wings", {"name": ""})).status_code == 422
    async with db.read() as session:
        assert [w.name for w in await schedule.wings(session, house.place.prison)].count("五监区") == 1


async def test_whom_families_may_call_is_entered_by_the_prison(
    admin: Browser, db: Database, house: Staffed
) -> None:
    wrong = await admin.send_form("/admin/places/phone", {"phone": "值班室"})
    assert wrong.status_code == 422
    assert "这不是电话号码：值班室" in wrong.text
    assert (await admin.send_form("/admin/places/phone", {"phone": " 0551-1234 5678 "})).status_code == 303
    assert 'value="0551-1234 5678"' in (await admin.get("/admin/places")).text
    async with db.read() as session:
        prison = await schedule.prison(session, house.place.prison)
        assert prison is not None
        assert prison.help_phone == "0551-1234 5678"
    assert (await admin.send_form("/admin/places/phone", {"phone": ""})).status_code == 303


async def test_weekly_times_for_some_people_and_what_they_overlap_with(admin: Browser) -> None:
    times = {"weekday": "2", "starts": "09:00", "count": "2", "capacity": "3"}
    meant = {"include": "A-1，B", "levels": "enhanced", "video": "2", "every_weeks": "2", "name": "上午场"}
    path = "/admin/timetable/templates"
    first = await admin.send_form(path, {**times, **meant})
    page = (await admin.get("/admin/timetable")).text
    assert first.status_code in (200, 303)
    assert "A-1" in page
    assert "上午场" in page
    other = await admin.send_form(path, {**times, "include": "A-1-100", "valid_to": "2099-01-01"})
    assert other.status_code == 200
    assert "上午场" in other.text.partition("新的时间与其他时间重叠")[2]
    for wrong in (
        {"capacity": "0"},
        {"include": "A", "exclude": "A"},
        {"valid_to": "2001-01-01"},
        {"video": "-1"},
    ):
        assert (await admin.send_form(path, {**times, **wrong})).status_code == 422


async def test_terminal_is_added_and_switched_off(admin: Browser, db: Database, house: Staffed) -> None:
    assert (await admin.send_form("/admin/terminals", {"name": "9 号终端"})).status_code == 303
    assert (await admin.send_form("/admin/terminals", {"name": "9 号终端"})).status_code == 409
    async with db.read() as session:
        found = await schedule.terminals(session, house.place.prison)
        ninth = next(t for t in found if t.name == "9 号终端")
    await admin.send_form(f"/admin/terminals/{ninth.id}/switch")
    async with db.read() as session:
        switched = await schedule.terminal(session, ninth.id)
    assert switched is not None
    assert not switched.active
    assert (await admin.send_form(f"/admin/terminals/{ninth.id}/revoke")).status_code == 404


async def test_weekly_times_are_added_and_ended(admin: Browser, db: Database) -> None:
    form = {"weekday": "6", "starts": "19:00", "count": "2", "capacity": "1", "wing": ""}
    assert (await admin.send_form("/admin/timetable/templates", form)).status_code == 303
    page = (await admin.get("/admin/timetable")).text
    assert "19:00" in page
    template = re.search(r"19:00.*?/admin/timetable/templates/(\w+)\"", page, re.DOTALL)
    assert template is not None
    assert (await admin.send_form(f"/admin/timetable/templates/{template[1]}/end")).status_code == 303
    assert "19:00" not in (await admin.get("/admin/timetable")).text


@pytest.mark.parametrize(
    "change",
    [
        {"weekday": "x"},
        {"weekday": "8"},
        {"starts": "soon"},
        {"count": "-1"},
        {"count": "0"},
        {"starts": "09:03"},
    ],
)
async def test_times_that_make_no_sense_come_back_with_a_sentence(
    admin: Browser, change: dict[str, str]
) -> None:
    form = {"weekday": "6", "starts": "19:00", "count": "2", "capacity": "1", "wing": "", **change}
    answer = await admin.send_form("/admin/timetable/templates", form)
    assert answer.status_code in (400, 422)
    assert "error-summary" in answer.text


async def test_closing_a_day_shows_the_visits_that_lie_on_it(
    admin: Browser, db: Database, house: Staffed
) -> None:
    visit = await staffed.requested_visit(db, house, minutes=600)
    async with db.read() as session:
        day = (await session.execute(text("SELECT day FROM booking"))).scalar_one()
    answer = await admin.send_form("/admin/timetable/closed", {"day": str(day), "words": "检修"})
    assert answer.status_code in (200, 303)
    page = (await admin.get("/admin/timetable")).text
    assert "检修" in page
    if answer.status_code == 200:
        assert visit.reference in answer.text
    assert (
        await admin.send_form("/admin/timetable/closed", {"day": str(day), "words": ""})
    ).status_code == 409
    closed = re.search(r"/admin/timetable/closed/(\w+)/reopen", page)
    assert closed is not None
    assert (await admin.send_form(f"/admin/timetable/closed/{closed[1]}/reopen")).status_code == 303
    assert "检修" not in (await admin.get("/admin/timetable")).text


async def test_staff_is_invited_shut_and_invited_anew(
    admin: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    form: dict[str, object] = {"name": "高警官", "username": "gao", "kind": "officer", "roles": ["approver"]}
    page = await admin.send_form("/admin/staff", form)
    link = re.search(r"http://127\.0\.0\.1:8000(/invitation/[\w-]+)", page.text)
    assert link is not None
    assert (await another_browser.get(link[1])).status_code == 200
    async with db.read() as session:
        made = await people.find_staff(session, "gao")
    assert made is not None
    assert {role.value for role in made.roles} == {"approver"}
    assert (await admin.send_form("/admin/staff", form)).status_code == 422  # the name is taken

    await sign_in(another_browser, house.monitor, strong=True)
    assert (await another_browser.get("/officer")).status_code == 200
    await admin.send_form(f"/admin/staff/{house.monitor.id}/sign-out")
    assert (await another_browser.get("/officer")).status_code == 303
    await admin.send_form(f"/admin/staff/{house.monitor.id}/active", {"active": "0"})
    async with db.read() as session:
        shut = await people.staff(session, house.monitor.id)
    assert shut is not None
    assert not shut.active
    anew = await admin.send_form(f"/admin/staff/{made.id}/reinvite")
    assert "/invitation/" in anew.text


async def test_administrator_of_one_prison_reaches_no_other(
    admin: Browser, db: Database, house: Staffed
) -> None:
    for path in ("active", "reinvite", "sign-out"):
        answer = await admin.send_form(f"/admin/staff/{house.elsewhere.id}/{path}", {"active": "0"})
        assert answer.status_code == 404
    async with db.read() as session:
        untouched = await people.staff(session, house.elsewhere.id)
    assert untouched is not None
    assert untouched.active
    assert "望山监狱" not in (await admin.get("/admin/places?prison=prs_other")).text


async def test_rules_in_force_are_readable(admin: Browser) -> None:
    page = (await admin.get("/admin/policy")).text
    assert "会见时长" in page
    assert "依据" in page


async def test_ledger_is_filtered_and_proved(admin: Browser, db: Database, house: Staffed) -> None:
    for number in range(ledger_browser.PAGE):
        await admin.send_form("/admin/places/wings", {"name": f"{number + 10} 监区"})
    everything = (await admin.get("/admin/ledger")).text
    assert "system:prison:created" in (await admin.get("/admin/ledger?tag=system:prison")).text
    filtered = (await admin.get("/admin/ledger?tag=system:wing")).text
    assert "system:wing:created" in filtered
    assert "system:prison:created" not in filtered
    about = (await admin.get(f"/admin/ledger?about={house.place.wing}")).text
    assert house.place.wing in about
    older = re.search(r'href="(/admin/ledger[^"]+before=[^"]+)"', everything)
    assert older is not None
    further = (await admin.get(older[1].replace("&amp;", "&"))).text
    assert max(_numbers(further)) < min(_numbers(everything))
    assert "完好" in (await admin.send_form("/admin/ledger/verify")).text


def _numbers(page: str) -> list[int]:
    """The entries on a page of the ledger."""
    return [int(number) for number in re.findall(r'class="figures">(\d+)</th>', page)]


async def test_ledger_says_where_it_is_broken(admin: Browser, db: Database) -> None:
    drop = (
        "DROP TRIGGER ledger_entry_no_update"
        if db.is_sqlite
        else "DROP TRIGGER ledger_entry_append_only ON ledger_entry"
    )
    async with db.write() as session:
        await session.execute(text(drop))
        await session.execute(text("UPDATE ledger_entry SET actor_id = 'forged' WHERE seq = 3"))
    page = (await admin.send_form("/admin/ledger/verify")).text
    assert "在第 3 条断开" in page
    async with db.read() as session:
        assert [e.seq for e in await read.latest(session, about="forged")] == [3]


@pytest.fixture
async def own(browser: Browser, house: Staffed, sign_in: SignIn) -> Browser:
    await sign_in(browser, house.monitor, strong=True)
    return browser


async def test_recovery_codes_are_shown_once(own: Browser) -> None:
    made = (await own.send_form("/account/security/recovery-codes")).text
    codes = re.findall(r"<li><code>([\w-]+)</code>", made)
    assert len(set(codes)) == 10
    page = (await own.get("/account/security")).text
    assert codes[0] not in page
    assert "还剩 10 个" in page


async def test_authenticator_moves_only_with_its_first_code(
    own: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(another_browser, house.monitor, strong=True)
    page = (await own.send_form("/account/security/authenticator")).text
    assert "data:image/svg+xml" in page
    sealed, secret = _offer(page)
    wrong = await own.send_form(
        "/account/security/authenticator/confirm", {"sealed": sealed, "code": "000000"}
    )
    assert wrong.status_code == 422
    assert _offer(wrong.text)[1] == secret  # the same key is offered again
    code = pyotp.TOTP(secret).at(core_clock.now())
    theirs = await another_browser.send_form(
        "/account/security/authenticator/confirm", {"sealed": sealed, "code": code}
    )
    assert theirs.status_code == 401  # an offer belongs to the session that asked for it
    done = await own.send_form("/account/security/authenticator/confirm", {"sealed": sealed, "code": code})
    assert done.status_code == 303
    async with db.read() as session:
        assert len(await sessions.of(session, house.monitor)) == 1  # the other one ended
        entries = await read.latest(session, tag_prefix="officer:authenticator:changed")
    assert [entry.subject_id for entry in entries] == [house.monitor.id]


def _offer(page: str) -> tuple[str, str]:
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    secret = re.search(r'<code class="digest">([A-Z2-7 ]+)</code>', page)
    assert sealed is not None
    assert secret is not None
    return sealed[1], secret[1].replace(" ", "")


async def test_own_sessions_are_listed_and_ended(
    own: Browser, another_browser: Browser, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(another_browser, house.monitor, strong=True)
    page = (await own.get("/account/security")).text
    other = re.search(r'name="session_id" value="(\w+)"', page)
    assert other is not None
    await own.send_form("/account/security/sign-out", {"session_id": other[1]})
    assert (await another_browser.get("/officer")).status_code == 303
    assert (await own.get("/officer")).status_code == 200


async def test_passkey_options_are_asked_for_by_script(own: Browser) -> None:
    answer = await own.post(
        "/account/security/passkey/options",
        json={},
        headers={"x-csrf-token": own.csrf, "accept": "application/json"},
    )
    assert answer.status_code == 201
    assert answer.json()["options"]["authenticatorSelection"]["userVerification"] == "required"
    broken = await own.post(
        "/account/security/passkey",
        json={"id": answer.json()["id"], "credential": {"id": "x"}},
        headers={"x-csrf-token": own.csrf, "accept": "application/json"},
    )
    assert broken.status_code in (400, 401)
    assert broken.json()["code"] == "challenge-wrong"


async def test_security_page_is_for_all_staff(browser: Browser, house: Staffed, sign_in: SignIn) -> None:
    for who in (house.monitor, house.approver, house.admin, house.counsel):
        await sign_in(browser, who, strong=True)
        assert (await browser.get("/account/security")).status_code == 200
    await sign_in(browser, Ref("relative", house.place.mei))
    assert (await browser.get("/account/security")).status_code == 403
