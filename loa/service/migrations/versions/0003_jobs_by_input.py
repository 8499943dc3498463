"""Jobs are found by their bytes: the same bytes are worked on once at a time."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the index."""
    op.create_index("jobs_by_input", "jobs", ["input_sha256"])
