"""Flags on bookings: something befell, and the visit may not stand as it is. Nothing is cancelled in silence.

A flag belongs to a cause (a happening, a new version of the rules). The same cause flags a booking once; when the
cause is gone the flag is cleared; an officer may decide that the visit stays, with a reason that is kept (F39).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound, Reason
from core.ids import Ref, new_id
from ledger.record import record
from scheduler import places
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.planning_tables import FlagRow
from scheduler.tables import BookingRow

_WORDS_LENGTH = 500


class FlagState(StrEnum):
    OPEN = "open"
    CLEARED = "cleared"  # the cause is gone
    KEPT = "kept"  # an officer decided that the visit stays
    MOVED = "moved"  # the family took another time
    ENDED = "ended"  # the booking is over in some other way


# From which states each state may be reached. What an officer kept stays kept for the same cause.
FLAG_MOVES = {
    FlagState.OPEN: frozenset({FlagState.CLEARED}),
    FlagState.CLEARED: frozenset({FlagState.OPEN}),
    FlagState.KEPT: frozenset({FlagState.OPEN}),
    FlagState.MOVED: frozenset({FlagState.OPEN}),
    FlagState.ENDED: frozenset({FlagState.OPEN}),
}


class FlagDecided(Conflict):
    code = "flag-decided"
    text = "This has been decided in the meantime. Look at the visit as it is now."


class WordsNeeded(Malformed):
    code = "words-needed"
    text = "Please say why the visit stays; the reason is kept with it."
    status = 422


@dataclass(frozen=True, slots=True)
class Flag:
    id: str
    booking_id: str
    prison_id: str
    cause: str
    reason: Reason
    state: FlagState
    words: str
    made_at: datetime


def as_flag(row: FlagRow) -> Flag:
    reason = Reason(row.code, row.text, row.params)
    return Flag(
        row.id, row.booking_id, row.prison_id, row.cause, reason, FlagState(row.state), row.words, row.made_at
    )


async def raise_flag(
    session: Session, actor: Actor, booking_id: str, *, cause: str, reason: Reason
) -> str | None:
    """Flags the booking; answers the flag's id, or `None` when this cause has flagged it already."""
    prison_id = await session.scalar(select(BookingRow.prison_id).where(BookingRow.id == booking_id))
    if prison_id is None:
        raise NotFound
    row = {
        "id": new_id("flg"),
        "booking_id": booking_id,
        "prison_id": prison_id,
        "cause": cause,
        "code": reason.code,
        "text": reason.text,
        "params": reason.params,
        "state": FlagState.OPEN,
        "words": "",
        "made_at": clock.now(),
    }
    made: list[str] = await places.insert_new(session, FlagRow, [row], FlagRow.id)
    if not made:
        again = (FlagRow.booking_id == booking_id, FlagRow.cause == cause)
        made = await _move(session, FlagState.OPEN, *again)
    if not made:
        return None
    record(
        session,
        tag(actor, "booking:flagged"),
        actor=ref(actor),
        subject=Ref("booking", booking_id),
        reason=reason.code,
        cause=cause,
    )
    return made[0]


async def clear(session: Session, actor: Actor, cause: str) -> list[str]:
    """The cause is gone: its open flags are cleared; answers the ids of their bookings."""
    return await _clear(session, actor, FlagRow.cause == cause)


async def clear_booking(
    session: Session, actor: Actor, booking_id: str, causes: Collection[str]
) -> list[str]:
    """As `clear`, for one booking and these causes."""
    return await _clear(session, actor, FlagRow.booking_id == booking_id, FlagRow.cause.in_(causes))


async def _clear(session: Session, actor: Actor, *where: ColumnElement[bool]) -> list[str]:
    bookings = []
    for flag_id in await _move(session, FlagState.CLEARED, *where):
        flag = await get(session, flag_id)
        bookings.append(flag.booking_id)
        record(
            session,
            tag(actor, "booking:flag-cleared"),
            actor=ref(actor),
            subject=Ref("booking", flag.booking_id),
            cause=flag.cause,
        )
    return bookings


async def keep(session: Session, actor: Actor, flag_id: str, words: str) -> Flag:
    """An officer decides that the visit stays, and says why. Raises `WordsNeeded`, `FlagDecided`."""
    flag = await get(session, flag_id)
    require(actor, flag.prison_id, DECIDERS)
    if not words.strip() or len(words) > _WORDS_LENGTH:
        raise WordsNeeded
    if not await _move(session, FlagState.KEPT, FlagRow.id == flag_id, by=actor, words=words.strip()):
        raise FlagDecided
    record(
        session,
        tag(actor, "booking:kept"),
        actor=ref(actor),
        subject=Ref("booking", flag.booking_id),
        cause=flag.cause,
    )
    return await get(session, flag_id)


async def settle(session: Session, booking_id: str, to: FlagState) -> None:
    """The booking went another way (moved, ended): its open flags are done with."""
    await _move(session, to, FlagRow.booking_id == booking_id)


async def _move(
    session: Session, to: FlagState, *where: ColumnElement[bool], by: Actor | None = None, words: str = ""
) -> list[str]:
    decided = {} if by is None else {"decided_by_kind": ref(by).kind, "decided_by_id": ref(by).id}
    moved = await session.scalars(
        update(FlagRow)
        .where(FlagRow.state.in_(FLAG_MOVES[to]), *where)
        .values(state=to, words=words, decided_at=None if to is FlagState.OPEN else clock.now(), **decided)
        .returning(FlagRow.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(moved)


async def get(session: Session, flag_id: str) -> Flag:
    row = await session.get(FlagRow, flag_id, populate_existing=True)
    if row is None:
        raise NotFound
    return as_flag(row)


async def find(session: Session, *where: ColumnElement[bool]) -> list[Flag]:
    """Flags by conditions on `FlagRow`, the oldest first."""
    rows = await session.scalars(
        select(FlagRow).where(*where).order_by(FlagRow.id).execution_options(populate_existing=True)
    )
    return [as_flag(row) for row in rows]


async def open_in(session: Session, prison_id: str) -> list[Flag]:
    """What waits for somebody in this prison."""
    return await find(session, FlagRow.prison_id == prison_id, FlagRow.state == FlagState.OPEN)


async def of_booking(session: Session, booking_id: str) -> list[Flag]:
    """Every flag the booking ever had, decisions with their reasons among them."""
    return await find(session, FlagRow.booking_id == booking_id)
