"""The routes under `/v1` (contract.md): submit, look, list, cancel, retry, delete, fetch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dsp.errors import Refusal
from loa.service import answers, problems
from loa.service.access import Manager, Reader, RoomHere, Submitter
from loa.service.answers import Accepted, Job, JobList, Problem
from loa.service.blobs import PIECE_BYTES, Part
from loa.service.failpoints import failpoint
from loa.service.jobs import PRIORITIES, TARGETS, Submission, require_same
from loa.service.receiving import received_parts

if TYPE_CHECKING:
    from loa.service.room import Room
    from loa.service.tokens import Caller

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._~-]*$"
_JOB_ID = r"^job_[0-9a-f]{24}$"
# One path in the OpenAPI: where a job is made, its place is named by the caller's key.
Key = Annotated[
    str,
    Path(
        alias="job_id",
        pattern=_NAME,
        max_length=200,
        description="Your name for the job: one key, one job.",
    ),
]
JobId = Annotated[str, Path(pattern=_JOB_ID)]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256, hexadecimal.")]
Targets = Annotated[
    str,
    Query(
        description="ip, web, fm; several with commas.", pattern=r"^(ip|web|fm)(,(ip|web|fm)){0,2}$"
    ),
]
Zone = Annotated[str | None, Query(pattern=_NAME, max_length=100, description="Commune or zone.")]
Suffix = Annotated[
    Literal["", "g722", "ulaw", "alaw"],
    Query(description="Needed only for raw formats, which nothing in the file tells."),
]


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    always = (401, 403, 422, 429, 503)
    return {
        status: {"description": "Problem", "content": content} for status in (*always, *statuses)
    }


router = APIRouter(prefix="/v1")
_AUDIO_BODY = {
    "requestBody": {
        "required": True,
        "description": "The audio file, as it is.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "minLength": 1}
            }
        },
    }
}


@router.put(
    "/jobs/{job_id}",  # noqa: FAST003 - `Key` takes it by that alias
    status_code=202,
    responses=_answers(408, 409, 413, 507),
    openapi_extra=_AUDIO_BODY,
)
async def submit(  # noqa: PLR0913, PLR0917 - FastAPI: every query parameter is one
    key: Key,
    request: Request,
    room: RoomHere,
    caller: Submitter,
    targets: Targets = "ip",
    priority: Literal["emergency", "priority", "normal"] = "normal",
    zone: Zone = None,
    suffix: Suffix = "",
) -> Accepted:
    """Hand in a bulletin: the raw file as the body. Answered when it would survive a power cut.

    The same key with the same bytes and targets is the same job, however often it is sent; with
    other bytes it is a conflict.
    """
    if caller.zones and zone not in caller.zones:
        raise problems.forbidden(f"the zone {zone}")
    part = await to_thread.run_sync(Part, room.blobs.parts)
    try:
        async for piece in received_parts(request, caller.limits, PIECE_BYTES):
            await to_thread.run_sync(part.write, piece)
        if part.size_bytes == 0:
            raise problems.invalid("a body with an audio file in it", "an empty one")
        failpoint("submit.received")
        wanted = Submission(
            key=key,
            sha256=part.sha256,
            size_bytes=part.size_bytes,
            suffix=f".{suffix}" if suffix else "",
            targets=tuple(sorted(set(targets.split(",")), key=list(TARGETS).index)),
            priority=PRIORITIES.index(priority),
            zone=zone,
        )
        row = await to_thread.run_sync(_keep, room, caller, part, wanted)
    finally:
        await to_thread.run_sync(part.close)
    return answers.accepted(row)


def _keep(room: Room, caller: Caller, part: Part, wanted: Submission) -> dict[str, Any]:
    """Put the bytes and then the row on the disk."""
    found = room.jobs.existing(caller.owner, wanted.key)
    if found is not None:
        return require_same(found, wanted)
    room.blobs.keep(part.path, wanted.sha256)
    failpoint("submit.blob_kept")
    row, _new = room.jobs.submit(caller, wanted)
    failpoint("submit.row_kept")
    return row


@router.get("/jobs", responses=_answers())
def list_jobs(
    room: RoomHere,
    caller: Reader,
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(pattern=_JOB_ID)] = None,
) -> JobList:
    """List your jobs, the newest first."""
    rows = room.jobs.listed(caller, state=state, limit=limit, before=before)
    following = rows[-1]["id"] if len(rows) == limit else None
    return JobList(jobs=[answers.job(row, PRIORITIES) for row in rows], next=following)


@router.get("/jobs/{job_id}", responses=_answers(404))
def job_state(job_id: JobId, room: RoomHere, caller: Reader) -> Job:
    """Tell the state of a job, its renditions so far, or its problem."""
    return answers.job(_own(room, caller, job_id), PRIORITIES)


@router.post("/jobs/{job_id}/cancel", responses=_answers(404, 409))
def cancel(job_id: JobId, room: RoomHere, caller: Manager) -> Job:
    """Cancel a job that is queued or running."""
    _own(room, caller, job_id)
    return answers.job(room.jobs.cancel(caller.token_id, job_id), PRIORITIES)


@router.post("/jobs/{job_id}/retry", status_code=202, responses=_answers(404, 409))
def retry(job_id: JobId, room: RoomHere, caller: Manager) -> Job:
    """Queue a failed or cancelled job again."""
    _own(room, caller, job_id)
    return answers.job(room.jobs.retry(caller.token_id, job_id), PRIORITIES)


@router.delete("/jobs/{job_id}", status_code=204, responses=_answers(404, 409))
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
        **_answers(404, 416),
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
        raise Refusal(
            "blob.unknown",
            expected="the digest of a rendition of one of your jobs",
            got=sha256,
            advice="a `url` of GET /v1/jobs/ID",
        )
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
    row = room.jobs.get(job_id)
    if row is None or not caller.sees(row["owner"], row["zone"]):
        raise problems.unknown_job(job_id)
    return row
