"""The service's tables, alike on SQLite and PostgreSQL; times are seconds since 1970, UTC.

Changes go through `migrations/` (alembic): a service that starts on an older database brings it up
to date first.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

TOKENS = sa.Table(
    "tokens",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("hash", sa.String(200), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("zones", sa.JSON, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),
    sa.Column("revoked_at", sa.Double),
    sa.Column("webhook_secret", sa.String(100)),
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("zone", sa.String(100)),
    sa.Column("input_sha256", sa.String(64), nullable=False),
    sa.Column("input_bytes", sa.BigInteger, nullable=False),
    sa.Column("suffix", sa.String(16), nullable=False),
    sa.Column("targets", sa.JSON, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("decoded_s", sa.Double, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(40)),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("handed_over", sa.Integer, nullable=False),
    sa.Column("renditions", sa.JSON, nullable=False),
    sa.Column("problem", sa.JSON),
    sa.Column("webhook", sa.String(1000)),
    sa.Column("token_id", sa.String(16)),
    sa.Column("envelope", sa.JSON),
    sa.Column("told_at", sa.Double),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("ended_at", sa.Double),
    sa.UniqueConstraint("owner", "key", name="one_job_a_key"),
)
sa.Index("jobs_by_state", JOBS.c.state, JOBS.c.handed_over)
sa.Index("jobs_by_owner", JOBS.c.owner, JOBS.c.created_at)
sa.Index("jobs_by_input", JOBS.c.input_sha256)

_UNTOLD = sa.and_(JOBS.c.webhook.is_not(None), JOBS.c.told_at.is_(None))
sa.Index("jobs_to_tell", JOBS.c.ended_at, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)

# Whom a job is for: its zone, or all that its envelope addresses.
AREAS = sa.Table(
    "job_areas",
    METADATA,
    sa.Column("job_id", sa.String(40), primary_key=True),
    sa.Column("area", sa.String(100), primary_key=True),
)

# What is still to be told to whom; due_at NULL where it was told or given up.
WEBHOOKS = sa.Table(
    "webhooks",
    METADATA,
    sa.Column("job_id", sa.String(40), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_at", sa.Double),
    sa.Column("answer", sa.String(200)),
)
sa.Index("webhooks_by_due", WEBHOOKS.c.due_at)

RESULTS = sa.Table(
    "results",
    METADATA,
    sa.Column("recipe", sa.String(64), primary_key=True),
    sa.Column("renditions", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
)

REFERENCES = sa.Table(
    "blob_references",
    METADATA,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("job_id", sa.String(40), primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
)
sa.Index("references_by_job", REFERENCES.c.job_id)

WORKERS = sa.Table(
    "workers",
    METADATA,
    sa.Column("executor_id", sa.String(100), primary_key=True),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("claimed_at", sa.Double),
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(120), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(250), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("previous_sha256", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
