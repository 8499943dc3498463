"""The ways to hand in: raw PUT, multipart form, URL, digest, batch. All answer when it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import ValidationError

from dsp.errors import Refusal
from loa.service import answers, problems
from loa.service.access import RoomHere, Submitter
from loa.service.answers import Accepted, Problem
from loa.service.fetching import fetch
from loa.service.forms import FormReader, boundary_of
from loa.service.log import job_log
from loa.service.outgoing import Visitor
from loa.service.part import PIECE_BYTES, Part
from loa.service.receiving import received_parts
from loa.service.submitting import Wish, keep_known, keep_part, require_allowed
from loa.service.wishes import (
    Batch,
    BatchResult,
    BatchResults,
    ByUrl,
    Key,
    Order,
    Priority,
    Said,
    Suffix,
    Targets,
    Webhook,
    Zone,
)

if TYPE_CHECKING:
    from loa.service.room import Room
    from loa.service.tokens import Caller

router = APIRouter(prefix="/v1")
_AUDIO = {"type": "string", "format": "binary", "minLength": 1}
_AUDIO_BODY = {
    "requestBody": {
        "required": True,
        "description": "The audio file, as it is.",
        "content": {"application/octet-stream": {"schema": _AUDIO}},
    }
}


def _form_body() -> dict[str, Any]:
    """Describe the form: the fields of `Said`, the envelope as a text, and the file.

    A form has no null: a field that is not meant is left out.
    """
    fields = {
        name: field.get("anyOf", [field])[0]
        for name, field in Said.model_json_schema()["properties"].items()
    }
    fields["envelope"] = {"type": "string", "description": "loa.bulletin/1 as JSON"}
    schema = {
        "type": "object",
        "required": ["key", "audio"],
        "properties": fields | {"audio": _AUDIO},
        "additionalProperties": False,
    }
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


@router.put(
    "/jobs/{job_id}",  # noqa: FAST003 - `Key` takes it by that alias
    status_code=202,
    responses=answers.refusals(408, 409, 413, 507),
    openapi_extra=_AUDIO_BODY,
)
async def submit(  # noqa: PLR0913, PLR0917 - FastAPI: every query parameter is one
    key: Key,
    request: Request,
    room: RoomHere,
    caller: Submitter,
    targets: Targets = "ip",
    priority: Priority = "normal",
    zone: Zone = None,
    suffix: Suffix = "",
    webhook: Webhook = None,
) -> Accepted:
    """Hand in a bulletin: the raw file as the body. Answered when it would survive a power cut.

    The same key with the same bytes and targets is the same job, however often it is sent; with
    other bytes it is a conflict.
    """
    wish = Wish(key, targets, priority, zone, suffix, webhook)
    require_allowed(room, caller, wish)
    part = Part(room.blobs.parts)
    try:
        async for piece in received_parts(request, caller.limits, PIECE_BYTES):
            await to_thread.run_sync(part.write, piece)
        row = await to_thread.run_sync(keep_part, room, caller, wish, part)
    finally:
        await to_thread.run_sync(part.close)
    return _acknowledged(caller, row)


@router.post(
    "/uploads",
    status_code=202,
    responses=answers.refusals(408, 409, 413, 507),
    openapi_extra=_form_body(),
)
async def submit_form(request: Request, room: RoomHere, caller: Submitter) -> Accepted:
    """Hand in a bulletin as a form: fields, the envelope if it has one, the file `audio`."""
    part = Part(room.blobs.parts)
    try:
        form = FormReader(boundary_of(request.headers.get("content-type", "")), part.write)
        async for piece in received_parts(request, caller.limits, PIECE_BYTES):
            await to_thread.run_sync(form.feed, piece)
        wish = _wish_of(form.finish())
        row = await to_thread.run_sync(keep_part, room, caller, wish, part)
    finally:
        await to_thread.run_sync(part.close)
    return _acknowledged(caller, row)


@router.post("/jobs", status_code=202, responses=answers.refusals(404, 409, 413, 502, 507))
async def submit_order(
    order: Order, request: Request, room: RoomHere, caller: Submitter
) -> Accepted:
    """Hand in by URL, or again by the digest of bytes that you have here."""
    return _acknowledged(caller, await _carried_out(order, request, room, caller))


@router.post("/batches", responses=answers.refusals())
async def submit_batch(
    batch: Batch, request: Request, room: RoomHere, caller: Submitter
) -> BatchResults:
    """Hand in several orders; each is accepted or refused by itself."""
    results: list[BatchResult | None] = [None] * len(batch.jobs)

    async def one(place: int, order: Order) -> None:
        try:
            row = await _carried_out(order, request, room, caller)
        except Refusal as refusal:
            problem = Problem.model_validate(problems.problem_of(refusal))
            results[place] = BatchResult(key=order.key, job=None, problem=problem)
        else:
            results[place] = BatchResult(
                key=order.key, job=_acknowledged(caller, row), problem=None
            )

    async with anyio.create_task_group() as group:
        for place, order in enumerate(batch.jobs):
            group.start_soon(one, place, order)
    return BatchResults(results=[result for result in results if result is not None])


class Fetches:
    """So many uploads by URL at once, and no caller more than half of them; the others wait."""

    def __init__(self, most: int) -> None:
        self.slots = anyio.CapacityLimiter(most)
        self._most_each = max(1, most // 2)
        self._turns: dict[str, anyio.CapacityLimiter] = {}

    def turn(self, owner: str) -> anyio.CapacityLimiter:
        """Return what holds this caller's uploads back."""
        return self._turns.setdefault(owner, anyio.CapacityLimiter(self._most_each))


def _acknowledged(caller: Caller, row: dict[str, Any]) -> Accepted:
    job_log(row["id"], row["attempt"]).info("accepted", token=caller.token_id, key=row["key"])
    return answers.accepted(row)


async def _carried_out(
    order: Order, request: Request, room: Room, caller: Caller
) -> dict[str, Any]:
    wish = order.wish()
    if not isinstance(order, ByUrl):
        return await to_thread.run_sync(keep_known, room, caller, wish, order.sha256)
    require_allowed(room, caller, wish)
    fetches: Fetches = request.app.state.fetches
    async with fetches.turn(caller.owner):
        return await to_thread.run_sync(
            _fetched, room, caller, wish, order.url, limiter=fetches.slots
        )


def _fetched(room: Room, caller: Caller, wish: Wish, url: str) -> dict[str, Any]:
    visitor = Visitor(room.settings.outgoing)
    part = fetch(url, visitor, room.blobs.parts, caller.limits.upload_bytes)
    try:
        return keep_part(room, caller, wish, part)
    finally:
        part.close()


def _wish_of(fields: dict[str, str]) -> Wish:
    """Return what the fields of a form ask for; the envelope is read later, as it was sent."""
    if "audio" not in fields:
        raise problems.invalid("a field `audio` with the file", "none")
    fields.pop("audio")
    envelope = fields.pop("envelope", "")
    try:
        wish = Said.model_validate(fields).wish()
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        raise problems.invalid(f"{where}: {first['msg']}", repr(first.get("input"))) from error
    if not envelope:
        return wish
    return Wish(
        wish.key,
        wish.targets,
        wish.priority,
        wish.zone,
        wish.suffix,
        wish.webhook,
        envelope.encode(),
    )
