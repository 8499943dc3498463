"""The routes under `/v1` (contract.md) once a job is there: look, list, cancel, retry, delete."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from dsp.errors import Refusal
from loa.service import answers, problems
from loa.service.access import Manager, Reader, RoomHere
from loa.service.answers import Job, JobList
from loa.service.submission import PRIORITIES
from loa.service.wishes import JOB_ID, Digest, JobId

if TYPE_CHECKING:
    from loa.service.room import Room
    from loa.service.tokens import Caller

router = APIRouter(prefix="/v1")


@router.get("/jobs", responses=answers.refusals())
def list_jobs(
    room: RoomHere,
    caller: Reader,
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(pattern=JOB_ID)] = None,
) -> JobList:
    """List your jobs, the newest first."""
    rows = room.jobs.listed(caller, state=state, limit=limit, before=before)
    following = rows[-1]["id"] if len(rows) == limit else None
    return JobList(
        jobs=[answers.job(answers.brief(row), PRIORITIES) for row in rows], next=following
    )


@router.get("/jobs/{job_id}", responses=answers.refusals(404))
def job_state(job_id: JobId, room: RoomHere, caller: Reader) -> Job:
    """Tell the state of a job, its renditions so far, or its problem."""
    return answers.job(_own(room, caller, job_id), PRIORITIES)


@router.post("/jobs/{job_id}/cancel", responses=answers.refusals(404, 409))
def cancel(job_id: JobId, room: RoomHere, caller: Manager) -> Job:
    """Cancel a job that is queued or running."""
    _own(room, caller, job_id)
    return answers.job(room.jobs.cancel(caller.token_id, job_id), PRIORITIES)


@router.post("/jobs/{job_id}/retry", status_code=202, responses=answers.refusals(404, 409))
def retry(job_id: JobId, room: RoomHere, caller: Manager) -> Job:
    """Queue a failed or cancelled job again."""
    _own(room, caller, job_id)
    return answers.job(room.jobs.retry(caller.token_id, job_id), PRIORITIES)


@router.delete("/jobs/{job_id}", status_code=204, responses=answers.refusals(404, 409))
def delete(job_id: JobId, room: RoomHere, caller: Manager) -> Response:
    """Forget an ended job, and its bytes where no other job needs them."""
    row = _own(room, caller, job_id)
    digests = {row["input_sha256"], *(r["sha256"] for r in row["renditions"])}
    room.jobs.delete(caller.token_id, job_id)
    for sha256 in digests:
        if not room.jobs.is_referred_to(sha256):
            room.blobs.delete(sha256)
    return Response(status_code=204)


@router.get(
    "/blobs/{sha256}",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The bytes",
            "content": {"audio/*": {}, "application/octet-stream": {}},
        },
        206: {"description": "Some of them", "content": {"audio/*": {}}},
        304: {"description": "You have them"},
        **answers.refusals(404, 416),
    },
)
def blob(
    sha256: Digest,
    room: RoomHere,
    caller: Reader,
    span: Annotated[str | None, Header(alias="Range")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Fetch a rendition or an upload of one of your jobs, whole or a range of it."""
    media_type = room.jobs.blob(caller, sha256)
    size = room.blobs.size(sha256) if media_type else None
    if media_type is None or size is None:
        raise problems.unknown_blob(sha256)
    headers = {
        "ETag": f'"{sha256}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, immutable, max-age=604800",
        "X-Content-Type-Options": "nosniff",
    }
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    start, stop = byte_range(span, size)
    headers["Content-Length"] = str(stop - start)
    if (start, stop) != (0, size):
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return StreamingResponse(
        room.blobs.pieces(sha256, start, stop),
        206 if (start, stop) != (0, size) else 200,
        headers,
        media_type,
    )


def byte_range(span: str | None, size: int) -> tuple[int, int]:
    """Return first and one past last byte of a Range header (RFC 9110 §14); all without one.

    Several ranges, and units other than bytes, are answered with the whole, as the RFC allows.
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", span or "", re.ASCII)
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and first and int(last) < int(first):
        return 0, size
    if start >= size or start >= stop:
        raise Refusal(
            "request.range",
            expected=f"a range within {size} bytes",
            got=f"{span}",
            advice="HEAD or GET without Range",
        )
    return start, stop


def _own(room: Room, caller: Caller, job_id: str) -> dict[str, Any]:
    """Return a job of the caller's; one of somebody else's is as unknown as one that is not."""
    row = room.jobs.get_own(caller, job_id)
    if row is None:
        raise problems.unknown_job(job_id)
    return row
