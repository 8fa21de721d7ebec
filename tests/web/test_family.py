"""The family's home, whom it visits, the children in its care: every state, and what is not theirs."""

import io
import re
from dataclasses import replace

import pytest
from PIL import Image

from core.db import Database
from core.ids import Ref
from people import service as people
from people.model import RelationshipState
from scheduler import service as schedule
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from web import telling
from web.edge import MULTIPART_LIMIT


def paper() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (640, 480), "#eee").save(file, "PNG")
    return file.getvalue()


APPLICATION = {"inmate_name": "陈志强", "inmate_number": "3401202107", "kinship": "sibling", "note": ""}


async def test_who_is_new_is_told_where_to_begin(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    home = await browser.get("/home")
    assert "/relationships/new" in home.text
    assert "/book/" not in home.text
    assert "/relationships/new" in (await browser.get("/book")).text


async def test_who_is_approved_is_led_to_book(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    home = await browser.get("/home")
    assert "还没有预约会见" in home.text
    assert "0551 1234 567" in home.text  # the prison's own help
    booking = await browser.get("/book")
    assert booking.headers["location"] == f"/book/{here.inmate}"


async def test_an_application_with_its_paper_waits_for_an_officer_and_can_be_withdrawn(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    sent = await browser.send_form(
        "/relationships",
        {**APPLICATION, "prison_id": here.prison},
        files={"proof": ("户口簿.png", paper(), "image/png")},
    )
    assert sent.status_code == 303
    page = await browser.get(sent.headers["location"])
    assert "申请已提交" in page.text
    assert "正在核对" in page.text
    assert "现在还不能预约" in (await browser.get("/home")).text
    (relationship_id,) = re.findall(r"/relationships/(\w+)\?sent=1", sent.headers["location"])
    done = await browser.send_form(f"/relationships/{relationship_id}/withdraw")
    assert done.status_code == 303
    async with db.read() as session:
        held = await people.relationship_for(session, here.identity(here.stranger), relationship_id)
    assert held.state is RelationshipState.WITHDRAWN


async def test_a_refused_form_keeps_what_was_typed_and_speaks_of_the_files(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    answer = await browser.send_form(
        "/relationships",
        {**APPLICATION, "prison_id": here.prison, "inmate_name": "", "kinship": "other", "note": ""},
        files={"proof": ("a.png", paper(), "image/png")},
    )
    assert answer.status_code == 422
    assert 'value="3401202107"' in answer.text
    assert '<option value="other" selected>' in answer.text
    for field in ("inmate_name", "note", "proof"):
        assert f'id="{field}-error"' in answer.text, field
    assert "请重新选择文件" in answer.text


async def test_a_program_named_as_a_photograph_is_refused(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    answer = await browser.send_form(
        "/relationships",
        {**APPLICATION, "prison_id": here.prison},
        files={"proof": ("family.jpg", b"MZ\x90\x00" + b"\0" * 4000, "image/jpeg")},
    )
    assert answer.status_code == 422
    assert 'id="proof-error"' in answer.text


async def test_fifty_megabytes_are_refused_before_they_are_read(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    answer = await browser.send_form(
        "/relationships",
        {**APPLICATION, "prison_id": here.prison},
        files={"proof": ("huge.jpg", b"\xff" * (MULTIPART_LIMIT + 1), "image/jpeg")},
    )
    assert answer.status_code == 413


async def test_a_wrong_name_tells_nothing_of_the_inmate(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    seen = []
    for changed in ({"inmate_name": "李四"}, {"inmate_number": "9999999999"}):
        answer = await browser.send_form(
            "/relationships",
            {**APPLICATION, "prison_id": here.prison, **changed},
            files={"proof": ("a.png", paper(), "image/png")},
        )
        assert answer.status_code == 404
        seen.append(re.findall(r'id="inmate_number-error">.*?<span>(.*?)</span>', answer.text))
    assert seen[0] == seen[1] != []


async def test_a_childs_guardian_adds_it_and_applies_for_it(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    wrong = await browser.send_form(
        "/minors", {"name": "林小", "born": "2019-05-05", "document_kind": "passport"}
    )
    assert wrong.status_code == 422
    assert 'value="林小"' in wrong.text
    child = {"name": "林小", "born": "2019-05-05", "document_kind": "passport", "document": "E99887766"}
    added = await browser.send_form("/minors", {**child, "consent": "1"})
    assert added.headers["location"] == "/relationships"
    form = await browser.get("/relationships/new")
    (child_id,) = re.findall(r'name="visitor_id" value="(rel_\w+)"', form.text)
    sent = await browser.send_form(
        "/relationships",
        {
            **APPLICATION,
            "prison_id": here.prison,
            "kinship": "child",
            "visitor_id": child_id,
            "consent": "1",
        },
        files={"proof": ("a.png", paper(), "image/png")},
    )
    assert sent.status_code == 303
    async with db.read() as session:
        held = await people.relationship_for(
            session, here.identity(here.mei), sent.headers["location"].split("/")[2].split("?")[0]
        )
    assert (held.relative_id, held.guardian_id) == (child_id, here.mei)


async def test_anothers_relationship_is_not_there(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    assert (await browser.get(f"/relationships/{here.mei_relationship}")).status_code == 404
    answer = await browser.send_form(f"/relationships/{here.mei_relationship}/withdraw")
    assert answer.status_code == 404


async def test_withdrawing_a_relationship_frees_the_booked_time(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    view = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(180)))
    await sign_in(browser, Ref("relative", here.mei))
    await browser.send_form(f"/relationships/{here.mei_relationship}/withdraw")
    async with db.read() as session:
        after = await schedule.get(session, view.id)
    assert [visitor.name for visitor in after.visitors] == ["赵桂兰"]


async def test_the_next_visit_says_what_to_do_now(
    browser: Browser, sign_in: SignIn, here: Place, db: Database
) -> None:
    later = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(180)))
    await sign_in(browser, Ref("relative", here.mei))
    page = await browser.get("/home")
    assert 'href="/check"' in page.text
    assert f"/visits/{later.id}" not in page.text
    soon = await place.confirmed(db, here, await place.slot_at(db, here, place.soon(10)))
    page = await browser.get("/home")
    assert f'href="/visits/{soon.id}"' in page.text
    assert "候见室已开放" in page.text


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_each_state_is_told(language: str, here: Place, db: Database) -> None:
    view = await place.requested(db, here, await place.slot_at(db, here, place.soon(300)))
    for state, words in telling.BOOKINGS.items():
        told = telling.booking(language, replace(view, state=state), view.starts_at)
        assert told.word
        assert told.next
        assert "{" not in told.next
        assert (language == "zh") == (told.word != words.word)
