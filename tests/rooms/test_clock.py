"""The visit's clock: what holds for every order of running, standing, refunds and restarts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.clock import WARN_AT, VisitClock
from rooms.model import Moment

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class Hands:
    """Wall and monotonic time, moved together; the wall can also jump alone."""

    def __init__(self, late: float = 0.0) -> None:
        self.wall = START + timedelta(seconds=late)
        self.mono = 500.0

    def move(self, seconds: float) -> Moment:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds
        return self.now

    @property
    def now(self) -> Moment:
        return Moment(self.wall, self.mono)


def started(granted: float = 1800, slot: float = 2400, late: float = 0.0) -> tuple[VisitClock, Hands]:
    hands = Hands(late)
    clock = VisitClock(granted, START + timedelta(seconds=slot))
    clock.start(hands.now)
    return clock, hands


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["run", "stand", "silent", "look"]),
        st.floats(0, 900, allow_nan=False),
    ),
    max_size=30,
)


@given(
    granted=st.integers(60, 7200),
    extra=st.integers(-1800, 3600),
    late=st.integers(0, 1800),
    steps=STEPS,
)
def test_what_always_holds(granted: int, extra: int, late: int, steps: list[tuple[str, float]]) -> None:
    slot = max(granted + extra, 60)
    clock, hands = started(granted, slot, min(late, slot - 1))
    begun = hands.now
    for step, seconds in steps:
        before_used, was_running = clock.used, clock.running
        now = hands.move(seconds)
        if step == "run":
            clock.run(now)
        elif step == "stand":
            clock.stand(now)
        elif step == "silent":
            clock.stand(now, silent=seconds / 2)
        else:
            clock.advance(now)
        elapsed = hands.mono - begun.mono
        assert 0 <= clock.used <= granted + 1e-6
        assert clock.lost >= -1e-6
        assert clock.used + clock.lost <= elapsed + 1e-6
        if clock.used < granted:  # every second is one or the other
            assert clock.used + clock.lost == pytest.approx(elapsed, abs=1e-6)
        remaining = clock.remaining(now)
        assert 0 <= remaining <= granted
        end = now.wall + timedelta(seconds=remaining)
        assert remaining == 0 or end <= clock.slot_ends_at + timedelta(milliseconds=1)
        assert 0 <= clock.given_back() <= clock.lost + 1e-6
        assert clock.live_at is not None
        planned = clock.live_at + timedelta(seconds=granted + clock.given_back())
        assert clock.given_back() == 0 or planned <= clock.slot_ends_at + timedelta(milliseconds=1)
        if not was_running:
            assert clock.used == before_used


@given(lost=st.integers(0, 3600))
def test_lost_time_moves_the_end_inside_the_slot_only(lost: int) -> None:
    clock, hands = started(1800, 2400)
    hands.move(300)
    clock.stand(hands.now)
    clock.run(hands.move(lost))
    assert clock.given_back() == min(lost, 600)
    assert clock.remaining(hands.now) == max(0, min(1500, 2400 - 300 - lost))


def test_a_late_start_is_cut_at_the_slot_end() -> None:
    clock, hands = started(1800, 2400, late=1200)
    assert clock.remaining(hands.now) == 1200
    clock.stand(hands.move(100))
    clock.run(hands.move(100))
    assert clock.given_back() == 0
    assert clock.remaining(hands.now) == 1000


def test_a_silent_connection_gets_back_the_seconds_before_we_knew() -> None:
    clock, hands = started()
    clock.stand(hands.move(63), silent=3)
    assert clock.used == 60
    assert clock.lost == 3


def test_a_refund_never_reaches_before_the_last_running() -> None:
    clock, hands = started()
    clock.stand(hands.move(60))
    clock.run(hands.move(60))
    clock.stand(hands.move(1), silent=30)
    assert clock.used == 60
    assert clock.lost == 61


def test_time_without_a_node_is_lost_not_used() -> None:
    hands = Hands(100)
    clock = VisitClock(1800, START + timedelta(seconds=2400), used=50, lost=0, live_at=START)
    clock.restore(hands.now, START + timedelta(seconds=60))
    assert clock.lost == 40
    assert clock.remaining(hands.now) == 1750


def test_a_jump_of_the_wall_clock_uses_no_time() -> None:
    clock, hands = started()
    hands.wall += timedelta(minutes=9)
    clock.advance(hands.now)
    assert clock.used == 0


def test_each_mark_is_told_once_and_the_last_only_when_several_were_passed() -> None:
    clock, hands = started(1800, 2400)
    told = []
    for _ in range(1800):
        hands.move(1)
        clock.advance(hands.now)
        told.append(clock.due_warning(hands.now))
    assert [mark for mark in told if mark is not None] == [600, 300, 120]
    clock, hands = started(1800, 2400)
    hands.move(1790)
    clock.advance(hands.now)
    assert clock.due_warning(hands.now) == 120
    assert clock.due_warning(hands.now) is None


@pytest.mark.parametrize(("minutes", "marks"), [(30, [600, 300, 120]), (10, [300, 120]), (5, [120]), (2, [])])
def test_a_short_visit_hears_only_the_marks_that_lie_ahead(minutes: int, marks: list[int]) -> None:
    clock, hands = started(minutes * 60, 3600)
    told = []
    for _ in range(minutes * 60):
        hands.move(1)
        clock.advance(hands.now)
        told.append(clock.due_warning(hands.now))
    assert [mark for mark in told if mark is not None] == marks
    assert WARN_AT == (600, 300, 120)


def test_a_restart_tells_no_mark_again() -> None:
    hands = Hands(1500)
    clock = VisitClock(1800, START + timedelta(seconds=2400), used=1300, lost=0, live_at=START)
    clock.restore(hands.now, hands.now.wall)
    assert clock.due_warning(hands.now) is None
    clock.run(hands.now)
    clock.advance(hands.move(210))
    assert clock.due_warning(hands.now) == 300
