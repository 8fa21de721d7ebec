"""Weekly templates beside each other: whether two ask for the same people at the same time, and whether one can take
over what is booked in another. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from math import lcm

from scheduler.audience import Audience
from scheduler.timetable import WeeklyTemplate, dates


@dataclass(frozen=True, slots=True)
class Sitting:
    """A template with whom it is for. `wing_id` None: every wing."""

    template: WeeklyTemplate
    wing_id: str | None
    audience: Audience


def overlap(one: Sitting, other: Sitting) -> date | None:
    """The first day on which both run at a time that they share, for people who could be in both; `None`: never.

    Times or validities that only touch share nothing, and alternate fortnights never meet (F40).
    """
    if one.wing_id is not None and other.wing_id is not None and one.wing_id != other.wing_id:
        return None
    if not one.audience.meets(other.audience) or not _times_meet(one.template, other.template):
        return None
    first = max(one.template.valid_from, other.template.valid_from)
    both = lcm(one.template.every_weeks, other.template.every_weeks)
    last = first + timedelta(weeks=both)  # after so many weeks everything repeats
    days = set(dates(other.template, first, last))
    return next((day for day in dates(one.template, first, last) if day in days), None)


def _times_meet(one: WeeklyTemplate, other: WeeklyTemplate) -> bool:
    if one.weekday != other.weekday:
        return False
    begins, ends = _span(one)
    other_begins, other_ends = _span(other)
    return begins < other_ends and other_begins < ends


def _span(template: WeeklyTemplate) -> tuple[int, int]:
    """Minutes of the day from the first visit's beginning to the last one's end, the pause after it included."""
    begins = template.run.starts.hour * 60 + template.run.starts.minute
    return begins, begins + template.run.count * template.run.raster
