"""A year that this installation enters: read line by line, approved by a second person, in force everywhere."""

from collections.abc import Iterator
from datetime import date

import pytest

from core.db import Database
from core.errors import Conflict, NotFound, Refused
from core.ids import Ref
from policy import calendar, horizon, year_text, years
from policy.calendar import OutsideCalendar, YearTable
from policy.service import SamePerson
from policy.years import PastDays
from tests.conftest import FakeClock

ONE, OTHER = Ref("admin", "adm_1"), Ref("admin", "adm_2")
TODAY = date(2026, 11, 21)
WEEKEND = frozenset({6, 7})
NOTICE = "国办发明电〔2026〕7号"
NATION = """# 2027
2027-01-01..2027-01-03, 放假
2027-02-05..2027-02-11 holiday
2027-02-20, workday
"""


@pytest.fixture(autouse=True)
def as_shipped() -> Iterator[None]:
    yield
    calendar.put_entered({})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("2027-01-01", "line-unreadable"),
        ("1 January, holiday", "line-unreadable"),
        ("2027-01-01, party", "kind-unknown"),
        ("2027-02-30, holiday", "day-invalid"),
        ("2027-01-03..2027-01-01, holiday", "day-invalid"),
        ("2026-12-31..2027-01-01, holiday", "year-other"),
        ("2027-01-04, workday", "workday-no-weekend"),
        ("2027-05-01..2027-05-02, 放假", "day-twice"),
    ],
)
def test_each_line_that_is_wrong_is_named_and_the_others_are_read(line: str, code: str) -> None:
    found = year_text.read(f"2027-05-02, 假\n\n{line}\n2027-05-08，上班\n", 2027, WEEKEND)
    assert [(one.line, one.code) for one in found.findings] == [(3, code)]
    assert date(2027, 5, 2) in found.holidays
    assert found.workdays == {date(2027, 5, 8)}


def test_too_many_lines_end_the_reading() -> None:
    text = "\n" * year_text.LINES_MAX + "2027-01-01, holiday\n2027-01-02, holiday"
    assert [one.code for one in year_text.read(text, 2027, WEEKEND).findings] == ["too-many-lines"]


def table(name: str, year: int) -> YearTable:
    found = calendar.load(name).years
    assert found is not None
    return found[year]


async def entered(db: Database, name: str, year: int, text: str) -> str:
    async with db.write() as session:
        entry_id, _ = await years.enter(session, ONE, name, year, text, NOTICE)
    return entry_id


async def in_force(db: Database, name: str, year: int, text: str, today: date = TODAY) -> None:
    entry_id = await entered(db, name, year, text)
    async with db.write() as session:
        await years.approve(session, OTHER, entry_id, today)
    assert await years.refresh(db)


async def test_two_people_put_a_year_in_force(db: Database, clock: FakeClock) -> None:
    del clock
    entry_id = await entered(db, "cn", 2027, NATION)
    assert not await years.refresh(db)
    assert table("CN", 2027).provisional
    async with db.write() as session:
        with pytest.raises(SamePerson):
            await years.approve(session, ONE, entry_id, TODAY)
        await years.approve(session, OTHER, entry_id, TODAY)
        for again in (years.approve(session, OTHER, entry_id, TODAY), years.drop(session, ONE, entry_id)):
            with pytest.raises(Conflict):
                await again
        with pytest.raises(NotFound):
            await years.approve(session, OTHER, "cyr_none", TODAY)
    assert await years.refresh(db)
    assert not await years.refresh(db)
    nation = calendar.load("CN")
    assert nation.is_working_day(date(2027, 2, 20))  # a Saturday that is worked
    assert not nation.is_working_day(date(2027, 2, 11))
    assert horizon.gaps(nation, TODAY) == []


async def test_a_place_adds_its_days_and_needs_its_nations_year(db: Database, clock: FakeClock) -> None:
    """Losar 2027 begins on 8 February; the day after the nation's holiday is free in Lhasa only."""
    del clock
    await in_force(db, "CN-LHASA", 2027, "2027-02-12, holiday")
    lhasa = calendar.load("CN-LHASA")
    assert not lhasa.is_working_day(date(2027, 2, 12))
    assert calendar.load("CN").is_working_day(date(2027, 2, 12))
    await in_force(db, "CN-NOWHERE", 2029, "2029-03-01, holiday")
    with pytest.raises(OutsideCalendar):  # the nation's 2029 is not there
        calendar.load("CN-NOWHERE").is_working_day(date(2029, 3, 1))


async def test_past_days_stay_as_they_were(db: Database, clock: FakeClock) -> None:
    del clock
    text = "\n".join(f"{day}, holiday" for day in sorted(table("CN", 2026).holidays))
    entry_id = await entered(db, "CN", 2026, text)  # the days on which work was made up are missing
    async with db.write() as session:
        with pytest.raises(PastDays):
            await years.approve(session, OTHER, entry_id, TODAY)
        await years.drop(session, ONE, entry_id)
    worked = "\n".join(f"{day}, workday" for day in sorted(table("CN", 2026).workdays))
    await in_force(db, "CN", 2026, f"{text}\n{worked}\n2026-12-31, holiday")
    assert not calendar.load("CN").is_working_day(date(2026, 12, 31))
    async with db.read() as session:
        assert [one.year for one in await years.listed(session)] == [2026]


@pytest.mark.parametrize(
    ("name", "year", "text", "source", "codes"),
    [
        ("", 0, "", "", ["calendar-invalid", "year-invalid", "source-missing", "days-missing"]),
        ("WEEK", 2027, NATION, NOTICE, ["calendar-invalid"]),
        ("../cn", 2027, NATION, NOTICE, ["calendar-invalid"]),
        ("CN", 2027, "x\ny", NOTICE, ["line-unreadable", "line-unreadable"]),
    ],
)
async def test_what_is_wrong_is_told_at_once_and_nothing_is_kept(
    db: Database, name: str, year: int, text: str, source: str, codes: list[str]
) -> None:
    with pytest.raises(Refused) as caught:
        async with db.write() as session:
            await years.enter(session, ONE, name, year, text, source)
    assert [one.code for one in caught.value.reasons] == codes
    async with db.read() as session:
        assert await years.listed(session) == []
