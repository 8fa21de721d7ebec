"""Rooms, their seats and acts, tickets, and the nodes that host rooms.

A room belongs to the node that holds its lease; every write of a host names node and `epoch` in its WHERE,
so a host that lost the lease can change nothing more. Durations in milliseconds.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

import rooms.desk_tables
import rooms.minute_table
import rooms.redress_table
import rooms.sight_table  # noqa: F401 - one metadata, in several files
from core.db import Base


class NodeRow(Base):
    """A media process. Alive while `seen_at` is younger than `rooms.directory.LEASE`."""

    __tablename__ = "node"

    id: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    rooms: Mapped[int]  # how many it hosts


class SittingRow(Base):
    """People who meet without a booking: a lawyer's turn or meeting, a mediation, a counsellor's hour.

    `kind`, `confidentiality` as in `rooms.confidentiality`; the latter only ever becomes more closed (guarded by
    `rooms.guards`). `basis`: the code of the reason for it. `matter_*`: what it is held for, known to the package
    that agreed it. `terminal_id` NULL: any terminal of the prison.
    """

    __tablename__ = "sitting"
    __table_args__ = (
        Index("ix_sitting_state_opens_at", "state", "opens_at"),
        Index("ix_sitting_matter", "matter_kind", "matter_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    confidentiality: Mapped[str]
    basis: Mapped[str]
    matter_kind: Mapped[str]
    matter_id: Mapped[str]
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    terminal_id: Mapped[str | None] = mapped_column(ForeignKey("terminal.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    opens_at: Mapped[datetime]
    minutes: Mapped[int]
    state: Mapped[str]  # rooms.agreed.SittingState
    agreed_at: Mapped[datetime]


class PartyRow(Base):
    """Somebody who takes part in a sitting. Names as they stood when it was agreed."""

    __tablename__ = "sitting_party"
    __table_args__ = (UniqueConstraint("sitting_id", "person_kind", "person_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id"))
    role: Mapped[str]  # rooms.model.SeatRole
    person_kind: Mapped[str]
    person_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]


class RoomRow(Base):
    """The room of a booking or of a sitting. `phase` as in `rooms.model.Phase`."""

    __tablename__ = "room"
    __table_args__ = (
        Index("ix_room_open", "phase", "lease_until"),
        CheckConstraint("(booking_id IS NULL) <> (sitting_id IS NULL)", name="about_one"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str | None] = mapped_column(ForeignKey("booking.id"), unique=True)
    sitting_id: Mapped[str | None] = mapped_column(ForeignKey("sitting.id"), unique=True)
    confidentiality: Mapped[str]  # guarded by `rooms.guards`
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


class ProofRow(Base):
    """What the canary found (`rooms.proving`). `findings`: [code, figure, wanted, holds] each."""

    __tablename__ = "closed_room_proof"

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    node_id: Mapped[str]
    holds: Mapped[bool]
    findings: Mapped[list[Any]] = mapped_column(JSON)
