"""From a ticket to the node that hosts its room."""

from dataclasses import dataclass
from typing import Any

from core import clock
from core.db import Database
from core.errors import KinbridgeError, Unauthorised
from people import sessions
from people.tables import SessionRow
from rooms import directory, tickets
from rooms.model import Purpose
from rooms.refusals import TicketInvalid
from rooms.tickets import Pass
from signaling.messages import Message

LOOK_EVERY = 0.25  # seconds between two looks for the room's node
LOOK_FOR = 6.0  # seconds: longer than a dead node's lease


class SessionEnded(Unauthorised):
    code = "session-ended"
    text = "You were signed out. Please sign in again."


class RoomMoved(KinbridgeError):
    code = "room-moved"
    text = "The connection to the visit was interrupted. We are bringing you back."


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came in by which ticket. `session_expires_in` in seconds."""

    granted: Pass
    session_expires_in: int


async def redeem(db: Database, ticket: str) -> Entry:
    """Uses the ticket up. Raises `TicketInvalid`, `TicketExpired`, `SessionEnded`."""
    if not ticket.startswith(tickets.PREFIX):
        raise TicketInvalid
    async with db.write() as session:
        granted = await tickets.redeem(session, ticket)
        alive = await sessions.alive(session, granted.session_id)
        row = await session.get(SessionRow, granted.session_id)
    if not alive or row is None:
        raise SessionEnded
    return Entry(granted, int((row.expires_at - clock.now()).total_seconds()))


def attachment(conn: str, granted: Pass, **more: Any) -> Message:
    """What the node is told of a new socket, or of a peer without one; see `rooms.host`."""
    if granted.purpose is Purpose.CHECK:
        return {"op": "check", "conn": conn}
    if granted.purpose is Purpose.WALL:
        person = [granted.person.kind, granted.person.id]
        return {"op": "wall", "conn": conn, "room": granted.room_id, "person": person}
    where = {"room": granted.room_id, "seat": granted.seat_id, "language": granted.language}
    return {"op": "attach", "conn": conn, **where, **more}


async def node_of(db: Database, granted: Pass) -> str | None:
    """The node that hosts the room now; for a device check the least busy one."""
    async with db.read() as session:
        if granted.purpose in (Purpose.SEAT, Purpose.WALL):
            return await directory.locate(session, granted.room_id)
        living = await directory.nodes(session)
        return living[0][0] if living else None


async def stay(db: Database, session_id: str) -> bool:
    """Whether the session behind a socket still holds; being in a visit keeps it from lying idle."""
    async with db.read() as session:
        if not await sessions.alive(session, session_id):
            return False
    async with db.write() as session:
        await sessions.touch(session, session_id)
    return True
