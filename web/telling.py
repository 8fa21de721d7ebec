"""A booking and a relationship told to the family: a light, a word, and what happens next, to whom, by when.

One entry per state, so that no page says "processing". Words are given in the reader's language.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger.chain import Entry
from people.model import ENDING_TEXTS, REFUSAL_TEXTS, Relationship, RelationshipState
from scheduler.booking import WITHDRAWN_LATE
from scheduler.model import BookingState, BookingView
from web import wording
from web.i18n import N_, translate


@dataclass(frozen=True, slots=True)
class Told:
    """`light` is a colour of `ui.light`; `next` says what comes now, `reason` why, where there is one."""

    light: str
    word: str
    next: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """How one state is told; `next` may name {when}, {by}, {opens}, {until} and {minutes}."""

    light: str
    word: str
    next: str


BOOKINGS: dict[BookingState, Words] = {
    BookingState.HELD: Words(
        "yellow",
        N_("Not finished yet"),
        N_("The time is kept for you until {until}. Finish the booking before then, or others can take it."),
    ),
    BookingState.REQUESTED: Words(
        "yellow",
        N_("Waiting for the prison"),
        N_(
            "The visits office has your request and answers by {by} at the latest. You are told by text message."
        ),
    ),
    BookingState.APPROVED: Words(
        "blue",
        N_("Approved"),
        N_(
            "The prison agrees. It is now setting a terminal; you are told by text message when all is fixed."
        ),
    ),
    BookingState.ASSIGNED: Words(
        "blue",
        N_("Approved"),
        N_("The prison agrees and the terminal is set. You are told by text message in a few minutes."),
    ),
    BookingState.CONFIRMED: Words(
        "green",
        N_("Confirmed"),
        N_("The waiting room opens at {opens}. Please test camera and sound the evening before."),
    ),
    BookingState.COMPLETED: Words("grey", N_("Took place"), N_("This visit is over.")),
    BookingState.REFUSED: Words(
        "red", N_("Refused"), N_("You can book another time, or call the prison if you have questions.")
    ),
    BookingState.WITHDRAWN: Words(
        "grey",
        N_("Withdrawn by you"),
        N_("It does not count against your visits. You can book another time."),
    ),
    BookingState.CANCELLED: Words(
        "red", N_("Cancelled"), N_("It does not count against your visits. You can book another time.")
    ),
    BookingState.EXPIRED: Words(
        "red",
        N_("Ran out"),
        N_("It was not decided in time and does not count against your visits. You can book another time."),
    ),
    BookingState.NO_SHOW: Words(
        "red", N_("Did not take place"), N_("Not everybody was there. You can book another time.")
    ),
}
ANOTHER_TIME = N_("You can book another time.")
OPEN_NOW = N_("The waiting room is open. Please go in now; an officer lets you in.")
UNKNOWN_DEADLINE = N_("The visits office has your request. You are told by text message.")

RELATIONSHIPS: dict[RelationshipState, Words] = {
    RelationshipState.PENDING: Words(
        "yellow",
        N_("Being checked"),
        N_("An officer compares your papers. You are told by text message; you need do nothing until then."),
    ),
    RelationshipState.APPROVED: Words("green", N_("Approved"), N_("You can book visits.")),
    RelationshipState.REFUSED: Words(
        "red", N_("Refused"), N_("You can apply again with better papers, or call the prison.")
    ),
    RelationshipState.WITHDRAWN: Words(
        "grey", N_("Withdrawn by you"), N_("You can apply again at any time.")
    ),
    RelationshipState.ENDED: Words(
        "red", N_("Ended by the prison"), N_("Call the prison if you have questions.")
    ),
}


def booking(language: str, view: BookingView, now: datetime) -> Told:
    """The booking's state in words."""
    entry = BOOKINGS[view.state]
    text = entry.next
    if view.state is BookingState.CONFIRMED and view.opens_at <= now < view.slot_ends_at:
        text = OPEN_NOW
    if view.state is BookingState.REQUESTED and view.reply_by is None:
        text = UNKNOWN_DEADLINE
    if withdrawn_late(view):
        text = ANOTHER_TIME
    values = {
        "by": _moment(language, _reply_by(view), view.zone),
        "opens": wording.time(language, view.opens_at, view.zone),
        "until": wording.time(language, view.held_until, view.zone) if view.held_until else "",
    }
    return Told(
        entry.light, translate(language, entry.word), translate(language, text, values), _why(language, view)
    )


