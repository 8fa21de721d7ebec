"""Taking and giving back what can be taken once: seats, ticks of people and terminals, visits of a period.

Every taking is an INSERT or UPDATE that a unique key or its own WHERE may turn away; the rows it answers
are the truth. Nothing is counted and then written. Locks are always taken in one order (bookings by id, one
seat, claims by key), so two transactions never wait for each other in a circle.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, or_, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from core import clock
from core.db import Base, Session, rows
from core.ids import new_id
from scheduler.model import OPEN_STATES, BookingState, ClaimKind, ticks
from scheduler.tables import AllowanceRow, BookingRow, ClaimRow, PlaceRow, VisitorRow

Key = tuple[ClaimKind, str, int]


@dataclass(frozen=True, slots=True)
class Ignoring:
    """Bookings that do not stand in the way: one, the one that it replaces or would, and the present pick of a relative
    for an inmate."""

    booking_id: str = ""
    replaced: str = ""
    relative_id: str = ""
    inmate_id: str = ""

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of `IGNORED` and `STALE`, now."""
        return {
            "ign_booking": self.booking_id,
            "ign_replaced": self.replaced,
            "ign_relative": self.relative_id,
            "ign_inmate": self.inmate_id,
            "now": clock.now(),
        }


def stale(now: datetime) -> ColumnElement[bool]:
    """A hold that has run out, whether or not somebody has noticed: it keeps nothing from anybody."""
    return and_(BookingRow.state == BookingState.HELD, BookingRow.held_until <= now)


# The same two as one might write them each time, with parameters: statements that have them are built once.
STALE = and_(BookingRow.state == BookingState.HELD, BookingRow.held_until <= bindparam("now"))
IGNORED = or_(
    BookingRow.id.in_((bindparam("ign_booking"), bindparam("ign_replaced"))),
    and_(
        BookingRow.state == BookingState.HELD,
        BookingRow.requested_by == bindparam("ign_relative"),
        BookingRow.inmate_id == bindparam("ign_inmate"),
        or_(BookingRow.link.is_(None), ~BookingRow.link.startswith("offer:")),
    ),
)


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


async def claim(session: Session, keys: Iterable[Key], booking_id: str | None) -> bool:
    """Claims all keys or none. `booking_id` None: for a visit that was not booked here."""
    wanted = sorted(set(keys))
    claimed = await claim_free(session, wanted, booking_id)
    if claimed == len(wanted):
        return True
    if claimed:
        await unclaim(session, wanted, booking_id)
    return False


# One statement however many keys there are: what is built for each number of them is put into SQL each time.
_CLAIM_SQLITE = text(
    """
    INSERT INTO claim (kind, owner_id, number, booking_id)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), :booking
    FROM json_each(:keys) WHERE true
    ON CONFLICT DO NOTHING RETURNING number
    """
)
_CLAIM_POSTGRESQL = text(
    """
    INSERT INTO claim (kind, owner_id, number, booking_id)
    SELECT kind, owner_id, number, CAST(:booking AS text) FROM
    unnest(CAST(:kinds AS text[]), CAST(:owners AS text[]), CAST(:numbers AS integer[])) WITH ORDINALITY
    AS asked (kind, owner_id, number, place) ORDER BY place
    ON CONFLICT DO NOTHING RETURNING number
    """
)


async def claim_free(session: Session, keys: Sequence[Key], booking_id: str | None) -> int:
    """Claims those keys that nobody has, in their order; how many."""
    if not keys:
        return 0
    if session.get_bind().dialect.name == "sqlite":
        return len(await rows(session, _CLAIM_SQLITE, {"keys": json.dumps(keys), "booking": booking_id}))
    kinds, owners, numbers = zip(*keys, strict=True)
    given = {"kinds": [str(kind) for kind in kinds], "owners": list(owners), "numbers": list(numbers)}
    return len(await rows(session, _CLAIM_POSTGRESQL, {**given, "booking": booking_id}))


def visit_key(owner: str, taken: Collection[int], limit: int | None) -> Key | None:
    """The claim on one of `limit` visits of an allowance whose `taken` numbers are gone; `None`: no limit, whatever
    was taken. Answers `None` when all are gone."""
    beyond = 0 if limit is None else sum(number > limit for number in taken)  # from when the limit was higher
    most = len(taken) + 1 if limit is None else limit - beyond
    number = next((number for number in range(1, most + 1) if number not in taken), None)
    return None if number is None else (ClaimKind.ALLOWANCE, owner, number)


async def not_held_by(session: Session, keys: Iterable[Key], booking_id: str) -> list[Key]:
    """The keys without those that this booking has."""
    rows = await session.execute(
        select(ClaimRow.kind, ClaimRow.owner_id, ClaimRow.number).where(ClaimRow.booking_id == booking_id)
    )
    has = {(kind, owner, number) for kind, owner, number in rows}
    return [key for key in keys if key not in has]


async def unclaim(session: Session, keys: Iterable[Key], booking_id: str | None) -> None:
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


async def release(session: Session, booking_id: str, *, keep_allowance: bool = False) -> None:
    """Gives back the booking's seat and its claims (with `keep_allowance`, but for its visit of the allowance); what
    a booking needs that replaces it goes over to that."""
    await session.execute(
        update(PlaceRow)
        .where(PlaceRow.booking_id == booking_id)
        .values(booking_id=None)
        .execution_options(synchronize_session=False)
    )
    heir = await session.scalar(
        select(BookingRow).where(BookingRow.replaces == booking_id, BookingRow.state.in_(OPEN_STATES))
    )
    if heir is not None:
        await _hand_over(session, booking_id, heir)
    rest = [ClaimRow.booking_id == booking_id]
    if keep_allowance:
        rest.append(ClaimRow.kind != ClaimKind.ALLOWANCE)
    await session.execute(delete(ClaimRow).where(*rest).execution_options(synchronize_session=False))


