"""A clock from its start to discipline: lights, pauses, extensions, desks; and every moment that is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from policy import calendar, running
from policy.deadlines import Period, Place, Unit
from policy.lights import Colour, Threshold, yellow_at
from policy.promises import PROMISES, Promise
from policy.running import Clock, ClockState

BEIJING = ZoneInfo("Asia/Shanghai")
PLACE = Place(calendar.load("CN"), BEIJING)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=BEIJING).astimezone(UTC)


def started(code: str, at: datetime = MONDAY) -> Clock:
    return running.start(PROMISES[code], at, PLACE)


def told(clock: Clock, at: datetime | None = None) -> Clock:
    turned = running.turn(clock, at or clock.yellow_at)
    assert turned is not None
    return turned


def overdue(clock: Clock, *, last: bool = False) -> Clock:
    return running.escalate(told(clock), clock.due_at, PLACE, last=last)


@pytest.mark.parametrize("code", sorted(PROMISES))
def test_every_clock_is_green_first_then_yellow_then_over(code: str) -> None:
    clock = started(code)
    assert clock.colour is Colour.GREEN
    assert MONDAY < clock.yellow_at < clock.due_at
    assert running.turn(clock, clock.yellow_at - MINUTE) is None
    yellow = told(clock)
    assert yellow.colour is Colour.YELLOW
    assert running.turn(yellow, yellow.due_at) is None  # told once
    assert not running.over(yellow, yellow.due_at - MINUTE)
    assert running.over(yellow, yellow.due_at)


def test_a_day_before_the_end_is_no_threshold_for_a_day() -> None:
    with pytest.raises(ValueError, match="first second"):
        Promise(
            "x", Period(24, Unit.HOURS), Threshold(before=DAY), Period(1, Unit.DAYS), "rules section 8, 8"
        )
    clock = started("forward")
    assert clock.due_at - clock.yellow_at == 6 * HOUR


@pytest.mark.parametrize(
    ("threshold", "run", "span"),
    [
        (Threshold(before=DAY), 7 * DAY, DAY),
        (Threshold(fraction=0.25), 24 * HOUR, 6 * HOUR),
        (Threshold(before=DAY), 10 * HOUR, 5 * HOUR),  # the rest of an opening day
    ],
)
def test_when_yellow_begins(threshold: Threshold, run: timedelta, span: timedelta) -> None:
    assert yellow_at(MONDAY, MONDAY + run, threshold) == MONDAY + run - span


@pytest.mark.parametrize(
    "wrong",
    [
        Threshold,
        lambda: Threshold(before=DAY, fraction=0.5),
        lambda: Threshold(fraction=1),
        lambda: Threshold(before=-DAY),
    ],
)
def test_thresholds_that_make_no_sense(wrong: Callable[[], Threshold]) -> None:
    with pytest.raises(ValueError, match=r"threshold|fraction|yellow"):
        wrong()


def test_nothing_turns_red_before_somebody_was_told() -> None:
    clock = started("forward")
    assert not running.over(clock, clock.due_at + DAY)  # the worker slept through the yellow time
    late = told(clock, clock.due_at + HOUR)
    assert late.told_late
    assert late.colour is Colour.YELLOW
    assert not running.over(late, clock.due_at + HOUR)
    assert running.over(late, clock.due_at + HOUR + running.GRACE)


def test_papers_are_asked_for_once_and_the_clock_stands_meanwhile() -> None:
    clock = started("decide")
    paused = running.pause(clock, MONDAY + 2 * DAY, PLACE)
    assert paused.state is ClockState.PAUSED
    assert running.turn(paused, clock.due_at + 30 * DAY) is None
    assert not running.over(paused, clock.due_at + 30 * DAY)
    back = MONDAY + 9 * DAY  # Wednesday the 25th
    resumed = running.resume(paused, back, PLACE)
    assert resumed.due_at.astimezone(BEIJING) == datetime(2026, 12, 1, tzinfo=BEIJING)  # five days are left
    with pytest.raises(running.SecondSupplement):
        running.pause(resumed, back + HOUR, PLACE)


def test_hours_go_on_where_they_stopped() -> None:
    paused = running.pause(started("forward"), MONDAY + 5 * HOUR, PLACE)
    resumed = running.resume(paused, MONDAY + 10 * DAY, PLACE)
    assert resumed.due_at == MONDAY + 10 * DAY + 19 * HOUR


def test_a_desk_that_was_told_is_told_again_after_the_pause() -> None:
    clock = told(started("forward"))
    paused = running.pause(clock, clock.yellow_at + MINUTE, PLACE)
    resumed = running.resume(paused, clock.due_at + DAY, PLACE)
    assert resumed.colour is Colour.GREEN
    assert running.turn(resumed, resumed.yellow_at) is not None


def test_more_time_is_asked_for_once_and_runs_only_when_granted() -> None:
    clock = started("assign")
    asked = running.ask_extension(clock, MONDAY + HOUR, 4)
    assert asked.due_at == clock.due_at
    granted = running.answer_extension(asked, MONDAY + DAY, PLACE, granted=True)
    assert granted.due_at == datetime(2026, 11, 24, tzinfo=BEIJING)
    refused = running.answer_extension(asked, MONDAY + DAY, PLACE, granted=False)
    assert refused.due_at == clock.due_at
    for answered in (granted, refused, asked):
        with pytest.raises(running.ExtensionAsked):
            running.ask_extension(answered, MONDAY + DAY, 1)


def test_a_desk_that_fails_hands_up_and_the_last_one_to_discipline() -> None:
    clock = started("decide")
    above = overdue(clock)
    assert (above.level, above.colour, above.state) == (1, Colour.RED, ClockState.RUNNING)
    assert above.red_at == clock.due_at
    assert above.due_at > clock.due_at  # the second deadline
    assert told(above).colour is Colour.RED  # told in time again, and still red for whoever waits
    last = overdue(above, last=True)
    assert last.state is ClockState.DISCIPLINE
    assert last.red_at == clock.due_at
    assert running.turn(last, last.due_at + DAY) is None
    assert running.end(last, ClockState.DONE).state is ClockState.DONE


def test_the_second_deadline_may_be_set_by_a_person() -> None:
    above = overdue(started("decide"))  # due on the 24th at midnight
    now = above.since + HOUR
    set_by_person = running.set_second(above, now, PLACE, 4)
    assert set_by_person.due_at == datetime(2026, 12, 1, tzinfo=BEIJING)  # working days from the 24th
    with pytest.raises(running.ExtensionTooLong):
        running.set_second(above, now, PLACE, 100)
    with pytest.raises(running.ClockMoved):
        running.set_second(started("decide"), MONDAY, PLACE, 4)


def _paused() -> Clock:
    return running.pause(started("decide"), MONDAY + DAY, PLACE)


def _done() -> Clock:
    return running.end(started("decide"), ClockState.DONE)


def _asked() -> Clock:
    return running.ask_extension(started("decide"), MONDAY, 1)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda: running.resume(started("decide"), MONDAY, PLACE), running.ClockMoved),
        (lambda: running.pause(_done(), MONDAY, PLACE), running.ClockMoved),
        (lambda: running.pause(_paused(), MONDAY + DAY, PLACE), running.SecondSupplement),
        (lambda: running.pause(started("decide"), MONDAY + 30 * DAY, PLACE), running.TooLateToAsk),
        (lambda: running.ask_extension(started("decide"), MONDAY + 30 * DAY, 1), running.TooLateToAsk),
        (lambda: running.ask_extension(_paused(), MONDAY + DAY, 1), running.ClockMoved),
        (lambda: running.ask_extension(started("decide"), MONDAY, 100), running.ExtensionTooLong),
        (lambda: running.ask_extension(started("decide"), MONDAY, 0), running.ExtensionTooLong),
        (
            lambda: running.answer_extension(started("decide"), MONDAY, PLACE, granted=True),
            running.NoExtensionAsked,
        ),
        (
            lambda: running.answer_extension(
                running.pause(_asked(), MONDAY, PLACE), MONDAY, PLACE, granted=True
            ),
            running.ClockMoved,
        ),
        (lambda: running.escalate(started("decide"), MONDAY, PLACE, last=False), running.ClockMoved),
        (lambda: running.end(_done(), ClockState.DONE), running.ClockMoved),
        (lambda: running.end(_done(), ClockState.WITHDRAWN), running.ClockMoved),
    ],
)
def test_moments_that_are_refused(act: Callable[[], Clock], error: type[Exception]) -> None:
    with pytest.raises(error):
        act()


def test_withdrawn_while_papers_are_missing() -> None:
    assert running.end(_paused(), ClockState.WITHDRAWN).state is ClockState.WITHDRAWN
