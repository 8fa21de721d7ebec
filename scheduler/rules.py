"""Who may book what, and why not: one pure function per rule, all refusals collected.

The same rules answer when a slot is shown, when it is picked and when the pick is confirmed. They are the
polite half: that no place, person or terminal is taken twice is forbidden by the keys of `scheduler.tables`.

`day` in a reason's params is an ISO date, `time` is wall time of the prison.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Reason
from policy.model import FamilyPolicy
from scheduler.model import ticks


@dataclass(frozen=True, slots=True)
class VisitorFacts:
    """One who wants to come. `busy`: ticks in which another booking has this person."""

    relative_id: str
    name: str
    born: date
    approved: bool
    busy: frozenset[int] = frozenset()

    def age_on(self, day: date) -> int:
        """Full years on `day`; who was born on 29 February is a year older on 1 March."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class InmateFacts:
    """`present`: in the prison, and not at court or in hospital."""

    id: str
    wing_id: str
    level: str
    present: bool
    busy: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class BanFacts:
    """`relative_id` or `inmate_id` None: whoever it is. Both days included."""

    relative_id: str | None
    inmate_id: str | None
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """One slot. `taken` counts live bookings and live holds of others; `released_at` is when the first of
    those holds runs out. `closed`: "", or which of the codes of `CLOSED` applies."""

    id: str
    wing_id: str | None
    day: date
    starts_at: datetime
    ends_at: datetime
    minutes: int
    capacity: int
    taken: int
    released_at: datetime | None
    closed: str
    closed_words: str


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the rules may look at besides the slot. `used`: visits by period, the asking one not
    counted. `first_day` and `last_day`: what can be booked today."""

    now: datetime
    zone: ZoneInfo
    policy: FamilyPolicy
    first_day: date
    last_day: date
    inmate: InmateFacts
    visitors: tuple[VisitorFacts, ...]
    used: Mapping[str, int]
    bans: tuple[BanFacts, ...]


Rule = Callable[[Case, SlotFacts], Reason | None]

# Why a slot that stands cannot be booked.
CLOSED: Mapping[str, str] = {
    "prison-closed": "There are no visits on this day: {words}. Please choose another day.",
    "slot-closed": "This time is cancelled: {words}. Please choose another time.",
    "withdrawn": "This time is no longer offered. Please choose another time.",
}


def inmate_away(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.inmate.present:
        return None
    return Reason(
        "inmate-away",
        "Your family member is not in this prison at present. Please ask the prison about visits.",
    )


def visitor_not_approved(case: Case, _slot: SlotFacts) -> Reason | None:
    for visitor in case.visitors:
        if not visitor.approved:
            return Reason(
                "relationship-not-approved",
                "{name} has not been approved as a visitor. Apply for approval, or choose other visitors.",
                {"name": visitor.name},
            )
    return None


def level_without_visits(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.policy.allowance(case.inmate.level) > 0:
        return None
    return Reason(
        "no-visits-at-level",
        "At the present treatment level there are no visits. The prison can tell you when this is reviewed.",
    )


def suspended(case: Case, slot: SlotFacts) -> Reason | None:
    people = {visitor.relative_id for visitor in case.visitors}
    hits = [
        ban.last_day
        for ban in case.bans
        if ban.first_day <= slot.day <= ban.last_day
        and (ban.relative_id is None or ban.relative_id in people)
        and (ban.inmate_id is None or ban.inmate_id == case.inmate.id)
    ]
    if not hits:
        return None
    return Reason(
        "visits-suspended",
        "Visits are suspended until {day}. You can book a later day, or ask the prison to review this.",
        {"day": max(hits).isoformat()},
    )


def past(case: Case, slot: SlotFacts) -> Reason | None:
    if slot.starts_at + timedelta(minutes=case.policy.late_booking_minutes) > case.now:
        return None
    return Reason("slot-past", "This time has passed. Please choose a later one.")


def too_soon(case: Case, slot: SlotFacts) -> Reason | None:
    if slot.day >= case.first_day or slot.starts_at <= case.now:
        return None
    return Reason(
        "too-soon",
        "Visits must be booked some days ahead. The first day you can book now is {day}.",
        {"day": case.first_day.isoformat()},
    )


def too_far(case: Case, slot: SlotFacts) -> Reason | None:
    if slot.day <= case.last_day:
        return None
    opens = slot.day - timedelta(days=case.policy.horizon_days)
    return Reason("too-far", "This day can be booked from {day} on.", {"day": opens.isoformat()})


def closed(_case: Case, slot: SlotFacts) -> Reason | None:
    if not slot.closed:
        return None
    return Reason(slot.closed, CLOSED[slot.closed], {"words": slot.closed_words})


def full(case: Case, slot: SlotFacts) -> Reason | None:
    if slot.taken < slot.capacity:
        return None
    if slot.released_at is None:
        return Reason("slot-full", "All places at this time are taken. Please choose another time.")
    return Reason(
        "slot-full",
        "All places at this time are taken, but some are only held by others until {time}. "
        "Choose another time, or look again then.",
        {"time": f"{slot.released_at.astimezone(case.zone):%H:%M}"},
    )


def allowance_used(case: Case, slot: SlotFacts) -> Reason | None:
    period = case.policy.period_of(slot.day, case.inmate.level)
    if period.visits == 0 or case.used.get(period.key, 0) < period.visits:
        return None
    return Reason(
        "allowance-used",
        "The visits allowed for this month ({count}) are booked already, by you or by other relatives. "
        "You can choose a day from {day} on.",
        {"count": period.visits, "day": (period.last + timedelta(days=1)).isoformat()},
    )


def window_without_visits(case: Case, slot: SlotFacts) -> Reason | None:
    period = case.policy.period_of(slot.day, case.inmate.level)
    if period.visits > 0 or case.policy.allowance(case.inmate.level) == 0:
        return None
    return Reason(
        "no-visits-in-period",
        "There are no visits in this period. You can choose a day from {day} on.",
        {"day": (period.last + timedelta(days=1)).isoformat()},
    )


def wing_day(case: Case, slot: SlotFacts) -> Reason | None:
    own = slot.wing_id is None or slot.wing_id == case.inmate.wing_id
    if own and slot.day.isoweekday() in case.policy.visit_weekdays:
        return None
    return Reason("wing-day", "This wing has no visits at this time. Please choose another day.")


def inmate_busy(case: Case, slot: SlotFacts) -> Reason | None:
    if case.inmate.busy.isdisjoint(ticks(slot.starts_at, slot.ends_at)):
        return None
    return Reason(
        "inmate-busy",
        "Your family member already has another visit at this time. Please choose another time.",
    )


def visitor_busy(case: Case, slot: SlotFacts) -> Reason | None:
    for visitor in case.visitors:
        if not visitor.busy.isdisjoint(ticks(slot.starts_at, slot.ends_at)):
            return Reason(
                "visitor-busy",
                "{name} already has another visit at this time. Choose another time or other visitors.",
                {"name": visitor.name},
            )
    return None


def nobody_comes(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.visitors:
        return None
    return Reason("visitors-missing", "Please choose at least one visitor.")


def too_many_visitors(case: Case, slot: SlotFacts) -> Reason | None:
    counted = sum(visitor.age_on(slot.day) >= case.policy.child_counts_below for visitor in case.visitors)
    if counted <= case.policy.max_visitors:
        return None
    return Reason(
        "too-many-visitors",
        "At most {count} visitors can take part. Please choose fewer.",
        {"count": case.policy.max_visitors},
    )


def adult_needed(case: Case, slot: SlotFacts) -> Reason | None:
    ages = [visitor.age_on(slot.day) for visitor in case.visitors]
    if not case.policy.require_guardian or not ages or max(ages) >= case.policy.adult_age:
        return None
    return Reason(
        "adult-needed",
        "Visitors under {age} come with an adult who is approved too. Please add one.",
        {"age": case.policy.adult_age},
    )


# What concerns the people, whatever the time; asked again when an officer decides.
STANDING: tuple[Rule, ...] = (inmate_away, visitor_not_approved, suspended, past, closed)
RULES: tuple[Rule, ...] = (
    inmate_away,
    visitor_not_approved,
    level_without_visits,
    suspended,
    past,
    too_soon,
    too_far,
    closed,
    wing_day,
    full,
    allowance_used,
    window_without_visits,
    inmate_busy,
    visitor_busy,
    nobody_comes,
    too_many_visitors,
    adult_needed,
)


def refusals(case: Case, slot: SlotFacts, rules: tuple[Rule, ...] = RULES) -> tuple[Reason, ...]:
    """Every reason why this slot cannot be booked; empty: it can."""
    found = (rule(case, slot) for rule in rules)
    return tuple(reason for reason in found if reason is not None)
