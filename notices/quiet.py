"""When a reminder may ring: never between 21:00 and 08:00 where the visit takes place. Pure.

Wall time is made here besides `scheduler.timetable` and `policy.calendar`, because the outbox stands below
both. 21:00 and 08:00 exist once on every day in every zone we know; where a zone skipped one, `zoneinfo`
takes the offset from before the gap.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

QUIET_FROM = time(21)
QUIET_TO = time(8)
_USEFUL = timedelta(minutes=30)  # a reminder nearer than this to the visit comes the evening before instead
_EVENING = timedelta(minutes=10)  # before the quiet hours begin


def moved(due: datetime, zone: str, before: datetime | None, now: datetime) -> datetime:
    """`due`, or the nearest useful moment outside the quiet hours: the morning, if that is still well
    before the visit, otherwise the evening before, if that is still to come, otherwise `due` itself.
    """
    local = due.astimezone(ZoneInfo(zone))
    if QUIET_TO <= local.time() < QUIET_FROM:
        return due
    night = local.date() if local.time() >= QUIET_FROM else local.date() - timedelta(days=1)
    morning = datetime.combine(night + timedelta(days=1), QUIET_TO, local.tzinfo).astimezone(due.tzinfo)
    if before is None or morning + _USEFUL <= before:
        return morning
    evening = datetime.combine(night, QUIET_FROM, local.tzinfo).astimezone(due.tzinfo) - _EVENING
    return evening if evening > now else due
