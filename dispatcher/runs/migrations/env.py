"""How Alembic reaches the tables: on the connection that the store has opened."""

from __future__ import annotations

from alembic import context

from dispatcher.runs.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=False,  # the store's own transaction holds every step
)
context.run_migrations()
