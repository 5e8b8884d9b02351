"""Alembic's entry: it runs the steps on the open connection it is given. It never opens a database of its own."""

from alembic import context

from dermscan.history.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
