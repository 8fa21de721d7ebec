import itertools
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recording.timing import Alignment, Jump, Sighting, StreamClock, difference


def ntp(seconds: float) -> int:
    return int(seconds * (1 << 32))


def run(
    clock: StreamClock,
    rate: int,
    step: float,
    seconds: float,
    *,
    delay: float,
    drift: float = 0.0,
    report_at: float = 1.0,
) -> list[tuple[float, int]]:
    """A stream of frames, each `step` seconds of the sender's time; answers (true ms, placed ms)."""
    noise = random.Random(7)
    placed = []
    reported = report_at
    for index in range(round(seconds / step)):
        made = index * step  # on the sender's clock
        true = made / (1 + drift)
        arrived = true + delay + noise.random() * 0.01
        if made >= reported:
            clock.report(ntp(5000.25 + made), (4_294_960_000 + round(made * rate)) & 0xFFFFFFFF)
            reported += 5.0
        at = clock.place((4_294_960_000 + round(made * rate)) & 0xFFFFFFFF, arrived * 1000)
        placed.append((true * 1000, at))
    return placed


def test_timestamps_wrap() -> None:
    assert difference(5, 0xFFFFFFFB) == 10
    assert difference(0xFFFFFFFB, 5) == -10


def test_frames_lie_at_even_distances_whatever_the_arrivals() -> None:
    placed = run(StreamClock(48_000), 48_000, 0.02, 5, delay=0.05)
    steps = [after - before for (_, before), (_, after) in itertools.pairwise(placed)]
    assert set(steps) == {20}


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.floats(0, 1e7)), max_size=50))
@example([(0, 0.5)] + [(0, 0.5)] * 3)  # halves are not rounded to the even number twice
def test_time_never_stands_or_goes_back(frames: list[tuple[int, float]]) -> None:
    clock = StreamClock(90_000)
    placed = [clock.place(timestamp, arrived) for timestamp, arrived in frames]
    assert all(after > before for before, after in itertools.pairwise(placed))
    assert all(one >= 0 for one in placed)


def test_a_pause_of_the_timestamps_is_a_gap_in_time() -> None:
    """A microphone that was taken away and put back goes on where its timestamps stood."""
    clock = StreamClock(48_000)
    assert [clock.place(index * 960, index * 20.0) for index in range(3)] == [0, 20, 40]
    assert clock.place(3 * 960, 8_000.0) == 8_000
    assert clock.place(4 * 960, 8_020.0) == 8_020
    assert clock.notes == [Jump(1, 8_000)]


def test_a_burst_after_a_jam_keeps_its_own_times() -> None:
    clock = StreamClock(48_000)
    clock.place(0, 0.0)
    assert [clock.place(index * 960, 1_500.0) for index in range(1, 5)] == [20, 40, 60, 80]


def test_streams_are_laid_on_one_clock_by_their_reports() -> None:
    audio, video = StreamClock(48_000), StreamClock(90_000)
    sound = run(audio, 48_000, 0.02, 30, delay=0.03)
    picture = run(video, 90_000, 0.04, 30, delay=0.18, report_at=0.5)
    assert picture[100][1] - picture[100][0] > 150 + sound[200][1] - sound[200][0] - 60
    notes = [*audio.notes, *video.notes]
    offsets = []
    for clock, placed in ((audio, sound), (video, picture)):
        alignment = Alignment(clock.notes, notes)
        assert alignment.known
        offsets += [at + alignment.correction(at) - true for true, at in placed]
    assert max(offsets) - min(offsets) < 2
    assert 29 < min(offsets) < 42  # all as late as the quickest packet


def test_the_drift_of_a_sender_is_taken_out() -> None:
    clock = StreamClock(48_000)
    placed = run(clock, 48_000, 0.02, 600, delay=0.03, drift=200e-6)
    assert abs(placed[-1][1] - placed[-1][0]) > 90
    alignment = Alignment(clock.notes, clock.notes)
    errors = [at + alignment.correction(at) - true for true, at in placed]
    assert max(errors) - min(errors) < 15


def test_a_clock_that_was_set_in_the_middle_changes_nothing_much() -> None:
    clock = StreamClock(48_000)
    for index in range(3000):
        if index % 250 == 50:
            shift = 600 if index > 1500 else 0
            clock.report(ntp(1000 + shift + index * 0.02), index * 960)
        clock.place(index * 960, index * 20.0 + 30)
    alignment = Alignment(clock.notes, clock.notes)
    assert all(abs(alignment.correction(index * 20.0)) < 1 for index in range(3000))


def test_without_reports_arrival_stands() -> None:
    alignment = Alignment([], [])
    assert not alignment.known
    assert alignment.correction(1234) == 0


@pytest.mark.parametrize(("at", "expected"), [(0, 10), (150, 15), (400, 20), (500, 0), (650, -5), (900, -5)])
def test_corrections_belong_to_their_stretch(at: float, expected: float) -> None:
    own: list[Sighting | Jump] = [
        Sighting(0, 100, 110, 0),
        Sighting(0, 200, 220, 0),
        Jump(1, 500),
        Jump(2, 600),
        Sighting(2, 700, 695, 0),
    ]
    assert Alignment(own, own).correction(at) == expected
