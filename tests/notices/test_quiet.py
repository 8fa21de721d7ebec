"""Quiet hours: nobody's telephone rings at night because of a reminder."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notices.quiet import moved

BEIJING = ZoneInfo("Asia/Shanghai")


def beijing(text: str) -> datetime:
    return datetime.strptime(text, "%d %H:%M").replace(year=2026, month=11, tzinfo=BEIJING).astimezone(UTC)


@pytest.mark.parametrize(
    ("due", "visit", "now", "rings"),
    [
        ("21 16:00", "22 16:00", "20 10:00", "21 16:00"),  # by day: as it is
        ("21 08:00", "22 08:00", "20 10:00", "21 08:00"),
        ("21 20:59", "22 20:59", "20 10:00", "21 20:59"),
        ("21 21:00", "22 21:00", "20 10:00", "22 08:00"),  # at night: in the morning
        ("22 07:30", "22 09:30", "20 10:00", "22 08:00"),
        ("22 06:30", "22 08:30", "20 10:00", "22 08:00"),
        ("22 06:00", "22 08:00", "20 10:00", "21 20:50"),  # too late in the morning: the evening before
        ("22 00:30", "22 02:30", "20 10:00", "21 20:50"),
        ("22 06:00", "22 08:00", "21 23:00", "22 06:00"),  # the evening is over: better at night than never
    ],
)
def test_moved(due: str, visit: str, now: str, rings: str) -> None:
    assert moved(beijing(due), "Asia/Shanghai", beijing(visit), beijing(now)) == beijing(rings)


@given(
    st.integers(0, 2 * 365 * 24 * 60),
    st.sampled_from(["Asia/Shanghai", "Asia/Urumqi", "Europe/London", "America/New_York"]),
)
def test_never_at_night_wherever_it_is(minutes: int, zone: str) -> None:
    aware = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    rings = moved(aware, zone, aware + timedelta(days=1), aware - timedelta(days=7))
    local = rings.astimezone(ZoneInfo(zone)).time()
    assert time(8) <= local < time(21)
    assert abs(rings - aware) < timedelta(hours=13)
    assert moved(rings, zone, aware + timedelta(days=1), aware - timedelta(days=7)) == rings
