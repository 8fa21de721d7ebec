"""Alembic's entry: runs on the connection that `core.schema.migrate` hands over."""

from alembic import context

from core import schema

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=schema.metadata(),
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="core.db.",
)
with context.begin_transaction():
    context.run_migrations()
