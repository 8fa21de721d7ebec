"""Lights of deadlines and visits: a colour, a word and an icon, never a colour alone. Pure.

Deadline lights follow the two-colour practice of Qixian (rules, finding 11): yellow from one day before the
answer is due, red when it is overdue.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from web.i18n import N_

YELLOW_BEFORE = timedelta(days=1)


class Tone(StrEnum):
    """As the components name their colours."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Light:
    """`text` is a message id."""

    tone: Tone
    text: str


OVERDUE = Light(Tone.RED, N_("Overdue"))
DUE_SOON = Light(Tone.YELLOW, N_("Due within a day"))
IN_TIME = Light(Tone.GREEN, N_("In time"))


def of_deadline(due: datetime | None, now: datetime) -> Light:
    """The light of something that must be answered by `due`; `None`: no deadline was set."""
    if due is None or now < due - YELLOW_BEFORE:
        return IN_TIME
    return DUE_SOON if now < due else OVERDUE
