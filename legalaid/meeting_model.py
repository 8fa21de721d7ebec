"""Lawyers' meetings: states, papers, what is asked for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from legalaid.confidential import CaseState, Ground
from legalaid.model import Light

CANCEL_BEFORE = timedelta(hours=24)  # what is withdrawn later is noted as late (rules L12); it is no strike
LATE_AFTER = timedelta(minutes=5)  # a lawyer who is later may lose the slot (Shenzhen 2022, rules L12)
STRIKES = 3  # unexcused no-shows after which no more can be asked for by video
STRIKE_SPAN = timedelta(days=365)
MINUTES = range(15, 121)


class MeetingState(StrEnum):
    ASKED = "asked"
    ARRANGED = "arranged"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # by the lawyer: the mandate has ended, or a conflict of interest
    HELD = "held"
    MISSED = "missed"  # the lawyer did not come in time
    FAILED = "failed"  # it did not take place for another reason: nobody's strike


MOVES: Mapping[MeetingState, frozenset[MeetingState]] = {
    MeetingState.ASKED: frozenset({MeetingState.ARRANGED}),  # its lawyer is away: another time is found
    MeetingState.ARRANGED: frozenset({MeetingState.ASKED}),
    MeetingState.REFUSED: frozenset({MeetingState.ASKED}),
    MeetingState.WITHDRAWN: frozenset({MeetingState.ASKED, MeetingState.ARRANGED}),
    MeetingState.HELD: frozenset({MeetingState.ARRANGED}),
    MeetingState.MISSED: frozenset({MeetingState.ARRANGED}),
    MeetingState.FAILED: frozenset({MeetingState.ASKED, MeetingState.ARRANGED}),
}


class EngagedBy(StrEnum):
    """Who gave the lawyer the mandate. A relative's is confirmed by the inmate at the first meeting (art. 5)."""

    INMATE = "inmate"
    RELATIVE = "relative"
    APPOINTED = "appointed"  # by a legal-aid centre or a court


class Paper(StrEnum):
    """The three papers of art. 5, and no more (rules L3)."""

    LICENCE = "licence"
    FIRM_LETTER = "firm-letter"
    MANDATE = (
        "mandate"  # power of attorney, legal-aid letter, or for evidence the document that shows the need
    )


PAPERS: Mapping[Paper, str] = {
    Paper.LICENCE: "Practising certificate",
    Paper.FIRM_LETTER: "Letter of the law firm",
    Paper.MANDATE: "Power of attorney or legal-aid letter",
}
GROUNDS: Mapping[Ground, str] = {
    Ground.DEFENCE: "Defence in a criminal case",
    Ground.AGENT: "Agent in a civil or administrative suit",
    Ground.MEDIATION: "Agent in mediation or arbitration",
    Ground.PETITION: "Petition against a judgment that stands",
    Ground.NON_LITIGATION: "A matter out of court",
    Ground.ADVICE: "Legal questions and drafting",
    Ground.EVIDENCE: "Evidence in another person's case",
}
ENGAGED: Mapping[EngagedBy, str] = {
    EngagedBy.INMATE: "The inmate",
    EngagedBy.RELATIVE: "A relative of the inmate",
    EngagedBy.APPOINTED: "A legal-aid centre or a court",
}
CASES: Mapping[CaseState, str] = {
    CaseState.NONE: "No case is running",
    CaseState.OPEN: "Under investigation, prosecution or trial",
    CaseState.CLOSED: "The judgment stands",
}
STATES: Mapping[MeetingState, str] = {
    MeetingState.ASKED: "The prison decides",
    MeetingState.ARRANGED: "Arranged",
    MeetingState.REFUSED: "Refused",
    MeetingState.WITHDRAWN: "Withdrawn by the lawyer",
    MeetingState.HELD: "Held",
    MeetingState.MISSED: "The lawyer did not come in time",
    MeetingState.FAILED: "Did not take place",
}


INTERPRETERS: Mapping[str, str] = {
    "asked": "The prison decides",
    "admitted": "Admitted",
    "refused": "Not admitted",
}


@dataclass(frozen=True, slots=True)
class MeetingForm:
    """`second`: user name of a second lawyer, or ""; `key`: made with the page."""

    inmate_number: str
    inmate_name: str
    ground: str
    case_state: str
    key: str
    minutes: int = 30
    second: str = ""
    assistant: str = ""
    interpreter: str = ""
    assistant_user: str = ""  # user names of those who come in from a device of their own
    interpreter_user: str = ""
    engaged_by: str = EngagedBy.INMATE


@dataclass(frozen=True, slots=True)
class MeetingView:
    """`papers`: which were sent; `starts_at` and `sitting_id` once it is arranged."""

    id: str
    reference: str
    prison_id: str
    lawyer_id: str
    lawyer_name: str
    second_id: str | None
    inmate_id: str
    inmate_name: str
    ground: Ground
    case_state: CaseState
    assistant: str
    interpreter: str
    interpreter_state: str
    minutes: int
    state: MeetingState
    asked_at: datetime
    words: str
    excused: bool
    papers: Mapping[Paper, str]  # kind -> id of the paper
    sitting_id: str | None
    starts_at: datetime | None
    confidentiality: str
    basis: str
    engaged_by: str
    second_name: str
    seated: frozenset[str]  # "assistant", "interpreter": has a device of their own
    originals: frozenset[Paper]  # papers whose original was shown (art. 5)
    interpreter_words: str
    light: Light | None  # of the 48 hours
    interpreter_light: Light | None  # of the interpreter's three days
    late: bool  # withdrawn less than a day before
    admitted: bool  # its papers are in order; it waits for the weekly plan
