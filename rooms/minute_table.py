"""The seconds of a leg, a minute in one row; `rooms.minutes` says what the bytes mean."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class LegMinuteRow(Base):
    """Written once, never changed."""

    __tablename__ = "leg_minute"

    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("room.id"), index=True)
    seat_id: Mapped[str]
    leg: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)
    figures: Mapped[bytes] = mapped_column(LargeBinary)
