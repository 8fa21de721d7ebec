"""A legal-aid case: its states, what it is shown as. Pure.

    applied ─ forward (24 h) → forwarded ─ decide (7 d) → approved ─ assign (3 d) → assigned → closed
                                  │  ⇅ supplement (the clock stands, once)              │
                                  └→ refused ── object ──→ objected (5 d) ←── object ── terminated
                                                              └→ approved | upheld

What is open may be taken back until a lawyer is named.

An authority's notice that somebody has no defender begins at `approved`: appoint (3 d) → assigned → closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.ids import Ref
from legalaid.model import Light

SUPPLEMENT_DAYS = range(3, 61)  # what a letter may give for missing papers


class CaseState(StrEnum):
    APPLIED = "applied"  # at the station, to be forwarded
    FORWARDED = "forwarded"  # at the centre, to be decided
    SUPPLEMENT = "supplement"  # papers were asked for; the clock stands
    APPROVED = "approved"  # at the centre, a lawyer is to be named
    ASSIGNED = "assigned"  # a lawyer works on it
    REFUSED = "refused"
    TERMINATED = "terminated"  # aid was ended before the matter was
    OBJECTED = "objected"  # at the bureau
    UPHELD = "upheld"  # the bureau confirmed the refusal
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


# From which states each state may be reached.
CASE_MOVES: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.APPLIED: frozenset(),
    CaseState.FORWARDED: frozenset({CaseState.APPLIED, CaseState.SUPPLEMENT}),
    CaseState.SUPPLEMENT: frozenset({CaseState.FORWARDED}),
    CaseState.APPROVED: frozenset({CaseState.FORWARDED, CaseState.SUPPLEMENT, CaseState.OBJECTED}),
    CaseState.ASSIGNED: frozenset({CaseState.APPROVED, CaseState.ASSIGNED}),  # again: another lawyer
    CaseState.REFUSED: frozenset({CaseState.FORWARDED}),
    CaseState.TERMINATED: frozenset({CaseState.ASSIGNED}),
    CaseState.OBJECTED: frozenset({CaseState.REFUSED, CaseState.TERMINATED}),
    CaseState.UPHELD: frozenset({CaseState.OBJECTED}),
    CaseState.CLOSED: frozenset({CaseState.ASSIGNED}),
    CaseState.WITHDRAWN: frozenset(
        {CaseState.APPLIED, CaseState.FORWARDED, CaseState.SUPPLEMENT, CaseState.APPROVED}
    ),
}
OPEN_CASES = frozenset(
    {
        CaseState.APPLIED,
        CaseState.FORWARDED,
        CaseState.SUPPLEMENT,
        CaseState.APPROVED,
        CaseState.ASSIGNED,
        CaseState.OBJECTED,
    }
)
OBJECTABLE = CASE_MOVES[CaseState.OBJECTED]


class Entry(StrEnum):
    """By which way a case came."""

    APPLICATION = ""
    NOTICE = "notice"  # of a court, procuratorate or police: somebody has no defender (Legal Aid Act art. 36)


class LetterKind(StrEnum):
    """Each line of a case's file."""

    APPLICATION = "application"
    FORWARDED = "forwarded"
    HANDED = "handed"  # to another centre, or station
    SUPPLEMENT = "supplement"
    SUPPLIED = "supplied"
    LAPSED = "lapsed"
    APPROVED = "approved"
    REFUSED = "refused"
    ASSIGNED = "assigned"
    OBJECTION = "objection"
    UPHELD = "upheld"
    GRANTED = "granted"
    CHANGE_ASKED = "change-asked"
    CHANGED = "changed"
    CHANGE_REFUSED = "change-refused"
    PROGRESS = "progress"
    TERMINATED = "terminated"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    NOTICE = "notice"  # of an authority
    RECALLED = "recalled"  # the notice


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case without its facts. `until`: the last day for the papers that were asked for.

    Of a notice: when it came, and the last day on which it was in time (None: it had none).
    """

    id: str
    reference: str
    prison_id: str
    inmate_id: str
    question_id: str | None
    applied_by: Ref
    topic: str
    exemption: str
    state: CaseState
    desk_id: str
    desk: str
    lawyer_id: str | None
    lawyer: str
    until: date | None
    change_asked: bool
    applied_at: datetime
    ended_at: datetime | None
    generation: int
    light: Light | None
    entry: Entry = Entry.APPLICATION
    received_on: date | None = None
    notice_due: date | None = None

    @property
    def late(self) -> bool:
        """Whether the authority gave notice too late."""
        return (
            self.received_on is not None
            and self.notice_due is not None
            and self.received_on > self.notice_due
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """`words` opened for whoever may read them; `number` counts within the case."""

    id: str
    number: int
    kind: LetterKind
    words: str
    at: datetime
    desk: str
    lawyer: str
    until: date | None


class StepState(StrEnum):
    DONE = "done"
    NOW = "now"
    LATER = "later"


# The way of a case as an applicant sees it: (code, states in which the step is the present one).
WAY: tuple[tuple[str, frozenset[CaseState]], ...] = (
    ("applied", frozenset({CaseState.APPLIED})),
    ("decided", frozenset({CaseState.FORWARDED, CaseState.SUPPLEMENT, CaseState.OBJECTED})),
    ("named", frozenset({CaseState.APPROVED})),
    ("working", frozenset({CaseState.ASSIGNED})),
)


# The same of a notice: nobody applied, and nothing is decided.
WAY_OF_NOTICE: tuple[tuple[str, frozenset[CaseState]], ...] = (("noticed", frozenset()), *WAY[2:])


def way(state: CaseState, entry: Entry = Entry.APPLICATION) -> list[tuple[str, StepState]]:
    """The steps of an open or closed case; empty for one that was refused, ended or taken back."""
    steps = WAY_OF_NOTICE if entry is Entry.NOTICE else WAY
    if state is CaseState.CLOSED:
        return [(code, StepState.DONE) for code, _ in steps]
    at = next((n for n, (_, states) in enumerate(steps) if state in states), None)
    if at is None:
        return []
    order = (StepState.DONE, StepState.NOW, StepState.LATER)
    return [(code, order[1 + (n > at) - (n < at)]) for n, (code, _) in enumerate(steps)]
