"""The ledger's first head, and the triggers that keep it append-only."""

from alembic import op

from ledger import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(tables.FIRST_HEAD)
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in tables.SQLITE_TRIGGERS if sqlite else tables.POSTGRESQL_TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only; restore a backup instead")
