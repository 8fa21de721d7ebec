"""The minutes of all legs of a room: written once, read by whoever looks at how a call went."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from core.db import Session
from core.ids import new_id
from rooms.minute_table import LegMinuteRow
from rooms.minutes import LegMinute, pack, unpack

MOST = 24 * 60 * 8  # minutes of legs kept for one room: a day of eight people; then nothing more is added


async def add(session: Session, room_id: str, minutes: Sequence[LegMinute]) -> None:
    """Adds to what there is, as long as the room has not reached `MOST`."""
    count = select(func.count()).select_from(LegMinuteRow).where(LegMinuteRow.room_id == room_id)
    left = MOST - (await session.scalar(count) or 0)
    for minute in minutes[: max(0, left)]:
        row = LegMinuteRow(
            id=new_id("min"),
            room_id=room_id,
            seat_id=minute.seat_id,
            leg=minute.leg,
            started_at=minute.started_at,
            figures=pack(minute.rows),
        )
        session.add(row)


async def of_room(session: Session, room_id: str) -> list[LegMinute]:
    """All there is, oldest first."""
    wanted = (
        select(LegMinuteRow)
        .where(LegMinuteRow.room_id == room_id)
        .order_by(LegMinuteRow.started_at, LegMinuteRow.seat_id)
    )
    return [
        LegMinute(row.seat_id, row.leg, row.started_at, unpack(row.figures))
        for row in await session.scalars(wanted)
    ]


async def purge(session: Session, before: datetime) -> int:
    """Forgets minutes that began before that moment; answers how many."""
    gone = await session.execute(
        delete(LegMinuteRow).where(LegMinuteRow.started_at < before).returning(LegMinuteRow.id)
    )
    return len(gone.all())
