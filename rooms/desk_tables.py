"""The officers' desk: who supervises which call, what was handed over, tasks, and notes at their second."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class WatchRow(Base):
    """Who supervises a call, where that differs from the roster or there is none. `why`: `rooms.watches.Why`."""

    __tablename__ = "call_watch"

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    officer_id: Mapped[str] = mapped_column(index=True)
    officer_name: Mapped[str]
    why: Mapped[str]
    since: Mapped[datetime]


class HandOverRow(Base):
    """What one officer left to another, with a note of what is open. `seen_at`: when the other one had read it."""

    __tablename__ = "hand_over"

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    from_id: Mapped[str]
    from_name: Mapped[str]
    to_id: Mapped[str] = mapped_column(index=True)
    to_name: Mapped[str]
    words: Mapped[str] = mapped_column(Text)
    bookings: Mapped[list[Any]] = mapped_column(JSON)
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]


class DeskTaskRow(Base):
    """Something that an officer should look at. `kind`, `state`: `rooms.desk_tasks`; `seat_id` empty: the whole call.
    `live_key` is unique while the task is not done: the same thing is not asked twice at once."""

    __tablename__ = "desk_task"
    __table_args__ = (Index("ix_desk_task_prison_id_state", "prison_id", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), index=True)
    kind: Mapped[str]
    seat_id: Mapped[str]
    name: Mapped[str]
    words: Mapped[str]
    state: Mapped[str]
    live_key: Mapped[str | None] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    taken_by: Mapped[str | None]
    taken_name: Mapped[str]
    done_at: Mapped[datetime | None]
    outcome: Mapped[str]


class NoteRow(Base):
    """A note at a second of a visit's recordings, written while listening. `at_ms`: on their common timeline."""

    __tablename__ = "call_note"

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), index=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str]
    words: Mapped[str] = mapped_column(Text)
    officer_id: Mapped[str]
    officer_name: Mapped[str]
    made_at: Mapped[datetime]


class ReviewRow(Base):
    """A recorded call that is to be listened to again. `why`, `state`: `recording.reviews`."""

    __tablename__ = "call_review"
    __table_args__ = (Index("ix_call_review_prison_id_state_due_at", "prison_id", "state", "due_at"),)

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    why: Mapped[str]
    risk: Mapped[int]
    due_at: Mapped[datetime]
    state: Mapped[str]
    made_at: Mapped[datetime]
    taken_by: Mapped[str | None]
    taken_name: Mapped[str]
    done_at: Mapped[datetime | None]
    outcome: Mapped[str]
    words: Mapped[str] = mapped_column(Text)
