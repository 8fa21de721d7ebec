"""What the wall's page is told about the calls of a prison; the rest comes through each call's own socket. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rooms.desk_tasks import TEXTS, Task
from rooms.watches import HandOver, Watcher
from web.board import LIGHTS, Row, Situation
from web.i18n import N_

SIZES = (1, 4, 9, 16)  # tiles at once
SOON = 30  # minutes before its beginning a call appears on the wall
SITUATIONS = frozenset({Situation.WAITING, Situation.PAUSED, Situation.DUE, Situation.LIVE, Situation.LATER})

HINTS = {
    "mine": N_("Yours"),
    "paged": N_("You were called: the officer before is missing"),
    "handed-over": N_("Handed over to you"),
}


def shown(row: Row) -> bool:
    """Whether a visit of the day stands on the wall now."""
    return row.situation in SITUATIONS and (row.situation is not Situation.LATER or row.minutes_till <= SOON)


def call(row: Row, watcher: Watcher | None, me: str, say: Callable[[str], str]) -> dict[str, Any]:
    """One call as the page's script reads it; texts are in the reader's language."""
    booking = row.booking
    mine = watcher is not None and watcher.officer_id == me
    return {
        "booking": booking.id,
        "reference": booking.reference,
        "inmate": booking.inmate_name,
        "family": [visitor.name for visitor in booking.visitors],
        "starts_at": booking.starts_at.isoformat(),
        "place": " · ".join(part for part in (booking.wing_name, booking.terminal_name) if part),
        "situation": row.situation.name.lower(),
        "tone": row.light.tone.value,
        "word": say(LIGHTS[row.situation].text),
        "minutes_till": row.minutes_till,
        "present": list(row.present),
        "open": row.situation is not Situation.LATER,
        "officer": watcher.name if watcher is not None else "",
        "mine": mine,
        "why": watcher.why.value if watcher is not None else "",
        "hint": say(HINTS.get(watcher.why.value, HINTS["mine"])) if mine and watcher is not None else "",
    }


def tasks(
    waiting: Sequence[Task],
    rows: Mapping[str, Row],
    watchers: Mapping[str, Watcher],
    me: str,
    say: Callable[[str], str],
) -> list[dict[str, Any]]:
    """Tasks of my calls and of calls that nobody supervises come first; the others stay in sight."""
    told = [
        {
            "id": task.id,
            "booking": task.booking_id,
            "kind": task.kind.value,
            "text": say(TEXTS[task.kind]),
            "name": task.name,
            "words": task.words,
            "call": rows[task.booking_id].booking.inmate_name if task.booking_id in rows else "",
            "taken": task.taken_name,
            "at": task.made_at.isoformat(),
            "mine": task.booking_id not in watchers or watchers[task.booking_id].officer_id == me,
        }
        for task in waiting
    ]
    return sorted(told, key=lambda one: not one["mine"])


def handed(over: Sequence[HandOver]) -> list[dict[str, Any]]:
    return [{"id": one.id, "from": one.from_name, "words": one.words, "calls": one.calls} for one in over]
