"""Several plans made one: never worth less than the best of them, never beyond the rows or the bound."""

import numpy as np
import pytest

from scheduler.assign import engine
from scheduler.assign import week as ways
from scheduler.assign.columns import Way, array, of_ways
from scheduler.assign.instance import parse
from scheduler.assign.pool import Pool
from scheduler.assign.prices import price
from scheduler.assign.search import Search
from tests.scheduler.assign.weeks import violations, week


def test_what_is_good_in_each_plan_is_put_together() -> None:
    """One plan serves the first well and the second not at all, the other the other way round."""
    made = [Way(0, 0, 900, ("a",)), Way(0, 1, 300, ("b",)), Way(1, 0, 800, ("b",)), Way(1, 1, 200, ("a",))]
    columns = of_ways(made, {"a": 1, "b": 1}, 2)
    pool = Pool(columns, price(columns, array([0, 0])), [[0, -1], [-1, 2]])
    assert pool.chosen.tolist() == [0, -1]
    pool.merge(array([0, 0]))
    assert pool.chosen.tolist() == [0, 2]


def test_what_other_blocks_use_is_theirs() -> None:
    """The second block would like the seat that the first one has, which is worth more there."""
    made = [Way(0, 0, 900, ("seat",)), Way(1, 0, 800, ("seat",)), Way(1, 1, 100, ("other",))]
    columns = of_ways(made, {"seat": 1, "other": 1}, 2)
    blocks = array([1, 2])
    pool = Pool(columns, price(columns, blocks), [[0, -1], [-1, 2], [-1, 1]])
    pool.merge(blocks)
    assert pool.chosen.tolist() == [0, 2]


@pytest.mark.parametrize("seed", range(2))
def test_the_plan_is_no_worse_than_each_of_its_parts(seed: int) -> None:
    value = week(seed, 60)
    instance = parse(value)
    columns, blocks = ways.build(instance), engine.blocks_of(instance)
    prices = price(columns, blocks)
    search = Search(columns, prices, seed)
    search.round(prices)
    found = search.several(3, 600, blocks)
    worth = [int(columns.value[[c for c in plan if c >= 0]].sum()) for plan in found]
    pool = Pool(columns, prices, found)
    pool.merge(blocks)
    taken = pool.chosen[pool.chosen >= 0]
    assert max(worth) <= columns.value[taken].sum() <= prices.bound + 1e-6
    assert (columns.request[taken] == np.flatnonzero(pool.chosen >= 0)).all()
    assert violations(value, engine.solve(instance, seed=seed, steps=600, plans=3).document()) == []


def test_the_same_number_of_plans_gives_the_same_plan() -> None:
    instance = parse(week(3))
    one, two = (engine.solve(instance, steps=500, plans=3).document() for _ in range(2))
    assert one == two


def test_several_plans_of_nothing_are_none() -> None:
    value = week(1)
    value["requests"] = []
    assert engine.solve(parse(value), plans=3).served == 0
