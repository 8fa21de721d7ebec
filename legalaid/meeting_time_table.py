"""When a lawyer could meet a client: the times that they named for one request, the dearest first."""

from datetime import date, time

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class MeetingTimeRow(Base):
    """From `starts` to `ends` on `day`, by the prison's clocks; `rank` 0 is the dearest, several may share one."""

    __tablename__ = "lawyer_meeting_time"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("lawyer_meeting.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rank: Mapped[int]
    day: Mapped[date]
    starts: Mapped[time]
    ends: Mapped[time]
