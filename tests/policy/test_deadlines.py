"""When periods end: hours, days and working days, civil and criminal, over nights, make-up days and Losar."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Misconfigured
from policy import calendar
from policy.calendar import OutsideCalendar
from policy.deadlines import Period, Place, Rule, Unit, counts_from, due, ends, left

BEIJING = ZoneInfo("Asia/Shanghai")
NATION = Place(calendar.load("CN"), BEIJING)
LHASA = Place(calendar.load("CN-LHASA"), BEIJING)
HOURS, DAYS, WORKING = Unit.HOURS, Unit.DAYS, Unit.WORKING_DAYS
CLOSES = time(18)


def at(text: str) -> datetime:
    """Wall time in Beijing."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING).astimezone(UTC)


@pytest.mark.parametrize(
    ("period", "began", "over"),
    [
        # the lawyer's 48 hours do not stop at the weekend (rules section 8, number 7), nor for a festival
        (Period(48, HOURS), "2026-11-20T10:20", "2026-11-22T10:20"),
        (Period(48, HOURS), "2026-02-15T23:59", "2026-02-17T23:59"),
        (Period(48, HOURS, Rule.CRIMINAL), "2026-11-20T10:20", "2026-11-22T11:00"),
        (Period(48, HOURS, Rule.CRIMINAL), "2026-11-20T10:00", "2026-11-22T11:00"),  # the hour that began
        (Period(48, HOURS, Rule.CRIMINAL), "2026-11-20T23:30", "2026-11-23T00:00"),
        # 24 hours are 24 hours, not a working day (number 8)
        (Period(24, HOURS), "2026-11-21T09:00", "2026-11-22T09:00"),
        # days begin the next day and end at 24:00
        (Period(7, DAYS), "2026-11-16T00:01", "2026-11-24T00:00"),
        (Period(7, DAYS), "2026-11-16T23:59", "2026-11-24T00:00"),
        (Period(7, DAYS, Rule.CRIMINAL), "2026-11-16T09:00", "2026-11-24T00:00"),
        (Period(3, DAYS, closes=CLOSES), "2026-11-16T09:00", "2026-11-19T18:00"),
        # a last day that is no working day becomes the next one; a make-up Sunday is one (number 9)
        (Period(3, DAYS), "2026-11-18T09:00", "2026-11-24T00:00"),
        (Period(3, DAYS), "2026-09-17T09:00", "2026-09-21T00:00"),
        (Period(7, DAYS), "2026-09-28T09:00", "2026-10-09T00:00"),
        (Period(3, DAYS, Rule.CRIMINAL), "2026-11-18T09:00", "2026-11-24T00:00"),
        # but custody is never longer for a holiday
        (Period(3, DAYS, Rule.CRIMINAL, custody=True), "2026-11-18T09:00", "2026-11-22T00:00"),
        (Period(7, DAYS, Rule.CRIMINAL, custody=True), "2026-09-28T09:00", "2026-10-06T00:00"),
        # working days: weekends out, make-up Sunday in, festivals out
        (Period(3, WORKING), "2026-11-19T09:00", "2026-11-25T00:00"),
        (Period(1, WORKING, closes=CLOSES), "2026-09-19T09:00", "2026-09-20T18:00"),
        (Period(2, WORKING), "2026-09-30T17:00", "2026-10-10T00:00"),
        (Period(3, WORKING), "2026-09-30T17:00", "2026-10-11T00:00"),  # 10 October is made up
    ],
)
def test_when_a_period_is_over(period: Period, began: str, over: str) -> None:
    assert due(period, at(began), NATION) == at(over)


