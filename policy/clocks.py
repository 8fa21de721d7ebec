"""Deadlines in working days, and the days between which one may book. Wall time of the prison in, UTC out."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from policy.calendar import Calendar
from policy.model import FamilyPolicy, LeadUnit


def reply_by(
    calendar: Calendar, zone: ZoneInfo, received: datetime, working_days: int, closes: time
) -> datetime:
    """When an answer is due: the day of receipt does not count, the last day ends when the office closes
    (Civil Code arts 201, 203; working days as in the Administrative Licensing Act art. 82)."""
    last = calendar.after(received.astimezone(zone).date(), working_days)
    return datetime.combine(last, closes, zone).astimezone(UTC)


def bookable_days(
    calendar: Calendar, today: date, policy: FamilyPolicy, wall: time = time.max
) -> tuple[date, date]:
    """The first and last day that can be booked today at the wall time `wall`, both included; the first may lie
    behind the last.

    `lead_days` whole days lie between today and the first; the last is `horizon_days` from today, from
    `release_time` on.
    """
    last = today + timedelta(days=policy.horizon_days - (wall < policy.release_time))
    match policy.lead_unit:
        case LeadUnit.SAME_DAY:
            return today, last
        case LeadUnit.DAYS:
            return today + timedelta(days=policy.lead_days + 1), last
        case LeadUnit.WORKING_DAYS:
            return calendar.after(today, policy.lead_days) + timedelta(days=1), last
