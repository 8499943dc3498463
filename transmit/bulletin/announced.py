"""What a loudspeaker needs to join live audio, in one message: `loa.announced-session/1`.

The signed session, its description, and the SRTP key wrapped for one device or for many. Only the
session is signed: it names the description and the key by their digests.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from dsp.errors import Refusal
from transmit.bulletin.canonical import strict_json
from transmit.bulletin.envelope import MOST_BYTES
from transmit.bulletin.session import SignedSession, read_session

SCHEMA = "loa.announced-session/1"
_MOST_SDP_BYTES = 16 << 10
_KEYS = {"schema", "session", "sdp", "wraps"}


@dataclass(frozen=True)
class AnnouncedSession:
    """A session as it is announced.

    Attributes
    ----------
    session
        Signed.
    sdp
        Its description, without a key.
    wraps
        The SRTP key wrapped for each device, by its id.
    """

    session: SignedSession
    sdp: bytes
    wraps: dict[str, bytes]

    def to_bytes(self, *devices: str) -> bytes:
        """Return it as JSON, with the wraps of `devices` only where some are named."""
        wraps = {
            name: base64.b64encode(wrap).decode()
            for name, wrap in self.wraps.items()
            if not devices or name in devices
        }
        table = {
            "schema": SCHEMA,
            "session": json.loads(self.session.to_bytes()),
            "sdp": self.sdp.decode(),
            "wraps": wraps,
        }
        return json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()


def read_announced(content: bytes) -> AnnouncedSession:
    """Return the announced session in JSON text; nothing of it is believed yet.

    Raises
    ------
    Refusal
        "session.announced", and what `read_session` refuses.
    """
    table: Any = None
    if len(content) <= MOST_BYTES:
        try:
            table = strict_json(content)
        except ValueError:
            table = None
    if not isinstance(table, dict) or set(table) != _KEYS or table["schema"] != SCHEMA:
        raise _refuse(f"an object with the schema {SCHEMA}", "something else")
    sdp, wraps = table["sdp"], table["wraps"]
    if not isinstance(sdp, str) or len(sdp) > _MOST_SDP_BYTES or not isinstance(wraps, dict):
        raise _refuse("a description as text and a table of wraps", "something else")
    session = read_session(json.dumps(table["session"]).encode())
    return AnnouncedSession(session, _bytes(sdp), {k: _unpacked(v) for k, v in wraps.items()})


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise _refuse("a description as text", "half a surrogate pair") from error


def _unpacked(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""  # is no device's wrap; the others hold


def _refuse(expected: str, got: str) -> Refusal:
    return Refusal("session.announced", expected=expected, got=got, advice="`loa bulletin session`")
