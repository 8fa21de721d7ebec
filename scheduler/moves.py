"""The one mover of bookings. A move is one conditional UPDATE; whether it answers a row is the truth."""

from datetime import datetime
from typing import Any, TypedDict, Unpack, cast

from sqlalchemy import ColumnElement, Table, select

from core import clock
from core.db import Session, rows
from core.errors import Conflict, NotFound, Reason
from core.ids import Ref
from ledger.record import record
from scheduler import accounts, places, telling
from scheduler.access import Actor, ref, tag
from scheduler.model import COUNTED_STATES, MOVES, BookingState, BookingView, Fault
from scheduler.tables import BookingRow

_BOOKING = cast(
    "Table", BookingRow.__table__
)  # past the ORM: what it would remember is read anew after a move
# Moves that leave nothing to remind of.
_ENDS = frozenset(BookingState) - {
    BookingState.HELD,
    BookingState.REQUESTED,
    BookingState.APPROVED,
    BookingState.ASSIGNED,
    BookingState.CONFIRMED,
}


class Moved(Conflict):
    code = "booking-moved"
    text = "This booking has changed in the meantime. Look at its present state and decide again."


class Terms(TypedDict, total=False):
    """What a move may come with, as `try_move` names it."""

    only_if: ColumnElement[bool] | None
    reason: Reason | None
    words: str
    fault: Fault
    values: dict[str, Any] | None
    details: dict[str, Any] | None
    keep_allowance: bool


async def move(
    session: Session, actor: Actor, booking_id: str, to: BookingState, **terms: Unpack[Terms]
) -> BookingState:
    """Makes the move, its ledger entry and its telling; answers the state it came from.

    Raises `Moved` when the booking is in no state from which `to` may be reached (or `only_if` fails), and
    `NotFound` for an unknown booking; then nothing has changed.
    """
    came_from = await try_move(session, actor, booking_id, to, **terms)
    if came_from is None:
        if await session.scalar(select(BookingRow.id).where(BookingRow.id == booking_id)) is None:
            raise NotFound
        raise Moved
    return came_from


async def try_move(
    session: Session,
    actor: Actor,
    booking_id: str,
    to: BookingState,
    *,
    only_if: ColumnElement[bool] | None = None,
    reason: Reason | None = None,
    words: str = "",
    fault: Fault = Fault.NOBODY,
    values: dict[str, Any] | None = None,
    details: dict[str, Any] | None = None,
    keep_allowance: bool = False,
    view: BookingView | None = None,
) -> BookingState | None:
    """As `move`, but answers `None` where that would raise. `keep_allowance`: the visit counts although it does not
    take place. `view`: the booking as just read, which saves reading it again."""
    came_from = view.state if view is not None else await _present_state(session, booking_id)
    if came_from is None or came_from not in MOVES[to]:
        return None
    conditions = [BookingRow.id == booking_id, BookingRow.state == came_from]
    if only_if is not None:
        conditions.append(only_if)
    mark = {"state": to, **_mark(ref(actor), clock.now(), reason, words, fault)}
    moved = _BOOKING.update().where(*conditions).values(mark | (values or {})).returning(_BOOKING.c.id)
    if not await rows(session, moved, {}):
        return None
    if to not in COUNTED_STATES:
        await places.release(session, booking_id, keep_allowance=keep_allowance)
        if came_from is not BookingState.HELD and not keep_allowance:
            await accounts.refund(session, booking_id)
    if to in _ENDS and came_from is BookingState.CONFIRMED:  # reminders are queued on that promise
        await telling.do_not_remind(session, booking_id)
    _enter(session, actor, booking_id, to, came_from, reason, fault, details or {})
    await telling.of_move(session, booking_id, to, came_from, view)
    return came_from


async def _present_state(session: Session, booking_id: str) -> BookingState | None:
    """Locks the row where the database can, so that the state read is the state moved from."""
    state = await session.scalar(
        select(BookingRow.state).where(BookingRow.id == booking_id).with_for_update()
    )
    return None if state is None else BookingState(state)


def _mark(actor: Ref, now: datetime, reason: Reason | None, words: str, fault: Fault) -> dict[str, Any]:
    return {
        "state_since": now,
        "state_by_kind": actor.kind,
        "state_by_id": actor.id,
        "reason_code": None if reason is None else reason.code,
        "reason_text": None if reason is None else reason.text,
        "reason_params": {} if reason is None else reason.params,
        "words": words,
        "fault": fault,
    }


def _enter(
    session: Session,
    actor: Actor,
    booking_id: str,
    to: BookingState,
    came_from: BookingState,
    reason: Reason | None,
    fault: Fault,
    details: dict[str, Any],
) -> None:
    entry = dict(details)
    if reason is not None:
        entry["reason"] = reason.code
    if fault is not Fault.NOBODY:
        entry["fault"] = fault.value
    name = to.value.replace("_", "-")
    record(
        session,
        tag(actor, f"booking:{name}"),
        actor=ref(actor),
        subject=Ref("booking", booking_id),
        came_from=came_from.value,
        **entry,
    )
