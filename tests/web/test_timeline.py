"""The drawing of a recording: bars, holes, ticks and the scale."""

import pytest

from web.timeline import Bar, Span, clock_text, lane, scale, ticks


def test_one_take_fills_its_part_of_the_lane() -> None:
    assert lane([Span(0, 30_000)], 60_000) == (Bar(0.0, 500.0, gap=False),)


def test_gap_inside_a_take_is_drawn_over_it() -> None:
    assert lane([Span(10_000, 50_000, ((5_000, 10_000),))], 100_000) == (
        Bar(100.0, 500.0, gap=False),
        Bar(150.0, 50.0, gap=True),
    )


def test_hole_between_two_takes_is_a_gap_whatever_their_order() -> None:
    bars = lane([Span(60_000, 40_000), Span(0, 40_000)], 100_000)
    assert bars == (
        Bar(0.0, 400.0, gap=False),
        Bar(400.0, 200.0, gap=True),
        Bar(600.0, 400.0, gap=False),
    )


def test_overlapping_takes_leave_no_hole() -> None:
    assert not any(
        bar.gap for bar in lane([Span(0, 50_000), Span(20_000, 10_000), Span(40_000, 9_000)], 60_000)
    )


def test_nothing_leaves_the_drawing() -> None:
    bars = lane([Span(50_000, 100_000)], 100_000)
    assert all(0 <= bar.x <= 1000 and bar.x + bar.width <= 1000 for bar in bars)
    assert [t.x for t in ticks([(-5, "grey", "a"), (200_000, "red", "b")], 100_000)] == [0.0, 1000.0]


def test_an_instant_is_still_visible() -> None:
    assert lane([Span(0, 1)], 1_800_000)[0].width == 1.0


@pytest.mark.parametrize("minutes", [0, 1, 3, 8, 20, 30, 60, 90, 200])
def test_scale_has_few_lines_and_starts_at_zero(minutes: int) -> None:
    lines = scale(minutes * 60_000)
    assert lines[0] == (0.0, "0:00")
    assert 0 < len(lines) <= 9


@pytest.mark.parametrize(("ms", "text"), [(0, "0:00"), (187_999, "3:07"), (3_787_000, "1:03:07")])
def test_clock_text(ms: int, text: str) -> None:
    assert clock_text(ms) == text
