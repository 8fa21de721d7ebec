"""The outbox: what is to be told to whom, written in the transaction of the fact it tells of."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class NoticeRow(Base):
    """`id` is the idempotency key of the delivery. Addresses are blanked some days after the end."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_due", "state", "due_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    to_kind: Mapped[str]
    to_id: Mapped[str] = mapped_column(index=True)
    address: Mapped[str]
    template: Mapped[str]
    language: Mapped[str]
    params: Mapped[str] = mapped_column(Text)  # JSON
    dedupe: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]  # pointless afterwards
    tries: Mapped[int]
    claim: Mapped[str | None]  # of the worker that is sending it
    claimed_until: Mapped[datetime | None]  # afterwards another worker may try
    problem: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
