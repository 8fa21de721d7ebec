"""What a day, a month or a quarter brought: what came in, what was solved in time or late, what is carried. Pure.

Counted from the histories of clocks alone. A phase is one promise of one matter, from its start to its end.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

_KEY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?|-Q([1-4]))")


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both included. `key`: `2026-11-21`, `2026-11` or `2026-Q4`."""

    key: str
    first: date
    last: date

    @property
    def before(self) -> str:
        """The key of the span before this one."""
        return _of(self.first - timedelta(days=1), self.kind)

    @property
    def after(self) -> str:
        return _of(self.last + timedelta(days=1), self.kind)

    @property
    def kind(self) -> str:
        """day, month or quarter"""
        return "quarter" if "Q" in self.key else "day" if len(self.key) == 10 else "month"


def span(key: str, kind: str, today: date) -> Span:
    """The span of that key, or the present day, month or quarter where the key says nothing."""
    return (
        _parsed(key)
        or _parsed(_of(today, kind if kind in ("day", "month", "quarter") else "month"))
        or _day(today)
    )


def _of(day: date, kind: str) -> str:
    match kind:
        case "day":
            return day.isoformat()
        case "quarter":
            return f"{day.year:04}-Q{(day.month + 2) // 3}"
    return f"{day.year:04}-{day.month:02}"


def _parsed(key: str) -> Span | None:
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    year, month, day, quarter = (int(part) if part else 0 for part in found.groups())
    try:
        if day:
            return _day(date(year, month, day))
        if quarter:
            return Span(key, date(year, 3 * quarter - 2, 1), _end(year, 3 * quarter))
        return Span(key, date(year, month, 1), _end(year, month))
    except (ValueError, OverflowError):
        return None


def _day(day: date) -> Span:
    return Span(day.isoformat(), day, day)


def _end(year: int, month: int) -> date:
    """The last day of a month."""
    return (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


class Group(StrEnum):
    """The columns of a review."""

    CAME = "came"
    IN_TIME = "in-time"
    LATE = "late"
    WITHDRAWN = "withdrawn"
    CARRIED = "carried"  # open when the span ended
    OVERDUE = "overdue"  # of these, those that had been handed up


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a clock's history, in its order."""

    clock_id: str
    at: datetime
    what: str
    code: str
    late: bool
    desk: str


@dataclass(slots=True)
class Phase:
    """`ended`: None while it runs. `handed_up`: when it was first too late."""

    clock_id: str
    code: str
    began: datetime
    desk: str
    ended: datetime | None = None
    how: str = ""
    late: bool = False
    handed_up: datetime | None = None


def phases(steps: Iterable[Step]) -> list[Phase]:
    """Of any number of clocks; the steps of each stand in their order."""
    found: list[Phase] = []
    running: dict[str, Phase] = {}
    for step in steps:
        phase = running.get(step.clock_id)
        if step.what == "started":
            phase = Phase(step.clock_id, step.code, step.at, step.desk)
            running[step.clock_id] = phase
            found.append(phase)
        elif phase is None:
            continue
        elif step.what in ("done", "withdrawn"):
            phase.ended, phase.how, phase.late = step.at, step.what, step.late
            del running[step.clock_id]
        elif step.what in ("escalated", "discipline"):
            phase.handed_up = phase.handed_up or step.at
            phase.desk = step.desk
        else:
            phase.code, phase.desk = step.code, step.desk
    return found


def groups(phase: Phase, begins: datetime, ends: datetime) -> frozenset[Group]:
    """Where a phase counts in the span from `begins` (included) to `ends` (excluded)."""
    found = set()
    if begins <= phase.began < ends:
        found.add(Group.CAME)
    if phase.ended is not None and begins <= phase.ended < ends:
        done = Group.LATE if phase.late else Group.IN_TIME
        found.add(done if phase.how == "done" else Group.WITHDRAWN)
    if phase.began < ends and (phase.ended is None or phase.ended >= ends):
        found.add(Group.CARRIED)
        if phase.handed_up is not None and phase.handed_up < ends:
            found.add(Group.OVERDUE)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Line:
    """Counts of one kind of promise."""

    code: str
    counts: dict[Group, int]

    @property
    def percent(self) -> int | None:
        """Of what was solved, the share in time; None while nothing was."""
        solved = self.counts[Group.IN_TIME] + self.counts[Group.LATE]
        return round(100 * self.counts[Group.IN_TIME] / solved) if solved else None


def lines(found: Sequence[Phase], begins: datetime, ends: datetime) -> list[Line]:
    """One for each kind that has anything to count, by its code."""
    counts: dict[str, dict[Group, int]] = {}
    for phase in found:
        for group in groups(phase, begins, ends):
            line = counts.setdefault(phase.code, dict.fromkeys(Group, 0))
            line[group] += 1
    return [Line(code, counts[code]) for code in sorted(counts)]
