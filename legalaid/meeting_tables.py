"""The tables of lawyers' meetings with clients, their papers, and what a prison's rules leave to it."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class MeetingRow(Base):
    """`ground`, `case_state`: as in `legalaid.confidential`; `state`: as in `legalaid.meeting_model`."""

    __tablename__ = "lawyer_meeting"
    __table_args__ = (UniqueConstraint("lawyer_id", "ask_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    lawyer_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), index=True)
    second_id: Mapped[str | None] = mapped_column(ForeignKey("lawyer.staff_id"))
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    ask_key: Mapped[str]
    ground: Mapped[str]
    case_state: Mapped[str]
    assistant: Mapped[str]  # a name, or empty
    interpreter: Mapped[str]  # a name, or empty
    interpreter_state: Mapped[str]  # "", asked, admitted, refused
    minutes: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    words: Mapped[str] = mapped_column(Text)  # why refused, ended or excused
    sitting_id: Mapped[str | None] = mapped_column(ForeignKey("sitting.id"))
    excused: Mapped[bool]
    # Accounts of those who have a device of their own; no foreign keys, for these columns came to a table that stood.
    assistant_id: Mapped[str | None]
    interpreter_id: Mapped[str | None]
    engaged_by: Mapped[str] = mapped_column(server_default="")  # legalaid.meeting_model.EngagedBy
    interpreter_words: Mapped[str] = mapped_column(Text, server_default="")  # why not admitted (art. 7)
    admitted_at: Mapped[datetime | None]  # its papers are in order: the weekly plan may find its time


class MeetingPaperRow(Base):
    """A paper, sealed under its id; `kind` as in `legalaid.meeting_model.Paper`."""

    __tablename__ = "lawyer_meeting_paper"
    __table_args__ = (UniqueConstraint("meeting_id", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("lawyer_meeting.id"))
    kind: Mapped[str]
    media_type: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sent_at: Mapped[datetime]
    original_seen_at: Mapped[datetime | None]


class MeetingRuleRow(Base):
    """What a prison says of lawyers' meetings. Without a row none is held by video (rules L1)."""

    __tablename__ = "lawyer_meeting_rule"

    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), primary_key=True)
    remote: Mapped[bool]
    officer: Mapped[str]  # legalaid.confidential.OfficerRule
    basis: Mapped[str] = mapped_column(Text)  # the local rule that allows it
    set_at: Mapped[datetime]
    counselling: Mapped[str] = mapped_column(server_default="")  # legalaid.confidential.CounsellingRule
    hours: Mapped[str] = mapped_column(server_default="")  # of working days (`legalaid.meeting_times`)
    away_decides: Mapped[bool] = mapped_column(
        server_default=text("false")
    )  # an officer, when a lawyer is away
