"""What a room makes of a plan of pictures: what is told to whom, and what stands in the recording. Pure."""

import logging
from typing import TYPE_CHECKING

from core.log import fields
from rooms.actions import Fitted, LegRated, Message
from rooms.fitting import Because, Got, Plan
from rooms.seat import Seat

if TYPE_CHECKING:
    from rooms.room import Room

_log = logging.getLogger(__name__)
_WHOLE = Got()


def fitted(room: "Room", action: Fitted) -> None:
    """The plan has changed: every step is written down with its second, who it concerns and why."""
    plan: Plan = action.plan
    for step in plan.steps(room.pictures):
        sender, viewer = _seat(room, step.sender), _seat(room, step.viewer)
        if sender is None or (step.viewer and viewer is None):
            continue
        details = {"seat": sender.id, "from": step.before.value, "to": step.after.value}
        if viewer is not None:
            details["viewer"] = viewer.id
        if step.because is not None:
            details["because"] = step.because.value
        if viewer is None or not viewer.is_monitor:  # what only an officer misses is no event of the visit
            room.mark("system:picture:stepped", **details)
        _log.info("- picture %s", fields(room=room.visit.room_id, **details))
    room.pictures = plan


def rated(room: "Room", action: LegRated) -> None:
    """How good the connection of one leg is."""
    if (seat := _seat(room, action.conn)) is not None:
        seat.quality = action.quality


def picture_of(room: "Room", viewer: Seat, seat: Seat) -> Message:
    """`picture` and `because` of one person of a state: what I get of them, and of myself what I send."""
    if seat.leg is None or not seat.connected:
        return {"picture": None, "because": None}
    if seat is viewer:
        sent = room.pictures.sent.get(seat.leg)
        return _told(None if sent is None else sent.picture.value, None if sent is None else sent.because)
    got = room.pictures.got.get((viewer.leg or "", seat.leg), _WHOLE)
    return _told(got.picture.value, got.because)


def _told(picture: str | None, because: Because | None) -> Message:
    return {"picture": picture, "because": None if because is None else because.value}


def _seat(room: "Room", conn: str) -> Seat | None:
    return next((seat for seat in room.seats if seat.leg == conn), None) if conn else None
