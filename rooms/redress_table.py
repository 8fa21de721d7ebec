"""What was found of each call that is over, once; see `rooms.redress`."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class RedressRow(Base):
    """`due`: it broke through the prison's or the platform's fault. `outcome`: offered, or the code of why no other
    time could be offered; empty where nothing was due. Durations in ms."""

    __tablename__ = "redress"

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), primary_key=True)
    at: Mapped[datetime]
    due: Mapped[bool]
    used_ms: Mapped[int] = mapped_column(BigInteger)
    ours_ms: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str]
