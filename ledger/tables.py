"""The ledger's table and its head; triggers refuse UPDATE and DELETE on the entries, nothing cascades."""

from sqlalchemy import DDL, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class EntryRow(Base):
    """One entry, field by field as in `ledger.chain.Entry`."""

    __tablename__ = "ledger_entry"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    tag: Mapped[str] = mapped_column(index=True)
    actor_kind: Mapped[str]
    actor_id: Mapped[str] = mapped_column(index=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[str] = mapped_column(index=True)
    details: Mapped[str] = mapped_column(Text)
    previous: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)


class HeadRow(Base):
    """The single row (id 1) that keeps the chain single: whoever appends locks and moves it."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    digest: Mapped[str]


SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER ledger_entry_no_{verb.lower()} BEFORE {verb} ON ledger_entry "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
POSTGRESQL_TRIGGERS = (
    ("CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"),
    ("CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"),
)
for _statement in SQLITE_TRIGGERS:
    event.listen(EntryRow.__table__, "after_create", DDL(_statement).execute_if(dialect="sqlite"))
for _statement in POSTGRESQL_TRIGGERS:
    event.listen(EntryRow.__table__, "after_create", DDL(_statement).execute_if(dialect="postgresql"))
