"""The audit log: who did what to which job or token, each line bound to all before it.

A line's digest covers its own words and the digest of the line before; a changed, missing or moved
line breaks the chain from there on. A line is written in the transaction of what it tells about.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingest.clock import SystemClock, rfc3339
from loa.service.tables import AUDIT

if TYPE_CHECKING:
    from loa.service.database import Database

_START = "0" * 64


@dataclass(frozen=True)
class ChainState:
    """What a check of the chain found: its length, and the first line that does not fit."""

    lines: int
    broken_at: int | None


def record(
    database: Database,
    connection: sa.Connection,
    actor: str,
    action: str,
    subject: str,
    **detail: Any,
) -> None:
    """Append one line within the caller's writing transaction."""
    database.lock_audit(connection)
    last = connection.execute(
        sa.select(AUDIT.c.number, AUDIT.c.sha256).order_by(AUDIT.c.number.desc()).limit(1)
    ).first()
    line = {
        "number": last.number + 1 if last else 1,
        "at": rfc3339(SystemClock().now_utc()),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": json.dumps(detail, sort_keys=True, ensure_ascii=False),
        "previous_sha256": last.sha256 if last else _START,
    }
    connection.execute(AUDIT.insert().values(**line, sha256=_digest(line)))


def check(database: Database) -> ChainState:
    """Read the whole chain and say whether it holds."""
    lines, previous = 0, _START
    with database.read() as connection:
        for row in connection.execute(sa.select(AUDIT).order_by(AUDIT.c.number)).mappings():
            line = dict(row)
            told = line.pop("sha256")
            lines += 1
            if (line["number"], line["previous_sha256"]) != (lines, previous) or told != _digest(
                line
            ):
                return ChainState(lines, lines)
            previous = told
    return ChainState(lines, None)


def _digest(line: dict[str, Any]) -> str:
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
