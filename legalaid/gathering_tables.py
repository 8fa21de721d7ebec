"""The tables of gatherings. Words are boxes under the gathering's id (`_sealed`): no prison desk opens them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class GatheringRow(Base):
    """`kind`, `state`, `outcome`: as in `legalaid.gathering_model`. `reason`: why it was refused."""

    __tablename__ = "gathering"
    __table_args__ = (
        UniqueConstraint("asked_by_kind", "asked_by_id", "ask_key"),
        Index("ix_gathering_prison_id_state", "prison_id", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    asked_by_kind: Mapped[str]
    asked_by_id: Mapped[str]
    ask_key: Mapped[str]
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    generation: Mapped[int]  # of the inmate's personal code when it was asked
    asked_at: Mapped[datetime]
    minutes: Mapped[int]
    state: Mapped[str]
    helper_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    sitting_id: Mapped[str | None] = mapped_column(ForeignKey("sitting.id"), index=True)
    outcome: Mapped[str]
    result_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    written_at: Mapped[datetime | None]


class GatheringPartyRow(Base):
    """Somebody who is asked to take part, the helper left out. `answer`, `verdict`: as in the model."""

    __tablename__ = "gathering_party"
    __table_args__ = (UniqueConstraint("gathering_id", "person_kind", "person_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    gathering_id: Mapped[str] = mapped_column(ForeignKey("gathering.id"))
    role: Mapped[str]  # rooms.model.SeatRole
    person_kind: Mapped[str]
    person_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    answer: Mapped[str]
    answered_at: Mapped[datetime | None]
    verdict: Mapped[str]
    objection_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
