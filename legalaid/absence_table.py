"""Lawyers who are away, and what becomes of each meeting that was arranged for that time."""

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class LawyerAbsenceRow(Base):
    """`lawyer_id` cannot come from `starts_at` until `ends_at`, unless that was taken back; the
    weekly plan leaves that time out."""

    __tablename__ = "lawyer_absence"
    __table_args__ = (UniqueConstraint("lawyer_id", "starts_at", "ends_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    lawyer_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reported_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]  # the lawyer comes after all


class MeetingFlagRow(Base):
    """One arranged meeting touched by an absence. `state`: a `legalaid.meeting_flags.FlagState`; `was_at`: when it was
    arranged for. With an offer: when and where, kept until `expires_at` by claims under this row's id."""

    __tablename__ = "lawyer_meeting_flag"
    __table_args__ = (UniqueConstraint("absence_id", "meeting_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    absence_id: Mapped[str] = mapped_column(ForeignKey("lawyer_absence.id"))
    meeting_id: Mapped[str] = mapped_column(ForeignKey("lawyer_meeting.id"), index=True)
    was_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(index=True)
    raised_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    words: Mapped[str] = mapped_column(Text, server_default="")  # why an officer left it as it is
    starts_at: Mapped[datetime | None]
    terminal_id: Mapped[str | None] = mapped_column(ForeignKey("terminal.id"))
    expires_at: Mapped[datetime | None]
