"""What an inmate said of a lawyer whom a relative engaged."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class MandateRow(Base):
    """Told to that lawyer alone (`legalaid.mandates`)."""

    __tablename__ = "mandate"

    lawyer_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), primary_key=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), primary_key=True)
    confirmed: Mapped[bool]
    answered_at: Mapped[datetime]
