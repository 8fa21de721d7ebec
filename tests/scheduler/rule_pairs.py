"""Each rule with one case it lets pass and one it refuses, and what they are made of."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from policy.model import AllowanceWindow, FamilyPolicy
from policy.presets import load as load_preset
from policy.rulebook import VisitType
from scheduler import rules
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
INTERPRETER = VisitorFacts("rel_i", "Zhou", date(1985, 5, 1), approved=True, kinship="interpreter")
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
    (
        rules.too_many_visitors,
        (case(visitors=(ADULT,) * 3 + (INTERPRETER,)), SLOT),
        (
            case(visitors=(ADULT,) * 3 + (INTERPRETER,), policy=policy(uncounted_companions=["carer"])),
            SLOT,
        ),
        "too-many-visitors",
    ),
    (
        rules.relation_not_listed,
        (case(visitors=(ADULT, INTERPRETER)), SLOT),
        (case(visitors=(ADULT, INTERPRETER), policy=policy(uncounted_companions=[])), SLOT),
        "relation-not-listed",
    ),
    (
        rules.adult_needed,  # an interpreter is nobody's guardian
        (case(visitors=(CHILD, ADULT, INTERPRETER)), SLOT),
        (case(visitors=(CHILD, INTERPRETER)), SLOT),
        "adult-needed",
    ),
    (
        rules.companion_alone,
        (case(visitors=(ADULT, INTERPRETER)), SLOT),
        (case(visitors=(INTERPRETER,)), SLOT),
        "companion-alone",
    ),
    (
        rules.type_not_offered,
        (case(kind=VisitType.GUARDIAN), SLOT),
        (case(kind=VisitType.GUARDIAN, policy=policy(visit_types=["family"])), SLOT),
        "type-not-offered",
    ),
    (
        rules.allowance_used,
        (
            case(
                kind=VisitType.GUARDIAN,
                used={"2026-12": 2},
                policy=policy(visits_per_month=2, uncounted_types=["guardian"]),
            ),
            SLOT,
        ),
        (
            case(used={"2026-12": 2}, policy=policy(visits_per_month=2, uncounted_types=["guardian"])),
            SLOT,
        ),
        "allowance-used",
    ),
    (
        rules.not_to_start,
        (case(starter=None, policy=policy(started_by=["inmate"])), SLOT),
        (case(policy=policy(started_by=["inmate", "officer"])), SLOT),
        "started-elsewhere",
    ),
    (
        rules.by_wishes,
        (case(given_until=DAY), SLOT),
        (case(given_until=BEFORE), SLOT),
        "by-wishes",
    ),
]
