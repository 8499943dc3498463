"""Jobs as callers see them: handed in under their keys, looked at, cancelled, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dsp.errors import Refusal
from loa.service import audit
from loa.service.job_rows import OPEN, STATES, JobRows
from loa.service.submission import Submission, new_row, recipe, require_same
from loa.service.tables import AREAS, JOBS, REFERENCES, RESULTS, WEBHOOKS

if TYPE_CHECKING:
    from loa.service.tokens import Caller

_INPUT = "application/octet-stream"


class HandedIn(JobRows):
    """What callers do with jobs."""

    def submit(self, caller: Caller, wanted: Submission) -> tuple[dict[str, Any], bool]:
        """Keep a job, or find the one under that key; return it and whether it is new.

        The same bytes for the same targets and version are not worked on again: such a job is done
        at once.

        Raises
        ------
        Refusal
            "job.conflict" if the key stands for other bytes or targets, "request.too_many" and
            "request.storage" at the token's limits.
        """
        with self._database.write() as connection:
            found = self._by_key(connection, caller.owner, wanted.key)
            if found is not None:
                return require_same(found, wanted), False
            self._require_room(connection, caller, wanted.size_bytes)
            now_s = self._database.now_s(connection)
            row = new_row(caller, wanted, now_s)
            # RETURNING, not the count of rows: PostgreSQL's driver does not count a conflict.
            kept = connection.execute(
                self._insert(JOBS).values(**row).on_conflict_do_nothing().returning(JOBS.c.id)
            ).first()
            if kept is None:  # another host was quicker
                found = self._by_key(connection, caller.owner, wanted.key)
                assert found is not None
                return require_same(found, wanted), False
            for area in wanted.areas:
                connection.execute(AREAS.insert().values(job_id=row["id"], area=area))
            self._refer(connection, row["id"], wanted.sha256, wanted.size_bytes, _INPUT)
            audit.record(
                self._database,
                connection,
                caller.token_id,
                "job.submit",
                row["id"],
                key=wanted.key,
                sha256=wanted.sha256,
            )
            made = self._finished_before(connection, row)
            if made is not None:
                self._end(connection, row["id"], row["attempt"], "done", made, None)
            return self._get(connection, row["id"]), True

    def existing(self, owner: str, key: str) -> dict[str, Any] | None:
        """Return the job under that key."""
        with self._database.read() as connection:
            return self._by_key(connection, owner, key)

    def listed(
        self, caller: Caller, *, state: str | None, limit: int, before: str | None
    ) -> list[dict[str, Any]]:
        """Return the caller's jobs, the newest first, those older than the job `before`."""
        query = sa.select(JOBS).order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()).limit(limit)
        if not caller.may("admin"):
            query = query.where(JOBS.c.owner == caller.owner, _within(caller))
        if state is not None:
            query = query.where(JOBS.c.state == state)
        if before is not None:
            mark = sa.select(JOBS.c.created_at).where(JOBS.c.id == before).scalar_subquery()
            query = query.where(
                sa.or_(
                    JOBS.c.created_at < mark,
                    sa.and_(JOBS.c.created_at == mark, JOBS.c.id < before),
                )
            )
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def get_own(self, caller: Caller, job_id: str) -> dict[str, Any] | None:
        """Return a job of the caller's; None for one of somebody else's, or of other areas."""
        query = sa.select(JOBS).where(JOBS.c.id == job_id)
        if not caller.may("admin"):
            query = query.where(JOBS.c.owner == caller.owner, _within(caller))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return dict(row) if row else None

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in which state."""
        query = sa.select(JOBS.c.state, sa.func.count()).group_by(JOBS.c.state)
        with self._database.read() as connection:
            found = {state: int(count) for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in STATES}

    def cancel(self, actor: str, job_id: str) -> dict[str, Any]:
        """End a job that is queued or running; its worker stops at its next step."""
        with self._database.write() as connection:
            row = self._get(connection, job_id)
            if row["state"] not in OPEN:
                raise _wrong_state(row, "queued or running")
            self._end(connection, job_id, row["attempt"], "cancelled", [], None)
            audit.record(self._database, connection, actor, "job.cancel", job_id)
            return self._get(connection, job_id)

    def retry(self, actor: str, job_id: str) -> dict[str, Any]:
        """Queue a failed or cancelled job again."""
        with self._database.write() as connection:
            row = self._get(connection, job_id)
            if row["state"] not in ("failed", "cancelled"):
                raise _wrong_state(row, "failed or cancelled")
            connection.execute(
                JOBS.update()
                .where(JOBS.c.id == job_id)
                .values(
                    state="queued",
                    attempt=row["attempt"] + 1,
                    renditions=[],
                    problem=None,
                    stage=None,
                    started_at=None,
                    ended_at=None,
                    told_at=None,
                )
            )
            audit.record(self._database, connection, actor, "job.retry", job_id)
            return self._get(connection, job_id)

    def delete(self, actor: str, job_id: str) -> None:
        """Forget an ended job; bytes that no other job refers to go with the next sweep."""
        with self._database.write() as connection:
            row = self._get(connection, job_id)
            if row["state"] in OPEN:
                raise _wrong_state(row, "done, failed or cancelled")
            self._forget(connection, row)
            audit.record(self._database, connection, actor, "job.delete", job_id)

    def forget_older_than(self, age_s: float) -> int:
        """Delete jobs that ended so long ago; return how many."""
        with self._database.write() as connection:
            before = self._database.now_s(connection) - age_s
            old = connection.execute(
                sa.select(JOBS).where(JOBS.c.ended_at < before).limit(500)
            ).mappings()
            rows = [dict(row) for row in old]
            for row in rows:
                self._forget(connection, row)
                audit.record(self._database, connection, "retention", "job.delete", row["id"])
        return len(rows)

    def is_referred_to(self, sha256: str) -> bool:
        """Tell whether any job needs a blob."""
        query = sa.select(REFERENCES.c.job_id).where(REFERENCES.c.sha256 == sha256).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def blob(self, caller: Caller, sha256: str) -> str | None:
        """Return the media type of a blob of one of the caller's jobs, None where it has none."""
        query = (
            sa.select(REFERENCES.c.media_type)
            .join(JOBS, JOBS.c.id == REFERENCES.c.job_id)
            .where(REFERENCES.c.sha256 == sha256)
            .limit(1)
        )
        if not caller.may("admin"):
            query = query.where(JOBS.c.owner == caller.owner, _within(caller))
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else str(found)

    def _forget(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        for table in (REFERENCES, AREAS, WEBHOOKS):
            connection.execute(table.delete().where(table.c.job_id == row["id"]))
        connection.execute(JOBS.delete().where(JOBS.c.id == row["id"]))
        others = sa.select(JOBS.c.id).where(JOBS.c.input_sha256 == row["input_sha256"])
        if connection.execute(others.limit(1)).first() is None:
            connection.execute(RESULTS.delete().where(RESULTS.c.recipe == recipe(row)))

    def _require_room(self, connection: sa.Connection, caller: Caller, size_bytes: int) -> None:
        mine = JOBS.c.owner == caller.owner
        active = connection.execute(
            sa.select(sa.func.count()).select_from(JOBS).where(mine, JOBS.c.state.in_(OPEN))
        ).scalar_one()
        if active >= caller.limits.active_jobs:
            raise Refusal(
                "request.too_many",
                expected=f"at most {caller.limits.active_jobs} jobs queued and running",
                got=f"{active}",
                advice="again when some have ended",
            )
        stored = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(REFERENCES.c.size_bytes), 0))
            .join(JOBS, JOBS.c.id == REFERENCES.c.job_id)
            .where(mine)
        ).scalar_one()
        if stored + size_bytes > caller.limits.stored_bytes:
            raise Refusal(
                "request.storage",
                expected=f"at most {caller.limits.stored_bytes} bytes kept",
                got=f"{stored} and {size_bytes} more",
                advice="deleting jobs whose renditions you have fetched",
            )

    def _by_key(self, connection: sa.Connection, owner: str, key: str) -> dict[str, Any] | None:
        query = sa.select(JOBS).where(JOBS.c.owner == owner, JOBS.c.key == key)
        row = connection.execute(query).mappings().first()
        return dict(row) if row else None


def _within(caller: Caller) -> sa.ColumnElement[bool]:
    """Say in SQL that a job is for areas of the token only; every job where it names none."""
    if not caller.zones:
        return sa.true()
    of_job = sa.select(AREAS.c.area).where(AREAS.c.job_id == JOBS.c.id)
    return sa.and_(
        of_job.exists(), ~of_job.where(AREAS.c.area.not_in(sorted(caller.zones))).exists()
    )


def _wrong_state(row: dict[str, Any], wanted: str) -> Refusal:
    return Refusal(
        "job.state",
        expected=f"a job that is {wanted}",
        got=row["state"],
        advice=f"GET /v1/jobs/{row['id']}",
    )
