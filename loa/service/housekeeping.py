"""What a worker does beside its jobs: signs of life, take-over, deletion.

A host that is gone for ever leaves workflows PENDING under its executor's name, which DBOS would
only go on with if that name came back. So every worker says that it lives in the table `workers`;
one that finds another silent for `gone_after_s` claims its work and puts it into the queue again.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dsp.errors import Refusal
from ingest.clock import SystemClock
from loa.service.database import in_equal_batches
from loa.service.log import job_log
from loa.service.problems import problem_of
from loa.service.tables import WORKERS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from loa.service.room import Room

_SWEEP_EVERY_S = 300.0
# A blob is kept before the row that refers to it: for this long it needs no row.
_GRACE_S = 3600.0
_CLAIM_S = 20.0
# A workflow that ended with an error of its own, not of the file: begun again so often.
_MOST_ERRORS = 3
_LANE_OF_TAKEN_OVER = "bulletins"
_DAY_S = 86_400.0
# Workflows that ended are of no use to anybody. A sweep deletes so many at most, a few at a time:
# each is 3 kB while it is looked at, and the heap stays as large as it was with the most of them.
_ENDED_KEPT_S, _FORGOTTEN_A_SWEEP, _FORGOTTEN_AT_ONCE = 600.0, 2_000, 100


class Housekeeping:
    """The repeated duties of one worker."""

    def __init__(
        self,
        room: Room,
        executor_id: str,
        former_versions: tuple[str, ...] = (),
        at_work: Callable[[], set[str]] = set,
    ) -> None:
        self._room = room
        self._at_work = at_work
        self._idle_before: set[str] = set()
        self._errors: Counter[str] = Counter()
        self._executor_id = executor_id
        self._former_versions = former_versions

    def run(self, stop: threading.Event) -> None:
        """Do the duties until `stop`."""
        swept_at = time.monotonic() - _SWEEP_EVERY_S
        while not stop.wait(self._room.settings.worker.beat_s):
            try:
                self.beat()
                self.take_over()
                self.take_up_dropped()
                self.take_from_old_release()
                self.end_hopeless()
                if time.monotonic() - swept_at >= _SWEEP_EVERY_S:
                    self.find_lost()
                    self.forget_ended()
                    sweep(self._room)
                    swept_at = time.monotonic()
            except Exception as error:  # noqa: BLE001 - a full disk under DBOS has many names
                job_log().warning("housekeeping", error=repr(error)[:300])
        with contextlib.suppress(Refusal):
            self._leave()

    def beat(self) -> None:
        """Say that this worker lives."""
        database = self._room.database
        insert = (sqlite if database.is_sqlite else postgresql).insert(WORKERS)
        with database.write() as connection:
            now_s = database.now_s(connection)
            alive = {"seen_at": now_s, "claimed_at": None}
            connection.execute(
                insert.values(executor_id=self._executor_id, **alive).on_conflict_do_update(
                    index_elements=["executor_id"], set_=alive
                )
            )

    def take_over(self) -> int:
        """Queue the work of workers that are gone; return how many jobs that were."""
        from dbos import DBOS

        count = 0
        for executor_id in self._claim():
            left = DBOS.list_workflows(
                executor_id=executor_id, status="PENDING", load_input=False, load_output=False
            )
            ids = [workflow.workflow_id for workflow in left]
            if ids:
                DBOS.resume_workflows(ids, queue_name=_LANE_OF_TAKEN_OVER)
                job_log().warning("taken over", executor=executor_id, workflows=ids)
            with self._room.database.write() as connection:
                connection.execute(WORKERS.delete().where(WORKERS.c.executor_id == executor_id))
            count += len(ids)
        return count

    def take_up_dropped(self) -> int:
        """Queue again what DBOS let fall here, as when its own database was full or locked.

        Such a workflow stays PENDING in this executor's name, and nobody works on it. It counts as
        dropped when two looks in a row find it so.
        """
        from dbos import DBOS

        mine = DBOS.list_workflows(
            executor_id=self._executor_id, status="PENDING", load_input=False, load_output=False
        )
        idle = {workflow.workflow_id for workflow in mine} - self._at_work()
        dropped = sorted(idle & self._idle_before)
        self._idle_before = idle - set(dropped)
        if dropped:
            DBOS.resume_workflows(dropped, queue_name=_LANE_OF_TAKEN_OVER)
            job_log().warning("taken up again", workflows=dropped)
        return len(dropped)

    def take_from_old_release(self) -> int:
        """Begin again what was queued for a release with other steps, unless that one is at it."""
        from dbos import DBOS

        left = DBOS.list_workflows(
            app_version=list(self._former_versions),
            status=["ENQUEUED", "PENDING"],
            load_input=False,
            load_output=False,
        )
        if not left:
            return 0
        alive = self._alive()
        names = [
            workflow.workflow_id
            for workflow in left
            if workflow.status == "ENQUEUED" or workflow.executor_id not in alive
        ]
        for name in names:
            DBOS.delete_workflows([name])
            job_id, _, attempt = name.rpartition(".")
            self._room.jobs.queue_again(job_id, int(attempt))
        return len(names)

    def find_lost(self) -> int:
        """Hand over again what the queue does not know, as after a restore without it."""
        from dbos import DBOS

        rows = {f"{row['id']}.{row['attempt']}": row for row in self._room.jobs.in_hand()}
        known = [
            workflow.workflow_id
            for names in in_equal_batches(list(rows))
            for workflow in DBOS.list_workflows(
                workflow_ids=names, load_input=False, load_output=False, limit=len(names)
            )
        ]
        lost = rows.keys() - known
        for name in lost:
            self._room.jobs.queue_again(rows[name]["id"], rows[name]["attempt"])
        return len(lost)

    def end_hopeless(self) -> None:
        """Fail the jobs that ended one worker after the other, or that nothing else helps."""
        from dbos import DBOS

        hopeless = DBOS.list_workflows(
            status=["MAX_RECOVERY_ATTEMPTS_EXCEEDED", "ERROR"], load_input=False, limit=100
        )
        for workflow in hopeless:
            name = workflow.workflow_id
            job_id, _, attempt = name.rpartition(".")
            self._errors[name] += 1
            if workflow.status == "ERROR" and self._errors[name] < _MOST_ERRORS:
                DBOS.delete_workflows([name])
                self._room.jobs.queue_again(job_id, int(attempt))
                continue
            refusal = Refusal(
                "job.crashed",
                expected="a file that a worker survives",
                got="workers that died of it",
                advice="exporting the programme again as WAV, and reporting the file",
            )
            if attempt.isdecimal():
                self._room.jobs.fail(job_id, int(attempt), problem_of(refusal, 500))
            DBOS.delete_workflows([name])
            del self._errors[name]

    def forget_ended(self) -> int:
        """Delete from the queue what ended a while ago: the row of the job tells all about it."""
        from dbos import DBOS

        before = SystemClock().now_utc() - timedelta(seconds=_ENDED_KEPT_S)
        forgotten = 0
        while forgotten < _FORGOTTEN_A_SWEEP:
            ended = DBOS.list_workflows(
                status=["SUCCESS", "CANCELLED"],
                completed_before=before.isoformat(),
                load_input=False,
                load_output=False,
                limit=_FORGOTTEN_AT_ONCE,
            )
            for names in in_equal_batches([workflow.workflow_id for workflow in ended]):
                DBOS.delete_workflows(names)
            forgotten += len(ended)
            if len(ended) < _FORGOTTEN_AT_ONCE:
                break
        return forgotten

    def _alive(self) -> set[str]:
        """Return the executors that gave a sign of life."""
        database, gone_after_s = self._room.database, self._room.settings.worker.gone_after_s
        with database.read() as connection:
            since = database.now_s(connection) - gone_after_s
            query = sa.select(WORKERS.c.executor_id).where(WORKERS.c.seen_at >= since)
            return set(connection.execute(query).scalars())

    def _claim(self) -> list[str]:
        """Return the executors that are gone and whose work is ours to take over."""
        database, gone_after_s = self._room.database, self._room.settings.worker.gone_after_s
        with database.read() as connection:
            now_s = database.now_s(connection)
            gone = WORKERS.c.seen_at < now_s - gone_after_s
            free = sa.or_(WORKERS.c.claimed_at.is_(None), WORKERS.c.claimed_at < now_s - _CLAIM_S)
            query = sa.select(WORKERS.c.executor_id).where(gone, free)
            found = list(connection.execute(query).scalars())
        claimed = []
        for executor_id in found:
            with database.write() as connection:
                taken = connection.execute(
                    WORKERS.update()
                    .where(WORKERS.c.executor_id == executor_id, gone, free)
                    .values(claimed_at=now_s)
                )
                if taken.rowcount:
                    claimed.append(executor_id)
        return claimed

    def _leave(self) -> None:
        """Say good-bye as if long silent: what could not be drained is taken over at once."""
        with self._room.database.write() as connection:
            connection.execute(
                WORKERS.update()
                .where(WORKERS.c.executor_id == self._executor_id)
                .values(seen_at=0.0, claimed_at=None)
            )


def sweep(room: Room, *, grace_s: float = _GRACE_S) -> tuple[int, int]:
    """Delete what is older than the retention; return the counts of jobs and blobs.

    A blob goes when no job refers to it, and its bytes with it.
    """
    forgotten = room.jobs.forget_older_than(room.settings.retention_days * _DAY_S)
    deleted = 0
    for sha256 in list(room.blobs.digests(grace_s)):
        if not room.jobs.is_referred_to(sha256):
            room.blobs.delete(sha256)
            deleted += 1
    return forgotten, deleted
