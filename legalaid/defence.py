"""A court's, procuratorate's or police notice that somebody held here has no defender: its fields and checks. Pure.

Legal Aid Act art. 36: whoever handles a criminal case and finds that art. 25 (1) or art. 28 applies tells the
legal-aid centre within three days, which appoints a lawyer within three days of the notice and tells the authority.
Art. 26: where life imprisonment or death may follow, and in the review of a death sentence, one with three years of
practice.
"""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

from core.errors import Reason
from legalaid.application import LETTER_MAX
from legalaid.case_wording import AUTHORITIES, DEFENCE_GROUNDS
from legalaid.forms import NAME_MAX, reason

TOPIC = "sentence"  # of the case that comes of a notice: the nearest of what people ask about
OFFICE_MAX = 2 * NAME_MAX
FREE = frozenset({"ordinary"})  # where a court may give notice, and need not (art. 25 (2)): never late
COURTS = FREE | {"treatment"}  # grounds on which only a court gives notice (arts 25 (2), 28)
GRAVE = frozenset({"gravest", "death-review"})  # those of art. 26
OLDEST = timedelta(days=366)  # an earlier day is a slip of the pen


@dataclass(frozen=True, slots=True)
class NoticeForm:
    """As typed. `office`: which court, procuratorate or police; `number`: of its notice. `found_on`: when it found
    that nobody defends the person, from which its three days run; `received_on`: when the notice came; both
    YYYY-MM-DD. `words`: how the office is reached, what the lawyer should know. `key`: sent twice it counts once."""

    inmate_number: str
    inmate_name: str
    authority: str
    office: str
    number: str
    accused_of: str
    ground: str
    found_on: str
    received_on: str
    key: str
    words: str = ""


def problems(form: NoticeForm, today: date) -> list[Reason]:
    """Everything that is missing or cannot be, at its field. `today` in the prison's zone."""
    found = []
    if form.authority not in AUTHORITIES:
        found.append(reason("authority", "missing", "Please choose who gives notice."))
    found += _text("office", form.office, "Please write which office gives notice.")
    found += _text("number", form.number, "Please write the number of the notice.")
    found += _text("accused_of", form.accused_of, "Please write what the person is accused of.")
    if form.ground not in DEFENCE_GROUNDS:
        found.append(reason("ground", "missing", "Please choose why a defender must be appointed."))
    elif form.ground in COURTS and form.authority != "court":
        text = "Only a court gives notice on this ground. Please choose another."
        found.append(reason("ground", "invalid", text))
    if len(form.words) > LETTER_MAX:
        found.append(reason("words", "too-long", "At most {max} characters, please.", max=LETTER_MAX))
    if not 8 <= len(form.key) <= 64:
        found.append(reason("key", "invalid", "Please open this page again."))
    return found + _days(form, today)


def in_order(found: list[Reason]) -> list[Reason]:
    """As the form has its fields, so that what is to be put right is read from top to bottom."""
    places = {field.name: place for place, field in enumerate(fields(NoticeForm))}
    return sorted(found, key=lambda one: places[str(one.params["field"])])


def _text(field: str, text: str, missing: str) -> list[Reason]:
    if not text.strip():
        return [reason(field, "missing", missing)]
    if len(text) > OFFICE_MAX:
        return [reason(field, "too-long", "At most {max} characters, please.", max=OFFICE_MAX)]
    return []


def _days(form: NoticeForm, today: date) -> list[Reason]:
    found, received = day_of(form.found_on), day_of(form.received_on)
    wrong = []
    if found is None or found < today - OLDEST:
        wrong.append(reason("found_on", "missing", "Please enter the day on which it was found."))
    if received is None:
        wrong.append(reason("received_on", "missing", "Please enter the day on which the notice came."))
    elif received > today:
        wrong.append(reason("received_on", "future", "This day has not come yet."))
    elif found is not None and found > received:
        wrong.append(reason("found_on", "invalid", "It cannot have been found after the notice came."))
    return wrong


def day_of(text: str) -> date | None:
    """A day as a form sends it, or None."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def same_number(one: str, other: str) -> bool:
    """Whether two numbers of notices are one: blanks, case and the kind of the brackets do not matter."""
    return _plain(one) == _plain(other)


_BRACKETS = str.maketrans("（〔［【[）〕］】]", "(" * 5 + ")" * 5)


def _plain(number: str) -> str:
    return "".join(number.split()).casefold().translate(_BRACKETS)


def packed(form: NoticeForm) -> bytes:
    """As it is sealed, with the fields by which every case's file is opened."""
    kept: dict[str, Any] = {name: value.strip() for name, value in asdict(form).items()}
    for elsewhere in ("key", "inmate_number", "inmate_name", "received_on", "words"):
        del kept[elsewhere]
    kept |= {"beneficiary": form.inmate_name.strip(), "facts": form.words.strip(), "goal": ""}
    return json.dumps(kept, ensure_ascii=False).encode()
