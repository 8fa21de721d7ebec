"""What people write about a question, and every field's check: all refusals, collected. Pure."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from core.errors import Reason
from legalaid.wording import HANDS, LANGUAGES, TOPICS

WORDS_MAX = 2000
ADVICE_MAX = 8000
PIN_DIGITS = 6
NAME_MAX = 60


@dataclass(frozen=True, slots=True)
class Voice:
    """A recording as it is kept: checked by `legalaid.voice`. `seconds` are rounded up."""

    data: bytes
    media_type: str
    seconds: int


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """`limitation`: YYYY-MM-DD of the day on which a right is lost, "" if none is known. `follows`: the question
    of the same inmate that this one goes on with. `wish`: an entry of the directory. `key`: made with the page,
    so that a form counts once. `hand`: a key of `HANDS`, "" if the asker wrote it. `voice`: then words may be
    missing."""

    topic: str
    words: str
    key: str
    language: str = "zh"
    limitation: str = ""
    follows: str | None = None
    wish: str | None = None
    hand: str = ""
    voice: Voice | None = None


def reason(field: str, problem: str, text: str, **params: str | int) -> Reason:
    """A refusal of one field."""
    return Reason(f"{field}-{problem}", text, {"field": field, **params})


def question_problems(form: QuestionForm) -> list[Reason]:
    problems = []
    if form.topic not in TOPICS:
        problems.append(reason("topic", "missing", "Please choose what it is about."))
    if not form.words.strip() and form.voice is None:
        problems.append(reason("words", "missing", "Please write your question, in a few words."))
    elif len(form.words) > WORDS_MAX:
        problems.append(reason("words", "too-long", "At most {max} characters, please.", max=WORDS_MAX))
    if form.language not in LANGUAGES:
        problems.append(reason("language", "invalid", "Please choose a language."))
    if form.limitation and limitation_of(form) is None:
        problems.append(reason("limitation", "invalid", "Please enter a date, or leave it empty."))
    if form.hand and form.hand not in HANDS:
        problems.append(reason("hand", "invalid", "Please choose who writes."))
    if not 8 <= len(form.key) <= 64:
        problems.append(reason("key", "invalid", "Please open this page again."))
    return problems


def limitation_of(form: QuestionForm) -> date | None:
    try:
        return date.fromisoformat(form.limitation)
    except ValueError:
        return None


def advice_problems(words: str) -> list[Reason]:
    if not words.strip():
        return [reason("words", "missing", "Please write your advice.")]
    if len(words) > ADVICE_MAX:
        return [reason("words", "too-long", "At most {max} characters, please.", max=ADVICE_MAX)]
    return []


def pin_problems(pin: str) -> list[Reason]:
    """A code of six digits that is not the first one that somebody else would try."""
    if not (pin.isascii() and pin.isdigit() and len(pin) == PIN_DIGITS):
        return [reason("pin", "invalid", "The code has six digits.")]
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        return [reason("pin", "weak", "This code is too easy to guess. Please choose another.")]
    return []
