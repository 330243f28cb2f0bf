"""What Alembic runs for each command; `migrating.py` hands it the connection."""

from alembic import context

from gpuwatch.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
