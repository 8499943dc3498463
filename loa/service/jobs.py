"""Jobs as the tables hold them: one row from the acknowledgement to the deletion.

    queued → running → done | failed | cancelled;   failed | cancelled → queued again by retry

The row is the truth. Workers take `queued` rows over into DBOS (`handed_over` < `attempt`), whose
workflow id is `JOB.ATTEMPT`, so that taking one over twice is taking it over once. Every change of
state names the state it comes from: of two that want to end a job, one does.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dsp.errors import Refusal
from loa.service import audit
from loa.service.tables import AREAS, JOBS, REFERENCES, RESULTS, WEBHOOKS
from transmit.profile import load_profile

if TYPE_CHECKING:
    from loa.service.database import Database
    from loa.service.tokens import Caller

TARGETS = {"ip": ("opus", "mp3"), "web": ("m4a",), "fm": ("flac",)}
PRIORITIES = ("emergency", "priority", "normal")
STATES = ("queued", "running", "done", "failed", "cancelled")
_OPEN = ("queued", "running")
_EMERGENCY = PRIORITIES.index("emergency")
_INPUT = "application/octet-stream"


@dataclass(frozen=True)
class Submission:
    """A job that somebody asks for; the bytes are kept already."""

    key: str
    sha256: str
    size_bytes: int
    suffix: str
    targets: tuple[str, ...]
    priority: int = 2
    areas: tuple[str, ...] = ()
    webhook: str | None = None
    envelope: dict[str, Any] | None = None


class Jobs:
    """The jobs of a service."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
            row = _new_row(caller, wanted, now_s)
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

    def get(self, job_id: str) -> dict[str, Any] | None:
        """Return a job, None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).mappings().first()
        return dict(row) if row else None

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
            if row["state"] not in _OPEN:
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
            if row["state"] in _OPEN:
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
        twin = sa.select(other.c.id).where(_alike(other, JOBS), ahead).exists()
        query = (
            sa.select(JOBS.c.id, JOBS.c.attempt, JOBS.c.priority)
            .where(JOBS.c.state == "queued", JOBS.c.handed_over < JOBS.c.attempt)
            .where(sa.or_(JOBS.c.priority == _EMERGENCY, ~twin))
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
            .where(JOBS.c.state.in_(_OPEN), JOBS.c.handed_over == JOBS.c.attempt)
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
                .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state.in_(_OPEN))
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
        twin = sa.select(other.c.id).where(_alike(other, JOBS), other.c.state == "running").exists()
        put_back = connection.execute(
            JOBS.update()
            .where(mine, JOBS.c.priority != _EMERGENCY, twin)
            .values(attempt=attempt + 1)
        )
        return bool(put_back.rowcount)

    def is_wanted(self, job_id: str, attempt: int) -> bool:
        """Tell whether the work on a job should go on."""
        query = sa.select(JOBS.c.id).where(
            JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == "running"
        )
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def advance(self, job_id: str, attempt: int, stage: str) -> None:
        """Note what is being done."""
        with self._database.write() as connection:
            connection.execute(
                JOBS.update()
                .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state == "running")
                .values(stage=stage)
            )

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
            .where(JOBS.c.id == job_id, JOBS.c.attempt == attempt, JOBS.c.state.in_(_OPEN))
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

    def _forget(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        for table in (REFERENCES, AREAS, WEBHOOKS):
            connection.execute(table.delete().where(table.c.job_id == row["id"]))
        connection.execute(JOBS.delete().where(JOBS.c.id == row["id"]))
        others = sa.select(JOBS.c.id).where(JOBS.c.input_sha256 == row["input_sha256"])
        if connection.execute(others.limit(1)).first() is None:
            connection.execute(RESULTS.delete().where(RESULTS.c.recipe == recipe(row)))

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

    def _require_room(self, connection: sa.Connection, caller: Caller, size_bytes: int) -> None:
        mine = JOBS.c.owner == caller.owner
        active = connection.execute(
            sa.select(sa.func.count()).select_from(JOBS).where(mine, JOBS.c.state.in_(_OPEN))
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

    def _get(self, connection: sa.Connection, job_id: str, *, lock: bool = False) -> dict[str, Any]:
        query = sa.select(JOBS).where(JOBS.c.id == job_id)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        if row is None:
            raise Refusal(
                "job.unknown", expected="the id of a job", got=job_id, advice="loa jobs list"
            )
        return dict(row)

    def _insert(self, table: sa.Table) -> Any:
        return (sqlite if self._database.is_sqlite else postgresql).insert(table)


def require_same(found: dict[str, Any], wanted: Submission) -> dict[str, Any]:
    """Return the job under a key if it is the one that is asked for again."""
    same = (
        found["input_sha256"] == wanted.sha256
        and found["targets"] == list(wanted.targets)
        and found["envelope"] == wanted.envelope
    )
    if not same:
        raise Refusal(
            "job.conflict",
            expected=f"the bytes, targets and envelope that {wanted.key[:60]} stands for already",
            got="others",
            advice="a new key for a new bulletin",
        )
    return found


def recipe(row: dict[str, Any]) -> str:
    """Return the digest of all that decides what the renditions of a job are."""
    parts = [
        row["input_sha256"],
        row["suffix"],
        [[target, load_profile(target).digest, TARGETS[target]] for target in row["targets"]],
        version("loa"),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _alike(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Say in SQL that two jobs ask for the same: bytes, how they are to be read, and targets."""
    return sa.and_(
        one.c.input_sha256 == other.c.input_sha256,
        one.c.suffix == other.c.suffix,
        # JSON has no equality in PostgreSQL; the texts are written alike.
        sa.cast(one.c.targets, sa.Text) == sa.cast(other.c.targets, sa.Text),
        one.c.id != other.c.id,
    )


def _within(caller: Caller) -> sa.ColumnElement[bool]:
    """Say in SQL that a job is for areas of the token only; every job where it names none."""
    if not caller.zones:
        return sa.true()
    of_job = sa.select(AREAS.c.area).where(AREAS.c.job_id == JOBS.c.id)
    return sa.and_(
        of_job.exists(), ~of_job.where(AREAS.c.area.not_in(sorted(caller.zones))).exists()
    )


def _new_row(caller: Caller, wanted: Submission, now_s: float) -> dict[str, Any]:
    return {
        "id": f"job_{secrets.token_hex(12)}",
        "owner": caller.owner,
        "key": wanted.key,
        "zone": wanted.areas[0] if len(wanted.areas) == 1 else None,
        "input_sha256": wanted.sha256,
        "input_bytes": wanted.size_bytes,
        "suffix": wanted.suffix,
        "targets": list(wanted.targets),
        "priority": wanted.priority,
        "decoded_s": caller.limits.decoded_s,
        "state": "queued",
        "attempt": 1,
        "handed_over": 0,
        "renditions": [],
        "webhook": wanted.webhook,
        "token_id": caller.token_id,
        "envelope": sa.null() if wanted.envelope is None else wanted.envelope,
        "created_at": now_s,
    }


def _wrong_state(row: dict[str, Any], wanted: str) -> Refusal:
    return Refusal(
        "job.state",
        expected=f"a job that is {wanted}",
        got=row["state"],
        advice=f"GET /v1/jobs/{row['id']}",
    )
