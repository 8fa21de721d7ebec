"""Supervising officers as rosters: when each is on duty, their breaks, and how many calls one watches at once. Pure.

A call may be handed to another officer at a change of shift or for a break; at every moment of it somebody watches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Shift:
    """`breaks`: spans in which the officer does not watch: the break, and when they are away."""

    officer_id: str
    officer_name: str
    starts_at: datetime
    ends_at: datetime
    at_once: int
    breaks: tuple[Span, ...] = ()

    def on_duty(self, moment: datetime) -> bool:
        if not self.starts_at <= moment < self.ends_at:
            return False
        return not any(first <= moment < last for first, last in self.breaks)


@dataclass(frozen=True, slots=True)
class Watch:
    """One officer's part of one call."""

    officer_id: str
    officer_name: str
    from_: datetime


def capacity(shifts: Iterable[Shift], moment: datetime) -> int:
    """Calls that can be watched at once at that moment."""
    return sum(shift.at_once for shift in shifts if shift.on_duty(moment))


def moments(shifts: Sequence[Shift], spans: Sequence[Span]) -> list[datetime]:
    """Where something may change: the beginnings of calls, and of everything that takes an officer away. What
    holds at all of these holds always."""
    found = {first for first, _ in spans}
    found |= {shift.ends_at for shift in shifts}
    found |= {first for shift in shifts for first, _ in shift.breaks}
    return sorted(found)


def beyond(shifts: Sequence[Shift], calls: Sequence[Span]) -> list[int]:
    """Which calls (by place in `calls`, the first keep theirs) cannot be watched from beginning to end."""
    admitted: list[Span] = []
    left_out = []
    at = moments(shifts, calls)
    for number, call in enumerate(calls):
        inside = [moment for moment in at if call[0] <= moment < call[1]]
        if all(_busy(admitted, moment) < capacity(shifts, moment) for moment in inside):
            admitted.append(call)
        else:
            left_out.append(number)
    return left_out


def _busy(calls: Iterable[Span], moment: datetime) -> int:
    return sum(first <= moment < last for first, last in calls)


def watches(shifts: Sequence[Shift], calls: Sequence[Span]) -> list[list[Watch]]:
    """Who watches which call: the same officer for as long as they are on duty, the least burdened first.

    A call that nobody can watch from some moment on has no part from there.
    """
    parts: list[list[Watch]] = [[] for _ in calls]
    for moment in moments(shifts, calls):
        load: dict[str, int] = {}
        waiting = []
        on_duty = {shift.officer_id: shift for shift in shifts if shift.on_duty(moment)}
        for number, (first, last) in enumerate(calls):
            if not first <= moment < last:
                continue
            present = parts[number][-1].officer_id if parts[number] else ""
            if present in on_duty:
                load[present] = load.get(present, 0) + 1
            else:
                waiting.append(number)
        for number in waiting:
            free = [s for s in on_duty.values() if load.get(s.officer_id, 0) < s.at_once]
            if free:
                chosen = min(free, key=lambda s: (load.get(s.officer_id, 0) / s.at_once, s.officer_id))
                load[chosen.officer_id] = load.get(chosen.officer_id, 0) + 1
                parts[number].append(Watch(chosen.officer_id, chosen.officer_name, moment))
    return parts