@pytest.mark.parametrize(
    ("period", "began", "beijing", "lhasa"),
    [
        (Period(2, WORKING), "2026-02-23T09:00", "2026-02-26T00:00", "2026-03-01T00:00"),
        (Period(9, DAYS), "2026-02-15T09:00", "2026-02-25T00:00", "2026-02-28T00:00"),
        (Period(48, HOURS), "2026-02-23T09:00", "2026-02-25T09:00", "2026-02-25T09:00"),
    ],
)
def test_tibetan_new_year_counts_in_beijing_and_not_in_lhasa(
    period: Period, began: str, beijing: str, lhasa: str
) -> None:
    assert due(period, at(began), NATION) == at(beijing)
    assert due(period, at(began), LHASA) == at(lhasa)


def test_a_year_whose_table_is_missing_is_an_error_in_words() -> None:
    for place, began in ((NATION, "2027-12-30T09:00"), (LHASA, "2026-12-30T09:00")):
        with pytest.raises(OutsideCalendar) as caught:
            due(Period(3, WORKING), at(began), place)
        assert caught.value.code == "calendar-missing"
        assert str(at(began).year + 1) in str(caught.value)
    with pytest.raises(OutsideCalendar):
        due(Period(3, DAYS), at("2026-12-30T09:00"), LHASA)
    # hours and custody need no table
    assert due(Period(48, HOURS), at("2027-12-31T09:00"), NATION) == at("2028-01-02T09:00")
    custody = Period(3, DAYS, Rule.CRIMINAL, custody=True)
    assert due(custody, at("2027-12-31T09:00"), NATION) == at("2028-01-04T00:00")


def test_a_local_calendar_stands_on_its_nation() -> None:
    with pytest.raises(Misconfigured):
        calendar.read(
            'name = "X"\nextends = "CN"\n[[year]]\nyear = 2031\nsource = "s"\nprovisional = false\n'
            "holidays = []\nworkdays = []\n"
        )
    nation, lhasa = calendar.load("CN"), calendar.load("CN-LHASA")
    assert nation.years is not None
    assert lhasa.years is not None
    assert nation.years[2026].holidays < lhasa.years[2026].holidays
    assert set(lhasa.years) == {2026}


def test_hours_are_real_hours_where_clocks_are_changed() -> None:
    london = Place(calendar.load("GB-ENG"), ZoneInfo("Europe/London"))
    began = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    assert due(Period(24, HOURS), began, london) == began + timedelta(hours=24)
    assert due(Period(1, WORKING), began, london) == datetime(2026, 3, 30, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "began", "stopped", "remaining"),
    [
        (Period(24, HOURS), "2026-11-21T09:00", "2026-11-21T15:00", 18 * 3600),
        (Period(48, HOURS, Rule.CRIMINAL), "2026-11-20T10:20", "2026-11-20T10:40", 48 * 3600),
        (Period(7, DAYS), "2026-11-16T09:00", "2026-11-16T17:00", 7),  # the opening day is not used
        (Period(7, DAYS), "2026-11-16T09:00", "2026-11-18T09:00", 5),
        (Period(7, DAYS), "2026-11-16T09:00", "2026-11-23T09:00", 1),  # asked on the last day
        (Period(3, WORKING), "2026-11-19T09:00", "2026-11-23T09:00", 1),
        (Period(3, WORKING), "2026-11-19T09:00", "2026-11-22T09:00", 2),  # a Sunday uses nothing
        (Period(5, WORKING), "2026-09-17T09:00", "2026-09-20T09:00", 3),  # a make-up Sunday does
    ],
)
def test_what_is_left_when_a_clock_stops(period: Period, began: str, stopped: str, remaining: int) -> None:
    since = counts_from(period, at(began), NATION)
    assert left(period, since, period.units, at(stopped), NATION) == remaining


def test_what_was_left_is_counted_from_the_day_after_the_pause() -> None:
    assert ends(Period(7, DAYS), at("2026-12-01T09:00"), 5, NATION) == at("2026-12-08T00:00")  # 6th: a Sunday


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Period(0, DAYS),
        lambda: Period(1, HOURS, closes=CLOSES),
        lambda: Period(1, DAYS, Rule.CRIMINAL, CLOSES),
    ],
)
def test_periods_that_make_no_sense(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match="period"):
        wrong()
