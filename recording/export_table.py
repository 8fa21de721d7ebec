"""The table of copies that leave: who asked, who approved, who fetched."""

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ExportRow(Base):
    """One bundle. `state` as in `recording.handing_out.ExportState`."""

    __tablename__ = "recording_export"

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(index=True)
    prison_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    purpose: Mapped[str]  # a code of `recording.handing_out.PURPOSES`
    words: Mapped[str] = mapped_column(Text)
    receiver: Mapped[str]  # as it stands over the picture
    asked_kind: Mapped[str]
    asked_id: Mapped[str]
    asked_at: Mapped[datetime]
    decided_kind: Mapped[str | None]
    decided_id: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(Text, default="")
    progress: Mapped[int] = mapped_column(default=0)  # per cent of the rendering
    claim: Mapped[str | None]  # who renders now …
    claimed_until: Mapped[datetime | None]  # … and till when nobody else may
    tries: Mapped[int] = mapped_column(default=0)
    key_version: Mapped[int | None]  # of the master key that wraps …
    wrapped: Mapped[bytes | None]  # … what the bundle is locked with; NULL once it has gone
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # of the bundle in the clear
    link: Mapped[str | None] = mapped_column(unique=True)  # SHA-256 of the link's secret
    expires_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
