"""Tickets: for one person, one seat, one room, once, for 60 s. The table knows only their digests."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update

from core import clock
from core.db import Session
from core.ids import Ref, new_id
from people.model import Identity
from rooms.model import Purpose
from rooms.refusals import TicketExpired, TicketInvalid
from rooms.tables import TicketRow

LIFE = timedelta(seconds=60)
PREFIX = "kbt_"


@dataclass(frozen=True, slots=True)
class IssuedTicket:
    """What the page gets: the token, shown once, and its life in seconds."""

    token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Pass:
    """What a redeemed ticket is good for."""

    id: str
    purpose: Purpose
    room_id: str
    seat_id: str
    person: Ref
    session_id: str
    language: str


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(
    session: Session,
    identity: Identity,
    purpose: Purpose,
    room_id: str | None = None,
    seat_id: str | None = None,
) -> IssuedTicket:
    """A new ticket of 256 random bits for the person of this session."""
    token = PREFIX + secrets.token_urlsafe(32)
    session.add(
        TicketRow(
            id=new_id("tkt"),
            digest=_digest(token),
            purpose=purpose.value,
            room_id=room_id,
            seat_id=seat_id,
            person_kind=identity.subject.kind,
            person_id=identity.subject.id,
            session_id=identity.session_id,
            language=identity.language,
            expires_at=clock.now() + LIFE,
            used_at=None,
        )
    )
    return IssuedTicket(token, int(LIFE.total_seconds()))


async def redeem(session: Session, token: str) -> Pass:
    """Uses a ticket up. Raises `TicketInvalid` (unknown or used before) or `TicketExpired`."""
    now, digest = clock.now(), _digest(token)
    used = await session.execute(
        update(TicketRow)
        .where(TicketRow.digest == digest, TicketRow.used_at.is_(None), TicketRow.expires_at > now)
        .values(used_at=now)
        .returning(TicketRow.id)
    )
    taken = used.first() is not None  # of two at once, the database lets one through
    row = await session.scalar(select(TicketRow).where(TicketRow.digest == digest))
    if row is None or (not taken and row.used_at is not None):
        raise TicketInvalid
    if not taken:
        raise TicketExpired
    return Pass(
        id=row.id,
        purpose=Purpose(row.purpose),
        room_id=row.room_id or "",
        seat_id=row.seat_id or "",
        person=Ref(row.person_kind, row.person_id),
        session_id=row.session_id,
        language=row.language,
    )


async def purge(session: Session) -> int:
    """Forgets tickets that have been dead for an hour; answers how many."""
    old = clock.now() - timedelta(hours=1)
    gone = await session.execute(delete(TicketRow).where(TicketRow.expires_at < old).returning(TicketRow.id))
    return len(gone.all())
