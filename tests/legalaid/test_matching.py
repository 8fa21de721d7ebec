"""A day's plan: as many answers as possible, the right lawyers, nobody in two rooms at once."""

import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from legalaid.matching import Ask, Helper, Meeting, plan, worth

TOPICS, LANGUAGES = ("debt", "family", "work"), ("zh", "yue")


def ask(number: int, **more: object) -> Ask:
    values = {"inmate": f"i{number}", "topic": "debt", "language": "zh", **more}
    return Ask(f"q{number}", **values)  # type: ignore[arg-type]  # what the test names


def helper(name: str, turns: int = 2, **more: object) -> Helper:
    values = {"topics": frozenset(TOPICS), "languages": frozenset({"zh"}), **more}
    return Helper(name, turns=frozenset(range(turns)), **values)  # type: ignore[arg-type]


def who(meetings: list[Meeting]) -> dict[str, str]:
    return {meeting.ask: meeting.helper for meeting in meetings}


def test_topic_language_and_conflict_decide_who_may_answer() -> None:
    asks = [ask(1, language="yue"), ask(2, topic="family"), ask(3)]
    helpers = [
        helper("speaks", languages=frozenset({"yue"})),
        helper("family", topics=frozenset({"family"}), conflicts=frozenset({"i3"})),
        helper("debt", topics=frozenset({"debt"})),
    ]
    assert who(plan(asks, helpers, 3)) == {"q1": "speaks", "q2": "family", "q3": "debt"}
    assert who(plan([ask(1)], [helper("near", conflicts=frozenset({"i1"}))], 1)) == {}


def test_the_one_who_can_do_less_is_not_kept_idle_by_the_one_who_can_do_all() -> None:
    """First come first served would give q1 to "all" and leave q2 without an answer."""
    helpers = [helper("all", 1), helper("debt", 1, topics=frozenset({"debt"}))]
    assert who(plan([ask(1), ask(2, topic="family")], helpers, 2)) == {"q1": "debt", "q2": "all"}


def test_urgent_then_carried_over_then_old_come_first() -> None:
    asks = [ask(1), ask(2, waited=9), ask(3, carried=1), ask(4, urgent=True)]
    for places, expected in ((1, ["q4"]), (2, ["q4", "q3"]), (3, ["q4", "q3", "q2"])):
        assert [meeting.ask for meeting in plan(asks, [helper("a", places)], 1)] == expected


def test_a_thread_goes_on_with_its_lawyer_and_turns_are_fair() -> None:
    helpers = [helper("new", 3), helper("known", 3)]
    assert who(plan([ask(1, before="known")], helpers, 2)) == {"q1": "known"}
    tired = [helper("busy", 3, had=30), helper("fresh", 3)]
    assert who(plan([ask(1), ask(2)], tired, 2)) == {"q1": "fresh", "q2": "fresh"}


def test_the_known_lawyer_is_left_rather_than_the_question() -> None:
    helpers = [helper("known", 1), helper("other", 1, topics=frozenset({"debt"}))]
    asks = [ask(1, before="known"), ask(2, topic="family")]
    assert who(plan(asks, helpers, 2)) == {"q1": "other", "q2": "known"}


def test_an_inmate_is_in_one_room_at_a_time() -> None:
    asks = [ask(1, inmate="i"), ask(2, inmate="i")]
    meetings = plan(asks, [helper("a", 2), helper("b", 2)], 2)
    assert len(meetings) == 2
    assert len({meeting.turn for meeting in meetings}) == 2


def test_nothing_to_plan() -> None:
    assert plan([], [helper("a")], 1) == []
    assert plan([ask(1)], [], 1) == []
    assert plan([ask(1)], [helper("a", 0)], 1) == []
    assert plan([ask(1)], [helper("a")], 0) == []


asks_drawn = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.sampled_from(LANGUAGES), st.booleans(), st.integers(0, 3)),
    max_size=5,
)
helpers_drawn = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from(TOPICS)),
        st.frozensets(st.sampled_from(LANGUAGES)),
        st.frozensets(st.integers(0, 2)),
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(asks_drawn, helpers_drawn, st.integers(1, 3))
def test_no_other_day_is_worth_more(
    asked: list[tuple[str, str, bool, int]],
    helping: list[tuple[frozenset[str], frozenset[str], frozenset[int]]],
    rooms: int,
) -> None:
    """Against every possible day, tried one by one; and the plan keeps every rule."""
    asks = [ask(n, topic=t, language=s, urgent=u, carried=c) for n, (t, s, u, c) in enumerate(asked)]
    helpers = [Helper(f"h{n}", t, s, turns) for n, (t, s, turns) in enumerate(helping)]
    meetings = plan(asks, helpers, rooms)
    by_id, by_name = {one.id: one for one in asks}, {one.id: one for one in helpers}
    assert all(by_name[m.helper].may(by_id[m.ask]) and m.turn in by_name[m.helper].turns for m in meetings)
    assert len({m.ask for m in meetings}) == len(meetings)
    assert len({(m.turn, m.room) for m in meetings}) == len(meetings)
    assert len({(m.turn, m.helper) for m in meetings}) == len(meetings)
    assert max(Counter(m.turn for m in meetings).values(), default=0) <= rooms
    reached = sum(worth(by_id[m.ask]) for m in meetings)
    assert abs(reached - _best(asks, helpers, rooms)) < 1e-6


def _best(asks: list[Ask], helpers: list[Helper], rooms: int) -> float:
    """The most that any set of questions is worth that can be seated: sets from the dearest to the cheapest."""
    seats = [(helper, turn) for helper in helpers for turn in sorted(helper.turns)]
    best = 0.0
    for size in range(min(len(asks), len(seats)), -1, -1):
        for chosen in itertools.combinations(asks, size):
            value = sum(worth(one) for one in chosen)
            if value > best and _seated(list(chosen), seats, {}, rooms):
                best = value
    return best


def _seated(asks: list[Ask], seats: list[tuple[Helper, int]], used: dict[int, int], rooms: int) -> bool:
    if not asks:
        return True
    for index, (helper, turn) in enumerate(seats):
        if helper.may(asks[0]) and used.get(turn, 0) < rooms:
            rest = seats[:index] + seats[index + 1 :]
            if _seated(asks[1:], rest, {**used, turn: used.get(turn, 0) + 1}, rooms):
                return True
    return False
