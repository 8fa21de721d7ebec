"""What the live pages are told about a visit when they are made; the rest comes through the socket. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel.lists import format_list

from ledger.chain import Entry
from people.model import KINSHIP_TEXTS, Identity, Role
from policy.model import FamilyPolicy
from rooms.model import Phase, RoomView
from rooms.words import ENDS
from scheduler.model import BookingState, BookingView
from web import i18n, playback
from web.i18n import N_

OVER = frozenset(
    {
        BookingState.COMPLETED,
        BookingState.CANCELLED,
        BookingState.WITHDRAWN,
        BookingState.REFUSED,
        BookingState.EXPIRED,
        BookingState.NO_SHOW,
    }
)
NOT_TAKING_PLACE = N_("This visit is over or does not take place.")

# The steps of the waiting room in the order in which they happen; `other` is who sits at the far end.
WAITS: dict[str, str] = {
    "other": "",
    "officer": N_("An officer is present"),
    "admission": N_("The officer confirms who you are"),
    "start": N_("It is time"),
    "recorder": N_("The recording runs"),
}
OTHERS = {"inmate": N_("Your family is here"), "relative": N_("Your family member is here")}


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the officer's timeline from before the page was opened. `text` is a message id."""

    at: datetime
    tone: str
    text: str


def role_of(who: Identity) -> str:
    """As which of the two ends somebody sits in a visit."""
    return "inmate" if Role.TERMINAL in who.roles else "relative"


def other_end(booking: BookingView, role: str) -> list[str]:
    """The names of those at the far end."""
    return [booking.inmate_name] if role == "relative" else [visitor.name for visitor in booking.visitors]


def together(language: i18n.Language, names: list[str]) -> str:
    """`A, B and C` in that language."""
    return format_list(names, locale=i18n.BABEL_LOCALES[language])


def why_over(booking: BookingView, room: RoomView | None) -> str:
    """A message id if nobody can go in any more, else empty."""
    if room is not None and room.record.phase is Phase.ENDED and room.record.end_reason is not None:
        return ENDS[room.record.end_reason]
    return NOT_TAKING_PLACE if booking.state in OVER else ""


def waits(role: str) -> list[tuple[str, str]]:
    """(name, message id) of each step of the waiting room."""
    return [(name, text or OTHERS[role]) for name, text in WAITS.items()]


def page_data(booking: BookingView, *, over: str, window: float, **more: Any) -> dict[str, Any]:
    """What the scripts of a live page need. `window`: seconds a lost seat is tried for."""
    return {
        "booking": booking.id,
        "ticket": f"/api/v1/visits/{booking.id}/ticket",
        "checkTicket": "/api/v1/check/ticket",
        "reconnectMs": round(timedelta(seconds=window).total_seconds() * 1000),
        "over": over,
        "zone": booking.zone,
        **more,
    }


def past(entries: Sequence[Entry]) -> list[Event]:
    """What the ledger knows of this visit since its room was opened, as far as the timeline has words."""
    known = [(entry, playback.EVENTS[entry.tag]) for entry in entries if entry.tag in playback.EVENTS]
    return [Event(datetime.fromisoformat(entry.at), tone, text) for entry, (tone, text) in known]


def rules(values: FamilyPolicy) -> list[tuple[str, str, dict[str, int]]]:
    """The policy of a visit as (message id, message id, numbers), for the officer."""
    return [
        (N_("Lost seats are kept"), N_("{n} seconds"), {"n": values.reconnect_window_s}),
        (N_("Without an officer it ends after"), N_("{n} minutes"), {"n": values.monitor_absent_end_minutes}),
        (N_("A pause ends the visit after"), N_("{n} minutes"), {"n": values.pause_end_minutes}),
        (N_("While paused"), RECORDING[values.record_while_paused], {}),
        (N_("While somebody is muted"), HEARD[values.record_while_muted], {}),
        (N_("Visitors at most"), "{n}", {"n": values.max_visitors}),
    ]


RECORDING = {True: N_("the recording goes on"), False: N_("nothing is recorded")}
HEARD = {True: N_("their voice is recorded"), False: N_("their voice is not recorded")}
KINSHIPS = {kinship.value: text for kinship, text in KINSHIP_TEXTS.items()}
