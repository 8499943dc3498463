"""Jobs as workers see them: taken over, begun, shown as they go, ended once.

Workers take `queued` rows over into DBOS (`handed_over` < `attempt`), whose workflow id is
`JOB.ATTEMPT`, so that taking one over twice is taking it over once.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from loa.service.job_rows import OPEN, JobRows
from loa.service.submission import EMERGENCY, alike, recipe
from loa.service.tables import JOBS, RESULTS


class WorkedOn(JobRows):
    """What workers do with jobs."""

    def to_hand_over(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return queued jobs that no worker has taken over, the urgent first.

        A job waits for another with the same bytes and targets that runs or comes before it, and
        has its result then.
        """
        other = JOBS.alias()
        comes_before = sa.tuple_(other.c.priority, other.c.created_at, other.c.id) < sa.tuple_(
            JOBS.c.priority, JOBS.c.created_at, JOBS.c.id
        )
        ahead = sa.or_(other.c.state == "running", sa.and_(other.c.state == "queued", comes_before))
        twin = sa.select(other.c.id).where(alike(other, JOBS), ahead).exists()
        query = (
            sa.select(JOBS.c.id, JOBS.c.attempt, JOBS.c.priority)
            .where(JOBS.c.state == "queued", JOBS.c.handed_over < JOBS.c.attempt)
            .where(sa.or_(JOBS.c.priority == EMERGENCY, ~twin))
            .order_by(JOBS.c.priority, JOBS.c.created_at)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def handed_over(self, job_id: str, attempt: int) -> None:
        """Note that a job is in the workers' queue."""
        with self._database.write() as connection:
            connection.execute(JOBS.update().where(JOBS.c.id == job_id).values(handed_over=attempt))

    def in_hand(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Return open jobs that were handed over, the oldest first."""
        query = (
            sa.select(JOBS.c.id, JOBS.c.attempt)
            .where(JOBS.c.state.in_(OPEN), JOBS.c.handed_over == JOBS.c.attempt)
            .order_by(JOBS.c.created_at)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def queue_again(self, job_id: str, attempt: int) -> None:
        """Take back the hand-over of a job that is not in the workers' queue."""
        with self._database.write() as connection:
            connection.execute(
                JOBS.update()
                .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state.in_(OPEN))
                .values(state="queued", handed_over=attempt - 1)
            )

    def begin(self, job_id: str, attempt: int) -> dict[str, Any] | None:
        """Mark a job as running; None where it has ended or begun anew meanwhile.

        None too where another job with the same bytes and targets runs: of two that were handed
        over at once, the later goes back into the queue as a further attempt. Nobody is made to
        wait in a worker. An emergency begins all the same: the worker of the other may be dead.
        """
        with self._database.write() as connection:
            if self._put_back_behind_twin(connection, job_id, attempt):
                return None
            now_s = self._database.now_s(connection)
            connection.execute(
                JOBS.update()
                .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == "queued")
                .values(state="running", started_at=now_s)
            )
            row = connection.execute(
                sa.select(JOBS).where(
                    JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == "running"
                )
            ).mappings()
            found = row.first()
        return dict(found) if found else None

    def _put_back_behind_twin(self, connection: sa.Connection, job_id: str, attempt: int) -> bool:
        mine = sa.and_(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == "queued")
        sha256 = connection.execute(sa.select(JOBS.c.input_sha256).where(mine)).scalar()
        if sha256 is None:
            return False
        self._database.lock_input(connection, sha256)
        other = JOBS.alias()
        twin = sa.select(other.c.id).where(alike(other, JOBS), other.c.state == "running").exists()
        put_back = connection.execute(
            JOBS.update()
            .where(mine, JOBS.c.priority != EMERGENCY, twin)
            .values(attempt=attempt + 1)
        )
        return bool(put_back.rowcount)

    def advance(self, job_id: str, attempt: int, stage: str) -> bool:
        """Note what is being done; False where the work is not wanted any more."""
        with self._database.write(lasting=False) as connection:
            noted = connection.execute(
                JOBS.update()
                .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == "running")
                .values(stage=stage)
            )
        return bool(noted.rowcount)

    def add_renditions(self, job_id: str, attempt: int, made: list[dict[str, Any]]) -> None:
        """Show the renditions of a target before the others are ready (idempotent)."""
        with self._database.write() as connection:
            row = self._get(connection, job_id, lock=True)
            if (row["attempt"], row["state"]) != (attempt, "running"):
                return
            rest = [r for r in row["renditions"] if r["target"] != made[0]["target"]]
            connection.execute(
                JOBS.update().where(JOBS.c.id == job_id).values(renditions=[*rest, *made])
            )
            for rendition in made:
                self._refer_rendition(connection, job_id, rendition)

    def publish(self, job_id: str, attempt: int, made: list[dict[str, Any]]) -> bool:
        """End a job as done; False where somebody else has ended it: nothing is published then."""
        with self._database.write() as connection:
            row = self._get(connection, job_id)
            now_s = self._database.now_s(connection)
            connection.execute(
                self._insert(RESULTS)
                .values(recipe=recipe(row), renditions=made, created_at=now_s)
                .on_conflict_do_nothing()
            )
            return self._end(connection, job_id, attempt, "done", made, None)

    def fail(self, job_id: str, attempt: int, problem: dict[str, Any]) -> bool:
        """End a job as failed; False where it has ended already."""
        with self._database.write() as connection:
            return self._end(connection, job_id, attempt, "failed", [], problem)

    def made_before(self, row: dict[str, Any]) -> list[dict[str, Any]] | None:
        """Return the renditions that the same bytes, profiles and version gave before."""
        with self._database.read() as connection:
            return self._finished_before(connection, row)
