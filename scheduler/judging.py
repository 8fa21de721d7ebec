"""The rules over many slots, and what becomes of a broken rule: refused, or sent to whoever may let it pass. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core.errors import Reason
from policy.model import FamilyPolicy
from policy.rulebook import Office
from scheduler import rules
from scheduler.case import Case, SlotFacts
from scheduler.model import TICK_MINUTES
from scheduler.rules import Rule

# Rules whose answer is the same for every slot; for every slot of a day; and of all days on which the visitors are
# of the same ages: asked once.
_OF_THE_CASE = frozenset(
    {
        rules.channel_not_offered,
        rules.type_not_offered,
        rules.not_to_start,
        rules.foreign_inmate,
        rules.inmate_away,
        rules.visitor_not_approved,
        rules.relation_not_listed,
        rules.nobody_comes,
        rules.companion_alone,
    }
)
_OF_THE_DAY = frozenset({rules.suspended, rules.too_far, rules.by_wishes, rules.restricted})
_OF_THE_AGES = frozenset(
    {
        rules.too_many_visitors,
        rules.too_many_adults,
        rules.too_many_children,
        rules.adult_needed,
        rules.lead_too_young,
    }
)
# Rules that look at the day of a slot, for which wing and for whom it is, and at nothing else of it.
_OF_THE_GROUP = frozenset(
    {
        rules.level_without_visits,
        rules.other_group,
        rules.wing_day,
        rules.allowance_used,
        rules.window_without_visits,
    }
)
# Rules that have nothing to say of any slot unless there is something of this kind in the case.
_NEEDS: Mapping[Rule, Callable[[Case], object]] = {
    rules.suspended: lambda case: case.bans,
    rules.by_wishes: lambda case: case.given_until,
    rules.restricted: lambda case: case.policy.restricted_days,
    rules.locked_down: lambda case: case.lockdowns,
    rules.inmate_elsewhere: lambda case: case.inmate.away,
}
# Rules that have nothing to say of a slot that is open, has room and no further limits.
_OF_THE_TIGHT = frozenset({rules.closed, rules.limit_reached, rules.full})
_Asked = Sequence[tuple[int, Rule]]
_DayNeeds = Mapping[Rule, Callable[[date], object]]
_NUMBERED: _Asked = tuple(enumerate(rules.RULES))
_CASEWISE: _Asked = tuple(one for one in _NUMBERED if one[1] in _OF_THE_CASE)
_DAILY: _Asked = tuple(one for one in _NUMBERED if one[1] in _OF_THE_DAY)
_AGED: _Asked = tuple(one for one in _NUMBERED if one[1] in _OF_THE_AGES)
_GROUPED: _Asked = tuple(one for one in _NUMBERED if one[1] in _OF_THE_GROUP)
_NARROW: _Asked = tuple(one for one in _NUMBERED if one not in (*_CASEWISE, *_DAILY, *_AGED, *_GROUPED))
# Reasons that an office may let pass and that say the allowance is used: then a visit beyond it is claimed.
BEYOND_ALLOWANCE = frozenset(
    {"allowance-used", "remand-week-used", "no-visits-at-level", "no-visits-in-period"}
)
_Found = list[tuple[int, Reason]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refused`: what cannot be had. `excepted`: what can, if the offices of `chain` let it pass, in their order."""

    refused: tuple[Reason, ...]
    excepted: tuple[Reason, ...] = ()
    chain: tuple[Office, ...] = ()


