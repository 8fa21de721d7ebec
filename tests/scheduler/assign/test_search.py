"""The search in C and the search in Python are one search."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.compiling import Library
from scheduler.assign import building, engine, native
from scheduler.assign import week as ways
from scheduler.assign.chains import Chains
from scheduler.assign.columns import Columns, Ints, Way, array, of_ways
from scheduler.assign.instance import parse
from scheduler.assign.moves import Moves, moves
from scheduler.assign.native import Native
from scheduler.assign.prices import price
from scheduler.assign.search import Search
from tests.scheduler.assign.weeks import week


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Of the sources as they are; at once, if it is there."""
    building.SEARCH.build()
    native.library.cache_clear()


def posed(seed: int, requests: int = 60) -> tuple[Columns, Ints, Moves]:
    instance = parse(week(seed, requests))
    columns, blocks = ways.build(instance), engine.blocks_of(instance)
    reduced = columns.value - price(columns, blocks).row[columns.rows].sum(axis=1)
    return columns, blocks, moves(columns, reduced, blocks, seed)


def used(columns: Columns, chosen: list[int]) -> Ints:
    taken = [column for column in chosen if column >= 0]
    return np.bincount(columns.rows[taken].ravel(), minlength=len(columns.capacity) + 1)[:-1]


@pytest.mark.parametrize("seed", range(6))
def test_c_and_python_find_the_same_plan(seed: int) -> None:
    columns, _, made = posed(seed)
    code = native.library()
    assert code is not None
    nobody = [-1] * columns.requests
    here, there = Chains(made, nobody), Native(code, made, nobody)
    for block in (*range(made.blocks), 0):
        assert here.run(block, 300) == there.run(block, 300)
        assert here.chosen() == there.chosen()
    assert (used(columns, here.chosen()) <= columns.capacity).all()
    assert sum(column >= 0 for column in here.chosen()) > 10


def test_a_plan_with_a_dear_column_is_searched_on() -> None:
    """The first request stands where nobody would look; the second needs what the first would like better."""
    ways = [Way(0, 0, 100, ("a",)), Way(0, 1, 10, ("b",)), Way(1, 0, 500, ("a",)), Way(1, 1, 200, ("b",))]
    columns = of_ways(ways, {"a": 1, "b": 1}, 2)
    prices = price(columns, array([0, 0]))
    search = Search(columns, prices, 1)
    search.put_if_free(0, 1)
    search.improve(200, array([0, 0]))
    search.polish()
    assert (search.chosen, search.value) == ([1, 2], 510)
    assert search.value <= prices.bound


def test_some_columns_alone_are_the_same_columns() -> None:
    columns, _, _ = posed(2)
    kept = np.arange(0, len(columns.value), 3)
    some = columns.only(kept)
    assert some.requests == columns.requests
    for request in range(columns.requests):
        mine = range(some.first[request], some.first[request + 1])
        assert {int(some.request[column]) for column in mine} <= {request}
        assert [int(some.value[column]) for column in mine] == [
            int(columns.value[column])
            for column in kept.tolist()
            if columns.first[request] <= column < columns.first[request + 1]
        ]


def test_a_search_goes_on_from_a_plan_and_is_never_worse() -> None:
    columns, _, made = posed(1)
    first = Chains(made, [-1] * columns.requests)
    before = [first.run(block, 100) for block in range(made.blocks)][-1]
    again = Chains(dataclasses.replace(made, seed=99), first.chosen())
    assert [again.run(block, 200) for block in range(made.blocks)][-1] >= before


@pytest.fixture
def nothing_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    elsewhere = dataclasses.replace(building.SEARCH, path=tmp_path / "search.so")
    monkeypatch.setattr(native, "SEARCH", elsewhere)
    native.library.cache_clear()
    yield elsewhere
    native.library.cache_clear()


def test_without_a_compiler_the_plan_is_the_same(
    nothing_built: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = parse(week(3))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert "no C compiler" in nothing_built.build()
    assert native.library() is None
    slow, fewer = engine.solve(instance, steps=400), engine.steps_for(1)
    monkeypatch.undo()
    native.library.cache_clear()
    assert native.library() is not None
    assert engine.solve(instance, steps=400).document() == slow.document()
    assert engine.steps_for(1) > fewer


def test_a_library_of_other_sources_is_not_used(nothing_built: Library, tmp_path: Path) -> None:
    other = tmp_path / "csrc"
    other.mkdir()
    for source in nothing_built.sources.iterdir():
        (other / source.name).write_text(source.read_text() + "\n/* changed */\n")
    assert "is built" in dataclasses.replace(nothing_built, sources=other).build()
    assert native.library() is None
