"""What people enter about themselves and others, and every field's check: all refusals, collected. Pure.

Forms take what a browser sends: strings. `Reason.params["field"]` is the name of the form's field.
"""

import itertools
import unicodedata
from dataclasses import dataclass
from datetime import date

from core.errors import Reason, Refused
from people import documents
from people.model import (
    ADULT_AGE,
    CONSENT_AGE,
    STAFF_ROLES,
    DocumentKind,
    Kinship,
    Language,
    Role,
    StaffKind,
)

_NAME_MAX = 60
_NOTE_MAX = 500
_PASSWORD_MAX = 200
PASSWORD_MIN = 8  # NIST SP 800-63B section 3.1.1.2, with a second factor beside it
STAFF_PASSWORD_MIN = 12


@dataclass(frozen=True, slots=True)
class RegistrationForm:
    """An adult relative. `born` as YYYY-MM-DD; `password` may stay empty."""

    name: str
    born: str
    document_kind: str
    document: str
    language: str = "zh"
    elder: bool = False
    password: str = ""
    consent: bool = False


@dataclass(frozen=True, slots=True)
class MinorForm:
    """A child in the account of its guardian, who consents for it."""

    name: str
    born: str
    document_kind: str
    document: str
    consent: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationForm:
    """Whom a relative wants to visit. `visitor_id`: a minor of the account, None for oneself.

    `guardian_id`: who accompanies the minor: None for oneself, or another approved adult relative.
    """

    prison_id: str
    inmate_number: str
    inmate_name: str
    kinship: str
    note: str = ""
    visitor_id: str | None = None
    guardian_id: str | None = None
    consent: bool = False


@dataclass(frozen=True, slots=True)
class InmateForm:
    number: str
    name: str
    prison_id: str
    wing_id: str
    level: str


@dataclass(frozen=True, slots=True)
class StaffForm:
    """`roles` empty: all that the kind may carry."""

    username: str
    name: str
    kind: str
    roles: tuple[str, ...] = ()
    prison_id: str | None = None
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class Person:
    """What a registration or a minor's form says, read."""

    name: str
    born: date
    kind: DocumentKind
    document: str  # normalised


def reason(field: str, problem: str, text: str, **params: str | int) -> Reason:
    """`reason("name", "missing", …)` has the code `name-missing`."""
    return Reason(f"{field}-{problem}", text, {"field": field, **params})


def raise_all(reasons: list[Reason]) -> None:
    if reasons:
        raise Refused(reasons)


def clean(text: str) -> str:
    """One line without control characters, composed (NFC), blanks at the ends removed."""
    line = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] != "C")
    return " ".join(line.split())


def name_problems(field: str, name: str) -> list[Reason]:
    if not clean(name):
        return [reason(field, "missing", "Please enter the name.")]
    if len(clean(name)) > _NAME_MAX:
        return [reason(field, "too-long", "This is too long. {limit} characters at most.", limit=_NAME_MAX)]
    return []


def read_date(text: str) -> date | None:
    """YYYY-MM-DD, None for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _born_problems(text: str, born: date | None, today: date) -> list[Reason]:
    if not text.strip():
        return [reason("born", "missing", "Please enter the birth date.")]
    if born is None or born > today or born.year < 1900:
        return [reason("born", "invalid", "This is not a birth date.")]
    return []


def _document_problems(kind: str, number: str, born: date | None, today: date) -> list[Reason]:
    if kind not in set(DocumentKind):
        return [reason("document_kind", "missing", "Please choose the kind of document.")]
    return documents.problems(DocumentKind(kind), number, born, today)


def age(born: date, today: date) -> int:
    """Full years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _person(form: RegistrationForm | MinorForm, today: date) -> tuple[Person | None, list[Reason]]:
    born = read_date(form.born)
    born_reasons = _born_problems(form.born, born, today)
    compared = None if born_reasons else born  # one mistake, one sentence
    reasons = [
        *name_problems("name", form.name),
        *born_reasons,
        *_document_problems(form.document_kind, form.document, compared, today),
    ]
    if born is None or reasons:
        return None, reasons
    kind = DocumentKind(form.document_kind)
    return Person(clean(form.name), born, kind, documents.normalised(form.document)), []


