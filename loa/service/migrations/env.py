"""Alembic's entry: runs the migrations on the connection that `Database.migrate` hands in."""

from __future__ import annotations

from alembic import context

from loa.service.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
