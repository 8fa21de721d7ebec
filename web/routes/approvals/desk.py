"""What every page of the desk shows: what waits for an answer, by its light, and what was decided lately."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.db import Session
from core.errors import Unavailable
from people import repository as people
from people import supplements
from people.model import KINSHIP_TEXTS, Relationship
from policy import calendar, clocks
from policy import repository as policy
from scheduler import repository as bookings
from scheduler import signing
from scheduler.model import BookingView
from web import lights
from web.duty import Duty
from web.i18n import N_
from web.lights import Light

LATELY = 20  # decided cases that are shown
WAITS = Light(lights.Tone.GREY, N_("Waits for papers of the family"))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line of the relationships' table."""

    case: Relationship
    due: datetime | None
    light: Light


@dataclass(frozen=True, slots=True)
class Requested:
    """A line of the visits' table. `due`: the day of the desk that signs next, else of the whole answer."""

    booking: BookingView
    due: datetime | None
    light: Light


async def of(session: Session, on: Duty) -> dict[str, Any]:
    """What every page of the desk shows: both tables, by light."""
    applied = await people.pending_relationships(session, on.prison.id)
    waiting = [await _waiting(session, on, case) for case in applied]
    waiting.sort(key=lambda w: (w.due is None, w.due or on.now, w.case.applied_at))
    requested = [await _requested(session, on, one) for one in await bookings.pending(session, on.prison.id)]
    requested.sort(key=lambda r: (r.due is None, r.due or on.now, r.booking.id))
    return {
        "waiting": waiting,
        "requested": requested,
        "decided": await people.decided_relationships(session, on.prison.id, LATELY),
        "kinships": KINSHIP_TEXTS,
        "zone": on.zone,
        "prison_name": on.prison.name,
    }


async def _waiting(session: Session, on: Duty, case: Relationship) -> Waiting:
    asked = supplements.waits(await supplements.of(session, case.id))
    due = await due_of(session, on, case)
    return Waiting(case, due, WAITS if asked else lights.of_deadline(due, on.now))


async def due_of(session: Session, on: Duty, case: Relationship) -> datetime | None:
    """When an application is to be answered: the time in which papers were waited for does not count, and while they
    are there is no day."""
    asked = await supplements.of(session, case.id)
    if supplements.waits(asked):
        return None
    return await reply_by(session, on, case.applied_at + supplements.stood_still(asked))


async def _requested(session: Session, on: Duty, booking: BookingView) -> Requested:
    step = await signing.present(session, booking) if booking.chain else None
    days = [day for day in (booking.reply_by, step.due if step else None) if day is not None]
    due = min(days, default=None)
    return Requested(booking, due, lights.of_deadline(due, on.now))


async def reply_by(session: Session, on: Duty, received: datetime) -> datetime | None:
    """When an application of that moment is due; `None` where rules or calendar do not say."""
    try:
        values = (await policy.current(session, on.prison.id, received)).values
        days = calendar.load(values.calendar)
        return clocks.reply_by(
            days, ZoneInfo(on.zone), received, values.reply_working_days, values.office_closes
        )
    except Unavailable:
        return None
