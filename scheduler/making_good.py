"""A call that broke through the prison's or the platform's fault: it uses no visit up, and another time is kept for the
family at once, without a form (rules N14, 8.19). Whether it broke so is measured above (`rooms.redress`)."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from core import clock
from core.db import Session
from core.errors import Reason
from core.ids import SYSTEM
from scheduler import accounts, flags, offering, places, repository
from scheduler.flags import Flag, FlagState
from scheduler.model import BookingState
from scheduler.offering import Found
from scheduler.planning_tables import FlagRow
from scheduler.tables import BookingRow

CAUSE = "broken:"  # begins the cause of such a flag; the booking's id follows
KEPT = timedelta(days=30)  # after which nobody is asked any more
BROKEN = Reason(
    "call-broken",
    "Your visit broke off through our fault or the prison's. It does not count, and another time is offered to you.",
)


async def make_good(session: Session, booking_id: str) -> Found | None:
    """Gives the visit back, flags the booking and offers the nearest other time; doing it again changes nothing.
    `None`: it was done before."""
    view = await repository.get(session, booking_id)
    flag_id = await flags.raise_flag(session, SYSTEM, booking_id, cause=f"{CAUSE}{booking_id}", reason=BROKEN)
    if flag_id is None:
        return None
    if view.state is BookingState.COMPLETED:  # one that was cancelled has given its visit back
        await places.release_visit(session, booking_id)
        await accounts.refund(session, booking_id)
    (found,) = await offering.offer_all(session, SYSTEM, [await flags.get(session, flag_id)])
    return found


async def open_of(session: Session, relative_id: str) -> list[Flag]:
    """What was not made good yet of the calls that this relative had asked for."""
    theirs = select(BookingRow.id).where(BookingRow.requested_by == relative_id)
    return await flags.find(
        session,
        FlagRow.cause.startswith(CAUSE),
        FlagRow.state == FlagState.OPEN,
        FlagRow.booking_id.in_(theirs),
    )


async def waiting_since(session: Session, relative_id: str, inmate_id: str) -> datetime | None:
    """Since when somebody has waited whose call broke and was not made good: since they had asked for that call."""
    broken = [flag.booking_id for flag in await open_of(session, relative_id)]
    since: datetime | None = await session.scalar(
        select(func.min(BookingRow.created_at)).where(
            BookingRow.id.in_(broken), BookingRow.inmate_id == inmate_id
        )
    )
    return since


def waits(flag: Flag) -> bool:
    """Whether this flag of a call that is over still stands for something."""
    return flag.cause.startswith(CAUSE) and clock.now() - flag.made_at < KEPT
