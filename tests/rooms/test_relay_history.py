"""What streams remember, and how the rate moves."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from rooms.history import SIZE, Missing, Ring


def test_a_ring_keeps_the_last_packets_only() -> None:
    ring = Ring()
    for number in range(SIZE + 10):
        ring.put(number, b"%d" % number)
    assert ring.get(9) is None
    assert ring.get(10) == b"10"
    assert ring.get(SIZE + 9) == b"%d" % (SIZE + 9)
    assert ring.get(SIZE + 10) is None


def test_a_missing_number_is_asked_for_at_once_then_every_tenth_of_a_second_then_given_up() -> None:
    missing = Missing()
    assert missing.skip(5, 6)
    tries = [now / 100 for now in range(200) if missing.due(now / 100)]
    assert tries[0] == 0
    assert len(tries) == Missing.TRIES
    assert all(0.09 < later - sooner < 0.12 for sooner, later in itertools.pairwise(tries))
    assert (len(missing), missing.given_up) == (0, 1)


def test_a_new_hole_does_not_hurry_the_old_one() -> None:
    missing = Missing()
    missing.skip(5, 6)
    assert missing.due(0.0) == [5]
    missing.skip(9, 11)
    assert missing.due(0.01) == [9, 10]
    assert missing.due(0.05) == []
    assert missing.due(0.101) == [5]


def test_a_far_sender_is_given_the_time_to_answer() -> None:
    missing = Missing()
    missing.far(0.25)
    missing.skip(5, 6)
    assert missing.due(0.0) == [5]
    assert missing.due(0.29) == []
    assert missing.due(0.31) == [5]
    missing.far(60.0)
    assert missing.due(0.62) == [5]
    assert missing.due(1.13) == [5]


def test_what_arrives_is_not_asked_for() -> None:
    missing = Missing()
    missing.skip(5, 8)
    missing.arrived(6)
    missing.arrived(1000)
    assert missing.due(0.0) == [5, 7]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 300)), max_size=60))
def test_memory_of_holes_is_bounded(holes: list[tuple[int, int]]) -> None:
    missing = Missing()
    for first, length in holes:
        fits = missing.skip(first, first + length)
        assert len(missing) <= Missing.LIMIT
        assert fits or not missing
