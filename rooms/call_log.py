"""What is kept of how a call went, written once: the minutes of all legs, and who could see and hear whom."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from core import clock
from core.db import Session
from core.ids import Ref, new_id
from ledger import read as ledger
from policy import repository as policies
from policy.model import FamilyPolicy
from rooms import repository
from rooms.course import Course, Promise, compute
from rooms.minute_table import LegMinuteRow
from rooms.minutes import LegMinute, pack, unpack
from rooms.sight_table import SightRow
from rooms.sightlines import Sight, SightsFrom, packed, unpacked
from scheduler import accounts
from scheduler.model import BookingView

_ENTRIES = 5000  # of the ledger about one visit; a call of half an hour has some 40
_WHOLE = 0.95  # of its time: a line that was gone for a moment has broken no visit
MOST = 24 * 60 * 8  # minutes of legs kept for one room: a day of eight people; then nothing more is added


def _least_share(values: FamilyPolicy) -> float:
    """With less of its time than that a call is made good. Where lost time is not added but the visit given back, that
    is every call that was not whole."""
    return _WHOLE if values.time_back == "refund" else values.make_good_percent / 100


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


def add_sights(session: Session, room_id: str, sights: Iterable[Sight]) -> None:
    """From now on exactly these hold."""
    session.add(SightRow(id=new_id("sgt"), room_id=room_id, at=clock.now(), pairs=packed(sights)))


async def sights_of(session: Session, room_id: str) -> list[SightsFrom]:
    """Each change, oldest first; empty for a room that is not recorded."""
    wanted = select(SightRow).where(SightRow.room_id == room_id).order_by(SightRow.at, SightRow.id)
    return [SightsFrom(row.at, unpacked(row.pairs)) for row in await session.scalars(wanted)]


async def course(session: Session, booking: BookingView) -> Course | None:
    """How this visit's call went, or goes; `None` while there was none."""
    row = await repository.room_row(session, booking.id)
    if row is None:
        return None
    record = repository.as_record(row, await repository.seats(session, row.id))
    rules = await policies.current(session, booking.wing_id, booking.starts_at)
    return compute(
        Promise(
            booking.starts_at,
            booking.slot_ends_at,
            booking.minutes * 60,
            _least_share(rules.values),
            "family" in rules.values.reason_told_to,
            rules.values.time_back == "inside-slot",
            "inmate" in rules.values.reason_told_to,
            await accounts.charge_of(session, booking.id),
        ),
        record,
        await ledger.about(session, Ref("booking", booking.id), limit=_ENTRIES),
        await of_room(session, row.id),
        await sights_of(session, row.id),
        clock.now(),
        rules.values.reconnect_window_s,
    )
