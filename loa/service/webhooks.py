"""Webhooks: who asked to be told is told that a job has ended, signed, until it says that it heard.

    deliveries wait as rows ─ claimed for a while ─ POST, signed ─ 2xx: told
                                                        └ else: due again later, then given up

The rows outlive any process; a claim that its process did not live to settle runs out. So a
delivery may come twice, never not at all while somebody serves: `Loa-Delivery` names it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dsp.errors import Refusal
from loa.service import answers, audit
from loa.service.destinations import destination
from loa.service.log import job_log
from loa.service.outgoing import Visitor
from loa.service.submission import PRIORITIES
from loa.service.tables import JOBS, WEBHOOKS

if TYPE_CHECKING:
    from loa.service.room import Room

SCHEMA = "loa.webhook/1"
TIME_HEADER, SIGNATURE_HEADER = "Loa-Timestamp", "Loa-Signature"
_SENDERS = 8
_POLL_S = 0.5
_GONE = 410
_MARGIN_S = 30.0
_ENDED = ("done", "failed", "cancelled")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the header `Loa-Signature`: HMAC-SHA256 over the time stamp, a full stop, the body."""
    told = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={told.hexdigest()}"


class Deliveries:
    """The rows of what is still to be told."""

    def __init__(self, room: Room) -> None:
        self._database = room.database
        rules = room.settings.outgoing
        self._retry_s = rules.retry_s
        self._claim_s = rules.total_s + _MARGIN_S

    def collect(self) -> None:
        """Make a row for every job that has ended since."""
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(WEBHOOKS)
        made = WEBHOOKS.c.job_id == JOBS.c.id, WEBHOOKS.c.attempt == JOBS.c.attempt
        query = sa.select(JOBS.c.id, JOBS.c.attempt, sa.literal(0), JOBS.c.ended_at).where(
            JOBS.c.webhook.is_not(None),
            JOBS.c.told_at.is_(None),
            JOBS.c.state.in_(_ENDED),
            ~sa.exists().where(*made),
        )
        with self._database.read() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return
        with self._database.write() as connection:
            columns = ["job_id", "attempt", "tries", "due_at"]
            connection.execute(insert.from_select(columns, query).on_conflict_do_nothing())

    def claim(self, most: int) -> list[dict[str, Any]]:
        """Return jobs that are to be told now, and are nobody else's to tell for a while."""
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            due = sa.select(WEBHOOKS).where(WEBHOOKS.c.due_at <= now_s)
            found = connection.execute(due.order_by(WEBHOOKS.c.due_at).limit(most)).mappings().all()
        claimed = []
        for row in found:
            with self._database.write() as connection:
                taken = connection.execute(
                    WEBHOOKS.update()
                    .where(*_is(row), WEBHOOKS.c.due_at == row["due_at"])
                    .values(due_at=now_s + self._claim_s, tries=row["tries"] + 1)
                )
                job = connection.execute(sa.select(JOBS).where(JOBS.c.id == row["job_id"]))
                told = job.mappings().first()
            if taken.rowcount and told is not None and told["attempt"] == row["attempt"]:
                claimed.append(dict(told) | {"tries": row["tries"] + 1})
            elif taken.rowcount:  # retried meanwhile: what ended then is no news any more
                self._settle(row["job_id"], row["attempt"], None, "superseded")
        return claimed

    def heard(self, job: dict[str, Any], answer: str) -> None:
        """Note that the receiver has it."""
        self._settle(job["id"], job["attempt"], None, answer)
        with self._database.write() as connection:
            connection.execute(
                JOBS.update()
                .where(JOBS.c.id == job["id"], JOBS.c.attempt == job["attempt"])
                .values(told_at=self._database.now_s(connection))
            )

    def not_heard(self, job: dict[str, Any], answer: str, *, hopeless: bool = False) -> None:
        """Note why not, and when to try again; after the last try it is given up."""
        tries = job["tries"]
        given_up = hopeless or tries > len(self._retry_s)
        self._settle(
            job["id"], job["attempt"], None if given_up else self._retry_s[tries - 1], answer
        )
        if given_up:
            with self._database.write() as connection:
                audit.record(
                    self._database, connection, "webhook", "webhook.given_up", job["id"], got=answer
                )

    def _settle(self, job_id: str, attempt: int, again_in_s: float | None, answer: str) -> None:
        row = {"job_id": job_id, "attempt": attempt}
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            connection.execute(
                WEBHOOKS.update()
                .where(*_is(row))
                .values(
                    due_at=None if again_in_s is None else now_s + again_in_s, answer=answer[:200]
                )
            )


class Notifier:
    """Tells, from a thread of its own, as long as the service runs."""

    def __init__(self, room: Room, visitor: Visitor | None = None) -> None:
        self._room = room
        self._visitor = visitor or Visitor(room.settings.outgoing)
        self._deliveries = Deliveries(room)
        self._stop = threading.Event()
        self._free = threading.Semaphore(_SENDERS)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="webhook")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is not told stays a row."""
        self._stop.set()
        self._thread.join()
        self._senders.shutdown()

    def look(self) -> int:
        """Send what is due now, as many as there are senders free; return how many."""
        self._deliveries.collect()
        free = 0
        while free < _SENDERS and self._free.acquire(blocking=False):
            free += 1
        claimed = self._deliveries.claim(free) if free else []
        for _ in range(free - len(claimed)):
            self._free.release()
        for job in claimed:
            self._senders.submit(self._tell, job)
        return len(claimed)

    def _run(self) -> None:
        while not self._stop.wait(_POLL_S):
            try:
                self.look()
            except Refusal as refusal:  # a busy database: the rows wait
                job_log().warning("webhooks", kind=refusal.kind, got=refusal.got)

    def _tell(self, job: dict[str, Any]) -> None:
        log = job_log(job["id"], job["attempt"])
        try:
            try:
                status = self._send(job)
            except Refusal as refusal:
                log.info("webhook not heard", kind=refusal.kind, got=refusal.got)
                self._deliveries.not_heard(job, f"{refusal.kind}: {refusal.got}")
                return
            if 200 <= status < 300:
                self._deliveries.heard(job, str(status))
                log.info("webhook heard", status=status)
            else:
                self._deliveries.not_heard(job, str(status), hopeless=status == _GONE)
                log.info("webhook not heard", status=status)
        except Refusal as refusal:  # the claim runs out, and somebody tries again
            log.warning("webhook not noted", kind=refusal.kind, got=refusal.got)
        finally:
            self._free.release()

    def _send(self, job: dict[str, Any]) -> int:
        secret = self._room.tokens.webhook_secret(job["token_id"] or "")
        if secret is None:
            raise Refusal(
                "webhook.no_secret",
                expected="the secret of the job's token",
                got="none: the token was revoked",
                advice="a new token",
            )
        event = f"job.{job['state']}"
        shown = answers.job(job, PRIORITIES).model_dump(mode="json")
        body = json.dumps({"schema": SCHEMA, "event": event, "job": shown}).encode()
        with self._room.database.read() as connection:
            timestamp = str(int(self._room.database.now_s(connection)))
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            TIME_HEADER: timestamp,
            SIGNATURE_HEADER: signature(secret, timestamp, body),
            "Loa-Event": event,
            "Loa-Delivery": f"{job['id']}.{job['attempt']}",
        }
        place = destination(job["webhook"], self._visitor.rules)
        with self._visitor.visit(place, "POST", headers, body) as answer:
            return answer.status


def _is(row: Any) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return WEBHOOKS.c.job_id == row["job_id"], WEBHOOKS.c.attempt == row["attempt"]
