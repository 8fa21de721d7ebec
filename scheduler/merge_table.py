"""The table of inmates who were entered twice."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

_ASKED = text("state = 'asked'")


class MergeRow(Base):
    """A proposal to make one record of two: `gone_id` becomes `kept_id`. One at a time for a record that goes."""

    __tablename__ = "inmate_merge"
    __table_args__ = (
        Index("uq_inmate_merge_asked", "gone_id", unique=True, sqlite_where=_ASKED, postgresql_where=_ASKED),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    kept_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"))
    gone_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"))
    words: Mapped[str] = mapped_column(Text)  # how it is known that they are one person
    state: Mapped[str]  # merging.MergeState
    asked_by_kind: Mapped[str]
    asked_by_id: Mapped[str]
    asked_at: Mapped[datetime]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[str | None]
    decided_at: Mapped[datetime | None]
