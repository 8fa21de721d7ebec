"""What inmates thought of a turn: asked once, at the terminal, right after it."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class OpinionRow(Base):
    """`helped`: as in `legalaid.opinions.Helped`. Never shown together with a name."""

    __tablename__ = "turn_opinion"

    turn_id: Mapped[str] = mapped_column(ForeignKey("help_turn.id"), primary_key=True)
    helped: Mapped[str]
    said_at: Mapped[datetime]
