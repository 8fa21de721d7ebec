"""Finding visits that were recorded: by day, by whoever took part, by the booking's reference."""

from datetime import datetime

from sqlalchemy import func, or_, select

from core.db import Session
from recording.tables import RecordingRow
from scheduler.tables import BookingRow, VisitorRow


async def visits(
    session: Session,
    prison_id: str,
    *,
    words: str = "",
    within: tuple[datetime, datetime] | None = None,
    limit: int = 50,
) -> list[str]:
    """Ids of bookings of this prison that have a recording, the latest first.

    `words`: part of an inmate's or visitor's name, or of the reference. `within`: half-open, when the
    recording began.
    """
    query = (
        select(RecordingRow.booking_id)
        .join(BookingRow, BookingRow.id == RecordingRow.booking_id)
        .where(RecordingRow.prison_id == prison_id)
        .group_by(RecordingRow.booking_id)
        .order_by(func.max(RecordingRow.started_at).desc())
        .limit(limit)
    )
    if within is not None:
        query = query.where(RecordingRow.started_at >= within[0], RecordingRow.started_at < within[1])
    if words:
        visited = select(VisitorRow.booking_id).where(VisitorRow.name.icontains(words, autoescape=True))
        query = query.where(
            or_(
                BookingRow.reference.icontains(words, autoescape=True),
                BookingRow.inmate_name.icontains(words, autoescape=True),
                BookingRow.id.in_(visited),
            )
        )
    return list(await session.scalars(query))
