"""The table by which recordings are found (`recording.terms`): in each term's order of time, so a page is one walk."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class TermRow(Base):
    """One term of one recording. The key's order is that of the question: whose, what, when."""

    __tablename__ = "recording_term"

    prison_id: Mapped[str] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True, index=True)
