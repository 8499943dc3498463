"""What somebody asks for when handing a job in, and when two ask for the same."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dsp.errors import Refusal
from transmit.profile import load_profile

if TYPE_CHECKING:
    from loa.service.tokens import Caller

TARGETS = {"ip": ("opus", "mp3"), "web": ("m4a",), "fm": ("flac",)}
PRIORITIES = ("emergency", "priority", "normal")
EMERGENCY = PRIORITIES.index("emergency")


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


def new_row(caller: Caller, wanted: Submission, now_s: float) -> dict[str, Any]:
    """Return the row of a job that is new."""
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


def alike(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Say in SQL that two jobs ask for the same: bytes, how they are to be read, and targets."""
    return sa.and_(
        one.c.input_sha256 == other.c.input_sha256,
        one.c.suffix == other.c.suffix,
        # JSON has no equality in PostgreSQL; the texts are written alike.
        sa.cast(one.c.targets, sa.Text) == sa.cast(other.c.targets, sa.Text),
        one.c.id != other.c.id,
    )
