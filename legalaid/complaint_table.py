"""The table of complaints. Words and answer are boxes of `core.box` (`_sealed`), like those of questions."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

_OPEN = text("state = 'made'")


class ComplaintRow(Base):
    """What somebody says against the help with a case or a question. `about_kind`: case or question.

    Sealed under the complaint's id, the answer under the id and `:answer`.
    """

    __tablename__ = "legal_complaint"
    __table_args__ = (
        UniqueConstraint("made_by_kind", "made_by_id", "make_key"),
        Index("ix_legal_complaint_about", "about_kind", "about_id"),
        Index(  # one matter has one open complaint of one person
            "uq_legal_complaint_open",
            "made_by_kind",
            "made_by_id",
            "about_kind",
            "about_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    about_kind: Mapped[str]
    about_id: Mapped[str]
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    state: Mapped[str]
    made_by_kind: Mapped[str]
    made_by_id: Mapped[str]
    make_key: Mapped[str]  # a form that is sent twice is one complaint
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    generation: Mapped[int]  # of the inmate's personal code when it was made
    made_at: Mapped[datetime]
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
