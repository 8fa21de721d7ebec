"""Makes good what broke: each call that is over is looked at once, from what was measured, by the worker.

Due it is when the visit was broken off or never began for reasons on our side (the booking says so already), or when
less of it took place than policy calls a call and at least half of what is missing lay on our side (`rooms.course`).
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

import ledger.record
import scheduler.service
from core import clock
from core.db import Database, Session
from core.ids import SYSTEM, Ref
from rooms import call_log
from rooms.gaps import OURS
from rooms.model import Phase
from rooms.redress_table import RedressRow
from rooms.tables import RoomRow
from rooms.view import milliseconds
from scheduler import making_good
from scheduler.model import BookingState, BookingView, Fault

_LOOK_BACK = timedelta(days=2)  # calls that ended longer ago were ended by an older version
_AT_ONCE = 50
OFFERED = "offered"


@dataclass(frozen=True, slots=True)
class Redress:
    """`outcome` as in the table; durations in seconds."""

    due: bool
    used: float
    ours: float
    outcome: str


async def of(session: Session, booking_id: str) -> Redress | None:
    """What was found; `None` while it was not looked at."""
    row = await session.get(RedressRow, booking_id)
    return Redress(row.due, row.used_ms / 1000, row.ours_ms / 1000, row.outcome) if row is not None else None


async def make_good(db: Database) -> int:
    """Looks at the calls that are over; answers how many were made good."""
    async with db.read() as session:
        ended = (
            await session.scalars(
                select(RoomRow.booking_id)
                .outerjoin(RedressRow, RedressRow.booking_id == RoomRow.booking_id)
                .where(
                    RoomRow.phase == Phase.ENDED.value,
                    RoomRow.booking_id.is_not(None),
                    RoomRow.ended_at > clock.now() - _LOOK_BACK,
                    RedressRow.booking_id.is_(None),
                )
                .limit(_AT_ONCE)
            )
        ).all()
    made = 0
    for booking_id in ended:
        made += await _look(db, str(booking_id))
    return made


async def _look(db: Database, booking_id: str) -> bool:
    async with db.write() as session:
        booking = await scheduler.service.get(session, booking_id)
        course = await call_log.course(session, booking)
        if course is None or await session.get(RedressRow, booking_id) is not None:
            return False
        due = _due(booking) or (booking.state is BookingState.COMPLETED and course.broken_by_us)
        outcome = ""
        if due:
            found = await making_good.make_good(session, booking_id)
            reason = found.reason if found is not None else None
            outcome = OFFERED if reason is None else reason.code
        ours = milliseconds(course.lost_to(*OURS))
        row = RedressRow(
            booking_id=booking_id,
            at=clock.now(),
            due=due,
            used_ms=milliseconds(course.record.used),
            ours_ms=ours,
            outcome=outcome,
        )
        session.add(row)
        if due:
            ledger.record.record(
                session,
                "system:visit:made-good",
                actor=SYSTEM,
                subject=Ref("booking", booking_id),
                ours_ms=ours,
                outcome=outcome,
            )
    return due


def _due(booking: BookingView) -> bool:
    """The room has said so as it ended."""
    return booking.state is BookingState.CANCELLED and booking.fault in (Fault.PRISON, Fault.PLATFORM)
