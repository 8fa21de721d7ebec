"""Keys that people's browsers agree on over the room: carried, never read (docs/protocol.md, Sealing). Pure."""

from typing import TYPE_CHECKING

from rooms.actions import KeyTold, SecretGiven, Send

if TYPE_CHECKING:
    from rooms.room import Room


def told(room: "Room", action: KeyTold) -> None:
    """A party's digest, and its public key once it has everybody's digest; shown to the other parties in `state`."""
    seat = room.by_socket(action.conn)
    if seat is not None and not seat.is_monitor and room.topology.oversight.sealed:
        seat.commit, seat.key = action.commit, action.public


def given(room: "Room", action: SecretGiven) -> None:
    """A box for one other party, which alone can open it."""
    seat, other = room.by_socket(action.conn), room.seat(action.seat)
    if seat is None or other is None or seat is other or seat.is_monitor or other.is_monitor:
        return
    if other.socket is not None and room.topology.oversight.sealed:
        message = {"type": "secret", "seat": seat.id, "box": action.box}
        room.out.append(Send(other.socket, message))
