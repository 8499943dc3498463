"""Progress as server-sent events: the whole job each time that it changes, until it has ended.

An event's id is a digest of what it tells. A client that comes back with the id it saw last hears
nothing twice, and misses nothing that still matters: every event is the whole state. However many
listen, the table is read by one query four times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
from anyio import to_thread
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from dsp.errors import Refusal
from loa.service import answers, problems
from loa.service.access import Reader, RoomHere
from loa.service.database import in_equal_batches
from loa.service.submission import PRIORITIES
from loa.service.tables import JOBS
from loa.service.wishes import JobId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from loa.service.room import Room
    from loa.service.tokens import Caller

router = APIRouter(prefix="/v1")
_LOOK_EVERY_S = 0.25
_SIGN_OF_LIFE_S = 10.0
_LONGEST_S = 900.0  # then the client comes again, with a token that may have been revoked
_ROWS_AT_ONCE = 100
_MOST_STREAMS, _MOST_OF_ONE = 1_000, 50
_ENDED = ("done", "failed", "cancelled")


class Watch:
    """Rows of the jobs that somebody listens to, read together."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._wanted: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()
        self._rows: dict[str, dict[str, Any]] = {}
        self._looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def streams(self) -> int:
        """How many listen."""
        return self._streams.total()

    def require_room(self, caller: Caller) -> None:
        """Refuse one listener too many: "request.too_many"."""
        mine = self._streams[caller.token_id]
        if mine >= _MOST_OF_ONE or self.streams >= _MOST_STREAMS:
            raise Refusal(
                "request.too_many",
                expected=f"at most {_MOST_OF_ONE} event streams of one token",
                got=f"{mine}",
                advice="GET /v1/jobs, or a webhook",
            )

    @contextlib.contextmanager
    def listening(self, caller: Caller, job_id: str) -> Iterator[None]:
        """Count one listener as long as it listens."""
        self._streams[caller.token_id] += 1
        self._wanted[job_id] += 1
        try:
            yield
        finally:
            for counter, key in ((self._streams, caller.token_id), (self._wanted, job_id)):
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]

    async def next_look(self, job_id: str) -> dict[str, Any] | None:
        """Wait for the next reading of the table, and return the job's row in it."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        await self._looked.wait()
        return self._rows.get(job_id)

    async def _look(self) -> None:
        while self._wanted:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                self._rows = await to_thread.run_sync(self._read, list(self._wanted))
            except Refusal:  # a busy database: the next reading tells
                continue
            self._looked.set()
            self._looked = asyncio.Event()

    def _read(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        with self._room.database.read() as connection:
            return {
                row["id"]: dict(row)
                for some in in_equal_batches(ids, _ROWS_AT_ONCE)
                for row in connection.execute(sa.select(JOBS).where(JOBS.c.id.in_(some))).mappings()
            }


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events of type `job`, each with the job as GET /v1/jobs/ID shows it",
            "content": {"text/event-stream": {}},
        },
        204: {"description": "The job has ended, as you know"},
        **answers.refusals(404),
    },
)
async def events(
    job_id: JobId,
    request: Request,
    room: RoomHere,
    caller: Reader,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)] = None,
) -> Response:
    """Tell each change of a job as it comes, for a quarter of an hour at most."""
    row = await to_thread.run_sync(room.jobs.get_own, caller, job_id)
    if row is None:
        raise problems.unknown_job(job_id)
    if row["state"] in _ENDED and last_event_id == version_of(row):
        return Response(status_code=204)  # which tells an EventSource to stay away
    watch: Watch = request.app.state.watch
    watch.require_room(caller)
    told = _told(request, caller, row, last_event_id)
    return StreamingResponse(
        told, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


def version_of(row: dict[str, Any]) -> str:
    """Return the id of the event that tells this state of a job."""
    parts = [row["attempt"], row["state"], row["stage"], len(row["renditions"])]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def event_of(row: dict[str, Any]) -> str:
    """Return one event as it goes over the line."""
    shown = answers.job(row, PRIORITIES).model_dump_json()
    return f"id: {version_of(row)}\nevent: job\ndata: {shown}\n\n"


async def _told(
    request: Request, caller: Caller, first: dict[str, Any], known: str | None
) -> AsyncIterator[str]:
    watch: Watch = request.app.state.watch
    row: dict[str, Any] | None = first
    ends_at = time.monotonic() + _LONGEST_S
    signed_at = time.monotonic()
    with watch.listening(caller, first["id"]):
        yield "retry: 2000\n\n"
        while row is not None:
            if version_of(row) != known:
                known = version_of(row)
                yield event_of(row)
            elif time.monotonic() - signed_at > _SIGN_OF_LIFE_S:
                signed_at = time.monotonic()
                yield ": still here\n\n"
            over = row["state"] in _ENDED or time.monotonic() > ends_at
            if over or request.app.state.closing():
                return
            row = await watch.next_look(first["id"])
