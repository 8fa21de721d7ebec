"""Listening: only officers of the prison, only with a reason, every file and stretch entered, ranges served."""

import io
import re

import av
import pytest

from core.db import Database
from core.ids import Ref
from ledger import read
from people.model import Identity, Role
from people.tables import StaffRow
from recording import reviews
from recording import service as recordings
from scheduler.model import BookingView
from tests.conftest import FakeClock
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web import listening
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def visit(db: Database, services: Services, house: Staffed) -> BookingView:
    """A visit that was recorded and sealed."""
    made = await staffed.due_visit(db, house)
    await staffed.recorded(db, services, made, house)
    return made


@pytest.fixture
async def listener(browser: Browser, house: Staffed, sign_in: SignIn) -> Browser:
    await sign_in(browser, house.monitor, strong=True)
    return browser


async def opened(listener: Browser, visit: BookingView, words: str = "") -> str:
    answer = await listener.send_form(f"/recordings/{visit.id}", {"reason": "re-listening", "words": words})
    assert answer.status_code == 303
    return answer.headers["location"]


def files(page: str) -> list[str]:
    return re.findall(r'src="(/recordings/[^"]+\.webm)"', page)


async def entries(db: Database, tag: str) -> list[dict[str, object]]:
    async with db.read() as session:
        return [entry.parsed() for entry in await read.latest(session, tag_prefix=tag)]


async def test_list_finds_by_name_reference_and_day(listener: Browser, visit: BookingView) -> None:
    local = visit.starts_at.astimezone(staffed.zone()).date()
    for query in ("", "?q=陈志", "?q=林", f"?q={visit.reference.lower()}", f"?day={local}"):
        assert f"/recordings/{visit.id}" in (await listener.get(f"/recordings{query}")).text, query
    for query in ("?q=nobody", "?q=%25", "?day=2020-01-01"):
        assert f"/recordings/{visit.id}" not in (await listener.get(f"/recordings{query}")).text, query


async def test_a_visit_is_found_by_what_was_noted_marked_and_by_its_light(
    listener: Browser, db: Database, house: Staffed, visit: BookingView
) -> None:
    writer = Identity("ses", house.monitor, frozenset({Role.MONITOR}), "", "zh", False, visit.prison_id, True)
    async with db.write() as session:
        await reviews.note(session, writer, visit.id, 100, "", "提到转账")
    marked = "mark=officer%3Avisit%3Amarked"
    for query in (
        "q=转账",
        marked,
        "reason=dress",
        f"wing={visit.wing_id}&light=green&q=转账",
        f"officer={house.monitor.id}",
    ):
        assert f"/recordings/{visit.id}" in (await listener.get(f"/recordings?{query}")).text, query
        answer = (await listener.get(f"/api/v1/recordings?{query}")).json()
        assert ([one["booking"] for one in answer["visits"]], answer["after"]) == ([visit.id], ""), query
    for query in ("q=汇款", "light=red", "wing=wing_none", "officer=off_none", f"{marked}&reason=none"):
        assert (await listener.get(f"/api/v1/recordings?{query}")).json()["visits"] == [], query


async def test_without_a_reason_nothing_is_opened(
    listener: Browser, db: Database, visit: BookingView
) -> None:
    door = (await listener.get(f"/recordings/{visit.id}")).text
    assert files(door) == []
    for reason in ("", "curiosity"):
        refused = await listener.send_form(f"/recordings/{visit.id}", {"reason": reason})
        assert refused.status_code == 422
        assert "请选择调阅理由" in refused.text
    assert await entries(db, listening.OPENED) == []
    guessed = await listener.get(f"/recordings/{visit.id}/opn_guessed")
    assert guessed.headers["location"] == f"/recordings/{visit.id}"


async def test_opening_shows_everything_and_says_it_is_intact(
    listener: Browser, db: Database, visit: BookingView
) -> None:
    page = (await listener.get(await opened(listener, visit, "复听-17"))).text
    assert len(files(page)) == 3
    assert "完好" in page
    assert "提醒" in page
    assert "听一下这里" in page
    async with db.read() as session:
        (recording,) = await recordings.of_booking(session, visit.id)
    assert recording.seal is not None
    assert recording.seal.key_id in page
    (entry,) = await entries(db, listening.OPENED)
    assert (entry["reason"], entry["words"]) == ("re-listening", "复听-17")


