"""The grid of a help day, and how it flows on when a turn is longer, shorter, or does not take place."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from legalaid import rota
from legalaid.rota import Moved, Seat

NINE = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)


def minute(number: int) -> datetime:
    return NINE + timedelta(minutes=number)


def seat(name: str, start: int, lawyer: str = "a", room: int = 1, *, over: int | None = None) -> Seat:
    frees = None if over is None else minute(over)
    return Seat(name, lawyer, f"inmate-{name}", room, minute(start), 10, frees)


def times(moved: list[Moved]) -> dict[str, int | None]:
    return {
        one.id: None if one.starts_at is None else int((one.starts_at - NINE).total_seconds() // 60)
        for one in moved
    }


def test_the_dates_of_a_weekday() -> None:
    assert rota.days(3, date(2026, 11, 21), date(2026, 12, 9)) == [
        date(2026, 11, 25),
        date(2026, 12, 2),
        date(2026, 12, 9),
    ]
    assert rota.days(6, date(2026, 11, 21), date(2026, 11, 21)) == [date(2026, 11, 21)]
    assert rota.days(7, date(2026, 11, 21), date(2026, 11, 21)) == []


def test_a_day_has_its_length_when_the_clocks_change() -> None:
    begins, ends = rota.hours(date(2026, 3, 29), time(0, 30), 180, "Europe/London")
    assert ends - begins == timedelta(hours=3)


@pytest.mark.parametrize(("now", "turns"), [(-600, 6), (0, 6), (5, 5), (51, 0), (90, 0)])
def test_turns_that_are_still_to_come(now: int, turns: int) -> None:
    assert len(rota.grid(NINE, TEN, 10, minute(now))) == turns


def test_a_turn_that_runs_over_moves_its_lawyer_and_its_room_and_nobody_else() -> None:
    seats = [
        seat("now", 0, over=16),
        seat("next", 10),
        seat("later", 20),
        seat("elsewhere", 10, lawyer="b", room=2),
    ]
    assert times(rota.reflow(seats, 2, minute(9), TEN)) == {"next": 16, "elsewhere": 9, "later": 26}


def test_what_the_day_cannot_hold_any_more_is_told_at_once() -> None:
    seats = [seat("now", 0, over=45), seat("fits", 10), seat("lost", 20)]
    assert times(rota.reflow(seats, 1, minute(1), TEN)) == {"fits": 45, "lost": None}


def test_an_inmate_who_is_in_another_room_is_waited_for() -> None:
    busy = Seat("now", "a", "i", 1, minute(0), 10, minute(12))
    same = Seat("same", "b", "i", 2, minute(5), 10)
    assert times(rota.reflow([busy, same], 2, minute(5), TEN)) == {"same": 12}


def test_a_room_that_is_free_earlier_is_taken() -> None:
    seats = [seat("now", 0, over=30), seat("other", 10, lawyer="b", room=1)]
    (moved,) = rota.reflow(seats, 2, minute(10), TEN)
    assert (moved.room, moved.starts_at) == (2, minute(10))


def test_the_promised_room_is_kept_where_it_costs_nothing() -> None:
    (moved,) = rota.reflow([seat("one", 10, room=2)], 3, minute(10), TEN)
    assert moved.room == 2


def test_fewest_turns_first() -> None:
    assert rota.fair_order(["c", "a", "b"], {"a": 4, "b": 1}) == ["c", "b", "a"]
