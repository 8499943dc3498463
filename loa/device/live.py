"""One RTP source: its two sockets, what they receive, and how it is played.

Alive is what has sent an authentic packet within `OUTAGE_S`: longer gaps of a network are an
outage, and something else is played until it is back.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Any, Self

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import AudioSession
from dsp.packet.srtp import key_of_line
from ingest.clock import Clock
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver, StreamFormat
from ingest.rtp.receiver_reports import ReceiverReports

OUTAGE_S = 2.5
_RECEIVE_BUFFER_BYTES = 1 << 20
_MOST_AT_ONCE = 256
_SO_TIMESTAMPNS = 35  # Linux; not in Python's socket
_STAMP_BYTES = 64
_OLDEST_S = 0.2  # in the socket: it is emptied every 20 ms


class LiveSource:
    """An RTP session, received and played.

    Attributes
    ----------
    place
        Address and port it listens at.
    receiver, player
        What came, and what was played of it.
    """

    def __init__(self, name: str, session: AudioSession, delay_s: float, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self.place = (session.address, session.port)
        self.receiver = RtpReceiver(_form(session), buffer_s=max(8.0, 2 * delay_s))
        self.player = Player(self.receiver, delay_s)
        is_group = ipaddress.ip_address(session.address).is_multicast
        self._reports = None if is_group else ReceiverReports(self.receiver)
        self._sender: Any = None
        with contextlib.ExitStack() as opened:
            self.media = opened.enter_context(bound(session.address, session.port))
            self.control = opened.enter_context(bound(session.address, session.port + 1))
            self._opened = opened.pop_all()

    def receive(self, moment_s: float) -> None:
        """Take everything that has arrived, at most a few hundred datagrams at a time.

        The kernel says when each came, so that nobody need be woken for it.
        """
        now_ns = self._clock.now_utc().timestamp() * 1e9
        for data, sender, stamp_ns in _arrived(self.control):
            before = self.receiver.counts["report"]
            self.receiver.control(data, moment_s - _age_s(now_ns, stamp_ns))
            if self.receiver.counts["report"] > before:
                self._sender = sender
        for data, _, stamp_ns in _arrived(self.media):
            self.receiver.datagram(data, moment_s - _age_s(now_ns, stamp_ns))
        self.player.keep_up(moment_s)
        self._report(moment_s)

    def _report(self, moment_s: float) -> None:
        """Tell the sender how it is received, where it is one and not a group's."""
        if self._reports is None or self._sender is None:
            return
        report = self._reports.due(moment_s)
        if report is not None:
            try:
                self.control.sendto(report, self._sender)
            except OSError:  # a queue that is full, a sender that is gone: the next one may arrive
                self.receiver.counts["report.unsent"] += 1

    def render(self, count: int, moment_s: float) -> Samples:
        """Return what is heard from `moment_s` on."""
        return self.player.render(count, moment_s)

    def is_alive(self, moment_s: float) -> bool:
        """Whether there is something to be heard at a moment: not before, not after, no outage."""
        last_s, clock = self.receiver.last_packet_s, self.receiver.clock
        if last_s is None or not clock.known:
            return False
        place = clock.place_at(moment_s - self.player.delay_s)
        gone, back = self.receiver.outage
        if place < self.receiver.first_place or gone <= place < back:
            return False
        if place < self.receiver.end:
            return True
        return not self.receiver.ended and abs(moment_s - last_s) < OUTAGE_S

    def close(self) -> None:
        """Close the sockets."""
        self._opened.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sockets."""
        self.close()


def _arrived(opened: socket.socket) -> Iterator[tuple[bytes, Any, int]]:
    """Give datagrams, their senders, and when the kernel had them, in ns since 1970."""
    for _ in range(_MOST_AT_ONCE):
        try:
            data, ancillary, _, sender = opened.recvmsg(65_535, _STAMP_BYTES)
        except (BlockingIOError, ConnectionError):
            return
        stamp_ns = 0
        for _, kind, content in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("=qq", content[:16])
                stamp_ns = 1_000_000_000 * seconds + nanoseconds
        yield data, sender, stamp_ns


def _age_s(now_ns: float, stamp_ns: int) -> float:
    """Return how long ago a datagram came; 0 where the clock was set in between."""
    age_s = (now_ns - stamp_ns) / 1e9
    return age_s if 0.0 <= age_s < _OLDEST_S else 0.0


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
    try:
        return key_of_line(crypto)
    except RemoteFormatError as error:
        raise Refusal(
            "speaker.key",
            expected="an SRTP suite that loa speaks, with its key in base64",
            got="another a=crypto line",
            advice="the description that loa stream --srtp-key-file --sdp writes",
        ) from error


def bound(address: str, port: int) -> socket.socket:
    """Open a UDP port on every interface, or on the one the address belongs to; join its group."""
    parsed = ipaddress.ip_address(address)
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
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
