"""Rules on pages: proposed by one administrator, previewed, approved by another."""

import re

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from people import service as people
from people.forms import StaffForm
from policy import presets, repository
from policy import service as policy_service
from policy.rulebook import FamilyPolicy
from scheduler import flags
from scheduler import service as schedule
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web import rule_lines, rule_values
from web.rule_names import GROUPS, NAMES
from web.rule_values import BadValue
from web.rule_words import KEYS, WORDS
from web.services import Services

CHANGE = {"title": "会见规定", "says": "每次二十分钟。", "seen": "own", "minutes": "20"}


def test_every_value_has_a_name_in_one_group() -> None:
    named = [key for _, names in GROUPS for key in names]
    assert sorted(named) == sorted(FamilyPolicy.model_fields)
    assert len(named) == len(NAMES)


@pytest.mark.parametrize("preset", ["cn", "england", "anhui", "guangdong", "hunan", "yunnan", "demo"])
def test_a_value_is_read_as_the_form_shows_it(preset: str) -> None:
    for language in ("zh", "en"):
        for name, value in presets.load(preset).values.items():
            shown = rule_values.typed(language, name, value)
            assert rule_values.same(name, rule_values.read(language, name, [shown]), value), name


@pytest.mark.parametrize("preset", presets.names())
def test_no_code_is_shown_for_want_of_a_word(preset: str) -> None:
    for name, value in presets.load(preset).values.items():
        if name in WORDS and isinstance(value, list | tuple | str):
            codes = (
                [value]
                if isinstance(value, str)
                else [str(one) for one in value if not isinstance(one, dict)]
            )
            assert WORDS[name].keys() >= set(codes), name
        if name in KEYS and isinstance(value, dict):
            assert KEYS[name].keys() | {""} >= value.keys(), name


@pytest.mark.parametrize(
    ("name", "value", "lines"),
    [
        ("minutes", 30, ["30 分钟"]),
        ("require_guardian", True, ["是"]),
        ("allowance_span", "four-weeks", ["四周"]),
        ("ladder", ["warn", "pause", "end"], ["提醒、暂停、结束"]),
        ("visit_weekdays", [1, 7], ["星期一、星期日"]),
        ("office_closes", "18:00:00", ["18:00"]),
        ("exceptions", {"wing-day": ["division", "deputy"]}, ["不是本监区的会见日 = 科室、分管监狱长"]),
        ("decision_steps", [{"desk": "bureau", "working_days": 3}], ["司法局 = 3"]),
        ("allowance_windows", [{"first": "2027-01-28", "last": "2027-02-28", "visits": 1}],
         ["2027-01-28 .. 2027-02-28 = 1"]),
        ("restricted_days", [{"first": "2027-02-01", "last": "2027-02-02", "levels": []}],
         ["2027-02-01 .. 2027-02-02 = 所有级别"]),
        ("relations_by_case", {}, []),
    ],
)  # fmt: skip
def test_values_in_words(name: str, value: object, lines: list[str]) -> None:
    assert rule_values.said("zh", name, value) == lines
    assert rule_values.read("zh", name, [rule_values.typed("zh", name, value)]) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("minutes", "half"), ("require_guardian", "maybe"), ("grants", "basic = 2"), ("exceptions", "wing-day"),
     ("office_closes", "late"), ("minutes", "")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_at_its_field(name: str, text: str) -> None:
    with pytest.raises(BadValue) as caught:
        rule_values.read("zh", name, [text])
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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("most_minutes", "90", "上级规定最多允许 60。"),
        ("minutes", "3", "须在 5 至 240 之间。"),
        ("start_needs", "monitor", "上级规定不允许这样设置。"),
        ("most_minutes", "10", "与规则中的另一项相互矛盾。"),  # and the visit takes 20
    ],
)
async def test_what_cannot_be_is_said_at_its_field_in_words(
    admin: Browser, house: Staffed, name: str, value: str, said: str
) -> None:
    """Also what contradicts the rules of the nation: no code, no English in a Chinese sentence."""
    answer = await admin.send_form("/admin/policy/new", {**CHANGE, "of": house.place.prison, name: value})
    assert answer.status_code == 422
    assert re.search(f'id="{name}-error"[^<]*(<svg.*?</svg>)?<span>{said}</span>', answer.text, re.DOTALL)
    assert "contradicts" not in answer.text


async def test_the_form_begins_with_what_is_stated_while_something_is_missing(
    db: Database, services: Services
) -> None:
    """Else all that is ticked would be sent unticked by whoever fills in the one value that is missing."""
    async with db.write() as session:
        await policy_service.load_preset(session, SYSTEM, "england")
        prison = await schedule.create_prison(
            session, SYSTEM, name="Altcourse", zone="Europe/London", policy="england"
        )
        found = await rule_lines.standing(session, prison, clock.now())
    assert set(FamilyPolicy.model_fields) - set(found) == {"reply_working_days"}
    for name, value in found.items():
        assert rule_values.same(
            name, rule_values.read("en", name, [rule_values.typed("en", name, value)]), value
        )


async def test_the_form_as_it_stands_proposes_nothing(admin: Browser, house: Staffed) -> None:
    """All that a browser would send of the untouched form, ticks and tables included."""
    page = (await admin.get(f"/admin/policy/new?of={house.place.prison}")).text
    assert "普管" not in page  # no level differs
    assert "严管 = 0" in page
    body = page.split('action="/admin/policy/new"')[1].split("</form>")[0]
    form: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", body):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        ticked = 'type="checkbox"' not in tag or " checked" in tag
        if name and ticked and name[1] != "csrf":
            form.setdefault(name[1], []).append(value[1] if value else "")
    for name, text in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', body, re.DOTALL):
        form[name] = [text]
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.findall(r'value="([^"]*)" selected', options)
        form[name] = chosen or [""]
    same = await admin.send_form("/admin/policy/new", {**form, "title": "t", "says": "s"})
    assert same.status_code == 422
    assert "没有任何变动" in same.text or "与现行" in same.text
    fewer = {**form, "title": "t", "says": "s", "languages": ["zh"]}
    assert (await admin.send_form("/admin/policy/new", fewer)).status_code == 303


async def test_a_rehearsal_says_whom_it_strands_and_what_they_could_have(
    admin: Browser, db: Database, house: Staffed
) -> None:
    view = await staffed.requested_visit(db, house, minutes=26 * 60)
    sent = await admin.send_form("/admin/policy/new", {**CHANGE, "of": house.place.prison})
    path = sent.headers["location"].partition("?")[0]
    page = await admin.send_form(f"{path}/rehearse")
    assert "此改动影响 1 场已约会见，其中 1 场有其他时间可换" in page.text
    assert view.reference in page.text
    async with db.read() as session:
        assert await flags.of_booking(session, view.id) == []
        values = (await repository.current(session, house.place.prison, clock.now())).values
    assert values.minutes == 30


async def test_a_proposal_can_be_dropped(admin: Browser, house: Staffed) -> None:
    sent = await admin.send_form("/admin/policy/new", {**CHANGE, "of": house.place.prison})
    path = sent.headers["location"].partition("?")[0]
    assert (await admin.send_form(f"{path}/drop")).status_code == 303
    assert "该提案已撤回" in (await admin.get(path)).text
