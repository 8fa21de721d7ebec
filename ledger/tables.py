"""The ledger's table and its head; triggers refuse UPDATE and DELETE on the entries, nothing cascades."""

from sqlalchemy import DDL, FromClause, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from ledger.chain import GENESIS


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
    (
        "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
    ),
    (
        "CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    ),
)
# The head is there from the start: two first entries at once would otherwise both make one.
FIRST_HEAD = f"INSERT INTO ledger_head (id, seq, digest) VALUES (1, 0, '{GENESIS}')"  # noqa: S608 - a constant


def _after_create(table: FromClause, statement: str, dialect: str | None = None) -> None:
    ddl = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
    event.listen(table, "after_create", ddl.execute_if(dialect=dialect) if dialect else ddl)


for _statement in SQLITE_TRIGGERS:
    _after_create(EntryRow.__table__, _statement, "sqlite")
for _statement in POSTGRESQL_TRIGGERS:
    _after_create(EntryRow.__table__, _statement, "postgresql")
_after_create(HeadRow.__table__, FIRST_HEAD)
