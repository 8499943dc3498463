"""SRTP and SRTCP (RFC 3711, RFC 7714): the suites we speak, and what opens packets of strangers.

A master key comes with its salt, and the length of both together says the suite: 30 bytes are
AES-CM-128 with HMAC-SHA1-80, 28 and 44 are AES-GCM with 128 and 256 bits. `a=crypto` lines name it
(RFC 4568 clause 6.2, RFC 7714 clause 14.1).

libsrtp keeps a state for every SSRC that it has authenticated, for ever. `Opener` bounds that: a
holder of the key who sends under ever new SSRCs must not fill the memory. The sources that were
played are the last to be forgotten, because with a state goes the memory of what is a replay.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import pylibsrtp

from dsp.packet.errors import RemoteFormatError

MAX_PLAIN_BYTES = 1_356  # what pylibsrtp's buffer takes, less its trailer
MAX_DATAGRAM_BYTES = 1_500
_RTP_SSRC, _RTCP_SSRC = slice(8, 12), slice(4, 8)


@dataclass(frozen=True)
class Suite:
    """One way to protect: its name in `a=crypto`, and bytes of key and salt together."""

    name: str
    key_bytes: int
    profile: int


SUITES = (
    Suite("AES_CM_128_HMAC_SHA1_80", 30, pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
    Suite("AEAD_AES_128_GCM", 28, pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
    Suite("AEAD_AES_256_GCM", 44, pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM),
)
KEY_BYTES = {suite.key_bytes: suite for suite in SUITES}


def suite_of(key: bytes) -> Suite:
    """Return the suite of a key; raises ValueError for a length that is none's."""
    if len(key) not in KEY_BYTES:
        raise ValueError(f"key: expected {_lengths()} bytes, got {len(key)}")
    return KEY_BYTES[len(key)]


def crypto_line(key: bytes) -> str:
    """Return what `a=crypto:` says of a key."""
    return f"1 {suite_of(key).name} inline:{base64.b64encode(key).decode()}"


def key_of_line(line: str) -> bytes:
    """Return key and salt of an `a=crypto` line.

    Raises
    ------
    RemoteFormatError
        "sdp.crypto": a suite we do not speak, or a key that is none.
    """
    words = line.split()
    suite = next((one for one in SUITES if words[1:2] == [one.name]), None)
    if suite is not None and len(words) >= 3:
        inline = words[2].removeprefix("inline:").split("|")[0]
        with contextlib.suppress(binascii.Error, ValueError):
            key = base64.b64decode(inline, validate=True)
            if len(key) == suite.key_bytes:
                return key
    names = ", ".join(one.name for one in SUITES)
    raise RemoteFormatError("sdp.crypto", f"expected one of {names} with its key in base64")


def sealer(key: bytes) -> pylibsrtp.Session:
    """Return what protects our packets."""
    policy = pylibsrtp.Policy(
        key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=suite_of(key).profile
    )
    return pylibsrtp.Session(policy)


class Opener:
    """Opens packets of others under one key.

    Parameters
    ----------
    key
        Key and salt.
    sources
        How many SSRCs are remembered.
    window
        Packets by which one may be late and still be told from a replay.
    """

    def __init__(self, key: bytes, sources: int = 1024, window: int = 1024) -> None:
        policy = pylibsrtp.Policy(
            key, pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=suite_of(key).profile
        )
        policy.window_size = window
        self._session = pylibsrtp.Session(policy)
        self._most = sources
        self._passing: OrderedDict[int, None] = OrderedDict()
        self._kept: OrderedDict[int, None] = OrderedDict()

    def rtp(self, data: bytes) -> bytes:
        """Return the authentic RTP packet in `data`.

        Raises
        ------
        RemoteFormatError
            "rtp.long", "srtp.authentication", "srtp.replay".
        """
        opened = self._opened(data, self._session.unprotect, "rtp")
        self._note(opened[_RTP_SSRC])
        return opened

    def rtcp(self, data: bytes) -> bytes:
        """Return the authentic RTCP compound in `data`; raises as `rtp`, "rtcp" for "rtp"."""
        opened = self._opened(data, self._session.unprotect_rtcp, "rtcp")
        self._note(opened[_RTCP_SSRC])
        return opened

    def keep(self, ssrc: int) -> None:
        """Forget this source after all that merely passed."""
        self._passing.pop(ssrc, None)
        self._kept[ssrc] = None

    @property
    def sources(self) -> int:
        """How many are remembered."""
        return len(self._passing) + len(self._kept)

    def _opened(self, data: bytes, unprotect: Callable[[bytes], bytes], kind: str) -> bytes:
        if len(data) > MAX_DATAGRAM_BYTES:
            raise RemoteFormatError(f"{kind}.long", f"got {len(data)} bytes")
        try:
            return unprotect(data)
        except pylibsrtp.Error as error:
            what = "replay" if "replay" in str(error) else "authentication"
            raise RemoteFormatError(f"s{kind}.{what}", str(error)) from None

    def _note(self, ssrc_bytes: bytes) -> None:
        ssrc = int.from_bytes(ssrc_bytes)
        if ssrc in self._kept or ssrc in self._passing:
            return
        if self.sources >= self._most:
            gone, _ = (self._passing or self._kept).popitem(last=False)
            self._session.remove_stream(gone)
        self._passing[ssrc] = None


def _lengths() -> str:
    *most, last = sorted(KEY_BYTES)
    return f"{', '.join(map(str, most))} or {last}"
