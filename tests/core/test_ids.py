"""Ids sort by birth; references can be read out."""

import re

from core import ids
from tests.conftest import FakeClock


def test_ids_sort_by_birth(clock: FakeClock) -> None:
    made = []
    for _ in range(50):
        made.append(ids.new_id("bkg"))
        clock.move(seconds=0.001)
    assert made == sorted(made)
    assert len(set(made)) == 50
    assert all(re.fullmatch(r"bkg_[0-9a-hjkmnp-tv-z]{26}", one) for one in made)


def test_references_have_no_letters_that_are_misheard() -> None:
    for _ in range(100):
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", ids.reference())
