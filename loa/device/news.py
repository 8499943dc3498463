"""What the door of a device tells its loop, and how that is told on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsp.errors import Refusal
from loa import reporting
from transmit.bulletin.acceptance import Accepted
from transmit.bulletin.session import SignedSession


@dataclass(frozen=True)
class Play:
    """A bulletin that was accepted and is on the disk: to be heard once.

    Attributes
    ----------
    accepted
        What was said.
    took_s
        From its last datagram until the disk had it: nothing else is waited for before the sound.
    """

    accepted: Accepted
    took_s: float = 0.0


@dataclass(frozen=True)
class Cancel:
    """What ends a bulletin, if it weighs enough: by "issuer/id"."""

    name: str
    accepted: Accepted


@dataclass(frozen=True)
class Join:
    """Live audio that may be heard until it expires.

    Attributes
    ----------
    source
        Of the settings: where it was announced.
    signed, sdp, key
        The session, its description, and the SRTP key out of this device's wrap.
    """

    source: str
    signed: SignedSession
    sdp: bytes
    key: bytes


@dataclass(frozen=True)
class Leave:
    """A session or bulletin whose keys are not in force any more."""

    name: str
    why: str


@dataclass(frozen=True)
class Refused:
    """Something that came and was not believed."""

    sender: str
    refusal: Refusal


News = Play | Cancel | Join | Leave | Refused


def told(news: News) -> dict[str, Any]:
    """Return the record of something that came to the door."""
    if isinstance(news, Refused):
        why = {"kind": news.refusal.kind, "reason": str(news.refusal)}
        return {"event": "refused", "sender": news.sender, **why}
    if isinstance(news, Leave):
        return {"event": "revoked", "name": news.name, "kind": news.why}
    if isinstance(news, Join):
        return {"event": "joined", "name": name_of(news), "priority": news.signed.session.priority}
    bulletin = news.accepted.bulletin
    fields: dict[str, Any] = {
        "event": "accepted",
        "name": name_of(news),
        "priority": bulletin.priority,
    }
    fields |= {"test": bulletin.test, "by_answer": news.accepted.by_answer}
    if isinstance(news, Cancel):
        fields["cancels"] = news.name
    if isinstance(news, Play):
        fields["took_ms"] = round(1000 * news.took_s, 1)
        fields |= bulletin.for_boards()
    return fields


def name_of(news: News) -> str:
    """Return whose it is: issuer and id."""
    if isinstance(news, Join):
        return f"{news.signed.session.issuer}/{news.signed.session.id}"
    if isinstance(news, Refused):
        return news.sender
    return news.name if isinstance(news, Leave) else news.accepted.name


def tell(record: dict[str, Any], *, as_json: bool) -> None:
    """Say what happened: a line of `loa.status/1`, or words to a person."""
    if as_json:
        reporting.print_json("status", record)
        return
    words = [record["event"], record.get("name"), record.get("outcome")]
    words += [record.get("kind"), record.get("reason")]
    reporting.note(f"loa: {record['time']} " + " ".join(str(word) for word in words if word))
