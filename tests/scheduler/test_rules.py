"""The rules, each by its pair (`tests.scheduler.rule_pairs`); and that all refusals are collected."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from core.errors import Reason
from scheduler import judging, rules
from scheduler.case import Case, SlotFacts
from scheduler.model import ticks
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
    cases = [bad, case(inmate=night), case(now=LATE), *(one[0] for pair in PAIRS for one in pair[1:3])]
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


def test_nobody_may_let_pass_what_nobody_can_give() -> None:
    with pytest.raises(ValidationError, match="nobody may let pass"):
        policy(exceptions={"slot-full": ["warden"]})
