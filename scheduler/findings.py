"""What an importer says about a file: how bad it is, where it stands, and a sentence about it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Reason


class Grade(StrEnum):
    """Refused: it cannot be meant, and nothing of its file is taken. Odd: taken as the sentence says.
    Noted: understood, but this version has no use for it."""

    REFUSED = "refused"
    ODD = "odd"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` is the path inside the file (`recurring.tue[1]`, empty: the file itself), `line` counts from 1
    (0: of no line)."""

    grade: Grade
    key: str
    line: int
    reason: Reason

    @property
    def code(self) -> str:
        return self.reason.code

    def document(self) -> dict[str, str | int]:
        return {
            "grade": self.grade.value,
            "code": self.code,
            "key": self.key,
            "line": self.line,
            "text": str(self.reason),
        }


# People who bring in a timetable read these.
REFUSED: Mapping[str, str] = {
    "unreadable": "The file cannot be read as YAML: {problem}.",
    "not-text": "The file is not text in UTF-8.",
    "too-large": "The file is larger than {limit} bytes.",
    "not-a-timetable": "There is no timetable in this file.",
    "missing": "{name} is missing.",
    "not-a-list": "A list is expected here.",
    "not-keys": "Keys with values are expected here.",
    "not-a-value": "A single value is expected here.",
    "key-twice": "{name} is stated twice.",
    "name-too-long": "The name is longer than {limit} characters.",
    "not-yes-or-no": "{value} is neither true nor false.",
    "not-a-number": "{value} is not a whole number.",
    "rule-unusable": "The rules cannot take this value: {problem}.",
    "no-weekday": "{value} is no weekday; they are mon, tue, wed, thu, fri, sat and sun.",
    "bad-time": "{value} is not a time of the day from HHMM to HHMM.",
    "ends-too-early": "{value} ends before it begins.",
    "time-twice": "{value} is stated twice.",
    "starts-twice": "Another time of this day begins at {time} too.",
    "bad-date": "{value} is not a date (YYYY-MM-DD).",
    "closed-twice": "{day} is closed already by this list.",
    "closed-and-special": "{day} is both closed and special.",
    "no-times": "A special date needs times; a day without visits belongs to unbookable.",
    "no-such-prison": "No prison has the name {name}. With --create it is set up.",
    "no-such-id": "No prison has the id {id}.",
    "special-here": "{day} is a special date of this prison already; it cannot be closed as well.",
    "closed-here": "{day} is closed in this prison already; it cannot be special as well.",
    "special-differs": "{day} has a time from {time} already, of {minutes} minutes.",
}
ODD: Mapping[str, str] = {
    "unknown-key": "{name} is not known and was left aside.",
    "misspelt-key": "{name} is not known and was left aside; {meant} may be meant.",
    "no-adult-age": "adult_age is missing; the policy's holds.",
    "no-weekly-times": "recurring is missing; the prison has no weekly visits.",
    "no-enabled": "enabled is missing; the prison is taken as enabled.",
    "read-as": "{value} is read as {meant}.",
    "empty": "Nothing is stated here.",
    "closed-yet-enabled": "The prison is both enabled and closed; it is taken as closed.",
    "overlap": "{value} begins before {other} ends.",
    "very-long": "{minutes} minutes are very long for one visit.",
    "adult-age-low": "Whoever is {years} years old counts as an adult here.",
    "audience-in-name": "By its name {name} is for some people alone; the format cannot say so, and its times are "
    "taken as for everybody.",
    "same-number": "{file} has the same nomis_id: parts of one prison become prisons of their own here.",
    "same-name": "{file} is about a prison of this name too; both go into one.",
    "closed-anyway": "{day} is closed, and the week has no visits on that weekday; another day may be meant.",
    "special-as-usual": "{day} has the times that its weekday always has; another day or other times may be meant.",
    "far-ahead": "{day} lies more than {years} years ahead.",
    "other-name": "The file is about {name}, the prison is {prison}.",
    "not-in-file": "The prison has visits of {minutes} minutes on weekday {weekday} at {time} that the file does not "
    "name; they stay.",
    "closed-not-in-file": "The prison is closed on {day}, which the file does not name; it stays closed.",
    "special-not-in-file": "The prison has a special time on {day} at {time} that the file does not name; it stays.",
    "rule-differs": "The prison's rules say {present} for {name}, the file {stated}. Rules are changed by two persons, "
    "not by a file.",
    "rules-incomplete": "Nobody can book yet: the rules of this prison lack {missing}.",
    "bookings-ahead": "Bookings that this touches: {count}. An officer decides on each.",
}
NOTED: Mapping[str, str] = {
    "not-supported": "{name} is understood, but not supported yet.",
    "not-kept": "{name} is not kept.",
    "passed": "Dates that have passed and are left aside: {count}, from {first} to {last}.",
}
TEXTS: Mapping[str, str] = {**REFUSED, **ODD, **NOTED}


def finding(code: str, key: str, line: int = 0, **params: str | int) -> Finding:
    """The finding of that code; its table says how bad it is."""
    grade = Grade.REFUSED if code in REFUSED else Grade.ODD if code in ODD else Grade.NOTED
    return Finding(grade, key, line, Reason(code, TEXTS[code], params))


def refused(key: str, line: int, reason: Reason) -> Finding:
    """A finding with the words of whoever refused it."""
    return Finding(Grade.REFUSED, key, line, reason)
