"""What every way of handing in shares: what is asked for, whether it may be, and keeping it.

Raw body, multipart form, URL or the digest of bytes that are here already: all end as one
`Submission`, checked against the token's zones, the envelope and the rules for webhooks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from ingest.clock import SystemClock
from loa.service import problems
from loa.service.destinations import destination
from loa.service.failpoints import failpoint
from loa.service.submission import PRIORITIES, TARGETS, Submission, require_same
from transmit.bulletin.envelope import Envelope, read_envelope
from transmit.bulletin.verify import Policy, require_audio, verify

if TYPE_CHECKING:
    from loa.service.part import Part
    from loa.service.room import Room
    from loa.service.tokens import Caller


@dataclass(frozen=True)
class Wish:
    """What a caller asks for, before the bytes are there.

    `priority` and `zone` are for bare audio; an envelope says them itself.
    """

    key: str
    targets: str = "ip"
    priority: str | None = None
    zone: str | None = None
    suffix: str = ""
    webhook: str | None = None
    envelope: bytes | None = None


def require_allowed(room: Room, caller: Caller, wish: Wish) -> Envelope | None:
    """Refuse, before any byte is taken, what would be refused after all of them.

    Raises
    ------
    Refusal
        "request.forbidden", "request.invalid", "webhook.no_secret", "url.*", "bulletin.*".
    """
    envelope = None if wish.envelope is None else read_envelope(wish.envelope)
    areas = _areas(wish, envelope)
    if not caller.may_address(areas):
        raise problems.forbidden(f"the zones {', '.join(areas) or '(none was named)'}"[:200])
    if envelope is not None and wish.priority not in (None, envelope.bulletin.priority):
        raise problems.forbidden(f"the priority that the envelope says, not {wish.priority}")
    if wish.webhook is not None:
        if not caller.has_webhook_secret:
            raise Refusal(
                "webhook.no_secret",
                expected="a token with a secret that webhooks are signed with",
                got="one without",
                advice="`loa token rotate ID --webhooks`",
            )
        destination(wish.webhook, room.settings.outgoing)
    return envelope


def keep_part(room: Room, caller: Caller, wish: Wish, part: Part) -> dict[str, Any]:
    """Put the bytes and then the row on the disk; return the row."""
    if part.size_bytes == 0:
        raise problems.invalid("an audio file", "an empty one")
    envelope = require_allowed(room, caller, wish)
    wanted = _submission(wish, envelope, part.sha256, part.size_bytes)
    found = room.jobs.existing(caller.owner, wanted.key)
    if found is not None:
        return require_same(found, wanted)
    _require_signed(room, envelope, wanted)
    failpoint("submit.received")
    room.blobs.keep(part.path, wanted.sha256)
    failpoint("submit.blob_kept")
    row, _new = room.jobs.submit(caller, wanted)
    failpoint("submit.row_kept")
    return row


def keep_known(room: Room, caller: Caller, wish: Wish, sha256: str) -> dict[str, Any]:
    """Make a job of bytes that stand in another job of the caller's.

    Raises
    ------
    Refusal
        "blob.unknown" for bytes that are not there or not the caller's: knowing a digest is not
        having the bytes.
    """
    envelope = require_allowed(room, caller, wish)
    size_bytes = room.blobs.size(sha256) if room.jobs.blob(caller, sha256) else None
    if size_bytes is None:
        raise problems.unknown_blob(sha256)
    wanted = _submission(wish, envelope, sha256, size_bytes)
    found = room.jobs.existing(caller.owner, wanted.key)
    if found is not None:
        return require_same(found, wanted)
    _require_signed(room, envelope, wanted)
    return room.jobs.submit(caller, wanted)[0]


def _areas(wish: Wish, envelope: Envelope | None) -> tuple[str, ...]:
    if envelope is None:
        return (wish.zone,) if wish.zone else ()
    areas = {*envelope.bulletin.communes, *envelope.bulletin.zones}
    if wish.zone is not None and wish.zone not in areas:
        raise problems.forbidden(f"the zones that the envelope says, not {wish.zone}")
    return tuple(sorted(areas))


def _submission(wish: Wish, envelope: Envelope | None, sha256: str, size_bytes: int) -> Submission:
    priority = envelope.bulletin.priority if envelope else wish.priority or "normal"
    return Submission(
        key=wish.key,
        sha256=sha256,
        size_bytes=size_bytes,
        suffix=f".{wish.suffix}" if wish.suffix else "",
        targets=tuple(sorted(set(wish.targets.split(",")), key=list(TARGETS).index)),
        priority=PRIORITIES.index(priority),
        areas=_areas(wish, envelope),
        webhook=wish.webhook,
        envelope=envelope.as_dict() if envelope else None,
    )


def _require_signed(room: Room, envelope: Envelope | None, wanted: Submission) -> None:
    """Believe an envelope only for its own recording, and with the signatures that it needs.

    A repetition of what was accepted is answered before this: an envelope may expire meanwhile.
    """
    if envelope is None:
        return
    rules = room.settings.bulletin
    policy = Policy(rules.holders_normal, rules.holders_priority, rules.holders_emergency)
    verify(envelope, room.keyring, SystemClock().now_utc(), policy, may_wait=True)
    require_audio(envelope, wanted.sha256, wanted.size_bytes)
