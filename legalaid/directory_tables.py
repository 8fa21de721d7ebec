"""The table of the directory of legal help."""

from datetime import datetime

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class DirectoryEntryRow(Base):
    """Somebody who helps. `key` is the source's own name for it; `active`: it stood in the last whole file."""

    __tablename__ = "directory_entry"
    __table_args__ = (Index("ix_directory_entry_city_kind", "city", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    name: Mapped[str]
    organisation: Mapped[str]
    city: Mapped[str]
    place: Mapped[str]
    address: Mapped[str]
    lat: Mapped[float]
    lon: Mapped[float]
    phone: Mapped[str]
    hours: Mapped[str]
    topics: Mapped[list[str]] = mapped_column(JSON)
    languages: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool]
    changed_at: Mapped[datetime]
