"""Deciding: the desk, papers, reasons, and what happens when somebody was faster."""

import io

import pytest
from PIL import Image
from pypdf import PdfWriter

from core.db import Database
from core.ids import Ref
from ledger import read
from people import repository
from people import service as people
from people.forms import ApplicationForm, MinorForm
from people.means import Caller
from people.model import RelationshipState
from people.proofs import Upload
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services

CALLER = Caller(network="127.0.0.1", device="d", agent="test", binding="b")


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "#f3ead2").save(file, "PNG")
    return file.getvalue()


def pdf() -> bytes:
    writer, file = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(file)
    return file.getvalue()


async def applied(db: Database, services: Services, house: Staffed, data: bytes | None = None) -> str:
    """The stranger asks to visit; answers the relationship's id."""
    form = ApplicationForm(house.place.prison, "3401202107", "陈志强", "sibling", consent=True)
    actor = house.place.identity(house.place.stranger)
    async with db.write() as session:
        made = await people.apply(
            session, services.means, actor, CALLER, form, [Upload("proof", data or picture())]
        )
    return made.id


async def tags(db: Database, subject: Ref) -> list[str]:
    async with db.read() as session:
        return [entry.tag for entry in await read.about(session, subject)]


async def test_desk_lists_both_kinds_with_their_lights(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house)
    visit = await staffed.requested_visit(db, house)
    await sign_in(browser, house.approver, strong=True)
    page = (await browser.get("/approvals")).text
    assert f"/approvals/relationships/{relationship}" in page
    assert f"/approvals/bookings/{visit.id}" in page
    assert "light--" in page


async def test_papers_are_shown_by_the_server_and_each_look_is_entered(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house)
    await sign_in(browser, house.approver, strong=True)
    page = (await browser.get(f"/approvals/relationships/{relationship}")).text
    async with db.read() as session:
        (proof,) = await repository.proof_rows(session, [relationship])
    assert f'src="/approvals/proofs/{proof.id}"' in page
    answer = await browser.get(f"/approvals/proofs/{proof.id}")
    assert answer.headers["content-type"] in ("image/png", "image/jpeg")
    assert answer.headers["content-disposition"].startswith("inline")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    Image.open(io.BytesIO(answer.content)).verify()
    assert "officer:proof:read" in await tags(db, Ref("proof", proof.id))


async def test_pdf_comes_as_a_download_only(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house, pdf())
    async with db.read() as session:
        (proof,) = await repository.proof_rows(session, [relationship])
    await sign_in(browser, house.approver, strong=True)
    answer = await browser.get(f"/approvals/proofs/{proof.id}")
    assert answer.headers["content-disposition"].startswith("attachment")
    await sign_in(browser, house.monitor, strong=True)
    assert (await browser.get(f"/officer/relationships/{relationship}/proof")).status_code == 404


async def test_monitor_sees_the_picture_to_compare_with_the_face(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house)
    await sign_in(browser, house.monitor, strong=True)
    answer = await browser.get(f"/officer/relationships/{relationship}/proof")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/")
    await sign_in(browser, house.elsewhere, strong=True)
    assert (await browser.get(f"/officer/relationships/{relationship}/proof")).status_code == 404


