"""The table of reports about what a lawyer did at a meeting. Words and answer are boxes of `core.box` (`_sealed`)."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ConductReportRow(Base):
    """One meeting has one at most. `state`: as in `legalaid.conduct_model`; `breaches`: codes of it.

    Sealed under the report's id, the answer under the id and `:answer`.
    """

    __tablename__ = "conduct_report"

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("lawyer_meeting.id"), unique=True)
    lawyer_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), index=True)
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    state: Mapped[str]
    opened_at: Mapped[datetime]
    breaches: Mapped[list[str]] = mapped_column(JSON)
    copy_to_bar: Mapped[bool]
    words_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    written_by_id: Mapped[str | None]
    written_at: Mapped[datetime | None]  # sent, or dropped
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime | None]
