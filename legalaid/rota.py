"""The dates of help days, the grid of their turns, and whose turn it is to come. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from scheduler.timetable import instant


def days(weekday: int, first: date, last: date) -> list[date]:
    """The dates of an ISO weekday between the two, both included."""
    start = first + timedelta(days=(weekday - first.isoweekday()) % 7)
    return [start + timedelta(days=n) for n in range(0, max(0, (last - start).days + 1), 7)]


def hours(day: date, starts: time, minutes: int, zone: str) -> tuple[datetime, datetime]:
    """When a help day begins and ends; elapsed minutes, whatever the clocks do."""
    begins = instant(day, starts, zone)
    return begins, begins + timedelta(minutes=minutes)


def grid(starts_at: datetime, ends_at: datetime, turn_minutes: int) -> list[datetime]:
    """When each turn begins; one that would not end in time is none."""
    width = timedelta(minutes=turn_minutes)
    return [starts_at + n * width for n in range(max(0, (ends_at - starts_at) // width))]


def fair_order(lawyers: Iterable[str], had: Mapping[str, int]) -> list[str]:
    """Those who had the fewest turns lately first."""
    return sorted(lawyers, key=lambda lawyer: (had.get(lawyer, 0), lawyer))
