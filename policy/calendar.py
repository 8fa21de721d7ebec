"""Working days, from tables that somebody entered and reviewed. Pure but for reading the package's data.

A year is loaded whole: its holidays and its make-up working days (rules T3, T4). Holidays are announced year
by year and follow no formula, so a date outside the tables is an error and not a guess.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
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
    """`weekend`: ISO weekdays. `years` None: weekends only, for any year (demonstrations).

    `near`: the years of the calendar around this one. `supposes`: see `supposing`.
    """

    name: str
    weekend: frozenset[int]
    years: Mapping[int, YearTable] | None
    near: Mapping[int, YearTable] = field(default_factory=dict)
    supposes: bool = False

    def supposing(self) -> "Calendar":
        """The same for a clock that must run, whatever was not entered: in a missing year the days of the nation
        count, and where those are missing too, plain weeks. Holidays only make a period longer: the end that is
        told is rather too early than too late, and is reckoned again when the year is entered.
        """
        return replace(self, supposes=True)

    def is_working_day(self, day: date) -> bool:
        """Raises `OutsideCalendar` for a year without a table."""
        if self.years is None:
            return day.isoweekday() not in self.weekend
        table = self.years.get(day.year) or (self.near.get(day.year) if self.supposes else None)
        if table is None and self.supposes:
            return day.isoweekday() not in self.weekend
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


Years = Mapping[int, YearTable]
_entered: dict[
    str, Years
] = {}  # what this installation entered itself, by name in capitals; see `policy.years`


def put_entered(years: Mapping[str, Years]) -> bool:
    """Takes over the years that this installation entered, all of them; answers whether anything is new.

    They come before those of the package's files: a provisional year is replaced by the announced one.
    """
    if years == _entered:
        return False
    _entered.clear()
    _entered.update(years)
    load.cache_clear()
    return True


def read(text: str, entered: Mapping[str, Years] = MappingProxyType({})) -> Calendar:
    """A calendar from its TOML; raises `Misconfigured` for a table that contradicts itself.

    One that `extends` another adds its own days to those of the wider one, year by year; a year has a table
    only if both were entered.
    """
    data = tomllib.loads(text)
    name, more = data["name"], dict(entered.get(data["name"], {}))
    if "extends" in data:
        wider = _made(data["extends"], entered)
        own = _years(data, wider.weekend)
        for year in sorted(own.keys() - (wider.years or {}).keys()):
            raise Misconfigured(problem=f"{name} has {year}, which {wider.name} has not")
        return local(name, wider, own | more)
    weekend = frozenset(data["weekend"])
    return Calendar(name, weekend, None if data["every_year"] else _years(data, weekend) | more)


def local(name: str, wider: Calendar, years: Years) -> Calendar:
    """What a place adds to the calendar around it; a year that only one of the two has is unknown."""
    both = {}
    for year, own in years.items():
        table = (wider.years or {}).get(year)
        if table is not None:
            both[year] = YearTable(
                (table.holidays | own.holidays) - own.workdays,
                (table.workdays | own.workdays) - own.holidays,
                f"{table.source}; {own.source}",
                table.provisional or own.provisional,
            )
    return Calendar(name, wider.weekend, both, wider.years or {})


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


def names() -> list[str]:
    """Every calendar there is, in capitals: those of the package's files, and places that were entered."""
    return _names(_entered)


def _names(entered: Mapping[str, Years]) -> list[str]:
    found = {file.name[:-5].upper() for file in files("policy").joinpath("calendars").iterdir()}
    return sorted(found | set(entered))


@cache
def load(name: str) -> Calendar:
    """The calendar of that name; raises `Misconfigured` if there is none.

    A place without a file that was entered ("CN-TIBET") adds its days to those of its nation ("CN").
    """
    return _made(name, _entered)


def supposed(entered: Mapping[str, Years]) -> dict[str, Calendar]:
    """Name -> calendar, of all that there would be in a process that had taken over these years."""
    return {name: _made(name, entered) for name in _names(entered)}


def _made(name: str, entered: Mapping[str, Years]) -> Calendar:
    resource = files("policy").joinpath("calendars", f"{name.lower()}.toml")
    if not name.replace("-", "").isalnum():
        raise Misconfigured(problem=f"there is no calendar {name!r}")
    if resource.is_file():
        return read(resource.read_text(encoding="utf-8"), entered)
    nation, years = name.upper().partition("-")[0], entered.get(name.upper())
    if years is None or nation == name.upper():
        raise Misconfigured(problem=f"there is no calendar {name!r}")
    return local(name.upper(), _made(nation, entered), years)
