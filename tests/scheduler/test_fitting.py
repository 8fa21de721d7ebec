"""Places that times have on the terminals that are left for them."""

from datetime import UTC, datetime

import pytest

from scheduler.fitting import Time, fitting


def time(begin: int, end: int, places: int, terminals: str, had: int = 0) -> Time:
    """From one minute past nine to another; terminals are letters."""
    return Time(
        datetime(2026, 11, 22, 9, begin, tzinfo=UTC),
        datetime(2026, 11, 22, 9, end, tzinfo=UTC),
        places,
        had,
        terminals,
    )


@pytest.mark.parametrize(
    ("times", "left"),
    [
        pytest.param([time(0, 30, 3, "a")], [1], id="as-many-as-terminals"),
        pytest.param([time(0, 30, 1, "ab")], [1], id="no-more-than-were-wanted"),
        pytest.param([time(0, 30, 2, "ab"), time(0, 30, 2, "ab")], [1, 1], id="shared-ones-once"),
        pytest.param([time(0, 30, 3, "abc"), time(0, 30, 1, "abc")], [2, 1], id="the-larger-gives-more"),
        pytest.param([time(0, 30, 2, "ab", had=2), time(0, 30, 2, "ab")], [2, 0], id="who-has-one-keeps-it"),
        pytest.param([time(0, 30, 1, "ab"), time(0, 30, 1, "a")], [1, 1], id="who-can-move-does"),
        pytest.param([time(0, 30, 1, "a"), time(30, 59, 1, "a")], [1, 1], id="one-after-the-other"),
        pytest.param([time(0, 59, 1, "a"), time(30, 45, 1, "a")], [1, 0], id="while-the-first-lasts"),
        pytest.param([time(0, 30, 2, "")], [0], id="none-left"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_every_place_has_a_terminal(times: list[Time], left: list[int]) -> None:
    assert fitting(times) == left