async def release_visit(session: Session, booking_id: str) -> None:
    """Gives back the booking's visit of the allowance, and nothing else."""
    await session.execute(
        delete(ClaimRow)
        .where(ClaimRow.booking_id == booking_id, ClaimRow.kind == ClaimKind.ALLOWANCE)
        .execution_options(synchronize_session=False)
    )


async def _hand_over(session: Session, booking_id: str, heir: BookingRow) -> None:
    """The ticks that both times share, of the people and of a seat in a booth that both have, and the visit of the
    allowance if the heir has none of its own."""
    numbers = ticks(heir.starts_at, heir.slot_ends_at)
    seat = aliased(ClaimRow)
    seats = select(seat.owner_id).where(seat.booking_id == heir.id, seat.kind == ClaimKind.BOOTH)
    comes = select(VisitorRow.relative_id).where(VisitorRow.booking_id == heir.id)
    certain = [heir.inmate_id, *([heir.requested_by] if heir.state == BookingState.HELD else [])]
    people = or_(ClaimRow.owner_id.in_(certain), ClaimRow.owner_id.in_(comes))
    of_people = and_(ClaimRow.kind.in_((ClaimKind.INMATE, ClaimKind.VISITOR)), people)
    of_booth = and_(ClaimRow.kind == ClaimKind.BOOTH, ClaimRow.owner_id.in_(seats))
    shared = and_(ClaimRow.number.between(numbers.start, numbers.stop - 1), or_(of_people, of_booth))
    own = or_(
        exists().where(ClaimRow.booking_id == heir.id, ClaimRow.kind == ClaimKind.ALLOWANCE),
        exists().where(AllowanceRow.booking_id == heir.id),
    )
    passed_on = shared
    if not await session.scalar(select(own)):
        passed_on = or_(shared, ClaimRow.kind == ClaimKind.ALLOWANCE)
        await session.execute(
            update(AllowanceRow)
            .where(AllowanceRow.booking_id == booking_id)
            .values(booking_id=heir.id)
            .execution_options(synchronize_session=False)
        )
    await session.execute(
        update(ClaimRow)
        .where(ClaimRow.booking_id == booking_id, passed_on)
        .values(booking_id=heir.id)
        .execution_options(synchronize_session=False)
    )


async def lock_in_the_way(
    session: Session, slot_id: str, inmate_id: str, relative_id: str, link: str | None
) -> list[tuple[str, bool]]:
    """Locks what may be pushed aside for a new pick, in order of ids: stale holds on the slot, of the inmate and of
    the relative, and the relative's own present pick for this inmate (a change of mind), unless it belongs to the
    same `link` or keeps a place that the prison offered.

    Answers (booking id, whether it is stale).
    """
    now = clock.now()
    seated = select(PlaceRow.booking_id).where(PlaceRow.slot_id == slot_id, PlaceRow.booking_id.is_not(None))
    elsewhere = true() if link is None else BookingRow.link.is_distinct_from(link)
    rows = await session.execute(
        select(BookingRow.id, BookingRow.held_until)
        .where(
            BookingRow.state == BookingState.HELD,
            or_(
                and_(BookingRow.held_until <= now, BookingRow.inmate_id == inmate_id),
                and_(BookingRow.held_until <= now, BookingRow.requested_by == relative_id),
                and_(BookingRow.held_until <= now, BookingRow.id.in_(seated)),
                and_(own_pick(relative_id, inmate_id), elsewhere),
            ),
        )
        .order_by(BookingRow.id)
        .with_for_update()
    )
    return [(booking_id, held_until is not None and held_until <= now) for booking_id, held_until in rows]


OFFERED = "offer:"  # how the link of a hold begins that keeps a place which the prison offered


def offered() -> ColumnElement[bool]:
    """Holds that keep a place which the prison offered."""
    return and_(BookingRow.link.is_not(None), BookingRow.link.startswith(OFFERED))


def own_pick(relative_id: str, inmate_id: str) -> ColumnElement[bool]:
    """The present pick of a relative for an inmate: picking again lets it go."""
    return and_(
        BookingRow.state == BookingState.HELD,
        BookingRow.requested_by == relative_id,
        BookingRow.inmate_id == inmate_id,
        ~offered(),
    )


def ticks_of(kind: ClaimKind, owner_id: str, numbers: range) -> list[Key]:
    return [(kind, owner_id, number) for number in numbers]


async def close_place(session: Session, place_id: str) -> bool:
    """Takes away a free seat; False when somebody has it."""
    gone = await session.scalar(
        delete(PlaceRow)
        .where(PlaceRow.id == place_id, PlaceRow.booking_id.is_(None))
        .returning(PlaceRow.id)
        .execution_options(synchronize_session=False)
    )
    return gone is not None


def new_places(slot_id: str, first_seat: int, last_seat: int) -> list[dict[str, Any]]:
    """Rows for the seats from `first_seat` to `last_seat`, both included."""
    return [
        {"id": new_id("plc"), "slot_id": slot_id, "seat": seat, "booking_id": None}
        for seat in range(first_seat, last_seat + 1)
    ]
