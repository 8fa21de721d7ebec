"""The table of people who asked that what is kept about them be erased."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ErasureRow(Base):
    """One wish. `state` as in `recording.erasure.ErasureState`; names nobody but by id, so it may stay."""

    __tablename__ = "erasure"

    id: Mapped[str] = mapped_column(primary_key=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[str] = mapped_column(index=True)
    open_for: Mapped[str | None] = mapped_column(
        unique=True
    )  # the subject's id while it is not over: one at a time
    prison_id: Mapped[str | None] = mapped_column(
        index=True
    )  # which decides; NULL: administrators of the house
    state: Mapped[str] = mapped_column(index=True)
    words: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    receipt: Mapped[str] = mapped_column(
        unique=True
    )  # SHA-256 of the secret of the page that tells how it stands
    decided_kind: Mapped[str | None]
    decided_id: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(Text, default="")
    next_at: Mapped[datetime | None]  # when more may be erased
    done_at: Mapped[datetime | None]
    report: Mapped[str] = mapped_column(Text, default="[]")  # JSON: `recording.erasure.Line` by line
