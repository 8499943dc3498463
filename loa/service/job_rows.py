"""The row of a job, and how it ends: what callers and workers do to it alike.

    queued → running → done | failed | cancelled;   failed | cancelled → queued again by retry

The row is the truth, from the acknowledgement to the deletion. Every change of state names the
state it comes from: of two that want to end a job, one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dsp.errors import Refusal
from loa.service import audit
from loa.service.submission import recipe
from loa.service.tables import JOBS, REFERENCES, RESULTS

if TYPE_CHECKING:
    from loa.service.database import Database

STATES = ("queued", "running", "done", "failed", "cancelled")
OPEN = ("queued", "running")


class JobRows:
    """The jobs of a service as the tables hold them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str) -> dict[str, Any] | None:
        """Return a job, None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).mappings().first()
        return dict(row) if row else None

    def _get(self, connection: sa.Connection, job_id: str, *, lock: bool = False) -> dict[str, Any]:
        query = sa.select(JOBS).where(JOBS.c.id == job_id)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        if row is None:
            raise Refusal(
                "job.unknown", expected="the id of a job", got=job_id, advice="loa jobs list"
            )
        return dict(row)

    def _end(
        self,
        connection: sa.Connection,
        job_id: str,
        attempt: int,
        state: str,
        made: list[dict[str, Any]],
        problem: dict[str, Any] | None,
    ) -> bool:
        now_s = self._database.now_s(connection)
        ended = connection.execute(
            JOBS.update()
            .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state.in_(OPEN))
            .values(state=state, stage=None, renditions=made, problem=problem, ended_at=now_s)
        ).rowcount
        if ended and state in ("done", "failed"):
            for rendition in made:
                self._refer_rendition(connection, job_id, rendition)
            digests = [rendition["sha256"] for rendition in made]
            audit.record(
                self._database, connection, "worker", f"job.{state}", job_id, published=digests
            )
        return bool(ended)

    def _finished_before(
        self, connection: sa.Connection, row: dict[str, Any]
    ) -> list[dict[str, Any]] | None:
        query = sa.select(RESULTS.c.renditions).where(RESULTS.c.recipe == recipe(row))
        made = connection.execute(query).scalar_one_or_none()
        if made is None:
            return None
        # Another job must still refer to them: a sweep may be deleting those without.
        wanted = {rendition["sha256"] for rendition in made}
        held = connection.execute(
            sa.select(REFERENCES.c.sha256).where(REFERENCES.c.sha256.in_(wanted)).distinct()
        ).scalars()
        return list(made) if wanted == set(held) else None

    def _refer_rendition(
        self, connection: sa.Connection, job_id: str, rendition: dict[str, Any]
    ) -> None:
        size, kind = rendition["size_bytes"], rendition["media_type"]
        self._refer(connection, job_id, rendition["sha256"], size, kind)

    def _refer(
        self, connection: sa.Connection, job_id: str, sha256: str, size: int, kind: str
    ) -> None:
        connection.execute(
            self._insert(REFERENCES)
            .values(sha256=sha256, job_id=job_id, size_bytes=size, media_type=kind)
            .on_conflict_do_nothing()
        )

    def _insert(self, table: sa.Table) -> Any:
        return (sqlite if self._database.is_sqlite else postgresql).insert(table)
