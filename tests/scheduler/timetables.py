"""Timetable files for the tests: a whole one of our own, what it adds up to, and where the real ones stand."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from scheduler import importer
from scheduler.findings import Grade
from scheduler.importer import TimetableFile

# The library of the project, where it stands beside it.
REAL = Path(__file__).parents[3] / "shared" / "data" / "uk-prison-timetables"

HEAD = "name: Northgate\nnomis_id: NGI\nenabled: true\nprivate: false\nclosed: false\nadult_age: 16\n"
WHOLE = f"""---
{HEAD}address: |-
  Bridge Street
  Northgate
postcode: NG1 1AA
recurring:
  mon:
  - 1400-1600
  fri:
  - 0930-1030
  - 1100-1200
unbookable:
- 2026-12-25
- 2027-01-01
anomalous:
  2026-12-28:
  - 0930-1030
  - 1045-1215
"""
SHUT = "---\nname: Southgate\nnomis_id: SGI\nenabled: false\nprivate: true\nclosed: false\n"
MISSPELT = WHOLE.replace("Northgate", "Eastgate").replace("NGI", "EGI").replace("adult_age", "adult age")

# What the real files add up to (scenario F56) and what is odd in them, counted without the importer; and ours.
# "same-number": what is told of five pairs and a triple.
REAL_SUMS = {
    "files": 132,
    "enabled": 91,
    "weekly": 655,
    "closed": 584,
    "special": 286,
    "codes": {
        "adult-age-low": 2,
        "audience-in-name": 7,
        "closed-anyway": 91,
        "misspelt-key": 1,
        "no-adult-age": 1,
        "read-as": 1,
        "special-as-usual": 6,
        "very-long": 15,
    },
    "same-number": 16,
    "lengths": {120: 322, 60: 168, 90: 88, 135: 35, 105: 31, 150: 4, 165: 4, 345: 2, 45: 1},
}
OWN_SUMS = {
    "files": 3,
    "enabled": 2,
    "weekly": 6,
    "closed": 4,
    "special": 4,
    "codes": {"misspelt-key": 1, "no-adult-age": 1},
    "same-number": 0,
    "lengths": {120: 2, 60: 4},
}


def real_or_own() -> tuple[list[bytes], dict[str, object]]:
    """The contents of the real files with their sums, or of ours where there are no real ones."""
    if REAL.is_dir():
        return [path.read_bytes() for path in sorted(REAL.glob("*.yml"))], dict(REAL_SUMS)
    return [text.encode() for text in (WHOLE, SHUT, MISSPELT)], dict(OWN_SUMS)


def whole(text: str | bytes) -> TimetableFile:
    """The file that a text is, which must be one."""
    reading = importer.read(text.encode() if isinstance(text, str) else text)
    assert reading.file is not None, [str(one.reason) for one in reading.findings]
    return reading.file


def sums(contents: Iterable[bytes]) -> dict[str, object]:
    readings = [importer.read(content) for content in contents]
    files = [reading.file for reading in readings if reading.file is not None]
    codes = Counter(
        one.code for reading in readings for one in reading.findings if one.grade is not Grade.NOTED
    )
    lengths = Counter(times.minutes for file in files for day in file.weekly.values() for times in day)
    counted: Counter[str] = Counter({"enabled": 0, "weekly": 0, "closed": 0, "special": 0})
    for file in files:
        counted.update(file.counts())
    numbers = Counter(file.number for file in files)
    same = sum(count * (count - 1) for count in numbers.values())
    found = {"files": len(files), "codes": dict(codes), "same-number": same}
    return {**counted, **found, "lengths": dict(lengths)}
