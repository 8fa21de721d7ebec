"""Who may book what, and why not: one pure function per rule, all refusals collected.

The same rules answer when a slot is shown, when it is picked and when the pick is confirmed. They are the
polite half: that no place, person or terminal is taken twice is forbidden by the keys of `scheduler.tables`.

`day` in a reason's params is an ISO date, `time` is wall time of the prison.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from core.errors import Reason
from policy.rulebook import Apart, Span
from scheduler import capacity
from scheduler.allowance import NOTHING_LEFT
from scheduler.case import Case, SlotFacts, meet
from scheduler.model import ticks

Rule = Callable[[Case, SlotFacts], Reason | None]

# Why a slot that stands cannot be booked.
CLOSED: Mapping[str, str] = {
    "prison-closed": "There are no visits on this day: {words}. Please choose another day.",
    "slot-closed": "This time is cancelled: {words}. Please choose another time.",
    "withdrawn": "This time is no longer offered. Please choose another time.",
}


def channel_not_offered(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.channel is None or case.channel in case.policy.channels:
        return None
    return Reason("channel-not-offered", "This prison does not offer visits of this kind.")


def type_not_offered(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.kind in case.policy.visit_types:
        return None
    return Reason(
        "type-not-offered",
        "This prison does not give visits of this kind, with these visitors, by this way. Please ask the prison.",
    )


def not_to_start(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.starter is None or case.starter in case.policy.started_by:
        return None
    return Reason(
        "started-elsewhere",
        "By the rules of this prison you cannot ask for a visit yourself. Please ask the prison how it is done.",
    )


def by_wishes(case: Case, slot: SlotFacts) -> Reason | None:
    if case.given_until is None or slot.day <= case.given_until:
        return None
    return Reason(
        "by-wishes",
        "Times on this day are given out by a weekly plan. Say when you would like to come, and you will be told.",
    )


def foreign_inmate(case: Case, _slot: SlotFacts) -> Reason | None:
    if not case.inmate.foreign or case.policy.foreign_inmates:
        return None
    return Reason(
        "foreign-inmate",
        "Visits by this way are not given to nationals of other countries here. Please ask the prison.",
    )


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


def relation_not_listed(case: Case, _slot: SlotFacts) -> Reason | None:
    listed = case.policy.relations_by_case.get(case.inmate.case_type, case.policy.relations)
    for visitor in case.counted_visitors:
        if visitor.kinship not in listed:
            return Reason(
                "relation-not-listed",
                "{name} is not among the relatives whom this prison admits. Please ask the prison.",
                {"name": visitor.name},
            )
    return None


def level_without_visits(case: Case, slot: SlotFacts) -> Reason | None:
    if case.policy.allowance(case.inmate.level) > 0 or case.remand or not case.counted(slot):
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


def restricted(case: Case, slot: SlotFacts) -> Reason | None:
    for days in case.policy.restricted_days:
        if days.first <= slot.day <= days.last and (not days.levels or case.inmate.level in days.levels):
            return Reason(
                "restricted-days",
                "There are no visits from {first} to {last}. Please choose another day.",
                {"first": days.first.isoformat(), "last": days.last.isoformat()},
            )
    return None


def locked_down(case: Case, slot: SlotFacts) -> Reason | None:
    if not any(meet((slot.starts_at, slot.ends_at), shut) for shut in case.lockdowns):
        return None
    return Reason("lockdown", "There are no visits here at this time. Please choose another time.")


def other_group(case: Case, slot: SlotFacts) -> Reason | None:
    inmate = case.inmate
    if slot.audience.admits(inmate.location, inmate.category, inmate.level):
        return None
    return Reason("other-group", "This time is meant for another part of the prison. Please choose another.")


def limit_reached(case: Case, slot: SlotFacts) -> Reason | None:
    if not slot.limits:
        return None
    adults = sum(visitor.age_on(slot.day) >= case.policy.adult_age for visitor in case.visitors)
    wanted = capacity.demand(slot.limits, case.visitors, adults, case.channel)
    if not capacity.lacking(slot, case.used_limits, wanted):
        return None
    return Reason(
        "limit-reached",
        "There is no room left for this kind of visit at this time. Please choose another time.",
    )


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
    period = case.period(slot.day)
    most = case.limit(slot.day)
    if not case.counted(slot) or period.visits == 0 or case.used.get(period.key, 0) < most:
        return None
    if case.policy.allowance_span is Span.BALANCE and not case.remand:
        return NOTHING_LEFT
    if case.remand:
        return Reason(
            "remand-week-used",
            "The visits allowed for this week ({count}) are booked already. You can choose a day from {day} on.",
            {"count": period.visits, "day": (period.last + timedelta(days=1)).isoformat()},
        )
    return Reason(
        "allowance-used",
        "The visits allowed for this month ({count}) are booked already, by you or by other relatives. "
        "You can choose a day from {day} on.",
        {"count": period.visits, "day": (period.last + timedelta(days=1)).isoformat()},
    )


def window_without_visits(case: Case, slot: SlotFacts) -> Reason | None:
    period = case.period(slot.day)
    if period.visits > 0 or not case.counted(slot) or case.policy.allowance(case.inmate.level) == 0:
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


def inmate_elsewhere(case: Case, slot: SlotFacts) -> Reason | None:
    """What it is is not for the family to read: the sentence is that of `happenings`."""
    for away in case.inmate.away:
        if meet((slot.starts_at, slot.ends_at), (away.starts_at, away.ends_at)):
            return Reason("inmate-appointment", away.text)
    return None


def kept_apart(case: Case, slot: SlotFacts) -> Reason | None:
    """Says nothing of whom: families must not learn of it (rules N13)."""
    others = case.inmate.apart.get(slot.day, ())
    if case.policy.keep_apart is Apart.SAME_TIME:
        others = tuple(taken for taken in others if meet((slot.starts_at, slot.ends_at), taken))
    if not others or case.policy.keep_apart is Apart.OFF:
        return None
    return Reason("inmate-unavailable", "This time does not suit the prison. Please choose another day.")


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


def companion_alone(case: Case, _slot: SlotFacts) -> Reason | None:
    if case.counted_visitors or not case.visitors:
        return None
    return Reason(
        "companion-alone",
        "Who interprets or cares comes along with a visitor. Please choose a visitor too.",
    )


def too_many_visitors(case: Case, slot: SlotFacts) -> Reason | None:
    counted = sum(
        visitor.age_on(slot.day) >= case.policy.child_counts_below for visitor in case.counted_visitors
    )
    if counted <= case.policy.max_visitors:
        return None
    return Reason(
        "too-many-visitors",
        "At most {count} visitors can take part. Please choose fewer.",
        {"count": case.policy.max_visitors},
    )


def too_many_adults(case: Case, slot: SlotFacts) -> Reason | None:
    adults = sum(visitor.age_on(slot.day) >= case.policy.adult_age for visitor in case.counted_visitors)
    if adults <= case.policy.max_adults:
        return None
    return Reason(
        "too-many-adults",
        "At most {count} adults can take part. Please choose fewer.",
        {"count": case.policy.max_adults},
    )


def too_many_children(case: Case, slot: SlotFacts) -> Reason | None:
    children = sum(visitor.age_on(slot.day) < case.policy.adult_age for visitor in case.counted_visitors)
    if children <= case.policy.max_children:
        return None
    return Reason(
        "too-many-children",
        "At most {count} children can take part. Please choose fewer.",
        {"count": case.policy.max_children},
    )


def lead_too_young(case: Case, slot: SlotFacts) -> Reason | None:
    oldest = max((visitor.age_on(slot.day) for visitor in case.counted_visitors), default=None)
    if oldest is None or oldest >= case.policy.lead_age or adult_needed(case, slot):
        return None
    return Reason(
        "lead-too-young",
        "One of the visitors must be {age} or older. Please add one.",
        {"age": case.policy.lead_age},
    )


def adult_needed(case: Case, slot: SlotFacts) -> Reason | None:
    ages = [visitor.age_on(slot.day) for visitor in case.counted_visitors]
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
    channel_not_offered,
    type_not_offered,
    not_to_start,
    foreign_inmate,
    inmate_away,
    visitor_not_approved,
    relation_not_listed,
    level_without_visits,
    suspended,
    past,
    too_soon,
    too_far,
    by_wishes,
    closed,
    restricted,
    locked_down,
    other_group,
    wing_day,
    full,
    limit_reached,
    allowance_used,
    window_without_visits,
    inmate_busy,
    inmate_elsewhere,
    kept_apart,
    visitor_busy,
    nobody_comes,
    companion_alone,
    too_many_visitors,
    too_many_adults,
    too_many_children,
    adult_needed,
    lead_too_young,
)


def refusals(case: Case, slot: SlotFacts, rules: tuple[Rule, ...] = RULES) -> tuple[Reason, ...]:
    """Every reason why this slot cannot be booked; empty: it can."""
    found = (rule(case, slot) for rule in rules)
    return tuple(reason for reason in found if reason is not None)
