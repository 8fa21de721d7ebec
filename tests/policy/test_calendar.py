"""Working days from tables: holidays, make-up days, years that were not entered."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from core.errors import Misconfigured
from policy import calendar
from policy.calendar import OutsideCalendar
from policy.clocks import bookable_days, reply_by
from policy.model import FamilyPolicy, LeadUnit
from policy.presets import load as load_preset

CN = calendar.load("CN")
BEIJING = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 14), True),  # a Saturday on which work is made up
        (date(2026, 2, 15), False),
        (date(2026, 2, 23), False),  # a Monday, last of nine days
        (date(2026, 2, 24), True),
        (date(2026, 9, 20), True),  # a Sunday on which work is made up
        (date(2026, 10, 10), True),
        (date(2026, 10, 11), False),
        (date(2026, 11, 21), False),
        (date(2026, 11, 23), True),
        (date(2027, 2, 10), False),
        (date(2027, 2, 11), True),
    ],
)
def test_working_days_of_china(day: date, works: bool) -> None:
    assert CN.is_working_day(day) is works


def test_a_year_that_was_not_entered_is_an_error() -> None:
    for day in (date(2025, 12, 31), date(2028, 1, 3)):
        with pytest.raises(OutsideCalendar):
            CN.is_working_day(day)
    assert CN.after(date(2027, 12, 30), 1) == date(2027, 12, 31)
    with pytest.raises(OutsideCalendar):
        CN.after(date(2027, 12, 31), 1)


def test_the_law_gives_thirteen_days_and_those_of_2027_are_provisional() -> None:
    assert CN.years is not None
    assert not CN.years[2026].provisional
    assert CN.years[2027].provisional
    # every one of the 13 statutory days is a day off in both years
    for year, days in {
        2026: ["01-01", "02-16", "02-17", "02-18", "02-19", "04-05", "05-01", "05-02", "06-19", "09-25"],
        2027: ["01-01", "02-05", "02-06", "02-07", "02-08", "04-05", "05-01", "05-02", "06-09", "09-15"],
    }.items():
        for day in [*days, "10-01", "10-02", "10-03"]:
            assert date.fromisoformat(f"{year}-{day}") in CN.years[year].holidays


def test_each_long_holiday_of_2026_is_paid_for_by_its_make_up_days() -> None:
    """The notice moves days, it makes none: days off on weekdays = statutory days and days given for
    statutory days on a weekend (22 February is none), and a make-up day for each that is more."""
    assert CN.years is not None
    table = CN.years[2026]
    weekdays_off = sum(day.isoweekday() <= 5 for day in table.holidays)
    assert weekdays_off - len(table.workdays) == 13


@pytest.mark.parametrize("name", ["CN", "GB-ENG", "WEEK"])
def test_every_calendar_reads(name: str) -> None:
    assert calendar.load(name).name == name


@pytest.mark.parametrize("name", ["XX", "../cn", ""])
def test_an_unknown_calendar_is_misconfigured(name: str) -> None:
    with pytest.raises(Misconfigured):
        calendar.load(name)


TABLE = """
name = "X"
weekend = [6, 7]
every_year = false
[[year]]
year = 2026
source = ""
provisional = false
holidays = [{holidays}]
workdays = [{workdays}]
"""


@pytest.mark.parametrize(
    ("holidays", "workdays"),
    [
        ("2026-01-01, 2026-01-01", ""),
        ("2025-01-01", ""),
        ("", "2026-01-05"),  # a Monday is no make-up day
        ("2026-01-03", "2026-01-03"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(holidays: str, workdays: str) -> None:
    with pytest.raises(Misconfigured):
        calendar.read(TABLE.format(holidays=holidays, workdays=workdays))


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        ("2026-11-20T10:00", 3, "2026-11-25T18:00"),  # Friday: Monday, Tuesday, Wednesday
        ("2026-11-21T16:00", 3, "2026-11-25T18:00"),  # Saturday: the same
        ("2026-11-20T23:59", 1, "2026-11-23T18:00"),
        ("2026-11-21T00:01", 1, "2026-11-23T18:00"),
        (
            "2026-02-12T09:00",
            3,
            "2026-02-24T18:00",
        ),  # over nine days of Spring Festival and a made-up Saturday
        ("2026-09-18T09:00", 1, "2026-09-20T18:00"),  # a Sunday on which work is made up
        ("2026-11-20T10:00", 0, "2026-11-20T18:00"),
    ],
)
def test_an_answer_is_due_when_the_last_working_day_ends(received: str, days: int, due: str) -> None:
    moment = datetime.fromisoformat(received).replace(tzinfo=BEIJING).astimezone(UTC)
    found = reply_by(CN, BEIJING, moment, days, time(18))
    assert found.tzinfo is UTC
    assert f"{found.astimezone(BEIJING):%Y-%m-%dT%H:%M}" == due


def test_the_day_of_receipt_is_the_prisons_day() -> None:
    """22:00 UTC on Sunday is Monday morning in Beijing."""
    moment = datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert reply_by(CN, BEIJING, moment, 1, time(18)) == datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "lead", "first"),
    [
        (LeadUnit.SAME_DAY, 0, date(2026, 2, 12)),
        (LeadUnit.DAYS, 0, date(2026, 2, 13)),
        (LeadUnit.DAYS, 2, date(2026, 2, 15)),
        (LeadUnit.WORKING_DAYS, 1, date(2026, 2, 14)),
        (LeadUnit.WORKING_DAYS, 3, date(2026, 2, 25)),
    ],
)
def test_the_first_bookable_day(unit: LeadUnit, lead: int, first: date) -> None:
    values = {**load_preset("cn").values, **load_preset("demo").values}
    values.update(lead_unit=unit, lead_days=lead, horizon_days=30)
    rules = FamilyPolicy.model_validate(values)
    assert bookable_days(CN, date(2026, 2, 12), rules) == (first, date(2026, 3, 14))
