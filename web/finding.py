"""What an officer asks for on the page of recordings, or a program through the interface: read from the address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from core.db import Session
from people import repository as people
from recording.finding import Question
from recording.model import RecordingState
from scheduler import repository as scheduler
from web.duty import Duty
from web.i18n import N_
from web.playback import EVENTS, REASON_WORDS

# The lights of the list, by the word in the address.
LIGHTS: dict[str, tuple[str, tuple[RecordingState, ...]]] = {
    "red": (N_("Damaged or failed"), (RecordingState.DAMAGED, RecordingState.FAILED)),
    "yellow": (
        N_("Not sealed yet"),
        (RecordingState.ARMED, RecordingState.WRITING, RecordingState.SEALING),
    ),
    "green": (N_("Sealed"), (RecordingState.SEALED,)),
    "grey": (N_("Deleted in time"), (RecordingState.DELETING, RecordingState.DELETED)),
}
MARKS = tuple(tag for tag in EVENTS if tag.startswith(("officer:", "family:help", "inmate:help")))


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the address, as they came; what cannot be read counts as not given."""

    q: str = ""
    day: str = ""
    wing: str = ""
    officer: str = ""
    mark: str = ""
    reason: str = ""
    light: str = ""
    after: str = ""  # the page before ended here

    @property
    def any(self) -> bool:
        return any((self.q.strip(), self.day, self.wing, self.officer, self.mark, self.reason, self.light))

    def question(self, on: Duty) -> Question:
        chosen = _day(self.day)
        return Question(
            on.prison.id,
            words=self.q,
            wing_id=self.wing,
            officer_id=self.officer,
            event=self.mark if self.mark in MARKS else "",
            reason=self.reason,
            states=LIGHTS[self.light][1] if self.light in LIGHTS else (),
            within=on.bounds(chosen) if chosen else None,
            before=_place(self.after),
        )

    def further(self, following: tuple[datetime, str]) -> str:
        """The address's part behind `?` of the next page."""
        given = {
            name: getattr(self, name) for name in ("q", "day", "wing", "officer", "mark", "reason", "light")
        }
        return urlencode(
            {**{name: value for name, value in given.items() if value}, "after": place(following)}
        )


def _asked(
    q: Annotated[str, Query(max_length=60)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
    wing: Annotated[str, Query(max_length=40)] = "",
    officer: Annotated[str, Query(max_length=40)] = "",
    mark: Annotated[str, Query(max_length=60)] = "",
    reason: Annotated[str, Query(max_length=60)] = "",
    light: Annotated[str, Query(max_length=10)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
) -> Asked:
    return Asked(q, day, wing, officer, mark, reason, light, after)


Question_ = Annotated[Asked, Depends(_asked)]


async def choices(session: Session, on: Duty, say: Callable[[str], str]) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen in each field: (value, words). `say` translates."""
    wings = await scheduler.wings(session, on.prison.id)
    officers = await people.staff_of(session, on.prison.id)
    return {
        "wings": [(wing.id, wing.name) for wing in wings],
        "officers": [(one.id, one.name) for one in officers],
        "marks": [(tag, say(EVENTS[tag][1])) for tag in MARKS],
        "reasons": [(code, say(words)) for code, words in sorted(REASON_WORDS.items())],
        "lights": [(name, say(words)) for name, (words, _) in LIGHTS.items()],
    }


def place(following: tuple[datetime, str]) -> str:
    return f"{following[0].isoformat()}~{following[1]}"


def _place(text: str) -> tuple[datetime, str] | None:
    moment, _, identity = text.partition("~")
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found, identity) if found.tzinfo is not None else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
