"""Who could see and hear whom in a room, a row for each change; `rooms.sightlines` says what the pairs mean."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class SightRow(Base):
    """Written once, never changed. `pairs`: [viewer's seat, shown seat, sound, picture] each; holds till the next row.
    An empty list stands where a process begins to run the room: nobody is there yet."""

    __tablename__ = "sight"

    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("room.id"), index=True)
    at: Mapped[datetime]
    pairs: Mapped[list[Any]] = mapped_column(JSON)
