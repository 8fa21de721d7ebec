"""The rules over many slots, and what becomes of a broken rule: refused, or sent to whoever may let it pass. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import Reason
from policy.model import FamilyPolicy
from policy.rulebook import Office
from scheduler import rules
from scheduler.case import Case, SlotFacts
from scheduler.rules import Rule

# Rules whose answer is the same for every slot, and for every slot of a day: asked once.
_OF_THE_CASE = frozenset(
    {
        rules.channel_not_offered,
        rules.foreign_inmate,
        rules.inmate_away,
        rules.visitor_not_approved,
        rules.relation_not_listed,
        rules.nobody_comes,
    }
)
_OF_THE_DAY = frozenset(
    {
        rules.suspended,
        rules.too_far,
        rules.restricted,
        rules.too_many_visitors,
        rules.too_many_adults,
        rules.too_many_children,
        rules.adult_needed,
        rules.lead_too_young,
    }
)
_WIDE = tuple((place, rule) for place, rule in enumerate(rules.RULES) if rule in _OF_THE_CASE | _OF_THE_DAY)
_NARROW = tuple(
    (place, rule) for place, rule in enumerate(rules.RULES) if rule not in _OF_THE_CASE | _OF_THE_DAY
)
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


def month(case: Case, slots: Iterable[SlotFacts]) -> list[tuple[Reason, ...]]:
    """Every reason against each slot, as `rules.refusals` would answer them one by one."""
    days: dict[object, _Found] = {}
    answers = []
    for slot in slots:
        wide = days.get(slot.day)
        if wide is None:
            wide = days[slot.day] = _ask(_WIDE, case, slot)
        found = _ask(_NARROW, case, slot)
        if wide:
            found = sorted([*wide, *found], key=lambda entry: entry[0])
        answers.append(tuple(reason for _, reason in found))
    return answers


def _ask(asked: Sequence[tuple[int, Rule]], case: Case, slot: SlotFacts) -> _Found:
    return [(place, reason) for place, rule in asked if (reason := rule(case, slot)) is not None]


def verdict(policy: FamilyPolicy, reasons: Iterable[Reason]) -> Verdict:
    """Splits the reasons by what the policy says of each. The chain is the union of all chains, each office once,
    the nearest first (rules, section 7): nobody is passed over because another rule was broken too."""
    refused: list[Reason] = []
    excepted: list[Reason] = []
    for reason in reasons:
        (excepted if policy.exceptions.get(reason.code) else refused).append(reason)
    asked = {office for reason in excepted for office in policy.exceptions[reason.code]}
    return Verdict(tuple(refused), tuple(excepted), tuple(office for office in Office if office in asked))
