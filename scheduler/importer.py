"""Prison timetable files -> values, and everything that is odd about them. Pure; docs/import.md has the format.

The file is read as YAML nodes, never as objects: every scalar stays the text that somebody wrote, each has a
line, and a key that stands twice is seen. What cannot be meant is refused, and with it its file: a timetable
of which a part is lost would open a prison on a day on which it is closed.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

import yaml

from policy import model as policy
from policy.model import BadPolicy, LeadUnit
from scheduler.findings import Finding, finding, refused
from scheduler.nodes import NodeReader, is_empty, is_null, line_of
from scheduler.timetable import BadTimetable, Run

_NAME_LENGTH = 200
_VERY_LONG = 240  # minutes; the longest visit that policy knows
_YOUNG = 10  # years; who is younger is hardly meant where a file speaks of adults
_ONLY = re.compile(r"\bonly\b", re.IGNORECASE)  # in a name: the times are for some people, and not for all

WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), 1)}
# Key of the file -> name in the policy; what the policy does not know yet is only noted.
_RULES = {"adult_age": "adult_age", "booking_window": "horizon_days", "max_visitors": "max_visitors"}
_UNSUPPORTED = ("max_adults",)
_NOT_KEPT = ("nomis_id", "address", "postcode", "private", "translations")
_OWN = (
    "name",
    "enabled",
    "closed",
    "lead_days",
    "weekend_processing",
    "recurring",
    "unbookable",
    "anomalous",
)
KEYS = (*_OWN, *_RULES, *_UNSUPPORTED, *_NOT_KEPT)
# What a file of an enabled prison should have, and what is said if it does not.
_EXPECTED = {"adult_age": "no-adult-age", "recurring": "no-weekly-times"}

_TIMES = re.compile(r"([0-9]{1,2})[:.]?([0-9]{2}) *[-–] *([0-9]{1,2})[:.]?([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Times:
    """One visit of a day, in wall time; `line` is where the file says it."""

    starts: time
    minutes: int
    key: str
    line: int

    @property
    def first(self) -> int:
        """Minutes since midnight."""
        return self.starts.hour * 60 + self.starts.minute

    @property
    def last(self) -> int:
        return self.first + self.minutes

    def __str__(self) -> str:
        return f"{self.starts:%H:%M}-{self.last // 60:02}:{self.last % 60:02}"


@dataclass(frozen=True, slots=True)
class TimetableFile:
    """What a file states. `number` is its nomis_id, only compared with those of other files; `values` are rules by
    their names in the policy, `weekly` is by ISO weekday."""

    name: str
    number: str
    enabled: bool
    values: Mapping[str, Any]
    weekly: Mapping[int, tuple[Times, ...]]
    closed: Mapping[date, int]  # with their lines
    special: Mapping[date, tuple[Times, ...]]

    def counts(self) -> dict[str, int]:
        """How much it states."""
        return {
            "enabled": int(self.enabled),
            "weekly": sum(len(day) for day in self.weekly.values()),
            "closed": len(self.closed),
            "special": sum(len(day) for day in self.special.values()),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """`file` is `None` when something of it was refused."""

    file: TimetableFile | None
    findings: tuple[Finding, ...]


def read(content: bytes) -> Reading:
    """Reads one file; never raises for what is in it."""
    reader = NodeReader()
    root = reader.root(content)
    file = None if root is None else _file(reader, root)
    return Reading(None if reader.refused else file, tuple(reader.findings))


def _file(reader: NodeReader, root: yaml.Node) -> TimetableFile:
    parts = dict(reader.entries("", root))
    _report_keys(reader, parts)
    enabled = _enabled(reader, parts)
    closed = _closed(reader, parts.get("unbookable"))
    made = TimetableFile(
        name=_name(reader, parts.get("name")),
        number=_number(reader, parts.get("nomis_id")),
        enabled=enabled,
        values=_values(reader, parts),
        weekly=_weekly(reader, parts.get("recurring")),
        closed=closed,
        special=_special(reader, parts.get("anomalous"), closed),
    )
    for name, code in _EXPECTED.items():
        if enabled and name not in parts:
            reader.say(code, name, None)
    _report_without_effect(reader, made)
    return made


def _report_without_effect(reader: NodeReader, file: TimetableFile) -> None:
    """Dates that change nothing of the week: more likely another day was meant."""
    for day, line in file.closed.items():
        if file.weekly and day.isoweekday() not in file.weekly:
            reader.findings.append(finding("closed-anyway", f"unbookable.{day}", line, day=day.isoformat()))
    for day, times in file.special.items():
        usual = file.weekly.get(day.isoweekday(), ())
        if times and {(one.starts, one.minutes) for one in times} == {
            (one.starts, one.minutes) for one in usual
        }:
            key, line = f"anomalous.{day}", min(one.line for one in times)
            reader.findings.append(finding("special-as-usual", key, line, day=day.isoformat()))


def _report_keys(reader: NodeReader, parts: Mapping[str, yaml.Node]) -> None:
    for name, node in parts.items():
        if name in _NOT_KEPT:
            reader.say("not-kept", name, node, name=name)
        elif name in _UNSUPPORTED:
            reader.say("not-supported", name, node, name=name)
        elif name not in KEYS:
            near = difflib.get_close_matches(name.lower().replace(" ", "_"), KEYS, 1, 0.75)
            code, more = ("misspelt-key", {"meant": near[0]}) if near else ("unknown-key", {})
            reader.say(code, name, node, name=name, **more)


# --- the prison -----------------------------------------------------------------------------------------


def _name(reader: NodeReader, node: yaml.Node | None) -> str:
    text = "" if node is None else " ".join((reader.text("name", node) or "").split())
    if not text or (node is not None and is_null(node)):
        reader.say("missing", "name", node, name="name")
    if len(text) > _NAME_LENGTH:
        reader.say("name-too-long", "name", node, limit=_NAME_LENGTH)
    if _ONLY.search(text):
        reader.say("audience-in-name", "name", node, name=text)
    return text


def _number(reader: NodeReader, node: yaml.Node | None) -> str:
    return "" if node is None or is_null(node) else reader.text("nomis_id", node) or ""


def _enabled(reader: NodeReader, parts: Mapping[str, yaml.Node]) -> bool:
    enabled = reader.yes_or_no("enabled", parts.get("enabled"))
    closed = reader.yes_or_no("closed", parts.get("closed"))
    if enabled is None and "enabled" not in parts:
        reader.say("no-enabled", "enabled", None)
    if enabled and closed:
        reader.say("closed-yet-enabled", "closed", parts["closed"])
    return enabled is not False and closed is not True


def _values(reader: NodeReader, parts: Mapping[str, yaml.Node]) -> dict[str, Any]:
    """The rules of the policy that the file states. Its days of notice are working days, unless it says that
    weekends are worked as well (F57)."""
    stated = [(key, rule, reader.number(key, parts[key])) for key, rule in _RULES.items() if key in parts]
    weekends = reader.yes_or_no("weekend_processing", parts.get("weekend_processing"))
    if "lead_days" in parts:
        stated.append(("lead_days", "lead_days", reader.number("lead_days", parts["lead_days"])))
    values: dict[str, Any] = {}
    for key, rule, number in stated:
        if number is None:
            continue
        try:
            values.update(policy.check({rule: number}))
        except BadPolicy as error:
            problem = str(error.params["problem"])
            reader.say("rule-unusable", key, parts[key], problem=problem)
    if values.get("adult_age", _YOUNG) < _YOUNG:
        reader.say("adult-age-low", "adult_age", parts["adult_age"], years=values["adult_age"])
    if "lead_days" in values or weekends is not None:
        values["lead_unit"] = str(LeadUnit.DAYS if weekends else LeadUnit.WORKING_DAYS)
    return values


# --- times and dates ------------------------------------------------------------------------------------


def _weekly(reader: NodeReader, node: yaml.Node | None) -> dict[int, tuple[Times, ...]]:
    if node is None:
        return {}
    if is_empty(node):
        reader.say("empty", "recurring", node)
        return {}
    weekly: dict[int, tuple[Times, ...]] = {}
    for name, value in reader.entries("recurring", node):
        key = f"recurring.{name}"
        if name not in WEEKDAYS:
            reader.say("no-weekday", key, value, value=name)
        elif is_empty(value):
            reader.say("empty", key, value)
        else:
            weekly[WEEKDAYS[name]] = _day(reader, key, value)
    return weekly


def _closed(reader: NodeReader, node: yaml.Node | None) -> dict[date, int]:
    if node is None:
        return {}
    if is_empty(node):
        reader.say("empty", "unbookable", node)
        return {}
    closed: dict[date, int] = {}
    for key, text, item in reader.items("unbookable", node):
        day = reader.date(key, text, item)
        if day is not None and day in closed:
            reader.say("closed-twice", key, item, day=day.isoformat())
        elif day is not None:
            closed[day] = line_of(item)
    return closed


def _special(
    reader: NodeReader, node: yaml.Node | None, closed: Mapping[date, int]
) -> dict[date, tuple[Times, ...]]:
    if node is None:
        return {}
    if is_empty(node):
        reader.say("empty", "anomalous", node)
        return {}
    special: dict[date, tuple[Times, ...]] = {}
    for name, value in reader.entries("anomalous", node):
        key = f"anomalous.{name}"
        day = reader.date(key, name, value)
        if is_empty(value):
            reader.say("no-times", key, value)
            continue
        times = _day(reader, key, value, one_start=True)
        if day is not None and day in closed:
            reader.say("closed-and-special", key, value, day=day.isoformat())
        elif day is not None:
            special[day] = times
    return special


def _day(reader: NodeReader, key: str, node: yaml.Node, *, one_start: bool = False) -> tuple[Times, ...]:
    """The times of one day, in order; with `one_start` no two may begin at the same time."""
    found: list[Times] = []
    for path, text, item in reader.items(key, node):
        times = _times(reader, path, text, item)
        if times is None:
            continue
        same = [other for other in found if other.starts == times.starts]
        if any(other.minutes == times.minutes for other in same):
            reader.say("time-twice", path, item, value=str(times))
        elif same and one_start:
            reader.say("starts-twice", path, item, time=f"{times.starts:%H:%M}")
        else:
            found.append(times)
    found.sort(key=lambda times: (times.first, times.last))
    latest: Times | None = None
    for times in found:
        if latest is not None and times.first < latest.last:
            reader.findings.append(
                finding("overlap", times.key, times.line, value=str(times), other=str(latest))
            )
        latest = times if latest is None or times.last > latest.last else latest
    return tuple(found)


def _times(reader: NodeReader, key: str, text: str, node: yaml.Node) -> Times | None:
    match = _TIMES.fullmatch(text)
    numbers = [int(part) for part in match.groups()] if match else []
    if not match or numbers[0] > 23 or numbers[2] > 24 or max(numbers[1], numbers[3]) > 59:
        reader.say("bad-time", key, node, value=text)
        return None
    minutes = (numbers[2] - numbers[0]) * 60 + numbers[3] - numbers[1]
    if minutes <= 0:
        reader.say("ends-too-early", key, node, value=text)
        return None
    times = Times(time(numbers[0], numbers[1]), minutes, key, line_of(node))
    try:
        Run(times.starts, minutes, minutes, 1, 1)
    except BadTimetable as error:
        reader.findings.append(refused(key, times.line, error.reason))
        return None
    if not re.fullmatch(r"[0-9]{4}-[0-9]{4}", text):
        reader.say("read-as", key, node, value=text, meant=str(times))
    if minutes > _VERY_LONG:
        reader.say("very-long", key, node, minutes=minutes)
    return times