def month(case: Case, slots: Sequence[SlotFacts]) -> list[tuple[Reason, ...]]:
    """Every reason against each slot, as `rules.refusals` would answer them one by one."""
    days: dict[date, tuple[_Found, _Asked, _Asked]] = {}
    groups: dict[object, tuple[_Found, tuple[Reason, ...], _Asked, _Asked]] = {}
    ages: dict[tuple[int, ...], _Found] = {}
    daily, narrow = _concerned(_DAILY, case), _concerned(_NARROW, case)
    needs = _needs_of_day(case)
    of_case = _ask(_CASEWISE, case, slots[0]) if slots else []
    answers: list[tuple[Reason, ...]] = []
    for slot in slots:
        group = slot.day, slot.wing_id, id(slot.audience)  # alive as long as its slot is
        known = groups.get(group)
        if known is None:
            if slot.day not in days:
                of_day = [*of_case, *_ask(daily, case, slot), *_of_ages(ages, case, slot)]
                days[slot.day] = (of_day, *_of_day(narrow, needs, slot.day))
            of_day, of_tight, of_wide = days[slot.day]
            wide = sorted([*of_day, *_ask(_GROUPED, case, slot)], key=_number)
            known = groups[group] = (wide, _reasons(wide), of_tight, of_wide)
        wide, all_of_it, of_tight, of_wide = known
        tight = slot.closed or slot.limits or slot.taken >= slot.capacity
        asked = of_tight if tight else of_wide
        found = _ask(asked, case, slot) if asked else ()
        answers.append(_reasons(sorted([*wide, *found], key=_number)) if found else all_of_it)
    return answers


def _concerned(asked: _Asked, case: Case) -> _Asked:
    return [one for one in asked if one[1] not in _NEEDS or _NEEDS[one[1]](case)]


def _of_ages(known: dict[tuple[int, ...], _Found], case: Case, slot: SlotFacts) -> _Found:
    """What is against visitors who are of the ages that these are of on the slot's day."""
    ages = tuple([visitor.age_on(slot.day) for visitor in case.visitors])
    if ages not in known:
        known[ages] = _ask(_AGED, case, slot)
    return known[ages]


def _reasons(found: _Found) -> tuple[Reason, ...]:
    return tuple([reason for _, reason in found])


def _of_day(asked: _Asked, needs: _DayNeeds, day: date) -> tuple[_Asked, _Asked]:
    """Which of these to ask of the slots of a day: of those that are tight, and of the others."""
    found = [one for one in asked if one[1] not in needs or needs[one[1]](day)]
    return found, [one for one in found if one[1] not in _OF_THE_TIGHT]


def _needs_of_day(case: Case) -> _DayNeeds:
    """Rules that have nothing to say of any slot of a day, but for those days that these answer."""
    today = case.now.astimezone(case.zone).date()
    inmate = _days_of(case, case.inmate.busy)
    visitors = {day for visitor in case.visitors for day in _days_of(case, visitor.busy)}
    return {
        rules.past: today.__ge__,
        rules.too_soon: case.first_day.__gt__,
        rules.inmate_busy: inmate.__contains__,
        rules.visitor_busy: visitors.__contains__,
        rules.kept_apart: case.inmate.apart.__contains__,
    }


def _days_of(case: Case, numbers: Collection[int]) -> set[date]:
    """The days of slots that may touch these ticks; one that begins before midnight may end after it."""
    width = TICK_MINUTES * 60
    days = {datetime.fromtimestamp(number * width, UTC).astimezone(case.zone).date() for number in numbers}
    return days | {day - timedelta(days=1) for day in days}


def _number(entry: tuple[int, Reason]) -> int:
    return entry[0]


def _ask(asked: _Asked, case: Case, slot: SlotFacts) -> _Found:
    return [(place, reason) for place, rule in asked if (reason := rule(case, slot)) is not None]


FREE = Verdict(())


def verdict(policy: FamilyPolicy, reasons: Sequence[Reason]) -> Verdict:
    """Splits the reasons by what the policy says of each. The chain is the union of all chains, each office once,
    the nearest first (rules, section 7): nobody is passed over because another rule was broken too."""
    if not reasons:
        return FREE
    refused: list[Reason] = []
    excepted: list[Reason] = []
    for reason in reasons:
        (excepted if policy.exceptions.get(reason.code) else refused).append(reason)
    asked = {office for reason in excepted for office in policy.exceptions[reason.code]}
    return Verdict(tuple(refused), tuple(excepted), tuple(office for office in Office if office in asked))
