"""Working days, from tables that somebody entered and reviewed. Pure but for reading the package's data.

A year is loaded whole: its holidays and its make-up working days (rules T3, T4). Holidays are announced year
by year and follow no formula, so a date outside the tables is an error and not a guess.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from core.errors import Misconfigured, Unavailable


class OutsideCalendar(Unavailable):
    code = "calendar-missing"
    text = "The working days of {year} have not been entered yet. Please tell the prison."


@dataclass(frozen=True, slots=True)
class YearTable:
    """`provisional`: the law's own days, before the year's arrangement was announced."""

    holidays: frozenset[date]
    workdays: frozenset[date]  # weekend days on which work is made up
    source: str
    provisional: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """`weekend`: ISO weekdays. `years` None: weekends only, for any year (demonstrations)."""

    name: str
    weekend: frozenset[int]
    years: Mapping[int, YearTable] | None

    def is_working_day(self, day: date) -> bool:
        """Raises `OutsideCalendar` for a year without a table."""
        if self.years is None:
            return day.isoweekday() not in self.weekend
        table = self.years.get(day.year)
        if table is None:
            raise OutsideCalendar(year=day.year)
        if day in table.holidays:
            return False
        return day in table.workdays or day.isoweekday() not in self.weekend

    def after(self, day: date, working_days: int) -> date:
        """The day on which the `working_days`-th working day after `day` falls; `day` itself never counts."""
        left = working_days
        while left > 0:
            day += timedelta(days=1)
            left -= self.is_working_day(day)
        return day


def _dates(value: Mapping[str, Any], key: str, year: int) -> frozenset[date]:
    days: list[date] = value[key]
    if len(set(days)) != len(days) or any(day.year != year for day in days):
        raise Misconfigured(problem=f"the calendar's {key} of {year} hold a date twice or of another year")
    return frozenset(days)


def read(text: str) -> Calendar:
    """A calendar from its TOML; raises `Misconfigured` for a table that contradicts itself.

    One that `extends` another adds its own days to those of the wider one, year by year; a year has a table
    only if both were entered.
    """
    data = tomllib.loads(text)
    if "extends" in data:
        return _local(data, load(data["extends"]))
    name, weekend = data["name"], frozenset(data["weekend"])
    if data["every_year"]:
        return Calendar(name, weekend, None)
    return Calendar(name, weekend, _years(data, weekend))


def _local(data: Mapping[str, Any], wider: Calendar) -> Calendar:
    years = {}
    for year, local in _years(data, wider.weekend).items():
        table = (wider.years or {}).get(year)
        if table is None:
            raise Misconfigured(problem=f"{data['name']} has {year}, which {wider.name} has not")
        years[year] = YearTable(
            (table.holidays | local.holidays) - local.workdays,
            (table.workdays | local.workdays) - local.holidays,
            f"{table.source}; {local.source}",
            table.provisional or local.provisional,
        )
    return Calendar(data["name"], wider.weekend, years)


def _years(data: Mapping[str, Any], weekend: frozenset[int]) -> dict[int, YearTable]:
    years = {}
    for entry in data["year"]:
        year = entry["year"]
        table = YearTable(
            _dates(entry, "holidays", year),
            _dates(entry, "workdays", year),
            entry["source"],
            entry["provisional"],
        )
        if any(day.isoweekday() not in weekend or day in table.holidays for day in table.workdays):
            raise Misconfigured(problem=f"a make-up working day of {year} is no weekend day, or a holiday")
        years[year] = table
    return years


@cache
def load(name: str) -> Calendar:
    """The calendar of that name from the package's data; raises `Misconfigured` if there is none."""
    resource = files("policy").joinpath("calendars", f"{name.lower()}.toml")
    if not name.replace("-", "").isalnum() or not resource.is_file():
        raise Misconfigured(problem=f"there is no calendar {name!r}")
    return read(resource.read_text(encoding="utf-8"))
