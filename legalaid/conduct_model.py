"""A report about what a lawyer did at a meeting: its states, what is forbidden, its checks. Pure.

    owed ─ the visits office writes (3 working days) → sent ─ the bureau of justice answers (15 days) → answered
      └── no report, with the reason → dropped

Rules on lawyers' meetings with inmates (2017 no. 124) arts 13, 14: warned first; where that is of no use, the meeting
is stopped; the prison may then tell the bureau of justice over the law firm, or the lawyers' association. How soon,
they do not say: the days are the product's (`policy.promises`). The list is that of the 2004 rules, whose text was
seen, and “other” for what the later ones add.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.errors import Reason
from core.ids import Ref
from legalaid.application import REASONS_MIN, letter_problems
from legalaid.forms import reason
from legalaid.model import Light


class ReportState(StrEnum):
    OWED = "owed"
    SENT = "sent"
    ANSWERED = "answered"
    DROPPED = "dropped"


# From which states each state may be reached.
REPORT_MOVES: Mapping[ReportState, frozenset[ReportState]] = {
    ReportState.OWED: frozenset(),
    ReportState.SENT: frozenset({ReportState.OWED}),
    ReportState.ANSWERED: frozenset({ReportState.SENT}),
    ReportState.DROPPED: frozenset({ReportState.OWED}),
}
STATES: Mapping[str, str] = {
    "owed": "To be written",
    "sent": "Sent to the bureau of justice",
    "answered": "Answered",
    "dropped": "No report was made",
}
BREACHES: Mapping[str, str] = {
    "objects": "Handed over forbidden things",
    "letters": "Carried letters, money or things for the inmate",
    "phone": "Let the inmate use a phone or another device",
    "recording": "Recorded or photographed without leave of the prison and the inmate",
    "other": "Something else against law or prison rules",
}


@dataclass(frozen=True, slots=True)
class ReportForm:
    """As typed. `bureau_id`: a desk; `lawyer_id`: which of two."""

    lawyer_id: str
    bureau_id: str
    breaches: tuple[str, ...]
    words: str
    copy_to_bar: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What an officer did in the room. `code`: of `rooms.words`, "text" for words of the officer's own."""

    at: datetime
    act: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report without its words. `desk`: which holds it now."""

    id: str
    reference: str
    meeting: Ref
    meeting_reference: str
    prison: str
    zone: str
    lawyer_id: str
    lawyer: str
    desk: str
    state: ReportState
    opened_at: datetime
    written_at: datetime | None
    answered_at: datetime | None
    breaches: tuple[str, ...]
    copy_to_bar: bool
    light: Light | None


@dataclass(frozen=True, slots=True)
class Report:
    """An opened one. `held_at`: when the meeting was to begin; `steps`: warnings, pauses and the stop, in order;
    `bureau`: to which desk it was sent."""

    view: ReportView
    held_at: datetime | None
    steps: Sequence[Step]
    bureau: str
    words: str
    answer: str


def problems(form: ReportForm, lawyers: Sequence[str], bureaus: Sequence[str]) -> list[Reason]:
    """Everything that is missing, in the order of the form."""
    found = []
    if form.lawyer_id not in lawyers:
        found.append(reason("lawyer_id", "missing", "Please choose a lawyer."))
    if not form.breaches or not set(form.breaches) <= set(BREACHES):
        found.append(reason("breaches", "missing", "Please choose what the lawyer did."))
    if len(form.words.strip()) < REASONS_MIN:
        text = "Please write what was seen, when, and what was done about it."
        found.append(reason("words", "missing", text))
    found += letter_problems(form.words)
    if form.bureau_id not in bureaus:
        found.append(reason("bureau_id", "missing", "Please choose a bureau of justice."))
    return found
