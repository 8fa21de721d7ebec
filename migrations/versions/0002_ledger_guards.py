"""The ledger's first head, and what the database itself refuses: to change entries, to open up closed rooms."""

from alembic import op

from ledger import tables
from rooms import guards

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(tables.FIRST_HEAD)
    sqlite = op.get_bind().dialect.name == "sqlite"
    for owner in (tables, guards):
        for statement in owner.SQLITE_TRIGGERS if sqlite else owner.POSTGRESQL_TRIGGERS:
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only; restore a backup instead")
