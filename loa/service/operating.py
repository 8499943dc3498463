"""What an operator does on the service's host: tokens, jobs, the audit log."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from loa import reporting
from loa.service import answers, audit
from loa.service.backup import back_up as back_up_room
from loa.service.housekeeping import sweep as sweep_room
from loa.service.job_rows import STATES
from loa.service.room import open_room
from loa.service.settings import Limits
from loa.service.submission import PRIORITIES
from loa.service.tokens import Caller, new_webhook_secret
from loa.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loa.service.room import Room
    from loa.service.settings import Settings

_MOMENTS = ("created_at", "expires_at", "revoked_at")
_OPERATOR = Caller("operator", "operator", frozenset({"admin"}), frozenset(), Limits())


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[Room]:
    room = open_room(settings)
    try:
        yield room
    finally:
        room.close()


def create_token(
    settings: Settings,
    owner: str,
    scopes: tuple[str, ...],
    zones: tuple[str, ...],
    days: float,
    limits: list[str],
    *,
    webhooks: bool = False,
) -> int:
    """Make a token and print it, with the secret of its webhooks if it is to have one."""
    numbers = {}
    for limit in limits:
        name, _, value = limit.partition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            raise Refusal(
                "usage",
                expected="--limit NAME=NUMBER",
                got=limit,
                advice="--limit upload_bytes=50000000",
            ) from None
    with _opened(settings) as room:
        secret = new_webhook_secret() if webhooks else None
        made = room.tokens.create(
            owner, scopes, zones=zones, days=days, limits=numbers, webhook_secret=secret
        )
    _print_token(made, secret)
    return 0


def _print_token(token: str, webhook_secret: str | None) -> None:
    shown = {"token": token}
    if webhook_secret is not None:
        shown["webhook_secret"] = webhook_secret
    reporting.print_json("token", shown)


def list_tokens(settings: Settings, *, as_json: bool) -> int:
    """Print the tokens without their secrets."""
    with _opened(settings) as room:
        found = room.tokens.listed()
    if as_json:
        for token in found:
            moments = {name: answers.moment(token[name]) for name in _MOMENTS}
            reporting.print_json("token", token | moments)
        return 0
    from rich.table import Table

    table = Table()
    for heading in ("id", "owner", "scopes", "zones", "state"):
        table.add_column(heading, overflow="fold")
    for token in found:
        state = "revoked" if token["revoked_at"] else "in force"
        scopes, zones = ", ".join(token["scopes"]), ", ".join(token["zones"]) or "all"
        table.add_row(token["id"], token["owner"], scopes, zones, state)
    print_table(table)
    return 0


def rotate_token(
    settings: Settings, token_id: str, grace_s: float, *, webhooks: bool = False
) -> int:
    """Print the successor of a token, with a new webhook secret if asked for."""
    secret = new_webhook_secret() if webhooks else None
    with _opened(settings) as room:
        made = room.tokens.rotate(token_id, grace_s=grace_s, webhook_secret=secret)
    _print_token(made, secret)
    return 0


def revoke_token(settings: Settings, token_id: str) -> int:
    """End a token."""
    with _opened(settings) as room:
        room.tokens.revoke(token_id)
    return 0


def list_jobs(settings: Settings, state: str | None, limit: int, *, as_json: bool) -> int:
    """Print jobs, the newest first."""
    if state is not None and state not in STATES:
        raise Refusal(
            "usage", expected=", ".join(STATES), got=state, advice="loa jobs list --state failed"
        )
    with _opened(settings) as room:
        rows = room.jobs.listed(_OPERATOR, state=state, limit=limit, before=None)
    found = [answers.job(row, PRIORITIES) for row in rows]
    if as_json:
        for job in found:
            reporting.print_json("jobs", job.model_dump())
        return 0
    from rich.table import Table

    table = Table()
    for heading in ("id", "key", "state", "targets", "created", "problem"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")  # to be copied
    for job in found:
        problem = job.problem["kind"] if job.problem else ""
        table.add_row(job.id, job.key, job.state, ",".join(job.targets), job.created, problem)
    print_table(table)
    return 0


def sweep(settings: Settings) -> int:
    """Delete what is due."""
    with _opened(settings) as room:
        jobs, blobs = sweep_room(room)
    reporting.print_json("jobs", {"deleted_jobs": jobs, "deleted_blobs": blobs})
    return 0


def back_up(settings: Settings, folder: Path) -> int:
    """Copy the service into `folder`."""
    with _opened(settings) as room:
        blobs, size_bytes = back_up_room(room, folder)
        lines = audit.check(room.database).lines
    reporting.print_json(
        "jobs",
        {
            "backup": str(folder),
            "blobs": blobs,
            "size_bytes": size_bytes,
            "audit_lines": lines,
        },
    )
    return 0


def check_audit(settings: Settings) -> int:
    """Print whether the audit log's chain holds."""
    with _opened(settings) as room:
        state = audit.check(room.database)
    reporting.print_json("jobs", {"audit_lines": state.lines, "broken_at": state.broken_at})
    return 0 if state.broken_at is None else 1
