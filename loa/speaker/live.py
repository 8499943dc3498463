"""One RTP source: its two sockets, what they receive, and how it is played.

Alive is what has sent an authentic packet within `OUTAGE_S`: longer gaps of a network are an
outage, and something else is played until it is back.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Self

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.packet.sdp import AudioSession
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver, StreamFormat

OUTAGE_S = 2.5
_RECEIVE_BUFFER_BYTES = 1 << 20
_MOST_AT_ONCE = 256
_KEY_BYTES = 30


class LiveSource:
    """An RTP session, received and played.

    Attributes
    ----------
    place
        Address and port it listens at.
    receiver, player
        What came, and what was played of it.
    """

    def __init__(self, name: str, session: AudioSession, delay_s: float) -> None:
        self.name = name
        self.place = (session.address, session.port)
        self.receiver = RtpReceiver(_form(session), buffer_s=max(8.0, 2 * delay_s))
        self.player = Player(self.receiver, delay_s)
        with contextlib.ExitStack() as opened:
            self.media = opened.enter_context(bound(session.address, session.port))
            self.control = opened.enter_context(bound(session.address, session.port + 1))
            self._opened = opened.pop_all()

    def receive(self, moment_s: float) -> None:
        """Take everything that has arrived, at most a few hundred datagrams at a time."""
        for data in _arrived(self.control):
            self.receiver.control(data)
        for data in _arrived(self.media):
            self.receiver.datagram(data, moment_s)

    def render(self, count: int, moment_s: float) -> Samples:
        """Return what is heard from `moment_s` on."""
        return self.player.render(count, moment_s)

    def is_alive(self, moment_s: float) -> bool:
        """Whether there is something to be heard at a moment: not before, not after, no outage."""
        last_s, clock = self.receiver.last_packet_s, self.receiver.clock
        if last_s is None or not clock.known:
            return False
        place = clock.place_at(moment_s - self.player.delay_s)
        if place < self.receiver.first_place:
            return False
        if place < self.receiver.timeline.end:
            return True
        return not self.receiver.ended and moment_s - last_s < OUTAGE_S

    def close(self) -> None:
        """Close the sockets."""
        self._opened.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sockets."""
        self.close()


def _arrived(opened: socket.socket) -> Iterator[bytes]:
    for _ in range(_MOST_AT_ONCE):
        try:
            yield opened.recv(65_535)
        except (BlockingIOError, ConnectionError):
            return


def _form(session: AudioSession) -> StreamFormat:
    repair = None
    for name, value in session.attributes:
        if name == "fec-repair-flow" and "encoding-id=8" in value:
            _, found, number = value.partition("payload-type=")
            repair = int(number) if found and number.isdecimal() else None
    return StreamFormat(
        session.payload_type,
        session.encoding,
        session.clock_hz,
        session.channels,
        repair,
        _key(session.crypto[0]) if session.crypto else None,
    )


def _key(crypto: str) -> bytes:
    """Return key and salt of `1 AES_CM_128_HMAC_SHA1_80 inline:BASE64` (RFC 4568 clause 6.1)."""
    words = crypto.split()
    if len(words) >= 3 and words[1] == "AES_CM_128_HMAC_SHA1_80":
        inline = words[2].removeprefix("inline:").split("|")[0]
        with contextlib.suppress(binascii.Error, ValueError):
            key = base64.b64decode(inline, validate=True)
            if len(key) == _KEY_BYTES:
                return key
    raise Refusal(
        "speaker.key",
        expected="AES_CM_128_HMAC_SHA1_80 with 30 bytes in base64",
        got="another a=crypto line",
        advice="the description that loa stream --srtp-key-file --sdp writes",
    )


def bound(address: str, port: int) -> socket.socket:
    """Open a UDP port on every interface, or on the one the address belongs to; join its group."""
    parsed = ipaddress.ip_address(address)
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        if parsed.is_multicast:
            # Several loudspeakers of one machine may hear the same group.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        if parsed.is_multicast and parsed.version == 4:
            group = socket.inet_aton(address) + struct.pack("=I", socket.INADDR_ANY)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        elif parsed.is_multicast:
            group = socket.inet_pton(socket.AF_INET6, address) + struct.pack("=I", 0)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    except OSError as error:
        opened.close()
        raise Refusal(
            "network.listen",
            expected=f"to listen at {address}:{port}",
            got=error.strerror or str(error),
            advice="an address of this machine or a group, and a port that is free",
            exit_code=4,
        ) from error
    return opened
