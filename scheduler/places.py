"""Taking and giving back what can be taken once: seats, ticks of people and terminals, visits of a period.

Every taking is an INSERT or UPDATE that a unique key or its own WHERE may turn away; the rows it answers
are the truth. Nothing is counted and then written. Locks are always taken in one order (bookings by id, one
seat, claims by key), so two transactions never wait for each other in a circle.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from core import clock
from core.db import Base, Session
from core.ids import new_id
from scheduler.model import BookingState, ClaimKind
from scheduler.tables import BookingRow, ClaimRow, PlaceRow

Key = tuple[ClaimKind, str, int]


def stale(now: datetime) -> ColumnElement[bool]:
    """A hold that has run out, whether or not somebody has noticed: it keeps nothing from anybody."""
    return and_(BookingRow.state == BookingState.HELD, BookingRow.held_until <= now)


async def insert_new(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], key: Any
) -> list[Any]:
    """Inserts what no unique key forbids; answers the `key` column of the rows that were inserted."""
    if not rows:
        return []
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    statement = insert.on_conflict_do_nothing().returning(key)
    return list((await session.scalars(statement, [dict(row) for row in rows])).all())


async def take_place(session: Session, slot_id: str, booking_id: str) -> bool:
    """Takes any free seat of the slot; False when there is none.

    Losing a seat to somebody else means trying the next: only when none is free is the slot full.
    """
    while True:
        free = list(
            await session.scalars(
                select(PlaceRow.id).where(PlaceRow.slot_id == slot_id, PlaceRow.booking_id.is_(None))
            )
        )
        if not free:
            return False
        random.shuffle(free)  # many at once do not all queue for the first seat
        for place_id in free:
            taken = await session.scalar(
                update(PlaceRow)
                .where(PlaceRow.id == place_id, PlaceRow.booking_id.is_(None))
                .values(booking_id=booking_id)
                .returning(PlaceRow.id)
                .execution_options(synchronize_session=False)
            )
            if taken is not None:
                return True


async def claim(session: Session, keys: Iterable[Key], booking_id: str) -> bool:
    """Claims all keys or none."""
    wanted = sorted(set(keys))
    rows = [
        {"kind": kind, "owner_id": owner, "number": number, "booking_id": booking_id}
        for kind, owner, number in wanted
    ]
    inserted = await insert_new(session, ClaimRow, rows, ClaimRow.number)
    if len(inserted) == len(wanted):
        return True
    if inserted:
        await unclaim(session, wanted, booking_id)
    return False


async def claim_visit(session: Session, inmate_id: str, period: str, limit: int, booking_id: str) -> bool:
    """Claims one of the inmate's `limit` visits of the period; False when all are taken."""
    owner = f"{inmate_id}/{period}"
    taken = set(
        await session.scalars(
            select(ClaimRow.number).where(ClaimRow.kind == ClaimKind.ALLOWANCE, ClaimRow.owner_id == owner)
        )
    )
    beyond = sum(number > limit for number in taken)  # from when the limit was higher: they count too
    for number in range(1, limit - beyond + 1):
        if number not in taken and await claim(session, [(ClaimKind.ALLOWANCE, owner, number)], booking_id):
            return True
    return False


async def unclaim(session: Session, keys: Iterable[Key], booking_id: str) -> None:
    """Gives back these keys, as far as the booking has them."""
    owners: dict[tuple[ClaimKind, str], list[int]] = {}
    for kind, owner, number in keys:
        owners.setdefault((kind, owner), []).append(number)
    for (kind, owner), numbers in owners.items():
        await session.execute(
            delete(ClaimRow)
            .where(
                ClaimRow.kind == kind,
                ClaimRow.owner_id == owner,
                ClaimRow.number.in_(numbers),
                ClaimRow.booking_id == booking_id,
            )
            .execution_options(synchronize_session=False)
        )


async def release(session: Session, booking_id: str) -> None:
    """Gives back the booking's seat and all its claims."""
    await session.execute(
        update(PlaceRow)
        .where(PlaceRow.booking_id == booking_id)
        .values(booking_id=None)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        delete(ClaimRow).where(ClaimRow.booking_id == booking_id).execution_options(synchronize_session=False)
    )


async def lock_in_the_way(
    session: Session, slot_id: str, inmate_id: str, relative_id: str, numbers: range
) -> list[tuple[str, bool]]:
    """Locks what may be pushed aside for a new pick, in order of ids: stale holds on the slot, on the
    inmate, on the relative, and the relative's own present pick for this inmate (a change of mind).

    Answers (booking id, whether it is stale).
    """
    now = clock.now()
    seated = select(PlaceRow.booking_id).where(PlaceRow.slot_id == slot_id, PlaceRow.booking_id.is_not(None))
    claimed = select(ClaimRow.booking_id).where(
        or_(
            and_(ClaimRow.kind == ClaimKind.INMATE, ClaimRow.owner_id == inmate_id),
            and_(ClaimRow.kind == ClaimKind.VISITOR, ClaimRow.owner_id == relative_id),
        ),
        ClaimRow.number.between(numbers.start, numbers.stop - 1),
    )
    rows = await session.execute(
        select(BookingRow.id, BookingRow.held_until)
        .where(
            BookingRow.state == BookingState.HELD,
            or_(
                and_(BookingRow.held_until <= now, BookingRow.inmate_id == inmate_id),
                and_(BookingRow.held_until <= now, BookingRow.id.in_(seated)),
                and_(BookingRow.held_until <= now, BookingRow.id.in_(claimed)),
                and_(BookingRow.requested_by == relative_id, BookingRow.inmate_id == inmate_id),
            ),
        )
        .order_by(BookingRow.id)
        .with_for_update()
    )
    return [(booking_id, held_until is not None and held_until <= now) for booking_id, held_until in rows]


def ticks_of(kind: ClaimKind, owner_id: str, numbers: range) -> list[Key]:
    return [(kind, owner_id, number) for number in numbers]


def new_places(slot_id: str, first_seat: int, last_seat: int) -> list[dict[str, Any]]:
    """Rows for the seats from `first_seat` to `last_seat`, both included."""
    return [
        {"id": new_id("plc"), "slot_id": slot_id, "seat": seat, "booking_id": None}
        for seat in range(first_seat, last_seat + 1)
    ]
