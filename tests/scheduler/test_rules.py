"""The rules, each by its pair (`tests.scheduler.rule_pairs`); and that all refusals are collected."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import Reason
from policy.rulebook import EXCUSABLE, Office
from scheduler import judging, rules
from scheduler.case import Case, SlotFacts
from scheduler.model import SlotOffer, ticks
from scheduler.offers import Choice
from scheduler.rules import Rule
from tests.scheduler.rule_pairs import (
    AFTER,
    CASE,
    CHILD,
    DAY,
    END,
    NOW,
    PAIRS,
    SLOT,
    START,
    TICKS,
    case,
    inmate,
    policy,
    slot,
)

DAY_LONG = timedelta(days=1)
LATE = datetime(2026, 12, 4, 15, 40, tzinfo=UTC)  # twenty minutes before midnight in Beijing


@pytest.mark.parametrize(("rule", "passes", "fails", "code"), PAIRS)
def test_one_pair_per_rule(
    rule: Rule, passes: tuple[Case, SlotFacts], fails: tuple[Case, SlotFacts], code: str
) -> None:
    assert rule(*passes) is None
    reason = rule(*fails)
    assert reason is not None
    assert reason.code == code
    assert "{" not in str(reason)


def test_every_rule_has_a_pair() -> None:
    assert {rule for rule, *_ in PAIRS} == set(rules.RULES)
    assert set(rules.STANDING) <= set(rules.RULES)


def test_nothing_refused_when_all_is_well() -> None:
    assert rules.refusals(CASE, SLOT) == ()


def test_all_refusals_are_collected_in_order() -> None:
    bad = case(
        inmate=replace(CASE.inmate, present=False, busy=TICKS),
        visitors=(replace(CHILD, approved=False),),
        used={"2026-12": 2},
    )
    codes = [reason.code for reason in rules.refusals(bad, slot(taken=2, closed="withdrawn"))]
    assert codes == [
        "inmate-away", "relationship-not-approved", "withdrawn", "slot-full", "allowance-used", "inmate-busy",
        "adult-needed",
    ]  # fmt: skip


def test_a_full_slot_says_until_when_others_only_hold_it() -> None:
    reason = rules.full(CASE, slot(taken=2, released_at=NOW + timedelta(minutes=7)))
    assert reason is not None
    assert reason.code == "slot-full"
    assert reason.params == {"time": "16:07"}


def test_a_level_without_visits_is_not_said_to_be_used_up() -> None:
    codes = [reason.code for reason in rules.refusals(inmate(level="strict"), SLOT)]
    assert codes == ["no-visits-at-level"]


def test_a_past_slot_is_not_also_too_soon() -> None:
    codes = [reason.code for reason in rules.refusals(case(now=END, first_day=AFTER), SLOT)]
    assert codes == ["slot-past"]


@pytest.mark.parametrize(
    ("born", "on", "needed"),
    [
        (date(2008, 12, 4), DAY, False),  # eighteen today
        (date(2008, 12, 5), DAY, True),
        (date(2008, 2, 29), date(2026, 2, 28), True),  # a year older on 1 March
        (date(2008, 2, 29), date(2026, 3, 1), False),
    ],
)
def test_age_counts_on_the_day_of_the_visit(born: date, on: date, needed: bool) -> None:
    young = case(visitors=(replace(CHILD, born=born),))
    reason = rules.adult_needed(young, slot(day=on))
    assert (reason is not None) is needed


def test_many_slots_are_judged_as_each_by_itself() -> None:
    """Whatever `month` does not ask, since it would have nothing to say: over every case and slot of the pairs."""
    night = replace(CASE.inmate, busy=frozenset(ticks(LATE, LATE + timedelta(minutes=40))))
    child = replace(CHILD, approved=False, busy=TICKS)
    bad = case(visitors=(child,), used={"2026-12": 2}, inmate=replace(CASE.inmate, busy=TICKS))
    birthday = case(visitors=(replace(CHILD, born=date(2008, 12, 5)),))  # of age on the second of the days
    cases = [
        bad,
        birthday,
        case(inmate=night),
        case(now=LATE),
        *(one[0] for pair in PAIRS for one in pair[1:3]),
    ]
    meant = [one[1] for pair in PAIRS for one in pair[1:3]]
    meant += [
        slot(starts_at=start, ends_at=start + timedelta(minutes=50), taken=taken)
        for start in (NOW, START - DAY_LONG, LATE, START + DAY_LONG)
        for taken in (0, 2)
    ]
    slots = [replace(one, day=one.starts_at.astimezone(CASE.zone).date()) for one in meant]
    for one in cases:
        assert judging.month(one, slots) == [rules.refusals(one, each) for each in slots]


# What is broken, what the policy says of it, what is refused, what is let pass, and who must sign (F68).
CHAINS: list[
    tuple[tuple[str, ...], dict[str, list[str]], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
] = [
    (("wing-day",), {}, ("wing-day",), (), ()),
    (("wing-day",), {"wing-day": ["division"]}, (), ("wing-day",), ("division",)),
    (
        ("allowance-used", "relation-not-listed", "wing-day"),
        {
            "allowance-used": ["warden"],
            "relation-not-listed": ["deputy", "division"],
            "wing-day": ["division"],
        },
        (),
        ("allowance-used", "relation-not-listed", "wing-day"),
        ("division", "deputy", "warden"),
    ),
    (
        ("slot-full", "wing-day"),
        {"wing-day": ["ward"]},
        ("slot-full",),
        ("wing-day",),
        ("ward",),
    ),
]


@pytest.mark.parametrize(("codes", "exceptions", "refused", "excepted", "chain"), CHAINS)
def test_the_chain_of_several_exceptions_is_the_union_of_theirs(
    codes: tuple[str, ...],
    exceptions: dict[str, list[str]],
    refused: tuple[str, ...],
    excepted: tuple[str, ...],
    chain: tuple[str, ...],
) -> None:
    found = judging.verdict(policy(exceptions=exceptions), [Reason(code, "") for code in codes])
    assert tuple(one.code for one in found.refused) == refused
    assert tuple(one.code for one in found.excepted) == excepted
    assert found.chain == chain


# What no office can give: a place, a person's time, a day that is closed, a way or kind of visit that the prison does
# not have, the safety of a child, a pair kept apart. A new rule stands here or may be let pass.
NOBODY_GIVES = frozenset(
    {
        "adult-needed",
        "by-wishes",
        "channel-not-offered",
        "companion-alone",
        "inmate-appointment",
        "inmate-away",
        "inmate-busy",
        "inmate-unavailable",
        "lead-too-young",
        "limit-reached",
        "lockdown",
        "prison-closed",
        "relationship-not-approved",
        "slot-closed",
        "slot-full",
        "slot-past",
        "started-elsewhere",
        "type-not-offered",
        "visitor-busy",
        "visitors-missing",
        "withdrawn",
    }
)
CODES = sorted({code for *_, code in PAIRS})


def test_of_every_rule_it_is_said_whether_an_office_may_let_it_pass() -> None:
    assert set(CODES) == EXCUSABLE | NOBODY_GIVES
    assert EXCUSABLE.isdisjoint(NOBODY_GIVES)


@pytest.mark.parametrize(("_rule", "_passes", "fails", "code"), PAIRS)
def test_each_rule_refuses_or_is_sent_to_approval_as_it_is_set(
    _rule: Rule, _passes: tuple[Case, SlotFacts], fails: tuple[Case, SlotFacts], code: str
) -> None:
    broken, at = fails
    reasons = rules.refusals(broken, at)
    strict = judging.verdict(broken.policy, reasons)
    assert code in {one.code for one in strict.refused}
    assert (strict.excepted, strict.chain) == ((), ())
    if code in NOBODY_GIVES:
        with pytest.raises(ValidationError, match="nobody may let pass"):
            policy(exceptions={code: ["warden"]})
        return
    may_pass = {one.code: ["warden"] for one in reasons if one.code in EXCUSABLE}
    lenient = judging.verdict(policy(exceptions=may_pass), reasons)
    assert code in {one.code for one in lenient.excepted}
    assert lenient.chain == ("warden",)
    assert {one.code for one in lenient.refused} <= NOBODY_GIVES


@given(
    st.lists(st.sampled_from(CODES), unique=True),
    st.dictionaries(
        st.sampled_from(sorted(EXCUSABLE)), st.lists(st.sampled_from(list(Office)), unique=True), max_size=6
    ),
)
def test_whatever_is_broken_and_however_it_is_set_nobody_is_passed_over(
    broken: list[str], exceptions: dict[str, list[Office]]
) -> None:
    found = judging.verdict(policy(exceptions=exceptions), [Reason(code, "") for code in broken])
    sent = [code for code in broken if exceptions.get(code)]
    assert [one.code for one in found.excepted] == sent
    assert [one.code for one in found.refused] == [code for code in broken if code not in sent]
    assert set(found.chain) == {office for code in sent for office in exceptions[code]}
    assert list(found.chain) == [
        office for office in Office if office in found.chain
    ]  # the nearest first, each once


NO_GROUND: Any = None  # what is nearest is found without it


def _offer(number: int, at: int, *, offered: bool) -> tuple[SlotFacts, SlotOffer]:
    starts_at = START + timedelta(minutes=5 * at)
    reasons = () if offered else (Reason("slot-full", ""),)
    return slot(id=f"slt_{number}", starts_at=starts_at), SlotOffer(
        f"slt_{number}", starts_at, 30, 1, reasons
    )


def test_f43_the_times_after_one_that_a_busy_room_takes_away() -> None:
    """Every quarter from 9 to 16, half an hour each; the room is busy from 9:15 to 11:45. In fives from 9:00 on."""
    busy = range(3, 33)
    day = [_offer(at, at, offered=not set(range(at, at + 6)) & set(busy)) for at in range(0, 7 * 12 - 5, 3)]
    chosen = Choice(ground=NO_GROUND, slots=tuple(day), closed={}, used={})
    free = {offer.slot_id for _, offer in day if offer.offered}
    assert ("slt_36" in free, "slt_24" in free) == (True, False)  # 12:00 and 11:00
    assert [one.slot_id for one in chosen.nearest("slt_24")] == ["slt_33", "slt_36", "slt_39"]


@given(st.lists(st.tuples(st.integers(-3000, 3000), st.booleans()), max_size=12), st.data())
def test_the_nearest_three_are_the_nearest_that_are_offered(
    times: list[tuple[int, bool]], data: st.DataObject
) -> None:
    shown = tuple(_offer(number, at, offered=offered) for number, (at, offered) in enumerate(times))
    shown = tuple(sorted(shown, key=lambda one: one[1].starts_at))
    chosen = Choice(ground=NO_GROUND, slots=shown, closed={}, used={})
    wanted = data.draw(st.sampled_from([None, *(offer for _, offer in shown)]))
    at = START + timedelta(minutes=5 * data.draw(st.integers(-4000, 4000)))
    found = chosen.nearest("slt_none", at) if wanted is None else chosen.nearest(wanted.slot_id)
    at = at if wanted is None else wanted.starts_at
    others = [offer for _, offer in shown if offer.offered and offer is not wanted]
    assert len(found) == len({one.slot_id for one in found}) == min(3, len(others))
    assert all(one in others for one in found)
    left = [abs(one.starts_at - at) for one in others if one not in found]
    assert not left or max(abs(one.starts_at - at) for one in found) <= min(left)
