"""The coding of a call, as people come: one for everybody, chosen before anything is offered. Pure."""

from typing import TYPE_CHECKING

from core.ids import SYSTEM
from rooms.actions import Close
from rooms.codec import choose
from rooms.seat import Seat

if TYPE_CHECKING:
    from rooms.room import Room


def agree(room: "Room", newcomer: Seat) -> None:
    """`newcomer` is about to be given a leg. If the coding changes, whoever has one in the old coding is asked
    to come back at once, for nothing is negotiated anew in a call."""
    others = [seat for seat in room.seats if seat.leg is not None and seat is not newcomer]
    able = [newcomer.codecs, *(seat.codecs for seat in others)]
    codec = choose(room.visit.rules.codec, room.codec, able, begun=bool(others))
    if codec is room.codec:
        return
    room.codec = codec
    for seat in others:
        if seat.socket is not None:
            room.out.append(Close(seat.socket, "room-moved"))
        room.leave(seat)
    if others:
        room.enter("system:visit:recoded", SYSTEM, codec=codec.value)
