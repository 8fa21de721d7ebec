"""What a recording is found by: short terms out of names, references, notes, wings, officers, marks. Pure.

A word of Latin letters gives its beginnings, two to ten letters long; Chinese gives each pair of neighbouring
characters, and the first one of a run alone (a surname). So what somebody types is looked up, never searched for
through all rows, on either database. Kinds: `x:` text, `w:` wing, `o:` officer, `m:` mark or other event, `r:` reason.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

_RUN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+|[^\W_]+", re.UNICODE)
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
LONGEST = 10  # letters of a beginning that is kept
TEXT, WING, OFFICER, EVENT, REASON = "x:", "w:", "o:", "m:", "r:"


def of_text(*texts: str) -> set[str]:
    """All terms of names, references or notes."""
    return {term for text in texts for run in _runs(text) for term in _kept(run)}


def asked(text: str) -> list[str]:
    """The terms that a recording must have to be found by what was typed; the most telling first."""
    wanted = {term for run in _runs(text) for term in _wanted(run)}
    return sorted(wanted, key=lambda term: (-len(term), term))


def of_kind(kind: str, values: Iterable[str]) -> set[str]:
    return {kind + value for value in values if value}


def _runs(text: str) -> Iterator[str]:
    """Words: runs of Chinese characters or of other letters and digits, in one form of writing."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for match in _RUN.finditer(plain):
        run = match.group()
        if _HAN.match(run):
            yield run
        else:
            yield from (part for part in re.split(f"({_HAN.pattern}+)", run) if part)


def _kept(run: str) -> Iterator[str]:
    if _HAN.match(run):
        yield TEXT + run[0]
        yield from (TEXT + run[at : at + 2] for at in range(len(run) - 1))
        return
    yield from (TEXT + run[:length] for length in range(min(2, len(run)), min(LONGEST, len(run)) + 1))


def _wanted(run: str) -> Iterator[str]:
    if not _HAN.match(run):
        yield TEXT + run[:LONGEST]
    elif len(run) == 1:
        yield TEXT + run
    else:
        yield from (TEXT + run[at : at + 2] for at in range(len(run) - 1))
