"""Ids sort by birth; references can be read out."""

import re
from itertools import pairwise

from core import ids
from tests.conftest import FakeClock

_DIGITS = str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "0123456789abcdefghijklmnopqrstuv")


def test_ids_sort_by_birth(clock: FakeClock) -> None:
    made = []
    for _ in range(50):
        made.append(ids.new_id("bkg"))
        clock.move(seconds=0.001)
    assert made == sorted(made)
    assert len(set(made)) == 50
    assert all(re.fullmatch(r"bkg_[0-9a-hjkmnp-tv-z]{26}", one) for one in made)


def test_ids_of_one_millisecond_sort_by_birth_and_cannot_be_guessed(clock: FakeClock) -> None:
    made = [ids.new_id("bkg") for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000
    numbers = [int(one.removeprefix("bkg_").translate(_DIGITS), 32) for one in made]
    steps = [after - before for before, after in pairwise(numbers)]
    assert len(set(steps)) == 999
    assert all(step > 0 for step in steps)


def test_a_clock_that_is_set_back_makes_no_id_twice(clock: FakeClock) -> None:
    made = [ids.new_id("bkg") for _ in range(100)]
    clock.move(seconds=-0.001)
    made += [ids.new_id("bkg") for _ in range(100)]
    clock.move(seconds=0.001)
    made += [ids.new_id("bkg") for _ in range(100)]
    assert len(set(made)) == 300


def test_references_have_no_letters_that_are_misheard() -> None:
    for _ in range(100):
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", ids.reference())
