"""The dates and the grid of help days, and who is asked first."""

from datetime import UTC, date, datetime, time, timedelta

from legalaid import rota

NINE = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)


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


def test_the_grid_holds_what_ends_in_time() -> None:
    assert len(rota.grid(NINE, TEN, 10)) == 6
    assert rota.grid(NINE, TEN, 25) == [NINE, NINE + timedelta(minutes=25)]


def test_fewest_turns_first() -> None:
    assert rota.fair_order(["c", "a", "b"], {"a": 4, "b": 1}) == ["c", "b", "a"]
