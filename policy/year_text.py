"""A year of working days as people type or upload it. Pure.

One day, or a span of days, on each line: `2027-02-05, holiday`, `2027-10-01..2027-10-07, holiday`,
`2027-02-20, workday`. A holiday is also 假 or 放假, a day on which work is made up 班 or 上班. Empty lines and what
follows `#` are passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

LINES_MAX = 500
_LINE = re.compile(r"(\d{4}-\d\d-\d\d)(?:\s*\.\.\s*(\d{4}-\d\d-\d\d))?\s*[,，\t ]\s*(\S+)")
_KINDS = {"holiday": "holiday", "假": "holiday", "放假": "holiday"} | dict.fromkeys(
    ("workday", "班", "上班"), "workday"
)

# Why a line was not taken, by a code that stays.
FINDINGS: Mapping[str, str] = {
    "line-unreadable": "A line reads like: 2027-10-01..2027-10-07, holiday",
    "kind-unknown": "A day is a holiday (假) or a workday (班).",
    "day-invalid": "There is no such day.",
    "year-other": "This day lies in another year.",
    "day-twice": "This day stands in a line above.",
    "workday-no-weekend": "Work is made up on weekend days only; this day is worked anyway.",
    "too-many-lines": "500 lines at most.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    line: int
    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Days:
    """What was read, and each line that was not."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    findings: tuple[Finding, ...]


def read(text: str, year: int, weekend: frozenset[int]) -> Days:
    """Every good line, and a finding for every other one."""
    taken: dict[date, str] = {}
    findings: list[Finding] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        words = line.partition("#")[0].strip().rstrip(",，")
        if not words:
            continue
        if number > LINES_MAX:
            findings.append(Finding(number, "too-many-lines"))
            break
        try:
            _take(taken, dict(_days(words, year, weekend)))
        except _Wrong as wrong:
            findings.append(Finding(number, wrong.code, words[:60]))
    return Days(
        frozenset(day for day, kind in taken.items() if kind == "holiday"),
        frozenset(day for day, kind in taken.items() if kind == "workday"),
        tuple(findings),
    )


class _Wrong(ValueError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _take(taken: dict[date, str], days: Mapping[date, str]) -> None:
    if taken.keys() & days.keys():
        raise _Wrong("day-twice")
    taken.update(days)


def _days(words: str, year: int, weekend: frozenset[int]) -> Iterator[tuple[date, str]]:
    found = _LINE.fullmatch(words)
    if found is None:
        raise _Wrong("line-unreadable")
    first_words, last_words, kind_words = found.groups()
    kind = _KINDS.get(kind_words.lower())
    if kind is None:
        raise _Wrong("kind-unknown")
    try:
        first, last = date.fromisoformat(first_words), date.fromisoformat(last_words or first_words)
    except ValueError as error:
        raise _Wrong("day-invalid") from error
    if not first <= last or (first.year, last.year) != (year, year):
        raise _Wrong("year-other" if first <= last else "day-invalid")
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if kind == "workday" and any(day.isoweekday() not in weekend for day in span):
        raise _Wrong("workday-no-weekend")
    yield from ((day, kind) for day in span)
