"""Taking all that a pick needs at once: a free seat, the booking's row, and its claims. All of it or nothing.

On PostgreSQL it is one statement: who comes second waits for the seat's row, finds it taken, and has nothing. On
SQLite, which has one writer, three statements in a row do the same. What was taken in vain is given back, so that
whoever asks may try again in the same transaction.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    String,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from core.db import Session, stood_in_the_way
from core.errors import Unavailable
from scheduler import places
from scheduler.places import Key
from scheduler.tables import BookingRow, ClaimRow, PlaceRow

_BOOKING = BookingRow.__table__
_TRIES = 20  # of a seat that others are just taking
_CLAIMS = ("kind", "owner_id", "number", "booking_id")


async def take(
    session: Session, booking: Mapping[str, Any], keys: Sequence[Key], *, extra: bool = False
) -> bool:
    """Writes the `booking`'s row with a seat of its slot and these claims; False, and nothing, if one of them is gone.

    `booking` has a value for every column of the table. `extra`: the seat is one beyond the capacity.
    """
    wanted = sorted(set(keys))
    if session.get_bind().dialect.name == "sqlite":
        taken = await _in_a_row(session, booking, wanted, extra=extra)
    else:
        taken = await _at_once(session, booking, wanted, extra=extra)
    if not taken:
        await _give_back(session, booking["id"])
    return taken


async def _in_a_row(
    session: Session, booking: Mapping[str, Any], keys: Sequence[Key], *, extra: bool
) -> bool:
    insert, seat = _statements_in_a_row()
    connection = await session.connection()
    if (await connection.execute(insert, dict(booking))).first() is None:
        return False
    given = {"b_slot": booking["slot_id"], "b_id": booking["id"], "b_extra": extra}
    if (await connection.execute(seat, given)).first() is None:
        return False
    return await places.claim_free(session, keys, booking["id"]) == len(keys)


@cache
def _statements_in_a_row() -> tuple[Any, Any]:
    insert = sqlite.insert(BookingRow).on_conflict_do_nothing().returning(BookingRow.id)
    free = (
        select(PlaceRow.id)
        .where(
            PlaceRow.slot_id == bindparam("b_slot"),
            PlaceRow.booking_id.is_(None),
            PlaceRow.extra == bindparam("b_extra"),
        )
        .limit(1)
    )
    seat = (
        update(PlaceRow)
        .where(PlaceRow.id == free.scalar_subquery())
        .values(booking_id=bindparam("b_id"))
        .returning(PlaceRow.id)
    )
    return insert, seat


async def _at_once(session: Session, booking: Mapping[str, Any], keys: Sequence[Key], *, extra: bool) -> bool:
    given = {f"n_{name}": value for name, value in booking.items()}
    given |= {"b_slot": booking["slot_id"], "b_id": booking["id"], "b_extra": extra}
    given |= {f"k_{name}": [key[place] for key in keys] for place, name in enumerate(_CLAIMS[:3])}
    for attempt in range(_TRIES):
        answer = await _asked(session, given, patient=attempt > 0)
        if answer is not None:
            seated, booked, claimed = answer
            if seated:
                return bool(booked and claimed == len(keys))
            if await session.scalar(_any_free(booking["slot_id"], extra=extra)) is None:
                return (
                    False  # a seat lost to another means trying the next; only when none is free is it full
                )
    raise Unavailable


async def _asked(session: Session, given: Mapping[str, Any], *, patient: bool) -> tuple[int, int, int] | None:
    """Seats, bookings and claims that the statement took; `None` where whoever it waited for waits for it: what it
    had locked is let go, and it may be asked again."""
    statement = _statement_at_once(patient=patient)
    try:
        async with session.begin_nested() if patient else contextlib.nullcontext():
            connection = await session.connection()
            seated, booked, claimed = (await connection.execute(statement, dict(given))).one()
            return seated, booked, claimed
    except DBAPIError as error:
        if not patient or not stood_in_the_way(error):
            raise
    return None


def _any_free(slot_id: str, *, extra: bool) -> Select[str]:
    free = (PlaceRow.slot_id == slot_id, PlaceRow.booking_id.is_(None), PlaceRow.extra == extra)
    return select(PlaceRow.id).where(*free).limit(1)


@cache
def _statement_at_once(*, patient: bool) -> Any:
    """A free seat, then the booking unless it was sent before, then the claims, each only if there is the one before:
    so all take their locks in one order, and who finds no seat has written nothing. Seats that others are just taking
    are passed over; `patient`: they are waited for, since those may yet let go, in order of the seats: whoever waits
    keeps the lock on those that it found taken."""
    columns = list(_BOOKING.columns)
    seat = (
        select(PlaceRow.id)
        .where(
            PlaceRow.slot_id == bindparam("b_slot"),
            PlaceRow.booking_id.is_(None),
            PlaceRow.extra == bindparam("b_extra"),
        )
        .order_by(*[PlaceRow.seat] if patient else [])
        .limit(1)
        .with_for_update(skip_locked=not patient)
        .cte("seat")
    )
    row = select(*(bindparam(f"n_{column.name}", type_=column.type) for column in columns))
    book = (
        postgresql.insert(BookingRow)
        .from_select([column.name for column in columns], row.where(exists(select(seat.c.id))))
        .on_conflict_do_nothing()
        .returning(BookingRow.id)
        .cte("book")
    )
    taken = (
        update(PlaceRow)
        .where(PlaceRow.id.in_(select(seat.c.id)), exists(select(book.c.id)))
        .values(booking_id=bindparam("b_id"))
        .returning(PlaceRow.id)
        .cte("taken")
    )
    texts, numbers = ARRAY(String), ARRAY(Integer)
    asked = (
        func.unnest(
            bindparam("k_kind", type_=texts),
            bindparam("k_owner_id", type_=texts),
            bindparam("k_number", type_=numbers),
        )
        .table_valued("kind", "owner_id", "number")
        .render_derived("asked")
    )
    wanted = (
        select(asked.c.kind, asked.c.owner_id, asked.c.number, bindparam("b_id", type_=String()))
        .where(exists(select(taken.c.id)))
        .order_by(asked.c.kind, asked.c.owner_id, asked.c.number)
    )
    claims = (
        postgresql.insert(ClaimRow)
        .from_select(_CLAIMS, wanted)
        .on_conflict_do_nothing()
        .returning(ClaimRow.number)
        .cte("claims")
    )
    return select(
        *(select(func.count()).select_from(done).scalar_subquery() for done in (seat, book, claims))
    )


async def _give_back(session: Session, booking_id: str) -> None:
    """What was taken of a pick that was not to be had whole."""
    free = update(PlaceRow).where(PlaceRow.booking_id == booking_id).values(booking_id=None)
    for statement in (
        free,
        delete(ClaimRow).where(ClaimRow.booking_id == booking_id),
        delete(BookingRow).where(BookingRow.id == booking_id),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))
