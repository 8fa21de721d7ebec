"""Rules on pages: proposed by one administrator, previewed, approved by another."""

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from people import service as people
from people.forms import StaffForm
from policy import presets, repository
from policy.rulebook import FamilyPolicy
from scheduler import flags
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.rule_names import GROUPS, NAMES, BadValue, as_text, from_text
from web.services import Services

CHANGE = {"title": "会见规定", "says": "每次二十分钟。", "seen": "own", "minutes": "20"}


def test_every_value_has_a_name_in_one_group() -> None:
    named = [key for _, names in GROUPS for key in names]
    assert sorted(named) == sorted(FamilyPolicy.model_fields)
    assert len(named) == len(NAMES)


@pytest.mark.parametrize("preset", ["cn", "england", "anhui", "guangdong", "hunan", "yunnan"])
def test_a_value_is_typed_as_it_is_read(preset: str) -> None:
    for name, value in presets.load(preset).values.items():
        text = as_text(value)
        if text:
            assert from_text(name, text) == value, name


@pytest.mark.parametrize(
    ("name", "text"), [("minutes", "half"), ("require_guardian", "maybe"), ("grants", "{")]
)
def test_what_cannot_be_read_is_said_at_its_field(name: str, text: str) -> None:
    with pytest.raises(BadValue) as caught:
        from_text(name, text)
    assert caught.value.params == {"field": name}


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def admin(browser: Browser, house: Staffed, sign_in: SignIn) -> Browser:
    await sign_in(browser, house.admin, strong=True)
    return browser


async def second(db: Database, house: Staffed) -> Ref:
    form = StaffForm("luo", "罗警官", "admin", (), house.place.prison)
    async with db.write() as session:
        return Ref("admin", (await people.create_staff(session, SYSTEM, form)).staff_id)


async def test_one_proposes_and_another_approves(
    admin: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    view = await staffed.requested_visit(db, house)
    assert "会见时长" in (await admin.get("/admin/policy/new")).text
    sent = await admin.send_form("/admin/policy/new", {**CHANGE, "of": house.place.prison})
    assert sent.status_code == 303
    page = (await admin.get(sent.headers["location"])).text
    assert view.reference in page  # what it would do to what is booked
    assert "另一名管理员" in page
    path = sent.headers["location"].partition("?")[0]
    assert (await admin.send_form(f"{path}/approve")).status_code == 409
    await sign_in(admin, await second(db, house), strong=True)
    assert (await admin.send_form(f"{path}/approve")).status_code == 303
    async with db.read() as session:
        values = (await repository.current(session, house.place.prison, clock.now())).values
        flagged = await flags.of_booking(session, view.id)
    assert values.minutes == 20
    assert [flag.reason.code for flag in flagged] == ["minutes-shorter"]
    assert "待第二人批准" not in (await admin.get("/admin/policy")).text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({**CHANGE, "minutes": "half"}, 422),
        ({**CHANGE, "minutes": "3"}, 422),
        ({**CHANGE, "minutes": ""}, 422),
        ({**CHANGE, "title": " "}, 422),
        ({**CHANGE, "most_minutes": "90"}, 422),
        ({**CHANGE, "begins": "soon"}, 422),
        ({**CHANGE, "of": "CN"}, 404),  # not this administrator's to state
    ],
)
async def test_what_is_no_proposal_comes_back(
    admin: Browser, house: Staffed, form: dict[str, str], status: int
) -> None:
    answer = await admin.send_form("/admin/policy/new", {"of": house.place.prison, **form})
    assert answer.status_code == status


async def test_a_proposal_can_be_dropped(admin: Browser, house: Staffed) -> None:
    sent = await admin.send_form("/admin/policy/new", {**CHANGE, "of": house.place.prison})
    path = sent.headers["location"].partition("?")[0]
    assert (await admin.send_form(f"{path}/drop")).status_code == 303
    assert "该提案已撤回" in (await admin.get(path)).text
