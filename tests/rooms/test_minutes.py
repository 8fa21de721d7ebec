"""Seconds of legs: what they hold, how small they are kept, and that what is read is what was written."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rooms.client import LegStatistics
from rooms.ladder import Picture
from rooms.minutes import COLUMNS, Figures, LegMinute, Meter, pack, seconds_of, unpack

START = datetime(2026, 11, 21, 8, 0, 0, 250_000, tzinfo=UTC)
QUIET = LegStatistics(0, 0, 0, 0, 0, None, None, None, 0.0)


def told(second: int, picture_age: float | None = None) -> LegStatistics:
    """A leg that sends and gets a megabit a second, after that many seconds."""
    plain = LegStatistics(
        100 * second, 125_000 * second, second, 100 * second, 125_000 * second, 40.4, 3.0, 1.25, 0.0, level=32
    )
    return replace(plain, picture_age=picture_age)


def run(meter: Meter, seconds: range) -> list[LegMinute]:
    minutes = [meter.second(told(n), Picture.P360, START + timedelta(seconds=n), 100.0 + n) for n in seconds]
    return [minute for minute in minutes if minute is not None]


def test_a_second_in_figures() -> None:
    meter = Meter("seat", "conn")
    meter.second(told(0), None, START, 100.0)
    meter.seen(120, 7)
    meter.second(told(1, picture_age=0.6), Picture.P360, START + timedelta(seconds=1), 101.0)
    assert meter.newest == Figures(1000, 1000, 9, 12, 40, 3, 600, 120, 7, 32, 1)
    meter.second(told(2, picture_age=9.0), Picture.P360, START + timedelta(seconds=2), 102.0)
    assert meter.newest == Figures(1000, 1000, 9, 12, 40, 3, 1000, None, None, 32, 1)


def test_what_is_not_known_is_not_told() -> None:
    meter = Meter("seat", "conn")
    meter.second(QUIET, None, START, 100.0)
    assert meter.newest == Figures(0, 0, None, None, None, None, None, None, None, None, None)


def test_a_minute_is_full_after_sixty_seconds() -> None:
    meter = Meter("seat", "conn")
    (full,) = run(meter, range(61))
    assert (full.seat_id, full.leg, len(full.rows)) == ("seat", "conn", 60)
    assert full.started_at == START.replace(microsecond=0)
    rest = meter.flush()
    assert rest is not None
    assert (rest.started_at, len(rest.rows)) == (full.started_at + timedelta(seconds=60), 1)
    assert meter.flush() is None


def test_seconds_that_were_missed_stand_as_unknown() -> None:
    meter = Meter("seat", "conn")
    run(meter, range(3))
    run(meter, range(7, 9))
    minute = meter.flush()
    assert minute is not None
    assert [row.up_kbit is None for row in minute.rows] == [False] * 3 + [True] * 4 + [False] * 2
    assert seconds_of(minute)[8][0] == START.replace(microsecond=0) + timedelta(seconds=8)


def test_a_minute_is_small_and_comes_back_as_it_was() -> None:
    rows = [
        Figures(900 + n % 7, 880 + n % 5, n % 3, 0, 40 + n % 9, 3, 0, None, None, 30 + n % 40, 0)
        for n in range(60)
    ]
    blob = pack(rows)
    assert len(blob) < 400
    assert unpack(blob) == tuple(rows)
    assert unpack(pack([Figures(*[70_000] * len(COLUMNS))]))[0].up_kbit == 0xFFFE


@pytest.mark.parametrize(
    "blob",
    [b"", b"no zlib", zlib.compress(b"12345"), zlib.compress(bytes(2 * len(COLUMNS) * 61)), pack([])[:4]],
)
def test_what_is_no_minute_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="not a minute"):
        unpack(blob)
