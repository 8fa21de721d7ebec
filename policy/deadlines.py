"""Periods of law: when what began at a moment is over. Wall time of a place in, UTC out. Pure.

Two rules, and they differ in the first hour:

    civil                Civil Code arts 200-203: hours run from the fixed moment, days from the next day; a
                         last day that is a holiday becomes the next working day; it ends at 24:00, or when
                         the office closes where there are office hours.
    criminal-procedure   Criminal Procedure Act art. 105: neither the opening hour nor the opening day
                         counts; a last day that is a holiday becomes the next working day, but never to
                         the length of somebody's custody (`Period.custody`).

Hours run on through nights, weekends and holidays. Working days are those of the place's calendar.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from policy.calendar import Calendar

HOUR = 3600


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working-days"


class Rule(StrEnum):
    CIVIL = "civil"
    CRIMINAL = "criminal-procedure"


@dataclass(frozen=True, slots=True)
class Period:
    """`length` in `unit`. `closes`: wall time at which the last day ends; None: at 24:00."""

    length: int
    unit: Unit
    rule: Rule = Rule.CIVIL
    closes: time | None = None
    custody: bool = False

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError("a period has at least one hour or day")
        if self.closes is not None and (self.unit is Unit.HOURS or self.rule is Rule.CRIMINAL):
            raise ValueError("office hours end a civil period of days, and nothing else")

    @property
    def units(self) -> int:
        """The length as it is counted down: seconds of hours, else days."""
        return self.length * HOUR if self.unit is Unit.HOURS else self.length

    @property
    def at_least(self) -> timedelta:
        """No run of this period is shorter, but for the rest of the opening day."""
        return timedelta(seconds=self.units) if self.unit is Unit.HOURS else timedelta(days=self.length)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a period runs: whose holidays and whose wall clock."""

    calendar: Calendar
    zone: ZoneInfo

    def date_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()


def counts_from(period: Period, began: datetime, place: Place) -> datetime:
    """The moment from which the period is counted: the next full hour in criminal procedure, else `began`."""
    if period.unit is not Unit.HOURS or period.rule is Rule.CIVIL:
        return began.astimezone(UTC)
    opening = began.astimezone(place.zone).replace(minute=0, second=0, microsecond=0)
    return opening.astimezone(UTC) + timedelta(hours=1)


def ends(period: Period, since: datetime, units: int, place: Place) -> datetime:
    """When `units` (as of `Period.units`) counted from `since` are over.

    Raises `OutsideCalendar` where a day must be known of a year whose table was not entered.
    """
    if period.unit is Unit.HOURS:
        return since.astimezone(UTC) + timedelta(seconds=units)
    opening = place.date_of(since)
    if period.unit is Unit.WORKING_DAYS:
        last = place.calendar.after(opening, units)
    else:
        last = opening + timedelta(days=units)
        while not period.custody and not place.calendar.is_working_day(last):
            last += timedelta(days=1)
    if period.closes is not None:
        return datetime.combine(last, period.closes, place.zone).astimezone(UTC)
    return datetime.combine(last + timedelta(days=1), time.min, place.zone).astimezone(UTC)


def due(period: Period, began: datetime, place: Place) -> datetime:
    """When a period that began at `began` is over."""
    return ends(period, counts_from(period, began, place), period.units, place)


def left(period: Period, since: datetime, units: int, stopped: datetime, place: Place) -> int:
    """Of `units` counted from `since`, those that remain when the clock stops at `stopped`.

    The day on which it stops is used up, as the first day of the pause does not count as the pause's own; at
    least one day remains, so that whoever was asked on the last day finds somebody who has time to answer.
    """
    if period.unit is Unit.HOURS:
        return max(0, units - max(0, int((stopped - since).total_seconds())))
    opening, stop = place.date_of(since), place.date_of(stopped)
    if period.unit is Unit.DAYS:
        used = (stop - opening).days
    else:
        days = (opening + timedelta(days=number) for number in range(1, (stop - opening).days + 1))
        used = sum(place.calendar.is_working_day(day) for day in days)
    return max(1, units - used)