def read_registration(form: RegistrationForm, today: date) -> Person:
    """The adult whom the form describes; raises `Refused` with everything that is wrong."""
    person, reasons = _person(form, today)
    born = read_date(form.born)
    if born is not None and born <= today and age(born, today) < ADULT_AGE:
        reasons.append(
            reason("born", "minor", "Under {age} there is no account; a guardian adds you.", age=ADULT_AGE)
        )
    if form.language not in set(Language):
        reasons.append(reason("language", "invalid", "Please choose a language."))
    if form.password:
        reasons += password_problems(form.password, PASSWORD_MIN, form.name)
    if not form.consent:
        reasons.append(reason("consent", "missing", "Without your consent we cannot keep your data."))
    if reasons or person is None:
        raise Refused(reasons)
    return person


def read_minor(form: MinorForm, today: date) -> Person:
    """The minor whom the form describes; raises `Refused` with everything that is wrong."""
    person, reasons = _person(form, today)
    born = read_date(form.born)
    if born is not None and age(born, today) >= ADULT_AGE:
        reasons.append(
            reason("born", "adult", "From {age} on people have an account of their own.", age=ADULT_AGE)
        )
    if born is not None and age(born, today) < CONSENT_AGE and not form.consent:
        reasons.append(
            reason("consent", "missing", "Under {age} the guardian must consent.", age=CONSENT_AGE)
        )
    if reasons or person is None:
        raise Refused(reasons)
    return person


def password_problems(password: str, shortest: int, *personal: str) -> list[Reason]:
    """Length, and nothing that is guessed first; no rules about kinds of characters (NIST SP 800-63B)."""
    if len(password) < shortest:
        return [reason("password", "too-short", "Use at least {limit} characters.", limit=shortest)]
    if len(password) > _PASSWORD_MAX:
        return [
            reason(
                "password", "too-long", "This is too long. {limit} characters at most.", limit=_PASSWORD_MAX
            )
        ]
    folded = password.casefold()
    own = {clean(text).casefold() for text in personal} - {""}
    if len(set(folded)) < 4 or _is_run(folded) or any(len(text) > 1 and text in folded for text in own):
        return [reason("password", "weak", "This would be guessed first. Please choose another.")]
    return []


def _is_run(text: str) -> bool:
    """`12345678` or `hgfedcba`."""
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(text)}
    return steps in ({1}, {-1})


def application_problems(form: ApplicationForm, files: int, files_max: int) -> list[Reason]:
    """What can be said before anybody is looked up."""
    reasons = name_problems("inmate_name", form.inmate_name)
    if not form.prison_id:
        reasons.append(reason("prison_id", "missing", "Please choose the place."))
    if not form.inmate_number.strip():
        reasons.append(reason("inmate_number", "missing", "Please enter the number."))
    if form.kinship not in set(Kinship):
        reasons.append(reason("kinship", "missing", "Please choose how you are related."))
    elif form.kinship in (Kinship.OTHER, Kinship.OTHER_RELATIVE) and not form.note.strip():
        reasons.append(reason("note", "missing", "Please say in a few words how you are related."))
    if len(form.note) > _NOTE_MAX:
        reasons.append(
            reason("note", "too-long", "This is too long. {limit} characters at most.", limit=_NOTE_MAX)
        )
    if files == 0:
        reasons.append(
            reason("proof", "missing", "Please add a picture of a paper that shows how you are related.")
        )
    elif files > files_max:
        reasons.append(reason("proof", "too-many", "{limit} files at most.", limit=files_max))
    return reasons


def staff_problems(form: StaffForm) -> list[Reason]:
    username = form.username.strip().lower()
    reasons = name_problems("name", form.name)
    if not 3 <= len(username) <= 40 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in username):
        reasons.append(reason("username", "invalid", "3 to 40 letters, digits, dots or dashes."))
    if form.kind not in set(StaffKind):
        reasons.append(reason("kind", "missing", "Please choose the kind of account."))
    elif not {*form.roles} <= {*STAFF_ROLES[StaffKind(form.kind)]}:
        reasons.append(reason("roles", "invalid", "This kind of account cannot have these roles."))
    elif form.kind == StaffKind.OFFICER and not form.prison_id:
        reasons.append(reason("prison_id", "missing", "Please choose the place."))
    if form.language not in set(Language):
        reasons.append(reason("language", "invalid", "Please choose a language."))
    return reasons


def staff_roles(form: StaffForm) -> frozenset[Role]:
    """The roles of a checked form."""
    return frozenset(Role(role) for role in form.roles) or STAFF_ROLES[StaffKind(form.kind)]
