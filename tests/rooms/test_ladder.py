"""The estimate and the ladder on simulated lines: where they end, how often they change, what the sound suffers."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rooms.bandwidth import LEAST, Estimate, Second
from rooms.ladder import ORDER, RUNGS, Ladder, Picture, fitting, worse
from tests.rooms.links import Line, play

P720, P360, P180, STILL, SOUND = ORDER


def always(bits: float) -> Callable[[float], float]:
    return lambda _second: bits


def between(first: int, last: int, there: float, elsewhere: float = 3e6) -> Callable[[float], float]:
    return lambda second: there if first <= second < last else elsewhere


@dataclass(frozen=True)
class Case:
    """`mostly`: what is sent most of the time between the seconds `span`; `changes`: at most so many in all."""

    name: str
    line: Line
    mostly: Picture
    changes: int
    span: tuple[int, int] = (30, 600)
    eager: float = 1.0


CASES = [
    Case("wide", Line(always(10e6)), P720, 0),
    Case("5 % random loss", Line(always(10e6), 0.05), P720, 0),
    Case("15 % random loss is the way's own", Line(always(10e6), 0.15), P720, 0),
    Case("1 Mbit/s", Line(always(1e6)), P720, 0),
    Case("700 kbit/s, on the edge", Line(always(700e3)), P360, 14),
    Case("500 kbit/s", Line(always(500e3)), P360, 2),
    Case("300 kbit/s", Line(always(300e3)), P180, 16),
    Case("300 kbit/s, policed", Line(always(300e3), queue=0.05), P180, 16),
    Case("300 kbit/s behind a deep queue", Line(always(300e3), queue=2.0), P180, 16),
    Case("300 kbit/s and 5 %", Line(always(300e3), 0.05), P180, 16),
    Case("128 kbit/s", Line(always(128e3)), STILL, 6),
    Case("64 kbit/s", Line(always(64e3)), SOUND, 16),
    Case("64 kbit/s, policed", Line(always(64e3), queue=0.05), SOUND, 16),
    Case("a minute of 250 kbit/s: meanwhile", Line(between(60, 120, 250e3)), P180, 4, (64, 120)),
    Case("a minute of 250 kbit/s: afterwards", Line(between(60, 120, 250e3)), P720, 4, (150, 600)),
    Case("the same, a quiet scene", Line(between(60, 120, 250e3)), P720, 8, (170, 600), eager=0.3),
    Case("a minute of 64 kbit/s: afterwards", Line(between(60, 120, 64e3)), P720, 10, (230, 600)),
    Case("2 s of nothing", Line(between(60, 62, 0)), P720, 0),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_where_it_ends_and_how_often_it_changes(case: Case) -> None:
    story = play(case.line, 600, eager=case.eager)
    assert story.most_common(*case.span) is case.mostly, story.changes
    assert len(story.changes) <= case.changes, story.changes


@pytest.mark.parametrize("kbit", [300, 128, 64])
def test_a_narrow_line_hurts_the_sound_for_seconds_only(kbit: int) -> None:
    story = play(Line(always(kbit * 1000)), 600)
    assert sum(loss > 0.1 for loss in story.losses[5:]) <= 12
    assert story.pictures[4] in (P180, STILL, SOUND), "it comes down at once"


def test_a_line_that_swings_is_not_followed_for_ever() -> None:
    """The wait doubles with each climb that was wrong, so the second half has fewer changes than the first."""
    story = play(Line(lambda second: 1.2e6 if int(second / 15) % 2 else 250e3), 1200)
    early = sum(second < 600 for second, _ in story.changes)
    assert early <= 16
    assert len(story.changes) - early < early


def test_rungs_are_in_order_and_hold_what_they_promise() -> None:
    needs = [RUNGS[picture].need for picture in ORDER]
    assert needs == sorted(needs, reverse=True)
    assert [fitting(bits) for bits in (2e6, 400e3, 200e3, 100e3, 10e3)] == list(ORDER)
    assert worse(P360, STILL, P720) is STILL


def test_one_rung_at_a_time_up_and_any_number_down() -> None:
    ladder = Ladder(0.0)
    ladder.step(90_000, 1.0)
    assert ladder.picture is STILL
    assert ladder.step(2e6, 2.0, calm=1.0) == 0, "not at once"
    assumed = ladder.step(2e6, 8.0, calm=6.0)
    assert (ladder.picture, assumed >= RUNGS[P180].need) == (P180, True)


def test_a_dead_second_says_nothing_about_the_width() -> None:
    estimate = Estimate(1_000_000)
    estimate.step(Second(0, 1.0, 3.0, silent=True), 1.0)
    assert (estimate.bits_per_second, estimate.congested) == (1_000_000, False)


def test_it_never_asks_for_less_than_a_voice() -> None:
    estimate = Estimate(1_000_000)
    for second in range(60):
        estimate.step(Second(5_000, 0.9, 2.0), float(second))
    assert estimate.bits_per_second == LEAST
