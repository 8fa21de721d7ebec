"""Templates, closed and special dates; scenarios F01-F10, F46, F55, F57, F59 of the field, restated.

"Dn" is n days from today, here Monday 7 September 2026.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.calendar import Calendar, YearTable
from policy.clocks import bookable_days
from policy.model import FamilyPolicy, LeadUnit
from policy.presets import load as load_preset
from scheduler.model import ticks
from scheduler.timetable import (
    BadTimetable,
    ClosedDate,
    Run,
    SpecialDate,
    WeeklyTemplate,
    dates,
    instant,
    plan,
    runs_on,
)

TODAY = date(2026, 9, 7)
WEEK = Calendar("week", frozenset({6, 7}), None)
LONDON = "Europe/London"


def d(days: int) -> date:
    return TODAY + timedelta(days=days)


def run(at: str = "09:00", minutes: int = 60, count: int = 1) -> Run:
    return Run(time.fromisoformat(at), minutes, minutes, count, capacity=1)


def weekly(day: date, identity: str = "t", **more: Any) -> WeeklyTemplate:
    """A template on the weekday of `day`, valid from then on."""
    values: dict[str, Any] = {"run": run(), "zone": "Asia/Shanghai", "valid_from": day, **more}
    return WeeklyTemplate(identity, day.isoweekday(), **values)


def policy(lead: int, horizon: int, unit: LeadUnit = LeadUnit.DAYS) -> FamilyPolicy:
    values = {**load_preset("cn").values, **load_preset("demo").values}
    values.update(lead_days=lead, horizon_days=horizon, lead_unit=unit)
    return FamilyPolicy.model_validate(values)


def days(templates: list[WeeklyTemplate], lead: int, horizon: int, **more: Any) -> list[date]:
    """The days of the slots that can be booked today."""
    first, last = bookable_days(WEEK, TODAY, policy(lead, horizon))
    return [
        slot.day for slot in plan(templates, more.get("closed", []), more.get("special", []), first, last)
    ]


def test_f01_only_the_last_day_of_the_window_fits() -> None:
    assert days([weekly(TODAY)], 2, 7) == [d(7)]


@pytest.mark.parametrize(("lead", "horizon", "first", "last"), [(0, 21, 1, 21), (5, 29, 6, 29)])
def test_f02_windows_begin_a_day_after_the_lead_and_include_their_last_day(
    lead: int, horizon: int, first: int, last: int
) -> None:
    every_day = [weekly(d(n), f"t{n}") for n in range(7)]
    assert days(every_day, lead, horizon) == [d(n) for n in range(first, last + 1)]


def test_f03_a_closed_day_of_the_prison_or_of_the_session() -> None:
    x = d(3)
    template = weekly(x, valid_to=x + timedelta(days=10))
    assert days([template], 2, 28) == [x, x + timedelta(days=7)]
    assert days([template], 2, 28, closed=[ClosedDate(x + timedelta(days=7))]) == [x]
    assert days([template], 2, 28, closed=[ClosedDate(x, "t")]) == [x + timedelta(days=7)]


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ([ClosedDate(d(3), "early")], [(3, "11"), (10, "09"), (10, "11")]),
        ([ClosedDate(d(3))], [(10, "09"), (10, "11")]),
        ([], [(3, "09"), (3, "11"), (10, "09"), (10, "11")]),
    ],
)
def test_f04_closing_one_of_two_sessions(closed: list[ClosedDate], expected: list[tuple[int, str]]) -> None:
    x = d(3)
    both = [
        weekly(x, "early", run=run("09:00"), valid_to=d(13)),
        weekly(x, "late", run=run("11:00"), valid_to=d(13)),
    ]
    found = plan(both, closed, [], d(3), d(28))
    zone = ZoneInfo("Asia/Shanghai")
    assert [(slot.day, f"{slot.starts_at.astimezone(zone):%H}") for slot in found] == [
        (d(n), hour) for n, hour in expected
    ]


def test_f05_an_inactive_template_makes_nothing() -> None:
    templates = [weekly(d(n), f"t{n}", valid_to=d(7)) for n in (1, 2, 3)]
    assert len(days([*templates, weekly(d(4), "off", active=False)], 0, 7)) == 3


@pytest.mark.parametrize(
    ("every", "horizon", "expected"), [(2, 28, [0, 14, 28]), (3, 42, [0, 21, 42]), (1, 14, [0, 7, 14])]
)
def test_f06_every_n_weeks(every: int, horizon: int, expected: list[int]) -> None:
    template = weekly(TODAY, every_weeks=every)
    assert list(dates(template, TODAY, d(horizon))) == [d(n) for n in expected]
    window = bookable_days(WEEK, TODAY, policy(0, horizon, LeadUnit.SAME_DAY))
    assert [slot.day for slot in plan([template], [], [], *window)] == [d(n) for n in expected]


@pytest.mark.parametrize("every", range(1, 7))
def test_f08_a_date_is_active_when_whole_weeks_since_the_monday_divide(every: int) -> None:
    template = weekly(TODAY, every_weeks=every)
    assert template.anchor == TODAY
    for weeks in range(24):
        assert runs_on(template, TODAY + timedelta(weeks=weeks)) == (weeks % every == 0)


@pytest.mark.parametrize(
    ("template", "lead", "horizon"),
    [
        (WeeklyTemplate("t", d(4).isoweekday(), run(), "UTC", d(3), d(3)), 0, 28),
        (weekly(TODAY), 14, 1),
        (weekly(d(-14), valid_to=d(-1)), 0, 28),
        (weekly(d(180)), 0, 28),
    ],
    ids=["one day of another weekday", "lead beyond the horizon", "ended yesterday", "begins in six months"],
)
def test_f09_nothing_to_offer(template: WeeklyTemplate, lead: int, horizon: int) -> None:
    assert days([template], lead, horizon) == []


@pytest.mark.parametrize(("start", "weekday", "every"), list(product(range(7), range(1, 8), range(1, 7))))
def test_f10_the_list_of_dates_is_the_dates_that_are_active(start: int, weekday: int, every: int) -> None:
    template = WeeklyTemplate("t", weekday, run(), "UTC", d(start), d(120), every)
    span = [d(n) for n in range(-10, 140)]
    for first in (d(-10), d(5), d(33)):
        assert list(dates(template, first, d(139))) == [
            day for day in span if first <= day and runs_on(template, day)
        ]


def test_f46_intervals_are_half_open() -> None:
    def at(hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 9, 7, hour, minute, tzinfo=UTC)

    booked = set(ticks(at(10), at(11)))
    assert booked.isdisjoint(ticks(at(9), at(10)))
    assert not booked.isdisjoint(ticks(at(9, 15), at(10, 15)))
    assert booked.isdisjoint(ticks(at(11), at(12)))


def test_f55_closed_and_special_dates() -> None:
    window = (date(2015, 10, 1), date(2015, 10, 5))
    monday = WeeklyTemplate("mon", 1, run("14:00", 130), LONDON, date(2015, 1, 1))
    friday = WeeklyTemplate("fri", 5, run("10:00", 90), LONDON, date(2015, 1, 1))
    second = date(2015, 10, 2)
    assert [slot.day for slot in plan([monday, friday], [], [], *window)] == [second, date(2015, 10, 5)]
    assert len(plan([monday, friday], [ClosedDate(second)], [], *window)) == 1
    special = [
        SpecialDate("s1", second, run("09:30", 60), LONDON),
        SpecialDate("s2", second, run("11:30", 60), LONDON),
    ]
    found = plan([monday, friday], [], special, *window)
    assert [(s.source, f"{s.starts_at:%H:%M}") for s in found] == [
        ("s1", "08:30"), ("s2", "10:30"), ("mon", "13:00"),  # UTC; London has summer time
    ]  # fmt: skip


def test_f57_lead_in_working_days() -> None:
    calendar = Calendar("test", frozenset({6, 7}), {2015: YearTable(frozenset(), frozenset(), "", False)})
    rules = policy(3, 10, LeadUnit.WORKING_DAYS)
    assert bookable_days(calendar, date(2015, 10, 1), rules) == (date(2015, 10, 7), date(2015, 10, 11))


@pytest.mark.parametrize(
    ("closed", "special"),
    [
        ([ClosedDate(d(1)), ClosedDate(d(1))], []),
        ([ClosedDate(d(1), "t"), ClosedDate(d(1), "t")], []),
        ([ClosedDate(d(1))], [SpecialDate("s", d(1), run(), "UTC")]),
    ],
    ids=["closed twice", "session closed twice", "closed and special"],
)
def test_f59_contradictory_dates_are_refused(closed: list[ClosedDate], special: list[SpecialDate]) -> None:
    with pytest.raises(BadTimetable):
        plan([weekly(d(1))], closed, special, d(0), d(7))


@pytest.mark.parametrize(
    ("starts", "minutes", "raster", "count", "capacity"),
    [
        (time(9, 3), 30, 40, 1, 1),
        (time(9, 0), 30, 42, 1, 1),
        (time(9, 0), 50, 40, 1, 1),
        (time(9, 0), 0, 40, 1, 1),
        (time(9, 0), 30, 40, 0, 1),
        (time(9, 0), 30, 40, 1, 0),
        (time(23, 0), 30, 40, 2, 1),
        (time(9, 0, 30), 30, 40, 1, 1),
    ],
)
def test_a_run_that_is_none_is_refused(
    starts: time, minutes: int, raster: int, count: int, capacity: int
) -> None:
    with pytest.raises(BadTimetable):
        Run(starts, minutes, raster, count, capacity)


@pytest.mark.parametrize("more", [{"every_weeks": 0}, {"valid_to": d(-1)}])
def test_a_template_that_is_none_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BadTimetable):
        weekly(TODAY, **more)


def test_a_weekday_is_one_to_seven() -> None:
    with pytest.raises(BadTimetable):
        WeeklyTemplate("t", 8, run(), "UTC", TODAY)


def test_a_raster_gives_several_slots() -> None:
    template = weekly(TODAY, run=Run(time(9), 30, 40, 4, capacity=6))
    found = plan([template], [], [], TODAY, TODAY)
    assert [f"{s.starts_at:%H:%M}" for s in found] == ["01:00", "01:40", "02:20", "03:00"]
    assert {(s.minutes, s.ends_at - s.starts_at, s.capacity) for s in found} == {
        (30, timedelta(minutes=40), 6)
    }


# London: clocks jump from 01:00 to 02:00 on 29 March 2026 and back from 02:00 to 01:00 on 25 October.
@pytest.mark.parametrize(
    ("day", "wall", "expected"),
    [
        (date(2026, 3, 28), "01:30", "2026-03-28T01:30"),
        (date(2026, 3, 29), "00:55", "2026-03-29T00:55"),
        (date(2026, 3, 29), "01:00", "2026-03-29T01:00"),  # skipped: the instant of the jump
        (date(2026, 3, 29), "01:30", "2026-03-29T01:00"),  # skipped
        (date(2026, 3, 29), "02:00", "2026-03-29T01:00"),
        (date(2026, 3, 29), "02:30", "2026-03-29T01:30"),
        (date(2026, 10, 25), "00:30", "2026-10-24T23:30"),
        (date(2026, 10, 25), "01:30", "2026-10-25T00:30"),  # twice: the first
        (date(2026, 10, 25), "02:00", "2026-10-25T02:00"),
    ],
)
def test_daylight_saving(day: date, wall: str, expected: str) -> None:
    assert instant(day, time.fromisoformat(wall), LONDON) == datetime.fromisoformat(expected + "+00:00")


ZONES = st.sampled_from(
    ["Asia/Shanghai", LONDON, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]
)
QUARTERS = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
DAYS = st.dates(date(2010, 1, 1), date(2030, 12, 31))


@given(DAYS, QUARTERS, ZONES)
def test_an_instant_shows_its_wall_time_unless_the_clocks_skipped_it(
    day: date, wall: time, zone: str
) -> None:
    moment = instant(day, wall, zone)
    shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    wanted = datetime.combine(day, wall)
    if shown != wanted:  # then it was skipped: the clocks jumped over it at exactly that moment
        before = (moment - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert before < wanted < shown
    earlier = (moment - timedelta(hours=3)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert earlier < wanted  # the first of two


@given(DAYS, QUARTERS, st.integers(1, 12), st.integers(1, 6).map(lambda n: n * 10), ZONES)
def test_slots_of_a_day_never_overlap_and_keep_their_length(
    day: date, starts: time, count: int, raster: int, zone: str
) -> None:
    if starts.hour * 60 + starts.minute + count * raster > 24 * 60:
        return
    template = WeeklyTemplate("t", day.isoweekday(), Run(starts, raster, raster, count, 1), zone, day)
    found = plan([template], [], [], day, day)
    assert len(found) == count
    assert all(slot.ends_at - slot.starts_at == timedelta(minutes=raster) for slot in found)
    assert all(a.ends_at <= b.starts_at for a, b in pairwise(found))


@given(DAYS, st.integers(1, 7), st.integers(1, 8), st.integers(0, 60), st.integers(0, 120))
def test_dates_and_runs_on_agree(start: date, weekday: int, every: int, skip: int, length: int) -> None:
    template = WeeklyTemplate("t", weekday, run(), "UTC", start, None, every)
    first = start + timedelta(days=skip - 20)
    last = first + timedelta(days=length)
    span = (first + timedelta(days=n) for n in range(length + 1))
    assert list(dates(template, first, last)) == [day for day in span if runs_on(template, day)]
