"""What people switch on and off at their own end: devices, and what an officer wants to hear and see. Pure."""

from typing import TYPE_CHECKING

from rooms.actions import Devices, Looks

if TYPE_CHECKING:
    from rooms.room import Room


def devices(room: "Room", action: Devices) -> None:
    if (seat := room.by_socket(action.conn)) is not None:
        seat.camera, seat.microphone = action.camera, action.microphone


def looks(room: "Room", action: Looks) -> None:
    """Of an officer only: what is not wanted is not sent, and the officer supervises all the same."""
    if (seat := room.by_socket(action.conn)) is not None and seat.is_monitor:
        seat.listens, seat.looks = action.sound, action.pictures
