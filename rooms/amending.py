"""What changes about what was agreed while the room stands: more time, a visitor less, or all of it. Pure."""

from typing import TYPE_CHECKING

from core.ids import SYSTEM
from rooms import words
from rooms.actions import BookingCancelled, Extended, VisitorDropped
from rooms.model import EndReason, SeatState
from rooms.view import milliseconds
from scheduler.model import Fault

if TYPE_CHECKING:
    from rooms.room import Room


def extended(room: "Room", action: Extended) -> None:
    minutes = round((action.granted - room.visit.granted) / 60)
    room.agree_anew(action.granted, action.slot_ends_at)
    room.enter("system:visit:extended", SYSTEM, granted_ms=milliseconds(action.granted))
    room.mark("system:visit:extended", minutes=minutes)
    for seat in room.seats:
        if minutes > 0:
            room.notice(seat, "extended", words.EXTENDED, minutes=minutes)


def cancelled(room: "Room", _action: BookingCancelled) -> None:
    room.end(EndReason.CANCELLED, Fault.NOBODY)


def dropped(room: "Room", action: VisitorDropped) -> None:
    seat = room.seat(action.seat_id)
    if seat is not None and seat.view.state is not SeatState.REMOVED:
        room.remove(seat, "relationship-ended", EndReason.CANCELLED, Fault.NOBODY)
