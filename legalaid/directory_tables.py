"""The table of the directory of legal help."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
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


class DirectoryLinkRow(Base):
    """Whose an entry is here: a lawyer of a station, or a station; who is asked by name is reached through it."""

    __tablename__ = "directory_link"
    __table_args__ = (CheckConstraint("(staff_id IS NULL) <> (desk_id IS NULL)", name="one_of_two"),)

    entry_id: Mapped[str] = mapped_column(ForeignKey("directory_entry.id"), primary_key=True)
    staff_id: Mapped[str | None] = mapped_column(ForeignKey("lawyer.staff_id"))
    desk_id: Mapped[str | None] = mapped_column(ForeignKey("desk.id"))
    linked_at: Mapped[datetime]
