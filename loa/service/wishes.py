"""Orders as callers write them: query, form and JSON, alike in names and limits."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from loa.service.answers import Accepted, Problem
from loa.service.submitting import Wish

NAME = r"^[A-Za-z0-9][A-Za-z0-9._~-]*$"
JOB_ID = r"^job_[0-9a-f]{24}$"
_TARGETS = r"^(ip|web|fm)(,(ip|web|fm)){0,2}$"
_URL = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$"
_DIGEST = r"^[0-9a-f]{64}$"
MOST_IN_A_BATCH = 50
Priority = Literal["emergency", "priority", "normal"]
Raw = Literal["", "g722", "ulaw", "alaw"]

# One path in the OpenAPI: where a job is made, its place is named by the caller's key.
Key = Annotated[
    str,
    Path(
        alias="job_id",
        pattern=NAME,
        max_length=200,
        description="Your name for the job: one key, one job.",
    ),
]
JobId = Annotated[str, Path(pattern=JOB_ID)]
Digest = Annotated[str, Path(pattern=_DIGEST, description="SHA-256, hexadecimal.")]
Targets = Annotated[str, Query(description="ip, web, fm; several with commas.", pattern=_TARGETS)]
Zone = Annotated[str | None, Query(pattern=NAME, max_length=100, description="Commune or zone.")]
Suffix = Annotated[
    Raw, Query(description="Needed only for raw formats, which nothing in the file tells.")
]
Webhook = Annotated[
    str | None,
    Query(pattern=_URL, max_length=1000, description="Told when the job has ended."),
]


class Said(BaseModel):
    """What is said about a bulletin besides its bytes."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(pattern=NAME, max_length=200, description="Your name for the job.")
    targets: str = Field("ip", pattern=_TARGETS)
    priority: Priority | None = Field(None, description="normal, or what the envelope says.")
    zone: str | None = Field(None, pattern=NAME, max_length=100)
    suffix: Raw = ""
    webhook: str | None = Field(None, pattern=_URL, max_length=1000)
    envelope: dict[str, Any] | None = Field(None, description="loa.bulletin/1")

    def wish(self) -> Wish:
        """Return it as the service takes it."""
        said = None if self.envelope is None else json.dumps(self.envelope).encode()
        return Wish(
            self.key, self.targets, self.priority, self.zone, self.suffix, self.webhook, said
        )


class ByUrl(Said):
    """A bulletin that the service fetches."""

    url: str = Field(pattern=_URL, max_length=1000, description="On the service's allow-list.")


class ByDigest(Said):
    """Bytes that stand in another job of yours, for other targets."""

    sha256: str = Field(pattern=_DIGEST)


Order = ByUrl | ByDigest


class Batch(BaseModel):
    """Several orders at once; each is accepted or refused by itself."""

    model_config = ConfigDict(extra="forbid")
    jobs: list[Order] = Field(min_length=1, max_length=MOST_IN_A_BATCH)


class BatchResult(BaseModel):
    """What became of one order."""

    key: str
    job: Accepted | None
    problem: Problem | None


class BatchResults(BaseModel):
    """What became of all orders, in their order."""

    results: list[BatchResult]
