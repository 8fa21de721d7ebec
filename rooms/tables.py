"""Rooms, their seats and acts, tickets, and the nodes that host rooms.

A room belongs to the node that holds its lease; every write of a host names node and `epoch` in its WHERE,
so a host that lost the lease can change nothing more. Durations in milliseconds.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class NodeRow(Base):
    """A media process. Alive while `seen_at` is younger than `rooms.directory.LEASE`."""

    __tablename__ = "node"

    id: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    rooms: Mapped[int]  # how many it hosts


class RoomRow(Base):
    """One visit's room. `phase` as in `rooms.model.Phase`."""

    __tablename__ = "room"
    __table_args__ = (Index("ix_room_open", "phase", "lease_until"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), unique=True)
    node_id: Mapped[str | None]
    epoch: Mapped[int]  # grows with each claim
    lease_until: Mapped[datetime | None]
    phase: Mapped[str]
    used_ms: Mapped[int] = mapped_column(BigInteger)
    lost_ms: Mapped[int] = mapped_column(BigInteger)
    given_back_ms: Mapped[int] = mapped_column(BigInteger)
    ticked_at: Mapped[datetime | None]  # till when used_ms and lost_ms count
    live_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    end_code: Mapped[str]
    end_words: Mapped[str]
    fault: Mapped[str]
    pause_code: Mapped[str]
    pause_words: Mapped[str]


class SeatRow(Base):
    """One person's place in a room; what an officer decided about it survives every restart."""

    __tablename__ = "seat"
    __table_args__ = (UniqueConstraint("room_id", "person_kind", "person_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("room.id"))
    role: Mapped[str]
    person_kind: Mapped[str]
    person_id: Mapped[str]
    name: Mapped[str]
    kinship: Mapped[str]
    relationship_id: Mapped[str]  # empty for all but relatives
    state: Mapped[str]
    muted: Mapped[bool]
    joined_at: Mapped[datetime | None]


class ActRow(Base):
    """What an officer did, with the words that the ledger must not hold; for the prison only."""

    __tablename__ = "act"

    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("room.id"), index=True)
    at: Mapped[datetime]
    at_ms: Mapped[int] = mapped_column(BigInteger)  # of the visit's used time
    act: Mapped[str]
    seat_id: Mapped[str]  # empty: both ends
    officer_id: Mapped[str]
    code: Mapped[str]
    words: Mapped[str]


class TicketRow(Base):
    """A ticket; only its SHA-256 is kept. `used_at` is set once, by a conditional UPDATE."""

    __tablename__ = "ticket"

    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[str]  # rooms.model.Purpose
    room_id: Mapped[str | None]
    seat_id: Mapped[str | None]
    person_kind: Mapped[str]
    person_id: Mapped[str]
    session_id: Mapped[str]
    language: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
