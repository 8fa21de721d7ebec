"""Policy as rows: scopes and their versions. A version's values are never changed once it is approved."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ScopeRow(Base):
    """A nation, province, prison or ward. `path`: the ids from the nation down to this one, `/` between."""

    __tablename__ = "policy_scope"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    path: Mapped[str]
    title: Mapped[str]


class PolicyRow(Base):
    """One version of what a scope states. In force from `valid_from` (included) to `valid_to` (excluded),
    and only when somebody else than its author approved it."""

    __tablename__ = "policy_set"
    __table_args__ = (
        UniqueConstraint("scope_id", "version"),
        CheckConstraint(
            "approved_by_id IS NULL OR approved_by_id <> drafted_by_id OR approved_by_kind <> drafted_by_kind",
            name="two_persons",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    scope_id: Mapped[str] = mapped_column(ForeignKey("policy_scope.id"))
    version: Mapped[int]
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    legal_basis: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    bounds: Mapped[dict[str, Any]] = mapped_column(JSON)  # for narrower scopes: `bounds.Bound` by field
    preset: Mapped[str | None]  # the file it came from, with its digest
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    drafted_by_kind: Mapped[str]
    drafted_by_id: Mapped[str]
    drafted_at: Mapped[datetime]
    approved_by_kind: Mapped[str | None]
    approved_by_id: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    dropped_by_kind: Mapped[str | None]  # a proposal that nobody will approve
    dropped_by_id: Mapped[str | None]
    dropped_at: Mapped[datetime | None]


class CalendarYearRow(Base):
    """A year of working days that this installation entered: days as ISO dates. In force once somebody else than
    its author approved it, until a later one of the same calendar and year is."""

    __tablename__ = "calendar_year"
    __table_args__ = (
        CheckConstraint(
            "approved_by_id IS NULL OR approved_by_id <> entered_by_id OR approved_by_kind <> entered_by_kind",
            name="two_persons_year",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    calendar: Mapped[str]  # its name in capitals
    year: Mapped[int]
    holidays: Mapped[list[str]] = mapped_column(JSON)
    workdays: Mapped[list[str]] = mapped_column(JSON)
    source: Mapped[str]
    entered_by_kind: Mapped[str]
    entered_by_id: Mapped[str]
    entered_at: Mapped[datetime]
    approved_by_kind: Mapped[str | None]
    approved_by_id: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
