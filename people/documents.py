"""Numbers of identity documents: form, check digit, birth date; masked for pages. Pure.

Sources: GB 11643-1999 (resident identity number; check character by ISO 7064 MOD 11-2; the same form serves
the residence permits of Hong Kong, Macao and Taiwan residents, regions 81 to 83), ICAO Doc 9303 part 4
(passport number, nine characters at most), National Immigration Administration (permits).
"""

import re
from datetime import date

from core.errors import Reason
from people.model import DocumentKind

_WEIGHTS = tuple(2 ** (17 - i) % 11 for i in range(17))
_CHECK = "10X98765432"
# GB/T 2260, first two digits: the provinces, and 71, 81, 82, 83.
_REGIONS = frozenset(
    str(region)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for region in range(first, last + 1)
)
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")
_OLDEST = 1900
_FORMS: dict[DocumentKind, re.Pattern[str]] = {
    DocumentKind.PASSPORT: re.compile(r"(?=.*[0-9])[A-Z0-9]{6,9}"),
    # H or M, eight digits for life, two more that count the renewals
    DocumentKind.HK_MACAO: re.compile(r"[HM][0-9]{8}([0-9]{2})?"),
    # eight digits since 2015, ten and perhaps a letter before
    DocumentKind.TAIWAN: re.compile(r"[0-9]{8}|[0-9]{10}[A-Z]?"),
}
_FILLING = re.compile(r"[\s\-()]+")


def normalised(number: str) -> str:
    """Upper case, half width, without blanks and dashes."""
    narrow = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in number)
    return _FILLING.sub("", narrow.replace("\u3000", " ")).upper()


def identity_key(kind: DocumentKind, number: str) -> str:
    """What makes two documents the same person's: renewal digits left out."""
    text = normalised(number)
    return f"{kind}:{text[:9] if kind is DocumentKind.HK_MACAO else text}"


def masked(number: str) -> str:
    """The first and last two or four characters."""
    text = normalised(number)
    shown = 4 if len(text) > 12 else 2
    return f"{text[:shown]}{'*' * (len(text) - 2 * shown)}{text[-shown:]}"


def problems(kind: DocumentKind, number: str, born: date | None, today: date) -> list[Reason]:
    """All that is wrong with a number; `born` is what the person says, compared where the number tells."""
    text = normalised(number)
    if not text:
        return [_reason("document-missing", "Please enter the number of your document.")]
    if kind is not DocumentKind.RESIDENT:
        return [] if _FORMS[kind].fullmatch(text) else [_invalid()]
    return _resident_problems(text, born, today)


def _resident_problems(text: str, born: date | None, today: date) -> list[Reason]:
    if not _RESIDENT.fullmatch(text) or text[:2] not in _REGIONS or text[17] != check_character(text[:17]):
        return [_invalid()]
    written = birth_date(text)
    if written is None or written.year < _OLDEST or written > today:
        return [_invalid()]
    if born is not None and written != born:
        return [_reason("document-birth-differs", "The birth date and the document's number do not agree.")]
    return []


def check_character(first17: str) -> str:
    """ISO 7064 MOD 11-2 over seventeen digits."""
    return _CHECK[sum(int(d) * w for d, w in zip(first17, _WEIGHTS, strict=True)) % 11]


def birth_date(resident_number: str) -> date | None:
    """The date in digits 7 to 14, None where there is no such day."""
    try:
        return date(int(resident_number[6:10]), int(resident_number[10:12]), int(resident_number[12:14]))
    except ValueError:
        return None


def _invalid() -> Reason:
    return _reason("document-invalid", "This is not a number of such a document. Please check each digit.")


def _reason(code: str, text: str) -> Reason:
    return Reason(code, text, {"field": "document"})
