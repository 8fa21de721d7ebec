"""The application for legal aid: what is asked, what is not, and every field's check. Pure.

Sealed as one JSON text, since names, income and facts are nobody's business but the case's.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import Reason
from legalaid.case_wording import EXEMPTIONS, RELATIONS, VENUES
from legalaid.forms import NAME_MAX, WORDS_MAX, reason
from legalaid.wording import TOPICS

LETTER_MAX = 4000
GOAL_MAX = 500
REASONS_MIN = 10  # characters: "no" is no reason
HOUSEHOLD = range(1, 31)


@dataclass(frozen=True, slots=True)
class AidForm:
    """As typed. `relation`: for whom it is, seen from the inmate. `exemption`: why means are not looked at, ""
    if none applies. `income`: yuan a month of the whole household. `key`: a form sent twice is one case."""

    topic: str
    facts: str
    key: str
    beneficiary: str = ""
    relation: str = "self"
    goal: str = ""
    against: str = ""
    venue: str = ""
    place: str = ""
    exemption: str = ""
    household: str = ""
    income: str = ""
    commitment: bool = False
    question_id: str | None = None


def problems(form: AidForm) -> list[Reason]:
    """Everything that is missing, at its field."""
    found = []
    if form.topic not in TOPICS:
        found.append(reason("topic", "missing", "Please choose what it is about."))
    found += _text(form.facts, WORDS_MAX, reason("facts", "missing", "Please write what happened."))
    found += _text(form.goal, GOAL_MAX, reason("goal", "missing", "Please write what you want to reach."))
    whom = reason("beneficiary", "missing", "Please write for whom the aid is.")
    found += _text(form.beneficiary, NAME_MAX, whom)
    if form.relation not in RELATIONS:
        found.append(reason("relation", "invalid", "Please choose for whom the aid is."))
    if form.venue not in VENUES:
        found.append(reason("venue", "missing", "Please choose where the matter belongs."))
    if len(form.against) > NAME_MAX * 2 or len(form.place) > NAME_MAX * 2:
        found.append(reason("against", "too-long", "At most {max} characters, please.", max=NAME_MAX * 2))
    if not 8 <= len(form.key) <= 64:
        found.append(reason("key", "invalid", "Please open this page again."))
    return found + _means(form)


def _means(form: AidForm) -> list[Reason]:
    """Nothing is asked where the law asks nothing (arts 32, 42); elsewhere a statement and a commitment (41)."""
    if form.exemption:
        if form.exemption in EXEMPTIONS:
            return []
        return [reason("exemption", "invalid", "Please choose one, or “none of these”.")]
    found = []
    if number(form.household) not in HOUSEHOLD:
        found.append(reason("household", "missing", "Please write how many people live of the income."))
    if number(form.income) is None:
        found.append(reason("income", "missing", "Please write the income of a month in yuan; 0 if none."))
    if not form.commitment:
        found.append(reason("commitment", "missing", "Please confirm that what you write is true."))
    return found


def number(text: str) -> int | None:
    """A number of at most seven digits, or None."""
    clean = text.strip()
    return int(clean) if clean.isascii() and clean.isdigit() and len(clean) <= 7 else None


def _text(text: str, most: int, missing: Reason) -> list[Reason]:
    if not text.strip():
        return [missing]
    if len(text) > most:
        field = str(missing.params["field"])
        return [reason(field, "too-long", "At most {max} characters, please.", max=most)]
    return []


def reasons_problems(words: str) -> list[Reason]:
    """Of a decision that somebody must be able to argue with."""
    if len(words.strip()) < REASONS_MIN:
        return [reason("words", "missing", "Please give the reasons, so that they can be understood.")]
    return letter_problems(words)


def letter_problems(words: str) -> list[Reason]:
    if len(words) > LETTER_MAX:
        return [reason("words", "too-long", "At most {max} characters, please.", max=LETTER_MAX)]
    return []


def packed(form: AidForm) -> bytes:
    """As it is sealed. Means that were not asked for are not kept, whatever the browser sent."""
    kept: dict[str, Any] = asdict(form)
    del kept["key"], kept["question_id"], kept["topic"]
    if form.exemption:
        kept |= {"household": "", "income": "", "commitment": False}
    return json.dumps(kept, ensure_ascii=False).encode()


def unpacked(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content)
    return found
