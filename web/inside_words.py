"""What an inmate reads at the terminal where the rules speak to a family: the same reasons, said to the other side."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from zoneinfo import ZoneInfo

from core.errors import KinbridgeError, Reason, Refused
from scheduler.case import SlotFacts
from scheduler.model import SlotOffer
from web.i18n import N_

_WORDS = {
    "started-elsewhere": N_("By the rules of this prison you cannot ask for a visit yourself."),
    "by-wishes": N_(
        "Times on this day are given out by a weekly plan. Your family can say when they would like to come."
    ),
    "inmate-away": N_(
        "By our records you are not in this prison at present. Please ask the officer on duty."
    ),
    "relationship-not-approved": N_("{name} is not approved as a visitor."),
    "relation-not-listed": N_("{name} is not among the relatives whom this prison admits."),
    "allowance-used": N_(
        "Your visits of this month ({count}) are booked already. You can choose a day from {day} on."
    ),
    "inmate-busy": N_("You already have another visit at this time."),
    "visitor-busy": N_("{name} already has another visit at this time."),
    "visits-suspended": N_("Your visits are suspended until {day}. You can choose a later day."),
    "slot-full": N_("All places at this time are taken."),
    "adult-needed": N_("Visitors under {age} come with an adult. Please choose an adult."),
    "lead-too-young": N_("The visitor must be {age} or older. Please choose another one."),
}
# Parts of a day as people name them: from, until before.
PARTS = {
    "any": (time(0), time(23, 59)),
    "morning": (time(0), time(12)),
    "afternoon": (time(12), time(23, 59)),
}


def said_inside(reason: Reason) -> Reason:
    """The reason as the inmate reads it; one that speaks to nobody in particular stays."""
    return replace(reason, text=_WORDS.get(reason.code, reason.text))


def refused_inside(error: KinbridgeError) -> list[Reason]:
    reasons = error.reasons if isinstance(error, Refused) else [error.reason]
    return [said_inside(reason) for reason in reasons]


def within(
    slots: Sequence[tuple[SlotFacts, SlotOffer]], zone: ZoneInfo, day: date | None, part: str
) -> list[SlotOffer]:
    """The times of a wish: on `day` (None: any) in that part of the day."""
    first, last = PARTS.get(part, PARTS["any"])
    return [
        offer
        for slot, offer in slots
        if day in (None, slot.day) and first <= offer.starts_at.astimezone(zone).time() < last
    ]


def against(offers: Sequence[SlotOffer]) -> list[tuple[tuple[Reason, ...], list[SlotOffer]]]:
    """Times that are not offered, together where the same stands against them."""
    groups: dict[str, tuple[tuple[Reason, ...], list[SlotOffer]]] = {}
    for offer in offers:
        if not offer.offered:
            reasons = tuple(said_inside(reason) for reason in offer.reasons)
            key = "|".join(str(reason) for reason in reasons)
            groups.setdefault(key, (reasons, []))[1].append(offer)
    return list(groups.values())
