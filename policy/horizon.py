"""How far the working days of a place are known. Pure.

A year is announced in November and bites with the first deadline that reaches into it: it is asked for long
before, and a provisional one (the law's own days only) is named as what it is.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from policy.calendar import Calendar

AHEAD = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Gap:
    """A year whose table is missing (or only `provisional`); `first` is its first day, `days` till then."""

    calendar: str
    year: int
    first: date
    days: int
    provisional: bool


def gaps(calendar: Calendar, today: date) -> list[Gap]:
    """What must be entered within `AHEAD` from `today`, the nearest first."""
    if calendar.years is None:
        return []
    found = []
    for year in range(today.year, (today + AHEAD).year + 1):
        table = calendar.years.get(year)
        if table is None or table.provisional:
            first = max(date(year, 1, 1), today)
            found.append(Gap(calendar.name, year, first, (first - today).days, table is not None))
    return found
