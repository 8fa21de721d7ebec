"""Rosters: what the officers on duty can watch, whom they watch, and terminals that are given late. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler import shifts
from scheduler.seating import Seat, Sitting, arrange
from scheduler.shifts import Shift, Span


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 24, hour, minute, tzinfo=UTC)


def call(hour: int, minute: int = 0, minutes: int = 30) -> Span:
    return at(hour, minute), at(hour, minute) + timedelta(minutes=minutes)


DAY = Shift("a", "Anna", at(8), at(12), 2)
NOON = Shift("b", "Bai", at(11), at(17), 1, ((at(13), at(14)),))


@pytest.mark.parametrize(
    ("moment", "watched"),
    [
        (at(7, 59), 0),
        (at(8), 2),
        (at(11), 3),
        (at(12), 1),
        (at(13), 0),
        (at(13, 59), 0),
        (at(14), 1),
        (at(17), 0),
    ],
)
def test_what_can_be_watched_at_a_moment(moment: datetime, watched: int) -> None:
    assert shifts.capacity([DAY, NOON], moment) == watched


@pytest.mark.parametrize(
    ("calls", "left_out"),
    [
        ([call(8), call(8)], []),
        ([call(8), call(8), call(8)], [2]),  # who comes first keeps their time
        ([call(12, 45)], [0]),  # runs into the break
        ([call(11, 45)], []),  # handed over at noon
        ([call(12), call(12)], [1]),
        ([call(16, 45)], [0]),  # the shift ends in the middle
        ([call(8), call(8), call(8, 30)], []),  # half-open: one ends as the next begins
    ],
)
def test_calls_that_nobody_can_watch_to_the_end(calls: list[Span], left_out: list[int]) -> None:
    assert shifts.beyond([DAY, NOON], calls) == left_out


def test_who_watches_which_call() -> None:
    parts = shifts.watches([DAY, NOON], [call(9), call(11, 45), call(12, 45)])
    names = [[watch.officer_name for watch in part] for part in parts]
    assert names[0] == ["Anna"]
    assert names[1] in (["Anna", "Bai"], ["Bai"])
    assert names[2] == ["Bai"]  # and from one o'clock nobody


def sitting(name: str, hour: int, seat: str | None, *, minute: int = 0, fixed: bool = False) -> Sitting:
    return Sitting(name, "w", call(hour, minute, 40), seat, fixed)


def test_who_can_stay_does_and_the_displaced_find_another() -> None:
    seats = [Seat("1", "w", ((at(9), None),)), Seat("2", "w"), Seat("3", None)]
    answer, left = arrange([sitting("x", 9, "1"), sitting("y", 9, "2")], seats)
    assert (answer, left) == ({"x": "3", "y": "2"}, [])


def test_everybody_is_seated_anew_when_that_leaves_out_nobody() -> None:
    """z needs an hour that only frees up when x moves from terminal 2 to 3, which is out later on."""
    seats = [Seat("1", "w", ((at(8), None),)), Seat("2", "w"), Seat("3", "w", ((at(9, 40), None),))]
    visits = [sitting("x", 9, "2"), sitting("z", 9, "1", minute=20)]
    answer, left = arrange(visits, seats)
    assert left == []
    assert answer == {"x": "3", "z": "2"}


def test_a_visit_whose_lobby_is_open_is_not_moved() -> None:
    seats = [Seat("1", "w"), Seat("2", "other")]
    answer, left = arrange([sitting("x", 9, "1", fixed=True), sitting("y", 9, None)], seats)
    assert (answer, left) == ({"x": "1"}, ["y"])
