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
