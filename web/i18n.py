"""Two languages through catalogs: English sentences are the message ids, Chinese stands in `locale/zh/*.po`.

Every domain has a file of its own; all are read once and merged. Placeholders are `{name}`. Code marks a
sentence it only holds with `N_`; whoever shows it calls `translate` with the reader's language.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
DEFAULT: Language = "zh"
LOCALE_DIR = Path(__file__).parent / "locale"
# The house's English writes day before month. Read once: by its name Babel looks for a locale anew with each date.
BABEL_LOCALES = {"zh": Locale.parse("zh_CN"), "en": Locale.parse("en_GB")}
HTML_LANGS = {"zh": "zh-CN", "en": "en"}


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks an English sentence for the catalogs and gives it back unchanged."""
    return text


def language_of(value: str | None) -> Language:
    """The language a cookie or account names; the default for anything else."""
    return value if value in LANGUAGES else DEFAULT


@cache
def catalog(language: str) -> Mapping[str, tuple[str, ...]]:
    """Message id (the singular one) -> its translation, or its plural forms in order. English has none.

    The file first in the alphabet wins where two translate the same sentence.
    """
    merged: dict[str, tuple[str, ...]] = {}
    for path in sorted((LOCALE_DIR / language).glob("*.po")):
        for key, forms in read_catalog(path, language).items():
            merged.setdefault(key, forms)
    return merged


def read_catalog(path: Path, language: str) -> dict[str, tuple[str, ...]]:
    """One catalog file; entries that are fuzzy or empty are left out."""
    entries: dict[str, tuple[str, ...]] = {}
    with path.open("rb") as file:
        for message in read_po(file, locale=BABEL_LOCALES[language]):
            if not message.id or message.fuzzy:
                continue
            key = message.id[0] if isinstance(message.id, tuple | list) else message.id
            forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
            if all(forms):
                entries[str(key)] = tuple(str(form) for form in forms)
    return entries


def translate(language: str, english: str, params: Mapping[str, object] | None = None) -> str:
    """`english` in `language` with its `{names}` filled; English itself where no catalog has it."""
    forms = catalog(language).get(english)
    text = forms[0] if forms else english
    return text.format(**params) if params else text


def translate_plural(
    language: str, singular: str, plural: str, number: int, params: Mapping[str, object] | None = None
) -> str:
    """As `translate`, by number. Chinese has one form, English two."""
    forms = catalog(language).get(singular)
    text = (
        (forms[0] if len(forms) == 1 or number == 1 else forms[-1])
        if forms
        else singular
        if number == 1
        else plural
    )
    return text.format(**{"n": number, **(params or {})})