async def test_files_play_whole_and_in_ranges_and_are_entered_once(
    listener: Browser, db: Database, visit: BookingView
) -> None:
    way = await opened(listener, visit)
    family, _, inmate = files((await listener.get(way)).text)
    whole = await listener.get(family)
    assert whole.headers["content-type"] == "video/webm"
    assert "no-store" in whole.headers["cache-control"]
    with av.open(io.BytesIO(whole.content), "r") as container:
        assert len(list(container.decode(video=0))) > 90
    part = await listener.get(family, headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = await listener.get(family, headers={"range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    await listener.get(inmate)
    played = await entries(db, listening.PLAYED)
    assert len(played) == 2
    assert {entry["opening"] for entry in played} == {way.rpartition("/")[2]}


async def test_what_was_heard_is_entered_to_the_millisecond(
    listener: Browser, db: Database, visit: BookingView
) -> None:
    way = await opened(listener, visit)
    headers = {"x-csrf-token": listener.csrf}
    good = await listener.post(f"{way}/heard", json={"from_ms": 500, "to_ms": 2750}, headers=headers)
    assert good.status_code == 201
    bad = await listener.post(f"{way}/heard", json={"from_ms": -1, "to_ms": 5}, headers=headers)
    assert bad.status_code == 422
    (heard,) = await entries(db, listening.HEARD)
    assert (heard["from_ms"], heard["to_ms"]) == (500, 2750)


async def test_leave_is_personal_and_runs_out(
    clock: FakeClock,
    listener: Browser,
    another_browser: Browser,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    way = await opened(listener, visit)
    file, *_ = files((await listener.get(way)).text)
    await sign_in(another_browser, house.approver, strong=True)
    assert (await another_browser.get(file)).status_code == 403
    assert (await another_browser.get(way)).headers["location"] == f"/recordings/{visit.id}"
    clock.move(hours=8, seconds=1)
    await sign_in(listener, house.monitor, strong=True)
    assert (await listener.get(file)).status_code == 403
    assert (await listener.get(way)).headers["location"] == f"/recordings/{visit.id}"


async def test_others_do_not_even_learn_that_it_exists(
    browser: Browser, visit: BookingView, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    way = await opened(browser, visit)
    file, *_ = files((await browser.get(way)).text)
    await sign_in(browser, house.elsewhere, strong=True)
    for path in (f"/recordings/{visit.id}", way, file, "/recordings/bkg_none"):
        assert (await browser.get(path)).status_code == 404
    assert visit.id not in (await browser.get("/recordings")).text
    for subject, strong in (
        (house.admin, True),
        (house.counsel, True),
        (Ref("relative", house.place.mei), False),
        (house.monitor, False),
    ):
        await sign_in(browser, subject, strong=strong)
        for path in ("/recordings", f"/recordings/{visit.id}", way, file):
            assert (await browser.get(path)).status_code == 403


async def test_a_changed_file_is_called_broken(
    listener: Browser, db: Database, services: Services, visit: BookingView
) -> None:
    async with db.read() as session:
        (recording,) = await recordings.of_booking(session, visit.id)
        track = recording.tracks[0]
        path = await recordings.path_of(session, services.settings, recording.id) / track.file_name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    page = (await listener.get(await opened(listener, visit))).text
    assert "已损坏" in page
    assert "有文件被改动" in page


async def test_track_of_another_visit_is_not_served_under_this_opening(
    listener: Browser, db: Database, services: Services, visit: BookingView, house: Staffed
) -> None:
    way = await opened(listener, visit)
    file, *_ = files((await listener.get(way)).text)
    stranger = re.sub(r"/rec_[^/]+/", "/rec_other/", file)
    assert (await listener.get(stranger)).status_code == 404
    missing = re.sub(r"/[^/]+\.webm", "/trk_other.webm", file)
    assert (await listener.get(missing)).status_code == 404


async def test_an_officer_whose_rights_ended_an_hour_ago_opens_nothing_any_more(
    clock: FakeClock, listener: Browser, db: Database, visit: BookingView, house: Staffed
) -> None:
    """The page that was opened while they lasted gives nothing out either, nor does the session."""
    page = await opened(listener, visit)
    (file, *_) = files((await listener.get(page)).text)
    assert (await listener.get(file)).status_code == 200
    async with (
        db.write() as session
    ):  # the account is left as it was, and so is the session: the role alone went
        (await session.get_one(StaffRow, house.monitor.id)).roles = "approver"
    assert (await listener.get("/officer")).status_code == 403
    async with db.write() as session:
        (await session.get_one(StaffRow, house.monitor.id)).active = False
    clock.move(seconds=3600)
    for path in (file, page, "/recordings"):
        refused = await listener.get(path)
        assert refused.status_code in (303, 401, 403), path
        assert visit.reference not in refused.text
    again = await listener.send_form(f"/recordings/{visit.id}", {"reason": "re-listening", "words": ""})
    assert again.status_code in (303, 401, 403)
    assert "/recordings" not in again.headers.get("location", "").partition("?")[0]
    assert len(await entries(db, "officer:recording:opened")) == 1
