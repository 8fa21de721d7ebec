"""The tables of help that is no matter of law: referrals, and papers that are looked at beforehand."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ReferralRow(Base):
    """Somebody's need, passed to a desk that can help. `from_kind`: question or booking."""

    __tablename__ = "referral"
    __table_args__ = (UniqueConstraint("raised_by_id", "raise_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    from_kind: Mapped[str]
    from_id: Mapped[str]
    kind: Mapped[str]
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    state: Mapped[str]
    raised_by_kind: Mapped[str]
    raised_by_id: Mapped[str]
    raise_key: Mapped[str]
    raised_at: Mapped[datetime]
    generation: Mapped[int]  # of the inmate's personal code
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime | None]


class PrecheckRow(Base):
    """Papers for a matter, looked at before a lawyer's time is held. `question_id`: the time asked for then."""

    __tablename__ = "precheck"
    __table_args__ = (UniqueConstraint("asked_by_id", "ask_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    kind: Mapped[str]
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # the desk's words
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    state: Mapped[str]
    asked_by_id: Mapped[str] = mapped_column(ForeignKey("relative.id"))
    ask_key: Mapped[str]
    asked_at: Mapped[datetime]
    question_id: Mapped[str | None] = mapped_column(ForeignKey("question.id"))


class PrecheckPaperRow(Base):
    """A paper. Sealed under its id; the type was told by its content."""

    __tablename__ = "precheck_paper"

    id: Mapped[str] = mapped_column(primary_key=True)
    precheck_id: Mapped[str] = mapped_column(ForeignKey("precheck.id"), index=True)
    media_type: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
