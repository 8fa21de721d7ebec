"""When a reminder may ring: never in the quiet hours of the place where the visit is. Pure.

Wall time is made here besides `scheduler.timetable` and `policy.calendar`, because the outbox stands below
both. Where a zone skips the beginning or the end of the quiet hours, `zoneinfo` takes the offset from before the gap.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Night:
    """Wall times, from the evening to the next morning."""

    begins: time
    ends: time


USUAL = Night(time(21), time(8))  # where no prison's rules say
_USEFUL = timedelta(minutes=30)  # a reminder nearer than this to the visit comes the evening before instead
_EVENING = timedelta(minutes=10)  # before the quiet hours begin


def moved(due: datetime, zone: str, before: datetime | None, now: datetime, night: Night = USUAL) -> datetime:
    """`due`, or the nearest useful moment outside the quiet hours: the morning, if that is still well
    before the visit, otherwise the evening before, if that is still to come, otherwise `due` itself.
    """
    local = due.astimezone(ZoneInfo(zone))
    if night.ends <= local.time() < night.begins:
        return due
    evening_of = local.date() if local.time() >= night.begins else local.date() - timedelta(days=1)
    next_day = evening_of + timedelta(days=1)
    morning = datetime.combine(next_day, night.ends, local.tzinfo).astimezone(due.tzinfo)
    if before is None or morning + _USEFUL <= before:
        return morning
    evening = datetime.combine(evening_of, night.begins, local.tzinfo).astimezone(due.tzinfo) - _EVENING
    return evening if evening > now else due
