"""Years of working days are asked for before they are needed, and no light is red before somebody was told."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Conflict
from policy import calendar, horizon, running
from policy.calendar import OutsideCalendar
from policy.deadlines import Period, Place, Unit, due
from policy.lights import Colour
from policy.promises import PROMISES
from policy.running import Clock, ClockState

BEIJING = ZoneInfo("Asia/Shanghai")
LHASA = Place(calendar.load("CN-Lhasa"), BEIJING)
NATION = Place(calendar.load("CN"), BEIJING)


@pytest.mark.parametrize(
    ("name", "today", "expected"),
    [
        ("CN-LHASA", date(2026, 8, 1), []),
        ("CN-LHASA", date(2026, 9, 15), [(2027, 108, False)]),
        ("CN-LHASA", date(2026, 12, 31), [(2027, 1, False)]),
        ("CN-LHASA", date(2027, 3, 1), [(2027, 0, False)]),
        ("CN", date(2026, 11, 21), [(2027, 41, True)]),
        ("CN", date(2027, 10, 1), [(2027, 0, True), (2028, 92, False)]),
        ("WEEK", date(2030, 12, 31), []),
    ],
)
def test_a_missing_year_is_named_months_before(
    name: str, today: date, expected: list[tuple[int, int, bool]]
) -> None:
    found = horizon.gaps(calendar.load(name), today)
    assert [(gap.year, gap.days, gap.provisional) for gap in found] == expected


def test_a_deadline_into_a_year_that_nobody_entered_is_an_error_in_words() -> None:
    began = datetime(2026, 12, 30, 9, tzinfo=BEIJING)
    with pytest.raises(OutsideCalendar, match="2027"):
        due(Period(5, Unit.WORKING_DAYS), began, LHASA)


def test_a_clock_runs_into_a_year_that_nobody_entered_and_is_rather_too_early() -> None:
    """Lhasa has no 2027, but the nation has New Year's Day; of 2028 nobody has anything: plain weeks."""
    supposed = Place(LHASA.calendar.supposing(), BEIJING)
    for began, working, end in (
        (date(2026, 12, 30), 5, date(2027, 1, 7)),
        (date(2027, 12, 30), 5, date(2028, 1, 6)),
    ):
        period, at = Period(working, Unit.WORKING_DAYS), datetime.combine(began, time(9), BEIJING)
        last = due(period, at, supposed).astimezone(BEIJING) - timedelta(minutes=1)
        assert last.date() == end


def test_a_make_up_saturday_counts_and_the_tibetan_new_year_does_not() -> None:
    """Saturday 2026-02-28 is worked; 24 to 26 February are holidays in Lhasa only."""
    began = datetime(2026, 2, 23, 9, tzinfo=BEIJING)
    period = Period(3, Unit.WORKING_DAYS)
    days = [due(period, began, place).astimezone(BEIJING) for place in (NATION, LHASA)]
    assert [(day - timedelta(minutes=1)).date() for day in days] == [date(2026, 2, 26), date(2026, 3, 2)]


def test_a_make_up_sunday_counts() -> None:
    """Sunday 2026-09-20 is worked before the Mid-Autumn holiday."""
    end = due(Period(1, Unit.WORKING_DAYS), datetime(2026, 9, 19, 9, tzinfo=BEIJING), NATION)
    assert (end.astimezone(BEIJING) - timedelta(minutes=1)).date() == date(2026, 9, 20)


ACTS = st.lists(
    st.tuples(
        st.floats(0.01, 400),  # hours that pass
        st.sampled_from(["wake", "pause", "resume", "more", "grant", "refuse", "second", "nothing"]),
        st.integers(1, 60),
    ),
    max_size=25,
)


def _done(clock: Clock, now: datetime, act: str, number: int) -> Clock:
    place = Place(calendar.load("WEEK"), BEIJING)
    match act:
        case "pause":
            return running.pause(clock, now, place)
        case "resume":
            return running.resume(clock, now, place)
        case "more":
            return running.ask_extension(clock, now, number)
        case "grant" | "refuse":
            return running.answer_extension(clock, now, place, granted=act == "grant")
        case "second":
            return running.set_second(clock, now, place, number)
    return clock


@settings(max_examples=150, deadline=None)
@given(code=st.sampled_from(sorted(PROMISES)), acts=ACTS)
def test_nothing_turns_red_without_the_desk_that_held_it_having_been_told(
    code: str, acts: list[tuple[float, str, int]]
) -> None:
    """Whatever people do and however long the worker sleeps: before each step up, that desk was told of that
    deadline, and had a moment to act."""
    now = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
    place = Place(calendar.load("WEEK"), BEIJING)
    clock = running.start(PROMISES[code], now, place)
    told: set[tuple[int, datetime]] = set()
    for hours, act, number in acts:
        now += timedelta(hours=hours)
        if act != "wake":
            try:
                clock = _done(clock, now, act, number)
            except Conflict:
                continue
            assert clock.colour is not Colour.RED or clock.red_at is not None
            continue
        warned = running.turn(clock, now)
        if warned is not None:
            clock = warned
            told.add((clock.level, clock.due_at))
        if running.over(clock, now):
            assert (clock.level, clock.due_at) in told
            assert clock.told_at is not None
            assert clock.told_at < clock.due_at or now - clock.told_at >= running.GRACE
            clock = running.escalate(clock, now, place, last=clock.level == 1)
            assert clock.colour is Colour.RED
        assert (clock.red_at is None) == (clock.level == 0 and clock.state is not ClockState.DISCIPLINE)
