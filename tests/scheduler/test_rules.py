"""Each rule with one case it lets pass and one it refuses; and that all refusals are collected."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from policy.model import AllowanceWindow, FamilyPolicy
from policy.presets import load as load_preset
from scheduler import rules
from scheduler.model import ticks
from scheduler.rules import BanFacts, Case, InmateFacts, Rule, SlotFacts, VisitorFacts

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
START = datetime(2026, 12, 4, 2, 0, tzinfo=UTC)  # a Friday, 10:00 in Beijing
END = START + timedelta(minutes=40)
TICKS = frozenset(ticks(START, END))


def policy(**values: Any) -> FamilyPolicy:
    return FamilyPolicy.model_validate({**load_preset("cn").values, **load_preset("demo").values, **values})


ADULT = VisitorFacts("rel_a", "Wang", date(1980, 5, 1), approved=True)
CHILD = VisitorFacts("rel_c", "Little Wang", date(2018, 5, 1), approved=True)
SLOT = SlotFacts(
    id="slt", wing_id=None, day=date(2026, 12, 4), starts_at=START, ends_at=END, minutes=30, capacity=2,
    taken=0, released_at=None, closed="", closed_words="",
)  # fmt: skip
CASE = Case(
    now=NOW,
    zone=ZoneInfo("Asia/Shanghai"),
    policy=policy(visits_per_month=2),
    first_day=date(2026, 11, 24),
    last_day=date(2026, 12, 21),
    inmate=InmateFacts("inm", "wng_1", "ordinary", present=True),
    visitors=(ADULT,),
    used={},
    bans=(),
)


def case(**more: Any) -> Case:
    return replace(CASE, **more)


def slot(**more: Any) -> SlotFacts:
    return replace(SLOT, **more)


def inmate(**more: Any) -> Case:
    return replace(CASE, inmate=replace(CASE.inmate, **more))


def ban(first: date, last: date, relative_id: str | None, inmate_id: str | None) -> Case:
    return case(bans=(BanFacts(relative_id, inmate_id, first, last),))


PUNCTUAL = policy(late_booking_minutes=0)
DAY = SLOT.day
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
WINDOW = AllowanceWindow(first=date(2026, 12, 1), last=date(2026, 12, 10), visits=0)

# rule, what passes, what is refused, the code of the refusal
PAIRS: list[tuple[Rule, tuple[Case, SlotFacts], tuple[Case, SlotFacts], str]] = [
    (rules.inmate_away, (CASE, SLOT), (inmate(present=False), SLOT), "inmate-away"),
    (
        rules.visitor_not_approved,
        (CASE, SLOT),
        (case(visitors=(ADULT, replace(CHILD, approved=False))), SLOT),
        "relationship-not-approved",
    ),
    (rules.level_without_visits, (CASE, SLOT), (inmate(level="strict"), SLOT), "no-visits-at-level"),
    (
        rules.suspended,
        (ban(DAY, DAY, "rel_x", None), SLOT),
        (ban(DAY, DAY, "rel_a", None), SLOT),
        "visits-suspended",
    ),
    (
        rules.suspended,
        (ban(DAY, DAY, None, "inm_x"), SLOT),
        (ban(DAY, DAY, None, "inm"), SLOT),
        "visits-suspended",
    ),
    (
        rules.suspended,
        (ban(DAY, DAY, "rel_a", "inm_x"), SLOT),
        (ban(DAY, DAY, "rel_a", "inm"), SLOT),
        "visits-suspended",
    ),
    (
        rules.suspended,
        (ban(AFTER, AFTER, "rel_a", None), SLOT),
        (ban(BEFORE, DAY, "rel_a", None), SLOT),
        "visits-suspended",
    ),
    (
        rules.past,
        (case(now=START - timedelta(seconds=1), policy=PUNCTUAL), SLOT),
        (case(now=START, policy=PUNCTUAL), SLOT),
        "slot-past",
    ),
    (
        rules.past,
        (case(now=START + timedelta(minutes=9)), SLOT),
        (case(now=START + timedelta(minutes=10)), SLOT),
        "slot-past",
    ),
    (rules.too_soon, (case(first_day=DAY), SLOT), (case(first_day=AFTER), SLOT), "too-soon"),
    (rules.too_far, (case(last_day=DAY), SLOT), (case(last_day=BEFORE), SLOT), "too-far"),
    (rules.closed, (CASE, SLOT), (CASE, slot(closed="prison-closed", closed_words="flood")), "prison-closed"),
    (rules.closed, (CASE, SLOT), (CASE, slot(closed="slot-closed", closed_words="staff")), "slot-closed"),
    (rules.closed, (CASE, SLOT), (CASE, slot(closed="withdrawn")), "withdrawn"),
    (rules.wing_day, (CASE, slot(wing_id="wng_1")), (CASE, slot(wing_id="wng_2")), "wing-day"),
    (
        rules.wing_day,
        (case(policy=policy(visit_weekdays=[5])), SLOT),
        (case(policy=policy(visit_weekdays=[4])), SLOT),
        "wing-day",
    ),
    (rules.full, (CASE, slot(taken=1)), (CASE, slot(taken=2)), "slot-full"),
    (
        rules.allowance_used,
        (case(used={"2026-11": 2, "2026-12": 1}), SLOT),
        (case(used={"2026-12": 2}), SLOT),
        "allowance-used",
    ),
    (
        rules.window_without_visits,
        (CASE, SLOT),
        (case(policy=policy(allowance_windows=[WINDOW])), SLOT),
        "no-visits-in-period",
    ),
    (
        rules.inmate_busy,
        (inmate(busy=frozenset({min(TICKS) - 1, max(TICKS) + 1})), SLOT),
        (inmate(busy=frozenset({max(TICKS)})), SLOT),
        "inmate-busy",
    ),
    (
        rules.visitor_busy,
        (case(visitors=(replace(ADULT, busy=frozenset({min(TICKS) - 1})),)), SLOT),
        (case(visitors=(ADULT, replace(CHILD, busy=frozenset({min(TICKS)})))), SLOT),
        "visitor-busy",
    ),
    (rules.nobody_comes, (CASE, SLOT), (case(visitors=()), SLOT), "visitors-missing"),
    (
        rules.too_many_visitors,
        (case(visitors=(ADULT,) * 3), SLOT),
        (case(visitors=(ADULT,) * 3 + (CHILD,)), SLOT),
        "too-many-visitors",
    ),
    (
        rules.too_many_visitors,
        (case(visitors=(ADULT,) * 3 + (CHILD,), policy=policy(child_counts_below=12)), SLOT),
        (case(visitors=(ADULT,) * 3 + (CHILD,), policy=policy(child_counts_below=8)), SLOT),
        "too-many-visitors",
    ),
    (
        rules.adult_needed,
        (case(visitors=(CHILD, ADULT)), SLOT),
        (case(visitors=(CHILD,)), SLOT),
        "adult-needed",
    ),
    (
        rules.adult_needed,
        (case(visitors=(CHILD,), policy=policy(require_guardian=False)), SLOT),
        (case(visitors=(CHILD,), policy=policy(require_guardian=True)), SLOT),
        "adult-needed",
    ),
]


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