def withdrawn_late(view: BookingView) -> bool:
    """Whether it then uses up a visit is the rules' to say: the visit's own page tells it."""
    late = WITHDRAWN_LATE.code
    return view.state is BookingState.WITHDRAWN and view.reason is not None and view.reason.code == late


def _reply_by(view: BookingView) -> datetime | None:
    """An answer that comes after the visit is none, whatever the office's days allow."""
    return min(view.reply_by, view.opens_at) if view.reply_by else None


def _moment(language: str, moment: datetime | None, zone: str) -> str:
    if moment is None:
        return ""
    return f"{wording.day(language, moment, zone)} {wording.time(language, moment, zone)}"


def _why(language: str, view: BookingView) -> str:
    """Why it was refused, cancelled or ran out, with the officer's own words."""
    words = [wording.say(language, view.reason)] if view.reason else []
    return " ".join([*words, view.words] if view.words else words)


def relationship(language: str, held: Relationship) -> Told:
    """The relationship's state in words."""
    entry = RELATIONSHIPS[held.state]
    texts = ENDING_TEXTS if held.state is RelationshipState.ENDED else REFUSAL_TEXTS
    known = translate(language, texts[held.reason]) if held.reason in texts else ""
    reason = " ".join(part for part in (known, held.words) if part)
    return Told(entry.light, translate(language, entry.word), translate(language, entry.next), reason)


# What the ledger knows of a booking, in words; tags that mean nothing to a family are left out.
@dataclass(frozen=True, slots=True)
class Step:
    text: str
    tone: str = ""


STEPS: dict[str, Step] = {
    "booking:held": Step(N_("A time was picked.")),
    "booking:released": Step(N_("The pick was given back.")),
    "booking:requested": Step(N_("The request was sent to the prison.")),
    "booking:approved": Step(N_("The prison approved it."), "green"),
    "booking:refused": Step(N_("The prison refused it."), "red"),
    "booking:assigned": Step(N_("A terminal was set.")),
    "booking:confirmed": Step(N_("All was fixed and everybody was told."), "green"),
    "booking:withdrawn": Step(N_("It was withdrawn by the family.")),
    "booking:cancelled": Step(N_("The prison cancelled it."), "red"),
    "booking:expired": Step(N_("It ran out."), "red"),
    "booking:completed": Step(N_("The visit took place."), "green"),
    "booking:no-show": Step(N_("The visit did not take place."), "red"),
    "booking:signed": Step(N_("An office of the prison agreed; the next one is asked.")),
    "booking:visitors-changed": Step(N_("It was changed who comes.")),
    "booking:slot-changed": Step(N_("The prison moved it to another timetable, at the same time.")),
    "booking:flagged": Step(N_("The prison must look at it again."), "yellow"),
    "booking:flag-cleared": Step(N_("Nothing stands in its way any more.")),
    "booking:kept": Step(N_("The prison decided that it stays."), "green"),
    "booking:visitor-dropped": Step(N_("A visitor is no longer part of it."), "yellow"),
}


def history(language: str, entries: Iterable[Entry]) -> list[dict[str, object]]:
    """What the ledger tells of a booking, for `ui.timeline`; who of the staff did it is not told."""
    told: list[dict[str, object]] = []
    for entry in entries:
        step = STEPS.get(entry.tag.partition(":")[2])
        if step is not None:
            at = datetime.fromisoformat(entry.at)
            told.append({"at": at, "text": translate(language, step.text), "tone": step.tone})
    return told
