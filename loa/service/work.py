"""The jobs in DBOS: fetch → for each target decode, measure, master, encode, prove → publish.

A step that was cut off is done again; what it made is named by its digest, and the row of the job
lets one attempt end it. So a job may be worked on twice and is published once. Targets that the row
holds already are not made again.

A worker has two lanes, each a queue with a bench of its own: an emergency never waits for a long
bulletin that is being worked on. Rows of the table `jobs` become DBOS workflows here, under ids
made from the rows: the API writes one row in one database and is done, and no crash in between can
lose a job.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from dsp.errors import Refusal
from loa.service.database import POOL, SmallCache
from loa.service.failpoints import failpoint
from loa.service.housekeeping import Housekeeping
from loa.service.log import job_log
from loa.service.problems import blob_gone, problem_of
from loa.service.render import Bench, NotWantedError, Order
from loa.service.submission import TARGETS

if TYPE_CHECKING:
    from loa.service.room import Room

# Changes only with the steps below: a new release then begins the jobs of the old one again
# (`Housekeeping.take_from_old_release`), else it goes on with them.
STEPS_VERSION, FORMER_VERSIONS = "2", ("1",)
_LANES = ("emergency", "bulletins")
_POLL_S = 0.1
# A step waits out a locked database or a full disk rather than fail the job.
_TRIES, _TRY_EVERY_S = 10_000, 2.0
_MOST_CRASHES = 8
# How DBOS connects. In PostgreSQL its rows are in one log with ours: a row of ours that is synced
# takes those before it along. One of its own that a power cut takes costs a step done again, and
# a whole workflow is handed over again (`Housekeeping.find_lost`).
_SQLITE: dict[str, Any] = {"factory": SmallCache}
_POSTGRESQL: dict[str, Any] = {
    "application_name": "loa",
    "options": "-c synchronous_commit=off",
}
_STAGE_EVERY_S = 0.3


class Worker:
    """One worker process: DBOS, its lanes, the hand-over and the sweeps."""

    def __init__(self, room: Room, executor_id: str) -> None:
        self.room = room
        self.executor_id = executor_id
        places = len(TARGETS) if len(os.sched_getaffinity(0)) > 1 else 1
        decoded_s = room.settings.limits.decoded_s
        self._benches = {lane: Bench(room.blobs, places, decoded_s) for lane in _LANES}
        self.at_work: set[str] = set()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._run = _declare(self)

    def start(self) -> None:
        """Begin to work; jobs that this executor left behind are gone on with."""
        for bench in self._benches.values():
            bench.warm_up()
        DBOS(
            config={
                "name": "loa",
                "system_database_url": self.room.settings.queue_url,
                "application_version": STEPS_VERSION,
                "executor_id": self.executor_id,
                "log_level": "ERROR",
                "db_engine_kwargs": POOL
                | {"connect_args": _SQLITE if self.room.database.is_sqlite else _POSTGRESQL},
            }
        )
        housekeeping = Housekeeping(
            self.room, self.executor_id, FORMER_VERSIONS, lambda: set(self.at_work)
        )
        housekeeping.beat()
        DBOS.launch()
        for lane in _LANES:
            DBOS.register_queue(lane, worker_concurrency=1, polling_interval_sec=_POLL_S)
        for work in (self._hand_over_forever, lambda: housekeeping.run(self._stop)):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Take nothing new, end the job in hand if there is time, leave the rest to the others."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        DBOS.destroy(workflow_completion_timeout_sec=int(self.room.settings.worker.drain_s))
        for bench in self._benches.values():
            bench.close()

    def _hand_over_forever(self) -> None:
        while not self._stop.wait(_POLL_S):
            try:
                for row in self.room.jobs.to_hand_over():
                    self._hand_over(row)
            except Exception as error:  # noqa: BLE001 - a busy database, ours or DBOS's: rows wait
                job_log().warning("hand-over", error=repr(error)[:300])

    def _hand_over(self, row: dict[str, Any]) -> None:
        lane = _LANES[0] if row["priority"] == 0 else _LANES[1]
        with (
            SetWorkflowID(f"{row['id']}.{row['attempt']}"),
            SetEnqueueOptions(priority=row["priority"] + 1),
        ):
            DBOS.enqueue_workflow(lane, self._run, row["id"], row["attempt"], lane)
        failpoint("handover.enqueued")
        self.room.jobs.handed_over(row["id"], row["attempt"])

    def begin(self, job_id: str, attempt: int) -> list[str]:
        """Step: mark the job as running; return the targets that are to be made."""
        row = self.room.jobs.begin(job_id, attempt)
        failpoint("job.begun")
        if row is None:
            raise NotWantedError
        if self.room.jobs.made_before(row) is not None:
            return []
        if self.room.blobs.size(row["input_sha256"]) is None:
            raise blob_gone(row["input_sha256"])
        failpoint("job.fetched")
        return list(row["targets"])

    def make(self, job_id: str, attempt: int, lane: str) -> list[dict[str, Any]]:
        """Step: decode, measure, master, encode and prove for every target that is missing."""
        jobs = self.room.jobs
        row = jobs.get(job_id)
        if row is None or (row["state"], row["attempt"]) != ("running", attempt):
            raise NotWantedError
        made = list(row["renditions"])
        missing = set(row["targets"]) - {rendition["target"] for rendition in made}
        orders = [
            Order(row["input_sha256"], row["suffix"], target, row["decoded_s"])
            for target in row["targets"]
            if target in missing
        ]
        said_at = [-_STAGE_EVERY_S]

        def tell(stage: str) -> None:
            if time.monotonic() - said_at[0] < _STAGE_EVERY_S:  # a write may be a sync of the disk
                return
            said_at[0] = time.monotonic()
            if not jobs.advance(job_id, attempt, stage):
                raise NotWantedError

        for fresh in self._benches[lane].render(orders, tell):
            jobs.add_renditions(job_id, attempt, fresh)
            made += fresh
        return sorted(made, key=lambda rendition: row["targets"].index(rendition["target"]))

    def publish(self, job_id: str, attempt: int, made: list[dict[str, Any]]) -> bool:
        """Step: end the job as done, once."""
        if not made:
            row = self.room.jobs.get(job_id)
            made = (self.room.jobs.made_before(row) if row else None) or []
            if not made:
                raise NotWantedError
        failpoint("publish.before")
        published = self.room.jobs.publish(job_id, attempt, made)
        failpoint("publish.kept")
        return published

    def fail(self, job_id: str, attempt: int, problem: dict[str, Any]) -> bool:
        """Step: end the job as failed."""
        return self.room.jobs.fail(job_id, attempt, problem)


@dataclass(frozen=True)
class Steps:
    """The steps of a job, each of which DBOS does until it is done, and remembers."""

    begin: Callable[[str, int], list[str]]
    make: Callable[[str, int, str], list[dict[str, Any]]]
    publish: Callable[[str, int, list[dict[str, Any]]], bool]
    fail: Callable[[str, int, dict[str, Any]], bool]


def carry_out(steps: Steps, job_id: str, attempt: int, lane: str) -> str:
    """Take one job through its steps; return what became of it."""
    log = job_log(job_id, attempt)
    try:
        targets = steps.begin(job_id, attempt)
        log.info("begun", targets=targets)
        made = steps.make(job_id, attempt, lane) if targets else []
        published = steps.publish(job_id, attempt, made)
    except NotWantedError:
        log.info("not wanted any more")
        return "cancelled"
    except Refusal as refusal:
        log.info("failed", kind=refusal.kind, got=refusal.got)
        steps.fail(job_id, attempt, problem_of(refusal))
        return "failed"
    log.info("done" if published else "ended by somebody else")
    return "done"


def _declare(worker: Worker) -> Any:
    """Give DBOS the workflow and its steps under their stable names; return the workflow."""

    def durable(name: str) -> Any:
        work = getattr(worker, name)

        def step(*given: Any) -> Any:
            return work(*given)

        return DBOS.step(
            name=name,
            retries_allowed=True,
            interval_seconds=_TRY_EVERY_S,
            max_attempts=_TRIES,
            backoff_rate=1.0,
            should_retry=_passes,
        )(step)

    steps = Steps(*(durable(name) for name in ("begin", "make", "publish", "fail")))

    def job(job_id: str, attempt: int, lane: str) -> str:
        worker.at_work.add(f"{job_id}.{attempt}")
        try:
            return carry_out(steps, job_id, attempt, lane)
        finally:
            worker.at_work.discard(f"{job_id}.{attempt}")

    return DBOS.workflow(name="job", max_recovery_attempts=_MOST_CRASHES)(job)


def _passes(error: BaseException) -> bool:
    """Tell whether the cause of a failed step goes away by itself."""
    return isinstance(error, Refusal) and error.exit_code == 4  # disk, database, network