async def test_papers_of_a_minor_wait_until_they_are_asked_for(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    mei = house.place.identity(house.place.mei)
    async with db.write() as session:
        child = await people.add_minor(
            session, services.means, mei, MinorForm("陈小宝", "2016-04-05", "passport", "E77777701", True)
        )
        form = ApplicationForm(
            house.place.prison, "3401202107", "陈志强", "child", visitor_id=child.id, consent=True
        )
        made = await people.apply(session, services.means, mei, CALLER, form, [Upload("p", picture())])
    await sign_in(browser, house.approver, strong=True)
    path = f"/approvals/relationships/{made.id}"
    assert "/approvals/proofs/" not in (await browser.get(path)).text
    assert "/approvals/proofs/" in (await browser.get(f"{path}?papers=1")).text


async def test_whole_number_is_shown_once_and_entered(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house)
    await sign_in(browser, house.approver, strong=True)
    path = f"/approvals/relationships/{relationship}"
    assert "E00000013" not in (await browser.get(path)).text
    assert "E00000013" in (await browser.send_form(f"{path}/number")).text
    assert "E00000013" not in (await browser.get(path)).text
    assert "officer:document:revealed" in await tags(db, Ref("relative", house.place.stranger))


async def test_approve_then_a_second_officer_gets_409_and_the_state(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    house: Staffed,
    sign_in: SignIn,
) -> None:
    relationship = await applied(db, services, house)
    path = f"/approvals/relationships/{relationship}"
    await sign_in(browser, house.approver, strong=True)
    await sign_in(another_browser, house.approver, strong=True)
    assert (await another_browser.get(path)).status_code == 200
    assert (await browser.send_form(f"{path}/approve")).headers["location"] == "/approvals"
    late = await another_browser.send_form(f"{path}/refuse", {"reason": "proof-unclear", "words": ""})
    assert late.status_code == 409
    assert "已有同事先处理" in late.text
    assert "已批准" in late.text
    assert "郑警官" in late.text
    async with db.read() as session:
        view = await repository.relationship_by_id(session, relationship)
    assert view is not None
    assert view.state is RelationshipState.APPROVED


async def test_refusal_needs_a_reason_and_keeps_what_was_written(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house)
    path = f"/approvals/relationships/{relationship}/refuse"
    await sign_in(browser, house.approver, strong=True)
    wrong = await browser.send_form(path, {"reason": "other", "words": ""})
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    nothing = await browser.send_form(path, {"reason": "", "words": "请重拍"})
    assert nothing.status_code == 422
    assert "请重拍" in nothing.text
    assert (await browser.send_form(path, {"reason": "proof-unclear", "words": "请重拍"})).status_code == 303
    async with db.read() as session:
        view = await repository.relationship_by_id(session, relationship)
    assert view is not None
    assert (view.state, view.reason, view.words) == (RelationshipState.REFUSED, "proof-unclear", "请重拍")


async def test_ending_a_relationship_changes_its_visits_in_the_same_step(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.requested_visit(db, house)
    await sign_in(browser, house.approver, strong=True)
    path = f"/approvals/relationships/{house.place.mei_relationship}/end"
    done = await browser.send_form(path, {"reason": "visits-suspended", "words": ""})
    assert done.status_code == 303
    async with db.read() as session:
        assert (await schedule.get(session, visit.id)).state is BookingState.CANCELLED


async def test_visit_is_approved_or_refused_with_words(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    first = await staffed.requested_visit(db, house)
    await sign_in(browser, house.approver, strong=True)
    page = (await browser.get(f"/approvals/bookings/{first.id}")).text
    assert first.reference in page
    assert "林梅" in page
    unsaid = await browser.send_form(f"/approvals/bookings/{first.id}/refuse", {"reason": "", "words": "x"})
    assert unsaid.status_code == 422
    refused = await browser.send_form(
        f"/approvals/bookings/{first.id}/refuse", {"reason": "no-capacity", "words": "请改日"}
    )
    assert refused.status_code == 303
    again = await browser.send_form(f"/approvals/bookings/{first.id}/approve")
    assert again.status_code == 409
    assert "已有同事先处理" in again.text
    second = await staffed.requested_visit(db, house, minutes=300)
    assert (await browser.send_form(f"/approvals/bookings/{second.id}/approve")).status_code == 303
    async with db.read() as session:
        assert (await schedule.get(session, second.id)).state is BookingState.APPROVED
    cancelled = await browser.send_form(
        f"/approvals/bookings/{second.id}/cancel", {"reason": "staff", "words": ""}
    )
    assert cancelled.status_code == 303
    async with db.read() as session:
        assert (await schedule.get(session, second.id)).state is BookingState.CANCELLED


async def test_another_prisons_cases_are_not_there(
    browser: Browser, db: Database, services: Services, house: Staffed, sign_in: SignIn
) -> None:
    relationship = await applied(db, services, house)
    visit = await staffed.requested_visit(db, house)
    async with db.read() as session:
        (proof,) = await repository.proof_rows(session, [relationship])
    await sign_in(browser, house.elsewhere, strong=True)
    for path in (
        f"/approvals/relationships/{relationship}",
        f"/approvals/bookings/{visit.id}",
        f"/approvals/proofs/{proof.id}",
    ):
        assert (await browser.get(path)).status_code == 404
    for path in (
        f"/approvals/relationships/{relationship}/approve",
        f"/approvals/relationships/{relationship}/number",
        f"/approvals/relationships/{relationship}/shout",
        f"/approvals/bookings/{visit.id}/approve",
        f"/approvals/bookings/{visit.id}/shout",
    ):
        assert (await browser.send_form(path)).status_code in (403, 404)
    async with db.read() as session:
        assert (await schedule.get(session, visit.id)).state is BookingState.REQUESTED


async def test_forged_decision_is_refused(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.requested_visit(db, house)
    await sign_in(browser, house.approver, strong=True)
    forged = await browser.post(f"/approvals/bookings/{visit.id}/approve", data={"csrf": "guessed"})
    assert forged.status_code == 403
    async with db.read() as session:
        assert (await schedule.get(session, visit.id)).state is BookingState.REQUESTED
