"""Scenario F67 of the field: half-hour times with so many places each. Here a place taken is a numbered unit."""

from dataclasses import replace

import pytest

from scheduler import capacity
from scheduler.case import SlotFacts
from tests.scheduler.rule_pairs import SLOT

ONE = {"officers": 1}


def at(name: str, places: int | None) -> SlotFacts:
    return replace(SLOT, id=name, limits={} if places is None else {"officers": places})


@pytest.mark.parametrize(("places", "offered"), [(2, True), (1, True), (0, False)])
def test_f67_places_that_are_left_are_offered(places: int, offered: bool) -> None:
    assert (capacity.lacking(at("14:00", places), {}, ONE) == ()) is offered


def test_f67_the_last_place_is_given_once_and_only_its_own_time_goes() -> None:
    day = [at(name, 1) for name in ("14:00", "14:30", "15:00")]
    ((owner, number),) = capacity.units(day[1], {}, ONE)
    taken = {owner: {number}}
    left = [slot.id for slot in day if not capacity.lacking(slot, taken, ONE)]
    assert left == ["14:00", "15:00"]
    assert capacity.units(day[1], taken, ONE) == []  # whoever asks once more, an operator too, gets nothing


def test_f67_fewer_places_than_were_given_is_full_and_takes_nothing_back() -> None:
    """Theirs goes below nought; here the number is lowered after two were given."""
    slot, taken = at("14:00", 1), {"14:00/officers": {1, 2}}
    assert capacity.lacking(slot, taken, ONE) == ("officers",)
    assert capacity.lacking(at("14:00", 3), taken, ONE) == ()


def test_f67_where_no_number_was_set_it_is_open() -> None:
    wanted = capacity.demand(at("14:00", None).limits, (), 0, None)
    assert capacity.lacking(at("14:00", None), {}, wanted) == ()
