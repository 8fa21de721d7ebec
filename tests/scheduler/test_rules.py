"""Each rule with one case it lets pass and one it refuses; and that all refusals are collected."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from core.errors import Reason
from policy.model import AllowanceWindow, FamilyPolicy
from policy.presets import load as load_preset
from scheduler import judging, rules
from scheduler.audience import Audience
from scheduler.case import Away, BanFacts, Case, InmateFacts, SlotFacts, VisitorFacts
from scheduler.model import ticks
from scheduler.rules import Rule

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


def place(**more: Any) -> SlotFacts:
    """A slot that is meant for some."""
    return slot(audience=Audience(**more))


HOUR = timedelta(hours=1)
COURT = Away(END, END + HOUR, "Your family member has another appointment at this time.")
BEFORE_COURT = Away(START - HOUR, START, COURT.text)
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
    (
        rules.channel_not_offered,
        (CASE, SLOT),
        (case(policy=policy(channels=["voice"])), SLOT),
        "channel-not-offered",
    ),
    (
        rules.foreign_inmate,
        (inmate(foreign=True), SLOT),
        (replace(inmate(foreign=True), policy=policy(foreign_inmates=False)), SLOT),
        "foreign-inmate",
    ),
    (
        rules.relation_not_listed,
        (CASE, SLOT),
        (case(policy=policy(relations=["parent", "child"])), SLOT),
        "relation-not-listed",
    ),
    (
        rules.relation_not_listed,
        (case(policy=policy(relations_by_case={"gang": ["parent"]})), SLOT),
        (replace(inmate(case_type="gang"), policy=policy(relations_by_case={"gang": ["parent"]})), SLOT),
        "relation-not-listed",
    ),
    (
        rules.restricted,
        (case(policy=policy(restricted_days=[{"first": DAY, "last": DAY, "levels": ["strict"]}])), SLOT),
        (case(policy=policy(restricted_days=[{"first": BEFORE, "last": DAY, "levels": []}])), SLOT),
        "restricted-days",
    ),
    (
        rules.locked_down,
        (case(lockdowns=((END, END + HOUR),)), SLOT),
        (case(lockdowns=((START - HOUR, START + HOUR),)), SLOT),
        "lockdown",
    ),
    (
        rules.other_group,
        (inmate(location="A-1-100", level="enhanced"), place(include=("A-1",), levels=("enhanced",))),
        (inmate(location="A-10-100", level="enhanced"), place(include=("A-1",), levels=("enhanced",))),
        "other-group",
    ),
    (
        rules.limit_reached,
        (CASE, slot(limits={"video": 1})),
        (case(used_limits={"slt/video": {1}}), slot(limits={"video": 1})),
        "limit-reached",
    ),
    (
        rules.limit_reached,
        (case(used_limits={"slt/adults": {1}}, channel=None), slot(limits={"adults": 2})),
        (
            case(used_limits={"slt/adults": {1}}, channel=None, visitors=(ADULT, ADULT)),
            slot(limits={"adults": 2}),
        ),
        "limit-reached",
    ),
    (
        rules.inmate_elsewhere,
        (inmate(away=(COURT, BEFORE_COURT)), SLOT),
        (inmate(away=(replace(COURT, starts_at=END - timedelta(seconds=1)),)), SLOT),
        "inmate-appointment",
    ),
    (
        rules.kept_apart,
        (inmate(apart={AFTER: ((START, END),)}), SLOT),
        (inmate(apart={DAY: ((END + HOUR, END + 2 * HOUR),)}), SLOT),
        "inmate-unavailable",
    ),
    (
        rules.kept_apart,
        (replace(inmate(apart={DAY: ((END, END + HOUR),)}), policy=policy(keep_apart="same-time")), SLOT),
        (replace(inmate(apart={DAY: ((START, END),)}), policy=policy(keep_apart="same-time")), SLOT),
        "inmate-unavailable",
    ),
    (
        rules.kept_apart,
        (replace(inmate(apart={DAY: ((START, END),)}), policy=policy(keep_apart="off")), SLOT),
        (inmate(apart={DAY: ((START, END),)}), SLOT),
        "inmate-unavailable",
    ),
    (
        rules.too_many_adults,
        (case(visitors=(ADULT, ADULT, CHILD), policy=policy(max_adults=2)), SLOT),
        (case(visitors=(ADULT, ADULT, ADULT), policy=policy(max_adults=2)), SLOT),
        "too-many-adults",
    ),
    (
        rules.too_many_children,
        (case(visitors=(ADULT, CHILD), policy=policy(max_children=1)), SLOT),
        (case(visitors=(ADULT, CHILD, CHILD), policy=policy(max_children=1)), SLOT),
        "too-many-children",
    ),
    (
        rules.lead_too_young,
        (case(visitors=(replace(CHILD, born=date(2008, 12, 4)),)), SLOT),
        (
            case(visitors=(replace(CHILD, born=date(2008, 12, 5)),), policy=policy(require_guardian=False)),
            SLOT,
        ),
        "lead-too-young",
    ),
    (
        rules.allowance_used,
        (
            case(used={"2026-12": 2}, policy=policy(visits_per_month=2)),
            slot(audience=Audience(counted=False)),
        ),
        (case(used={"2026-12": 2}, policy=policy(visits_per_month=2)), SLOT),
        "allowance-used",
    ),
    (
        rules.allowance_used,
        (case(balance=1, policy=policy(allowance_span="balance")), SLOT),
        (case(balance=1, used={"balance": 1}, policy=policy(allowance_span="balance")), SLOT),
        "allowance-used",
    ),
    (
        rules.allowance_used,
        (
            replace(
                inmate(convicted=False), used={"2026-11-30+7": 1}, policy=policy(remand_visits_per_week=2)
            ),
            SLOT,
        ),
        (
            replace(
                inmate(convicted=False), used={"2026-11-30+7": 2}, policy=policy(remand_visits_per_week=2)
            ),
            SLOT,
        ),
        "remand-week-used",
    ),
    (
        rules.allowance_used,  # a Saturday
        (case(used={"2026-12": 2}, policy=policy(visits_per_month=2, weekend_guarantee=1)), slot(day=AFTER)),
        (
            case(
                used={"2026-12": 2},
                used_weekend={"2026-12": 1},
                policy=policy(visits_per_month=2, weekend_guarantee=1),
            ),
            slot(day=AFTER),
        ),
        "allowance-used",
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


def test_many_slots_are_judged_as_each_by_itself() -> None:
    bad = case(
        visitors=(replace(CHILD, approved=False),),
        used={"2026-12": 2},
        inmate=replace(CASE.inmate, busy=TICKS),
    )
    slots = [slot(day=day, taken=taken) for day in (BEFORE, DAY, AFTER) for taken in (0, 2)]
    assert judging.month(bad, slots) == [rules.refusals(bad, one) for one in slots]


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
