"""The directory as a CSV file: what is taken, and why a line is not. Pure.

The first line names the columns, in any order: key, kind, name, organisation, city, place, address, lat, lon,
phone, hours, topics, languages. Topics and languages are codes with `;` between; empty means all. UTF-8, with
or without a byte order mark, or GB 18030, as spreadsheet programs write it.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from legalaid.case_wording import HELPERS
from legalaid.geography import Point
from legalaid.wording import LANGUAGES, TOPICS

COLUMNS = (
    *("key", "kind", "name", "organisation", "city", "place", "address", "lat", "lon", "phone", "hours"),
    *("topics", "languages"),
)
_NEEDED = ("key", "kind", "name", "city", "place", "lat", "lon", "phone")
LINES_MAX = 20_000
BYTES_MAX = 5 * 1024 * 1024
_CELL_MAX = 120
_PHONE = re.compile(r"[0-9+][0-9 -]{2,24}")

# Why a line was not taken, by a code that stays.
FINDINGS: Mapping[str, str] = {
    "not-text": "The file is neither UTF-8 nor GB 18030.",
    "too-many-lines": "A file may have 20,000 lines at most.",
    "columns-missing": "The first line does not name these columns: {what}",
    "cells-missing": "The line has fewer cells than the first one.",
    "value-missing": "This is empty: {what}",
    "value-long": "This is longer than 120 characters: {what}",
    "key-twice": "The same key stands in a line above.",
    "kind-unknown": "There is no such kind: {what}",
    "position-invalid": "Latitude and longitude are degrees, such as 31.86 and 117.28.",
    "phone-invalid": "This is no telephone number: {what}",
    "topic-unknown": "There is no such topic: {what}",
    "language-unknown": "There is no such language: {what}",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that was taken."""

    key: str
    kind: str
    name: str
    organisation: str
    city: str
    place: str
    address: str
    lat: float
    lon: float
    phone: str
    hours: str
    topics: tuple[str, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` as a text editor counts, from 1; `what` fills the sentence of `FINDINGS[code]`."""

    line: int
    code: str
    what: str = ""


def read(data: bytes) -> tuple[list[Entry], list[Finding]]:
    """Every good line, and a finding for every other one."""
    text = _decoded(data)
    if text is None:
        return [], [Finding(1, "not-text")]
    reader = csv.reader(io.StringIO(text, newline=""), strict=False)
    head = [cell.strip().lower() for cell in next(reader, [])]
    if missing := [name for name in _NEEDED if name not in head]:
        return [], [Finding(1, "columns-missing", ", ".join(missing))]
    entries: dict[str, Entry] = {}
    findings: list[Finding] = []
    begins = reader.line_num + 1
    for cells in reader:
        line, begins = begins, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if line > LINES_MAX:
            return list(entries.values()), [*findings, Finding(line, "too-many-lines")]
        taken = _entry(head, cells)
        if isinstance(taken, Entry) and taken.key in entries:
            taken = ("key-twice", taken.key)
        if isinstance(taken, Entry):
            entries[taken.key] = taken
        else:
            findings.append(Finding(line, *taken))
    return list(entries.values()), findings


def _decoded(data: bytes) -> str | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _entry(head: list[str], cells: list[str]) -> Entry | tuple[str, str]:
    """The entry, or (code, what) of the first thing that is wrong with it."""
    if len(cells) < len(head):
        return "cells-missing", ""
    given = {name: cell.strip() for name, cell in zip(head, cells, strict=False) if name in COLUMNS}
    row = dict.fromkeys(COLUMNS, "") | given
    topics, languages = _codes(row["topics"]), _codes(row["languages"])
    for problem in _problems(row, topics, languages):
        return problem
    kept = {name: row[name] for name in COLUMNS if name not in ("lat", "lon", "topics", "languages")}
    return Entry(**kept, lat=float(row["lat"]), lon=float(row["lon"]), topics=topics, languages=languages)


def _problems(
    row: Mapping[str, str], topics: tuple[str, ...], languages: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """In the order in which they are told."""
    if empty := [name for name in _NEEDED if not row[name]]:
        yield "value-missing", ", ".join(empty)
    if long := [name for name in COLUMNS if len(row[name]) > _CELL_MAX]:
        yield "value-long", ", ".join(long)
    if row["kind"] not in HELPERS:
        yield "kind-unknown", row["kind"]
    try:
        Point(float(row["lat"]), float(row["lon"]))
    except ValueError:
        yield "position-invalid", ""
    if not _PHONE.fullmatch(row["phone"]):
        yield "phone-invalid", row["phone"]
    for code in topics:
        if code not in TOPICS:
            yield "topic-unknown", code
    for code in languages:
        if code not in LANGUAGES:
            yield "language-unknown", code


def _codes(cell: str) -> tuple[str, ...]:
    return tuple(sorted({code.strip() for code in cell.replace("；", ";").split(";") if code.strip()}))
