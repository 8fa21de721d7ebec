"""The tables of cases, and of who works at a desk. Facts and letters are boxes of `core.box` (`_sealed`)."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class DeskStaffRow(Base):
    """An account of kind counsel that decides at a desk."""

    __tablename__ = "desk_staff"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), primary_key=True)


class CaseRow(Base):
    __tablename__ = "legal_case"
    __table_args__ = (
        UniqueConstraint("applied_by_kind", "applied_by_id", "apply_key"),
        Index("ix_legal_case_desk_id_state", "desk_id", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    question_id: Mapped[str | None] = mapped_column(ForeignKey("question.id"), index=True)
    applied_by_kind: Mapped[str]
    applied_by_id: Mapped[str]
    apply_key: Mapped[str]
    topic: Mapped[str]
    exemption: Mapped[str]
    facts_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    generation: Mapped[int]  # of the inmate's personal code when it was applied for
    state: Mapped[str]
    station_id: Mapped[str] = mapped_column(ForeignKey("desk.id"))
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"))  # whose turn it is
    lawyer_id: Mapped[str | None] = mapped_column(ForeignKey("lawyer.staff_id"), index=True)
    until: Mapped[date | None]  # last day for missing papers
    change_asked: Mapped[bool]
    letters: Mapped[int]  # how many there are
    applied_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    entry: Mapped[str] = mapped_column(server_default="")  # legalaid.case_model.Entry
    received_on: Mapped[date | None]  # when an authority's notice came
    notice_due: Mapped[date | None]  # until when that was in time
    # The centre that holds or held it; no foreign key, for this column came to a table that stood.
    centre_id: Mapped[str | None]


class CaseLetterRow(Base):
    """One line of a case's file; never changed."""

    __tablename__ = "case_letter"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("legal_case.id"))
    number: Mapped[int]
    kind: Mapped[str]
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    by_kind: Mapped[str]
    by_id: Mapped[str]
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"))
    lawyer_id: Mapped[str | None] = mapped_column(ForeignKey("lawyer.staff_id"))
    until: Mapped[date | None]
