"""What the service answers, as the OpenAPI shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from ingest.clock import rfc3339
from loa.service import problems


class Problem(BaseModel):
    """RFC 9457: what went wrong and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    kind: str
    expected: str
    got: str
    try_: str = Field(alias="try")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI of what a route may refuse with, besides what every route may."""
    content = {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    always = (401, 403, 422, 429, 503)
    return {
        status: {"description": "Problem", "content": content} for status in (*always, *statuses)
    }


class Accepted(BaseModel):
    """A job that will be worked on, whatever happens to this machine's power."""

    id: str
    state: str
    key: str
    sha256: str


class Job(BaseModel):
    """One job; `renditions` are manifests as `loa master --json` prints them, with their `url`."""

    id: str
    key: str
    state: str
    stage: str | None
    priority: str
    zone: str | None
    bulletin: dict[str, Any] | None
    targets: list[str]
    attempt: int
    sha256: str
    size_bytes: int
    created: str
    started: str | None
    ended: str | None
    renditions: list[dict[str, Any]]
    problem: dict[str, Any] | None


class JobList(BaseModel):
    """Some jobs, the newest first; `next` is the `before` of the next page."""

    jobs: list[Job]
    next: str | None


class Health(BaseModel):
    """How the service is; `parts` says of each thing that it needs whether it answers."""

    status: str
    parts: dict[str, str]


def accepted(row: dict[str, Any]) -> Accepted:
    """Return the acknowledgement of a job."""
    return Accepted(id=row["id"], state=row["state"], key=row["key"], sha256=row["input_sha256"])


def job(row: dict[str, Any], priorities: tuple[str, ...]) -> Job:
    """Return a job as its caller sees it."""
    return Job(
        id=row["id"],
        key=row["key"],
        state=row["state"],
        stage=row["stage"],
        priority=priorities[row["priority"]],
        zone=row["zone"],
        bulletin=row["envelope"],
        targets=row["targets"],
        attempt=row["attempt"],
        sha256=row["input_sha256"],
        size_bytes=row["input_bytes"],
        created=moment(row["created_at"]) or "",
        started=moment(row["started_at"]),
        ended=moment(row["ended_at"]),
        renditions=row["renditions"],
        problem=row["problem"],
    )


def brief(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a list: without what is only drawn."""
    short = [
        {key: value for key, value in rendition.items() if key != "loudness"}
        for rendition in row["renditions"]
    ]
    return row | {"renditions": short}


def moment(seconds: float | None) -> str | None:
    """Return a time of the database as RFC 3339 in UTC."""
    from datetime import UTC, datetime

    return None if seconds is None else rfc3339(datetime.fromtimestamp(seconds, UTC))
