"""A legal-aid case on the pages: its sentences, and the acts by the names the addresses know them by."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from core.errors import NotFound
from legalaid import case_wording, cases
from legalaid.application import GOAL_MAX, LETTER_MAX, AidForm
from legalaid.case_model import CaseState, CaseView, Entry, Letter, way
from legalaid.case_reading import File
from legalaid.case_work import ask_change, object_to
from legalaid.defence import GRAVE, day_of
from legalaid.forms import WORDS_MAX
from legalaid.wording import TOPICS
from web import legal, wording
from web.forms import FilledIn
from web.i18n import N_, translate
from web.templating import render

# The light of a case's state: colours of the components.
COLOURS: Mapping[CaseState, str] = {
    CaseState.REFUSED: "red",
    CaseState.TERMINATED: "red",
    CaseState.UPHELD: "red",
    CaseState.SUPPLEMENT: "yellow",
    CaseState.ASSIGNED: "green",
    CaseState.CLOSED: "green",
    CaseState.WITHDRAWN: "grey",
}
# What an applicant can do: (label, what is to be written, states).
APPLICANT_ACTS: Mapping[str, tuple[str, str, frozenset[CaseState]]] = {
    "supply": (
        N_("Hand in what is missing"),
        N_("Write down what was missing. Copies of papers go through the station; say here which ones."),
        frozenset({CaseState.SUPPLEMENT}),
    ),
    "object": (
        N_("Object"),
        N_("Why you do not agree"),
        frozenset({CaseState.REFUSED, CaseState.TERMINATED}),
    ),
    "change": (
        N_("Ask for another lawyer"),
        N_("Why you want another lawyer"),
        frozenset({CaseState.ASSIGNED}),
    ),
}
DO = {"supply": cases.supply, "object": object_to, "change": ask_change}


def title(view: CaseView) -> str:
    """What a case is called: by what it is about, or as what an authority has asked for."""
    return N_("Defence in a criminal case") if view.entry is Entry.NOTICE else TOPICS[view.topic]


def state_word(view: CaseView) -> str:
    own = case_wording.NOTICE_STATES if view.entry is Entry.NOTICE else {}
    return own.get(view.state.value, case_wording.CASE_STATES[view.state.value])


TABLES: Mapping[str, Any] = {
    "title_of": title,
    "state_word": state_word,
    "day_of": day_of,
    "grave": GRAVE,
    "authorities": case_wording.AUTHORITIES,
    "defence_grounds": case_wording.DEFENCE_GROUNDS,
    "topics": TOPICS,
    "states": case_wording.CASE_STATES,
    "letters": case_wording.LETTERS,
    "feet": case_wording.LETTER_FEET,
    "way_steps": case_wording.WAY_STEPS,
    "exemptions": case_wording.EXEMPTIONS,
    "relations": case_wording.RELATIONS,
    "venues": case_wording.VENUES,
    "venues_kept": {**case_wording.VENUES_BEFORE, **case_wording.VENUES},
    "promises": case_wording.PROMISES,
    "lights": legal.LIGHTS,
    "colours": {state.value: COLOURS.get(state, "blue") for state in CaseState},
    "way": way,
    "limits": {"facts": WORDS_MAX, "goal": GOAL_MAX, "letter": LETTER_MAX},
}


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    """With the tables of sentences that cases are told by."""
    return render(request, name, status=status, **{**TABLES, **context})


def next_of(language: str, view: CaseView, zone: str) -> str:
    """What comes next, at which desk, until when."""
    values = {
        "desk": view.desk,
        "lawyer": view.lawyer,
        "when": wording.deadline(language, view.light.due_at, zone) if view.light else "",
        "day": wording.day(language, view.until) if view.until else "",
    }
    own = case_wording.NOTICE_NEXT if view.entry is Entry.NOTICE else {}
    text = own.get(view.state.value, case_wording.CASE_NEXT[view.state.value])
    return translate(language, text, values)


def offered(view: CaseView) -> list[tuple[str, str]]:
    """(act, label) of what the applicant can do now."""
    return [
        (act, label)
        for act, (label, _, states) in APPLICANT_ACTS.items()
        if view.state in states and not (act == "change" and view.change_asked)
    ]


def typed(form: AidForm) -> dict[str, str]:
    """The form's values as a page shows them again."""
    names = (
        *("topic", "facts", "key", "beneficiary", "relation", "goal", "against", "venue", "place"),
        *("exemption", "household", "income"),
    )
    return {
        **{name: getattr(form, name) for name in names},
        "commitment": "1" if form.commitment else "",
        "question_id": form.question_id or "",
    }


def letter_of(file: File, number: int) -> Letter:
    """Raises `NotFound`."""
    for letter in file.letters:
        if letter.number == number:
            return letter
    raise NotFound


Application = Annotated[AidForm, Depends(FilledIn(AidForm))]
