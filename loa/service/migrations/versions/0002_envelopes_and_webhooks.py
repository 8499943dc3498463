"""Jobs know their areas, envelope and token; tokens may have a webhook secret; webhooks wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns and tables; the zone that a job had becomes its one area."""
    op.add_column("tokens", sa.Column("webhook_secret", sa.String(100)))
    op.add_column("jobs", sa.Column("token_id", sa.String(16)))
    op.add_column("jobs", sa.Column("envelope", sa.JSON))
    op.create_table(
        "job_areas",
        sa.Column("job_id", sa.String(40), primary_key=True),
        sa.Column("area", sa.String(100), primary_key=True),
    )
    op.execute("INSERT INTO job_areas SELECT id, zone FROM jobs WHERE zone IS NOT NULL")
    op.create_table(
        "webhooks",
        sa.Column("job_id", sa.String(40), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("answer", sa.String(200)),
    )
    untold = sa.text("webhook IS NOT NULL AND told_at IS NULL")
    op.create_index(
        "jobs_to_tell", "jobs", ["ended_at"], sqlite_where=untold, postgresql_where=untold
    )
    op.create_index("webhooks_by_due", "webhooks", ["due_at"])
