"""The rest of a day, from any moment on: nobody twice at once, the scarce lawyer kept, the near promises kept."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legalaid import rest
from legalaid.matching import Ask, Helper
from legalaid.rest import Hours, Seat, Standing

NINE = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def at(number: int) -> datetime:
    return NINE + timedelta(minutes=number)


def hours(now: int = 0, end: int = 60, minutes: int = 10, expected: float = 10) -> Hours:
    return Hours(at(now), at(end), minutes, expected, 2 * expected)


def ask(name: str, topic: str = "debt", inmate: str = "", **more: Any) -> Ask:
    return replace(Ask(name, inmate or f"inmate-{name}", topic, "zh"), **more)


def helper(name: str, *topics: str, conflicts: tuple[str, ...] = ()) -> Helper:
    return Helper(name, frozenset(topics or ("debt",)), frozenset({"zh"}), frozenset(), frozenset(conflicts))


def rooms(number: int, **taken: int) -> dict[int, datetime]:
    return {n: at(taken.get(f"r{n}", 0)) for n in range(1, number + 1)}


def starts(seats: list[Seat]) -> dict[str, int]:
    return {seat.ask: int((seat.starts_at - NINE).total_seconds() // 60) for seat in seats}


def test_what_runs_over_moves_its_lawyer_and_its_room_and_nobody_else() -> None:
    asks = [ask("next"), ask("later"), ask("elsewhere", "family")]
    helpers = [helper("a"), helper("b", "family")]
    standing = Standing(rooms(2, r1=16), {"a": at(16)})
    assert starts(rest.plan(asks, helpers, standing, hours(9))) == {"elsewhere": 9, "next": 16, "later": 26}


def test_what_the_day_cannot_hold_any_more_does_not_appear() -> None:
    """Ten minutes: one may still begin at 54, when six are left, and none later."""
    standing = Standing(rooms(1, r1=45), {"a": at(45)})
    seats = rest.plan([ask("one"), ask("two"), ask("three")], [helper("a")], standing, hours(1))
    assert starts(seats) == {"one": 45}
    assert starts(rest.plan([ask("one")], [helper("a")], Standing(rooms(1)), hours(54))) == {"one": 54}
    assert rest.plan([ask("one")], [helper("a")], Standing(rooms(1)), hours(55)) == []


def test_an_inmate_who_is_in_another_room_is_waited_for() -> None:
    standing = Standing(rooms(2, r1=12), {"a": at(12), "i": at(12)})
    seats = rest.plan([ask("same", inmate="i")], [helper("a"), helper("b")], standing, hours(5))
    assert starts(seats) == {"same": 12}


def test_who_was_promised_a_lawyer_and_a_room_keeps_them() -> None:
    asks, helpers = [ask("one"), ask("two")], [helper("a"), helper("b")]
    for kept in ({"one": ("a", 2), "two": ("b", 1)}, {"one": ("b", 1), "two": ("a", 2)}):
        seats = rest.plan(asks, helpers, Standing(rooms(2), kept=kept), hours())
        assert {seat.ask: (seat.lawyer, seat.room) for seat in seats} == kept


def test_the_lawyer_who_alone_can_answer_is_kept_for_it() -> None:
    """Time for one turn of each: whoever takes the older question leaves the other one to nobody."""
    asks = [Ask("old", "i1", "debt", "zh", waited=9), ask("rare", "family")]
    seats = rest.plan(asks, [helper("all", "debt", "family"), helper("debt")], Standing(rooms(2)), hours(50))
    assert {seat.ask: seat.lawyer for seat in seats} == {"old": "debt", "rare": "all"}


def test_urgent_ones_come_first_and_conflicts_never() -> None:
    asks = [ask("one"), ask("hurry", urgent=True)]
    (first, *_) = rest.plan(asks, [helper("a")], Standing(rooms(1)), hours())
    assert first.ask == "hurry"
    apart = helper("a", conflicts=("inmate-one",))
    assert [seat.ask for seat in rest.plan(asks, [apart], Standing(rooms(1)), hours())] == ["hurry"]


@pytest.mark.parametrize(
    ("taken", "minutes"), [((), 10.0), ((10.0, 10.0), 10.0), ((20.0,) * 5, 15.0), ((0.0,) * 1000, 1.0)]
)
def test_the_day_teaches_how_long_a_turn_takes(taken: tuple[float, ...], minutes: float) -> None:
    assert rest.expected(10, taken) == pytest.approx(minutes)


def test_of_a_long_question_and_two_short_ones_the_short_ones_are_answered() -> None:
    """Thirty minutes: the long one waits, and then goes before all others, whatever it takes."""
    asks = [ask("long", long=True), ask("one"), ask("two"), ask("three")]
    seats = rest.plan(asks, [helper("a")], Standing(rooms(1)), hours(30))
    assert starts(seats) == {"one": 30, "two": 40, "three": 50}
    for first in ({"carried": 1}, {"urgent": True}):
        asks[0] = ask("long", long=True, **first)
        seats = rest.plan(asks, [helper("a")], Standing(rooms(1)), hours(30))
        assert starts(seats) == {"long": 30, "one": 50}
        assert [seat.minutes for seat in seats] == [20, 10]


def test_long_ones_wait_for_short_ones_but_not_till_the_end_where_they_do_not_fit() -> None:
    """One room, 70 minutes: the last two turns are kept for short ones."""
    short = [ask(f"s{n}") for n in range(5)]
    old = ask("old", waited=40, long=True)
    seats = rest.plan([old, *short], [helper("a")], Standing(rooms(1)), hours(end=70))
    assert starts(seats) == {"s0": 0, "s1": 10, "s2": 20, "old": 30, "s3": 50, "s4": 60}
    carried = replace(old, carried=1)
    assert starts(rest.plan([carried, *short], [helper("a")], Standing(rooms(1)), hours(end=70)))["old"] == 0


def test_a_long_question_is_not_begun_in_the_last_minutes() -> None:
    seats = rest.plan([ask("long", long=True)], [helper("a")], Standing(rooms(1)), hours(50))
    assert seats == []


PERSON = st.integers(0, 4)


@settings(max_examples=60, deadline=None)
@given(
    asked=st.lists(st.tuples(PERSON, st.sampled_from(("debt", "family")), st.booleans()), max_size=14),
    known=st.lists(st.sets(st.sampled_from(("debt", "family")), min_size=1), min_size=1, max_size=4),
    free=st.dictionaries(st.sampled_from(("l0", "l1", "i0", "i1")), st.integers(0, 40)),
    count=st.integers(1, 3),
    expected=st.floats(4, 20),
)
def test_nobody_is_in_two_rooms_at_once(
    asked: list[tuple[int, str, bool]],
    known: list[set[str]],
    free: Mapping[str, int],
    count: int,
    expected: float,
) -> None:
    asks = [ask(f"q{n}", topic, f"i{inmate}", long=long) for n, (inmate, topic, long) in enumerate(asked)]
    by_id = {one.id: one for one in asks}
    helpers = [helper(f"l{n}", *topics) for n, topics in enumerate(known)]
    standing = Standing(rooms(count), {name: at(minute) for name, minute in free.items()})
    day = hours(expected=expected)
    seats = rest.plan(asks, helpers, standing, day)
    assert all(times == 1 for times in Counter(seat.ask for seat in seats).values())
    for seat in seats:
        assert next(h for h in helpers if h.id == seat.lawyer).may(by_id[seat.ask])
        assert day.now <= seat.starts_at <= day.last(long=by_id[seat.ask].long)
        for mine in (seat.lawyer, seat.inmate):
            assert seat.starts_at >= standing.persons.get(mine, day.now)
        over = seat.starts_at + day.takes(long=by_id[seat.ask].long)
        for other in seats:
            if other is not seat and seat.starts_at <= other.starts_at < over:
                shared = {seat.lawyer, seat.inmate, str(seat.room)} & {
                    other.lawyer, other.inmate, str(other.room)
                }  # fmt: skip
                assert not shared
