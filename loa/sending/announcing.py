"""`loa bulletin send`: a signed message to loudspeakers, at once and over and over.

Networks lose in bursts, and nobody is asked whether it came: the message goes out at growing
intervals, densely in the first second. A loudspeaker judges it once and knows it again. Devices
whose clock is not trusted ask back, each with a nonce of its own; whoever holds the key and sends
the bulletin means it, and answers.
"""

from __future__ import annotations

import contextlib
import itertools
import selectors
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from ingest.clock import Clock, SystemClock
from loa import reporting
from loa.device.trust import address_of
from loa.interrupt import Interrupt
from loa.sending.devices import Device, read_devices
from loa.sending.envelopes import content_of
from transmit.bulletin.announced import SCHEMA as SESSION_SCHEMA
from transmit.bulletin.announced import AnnouncedSession, read_announced
from transmit.bulletin.challenge import answer, bulletin_digest, read_challenge
from transmit.bulletin.datagrams import Assembler, datagrams_of
from transmit.bulletin.envelope import read_envelope
from transmit.bulletin.signing import SigningKey
from transmit.rtp.fan_out import FanOut

# At 20 % loss in bursts of three, 1 % of the devices have not heard the first nine.
FIRST_S = (
    *(0.0, 0.03, 0.07, 0.12, 0.18, 0.25, 0.33, 0.43, 0.55, 0.7, 0.85),
    *(1.0, 1.3, 1.7, 2.2, 2.8, 3.5, 4.3, 5.2),
)
LATER_S = 2.0
_DATAGRAM_BYTES = 2_048
_MOST_AT_ONCE = 256


def moments_s() -> Iterator[float]:
    """Give the times of repetition, after the command."""
    yield from FIRST_S
    yield from itertools.count(FIRST_S[-1] + LATER_S, LATER_S)


class Answering:
    """Answers challenges about one bulletin, sans I/O.

    Parameters
    ----------
    digest
        Of the bulletin that is sent.
    key
        Of somebody who may say it.
    """

    def __init__(self, digest: str, key: SigningKey) -> None:
        self._digest = digest
        self._key = key
        self._assembler = Assembler()
        self.answered = 0

    def take(self, data: bytes, time: str) -> list[bytes]:
        """Return the datagrams that answer one; none for anything but a challenge of ours."""
        try:
            message = self._assembler.add(data)
            challenge = None if message is None else read_challenge(message)
        except (RemoteFormatError, Refusal):
            return []
        if challenge is None or challenge.bulletin != self._digest:
            return []
        self.answered += 1
        return datagrams_of(answer(challenge, self._key, time).to_bytes())


@dataclass
class _Sending:
    """What goes to whom."""

    fans: list[tuple[FanOut, list[bytes]]] = field(default_factory=list)

    def once(self) -> None:
        for fan, datagrams in self.fans:
            for data in datagrams:
                fan.send(data)

    def count(self, name: str) -> int:
        return sum(getattr(fan, name) for fan, _ in self.fans)


@dataclass(frozen=True)
class SendRequest:
    """What `loa bulletin send` was asked for."""

    file: Path
    to: tuple[str, ...] = ()
    devices: Path | None = None
    key: Path | None = None
    seconds: float = 10.0
    ttl: int = 16


def send_file(request: SendRequest, clock: Clock | None = None) -> int:
    """Send an envelope or an announced session; return the exit code."""
    clock = clock or SystemClock()
    content = content_of(request.file)
    announced = _announced(content)
    devices = [] if request.devices is None else read_devices(request.devices)
    answering = _answering(request, content)
    with ExitStack() as held:
        sending = _open(request, content, announced, devices, held)
        if not sending.fans:
            raise Refusal(
                "usage",
                expected="somebody to send to",
                got="neither --to nor a device with an address",
                advice="--to 239.255.12.42:5010",
            )
        interrupt = held.enter_context(Interrupt())
        begun_utc = clock.now_utc()
        _repeat(sending, answering, request.seconds, clock, interrupt)
        fields = {
            "file": str(request.file),
            "begun_unix_s": round(begun_utc.timestamp(), 6),
            "datagrams_sent": sending.count("sent"),
            "datagrams_failed": sending.count("failed"),
            "answered": 0 if answering is None else answering.answered,
        }
    reporting.print_json("bulletin-sent", fields)
    return 0


def _repeat(
    sending: _Sending,
    answering: Answering | None,
    seconds: float,
    clock: Clock,
    interrupt: Interrupt,
) -> None:
    """Send at the moments of repetition, and answer in between."""
    begun_s = clock.monotonic_s()
    with selectors.DefaultSelector() as selector:
        for fan, _ in sending.fans:
            selector.register(fan.socket, selectors.EVENT_READ, fan)
        for at_s in moments_s():
            due_s = begun_s + min(at_s, seconds)
            while not interrupt.stopped and (left_s := due_s - clock.monotonic_s()) > 0:
                for key, _ in selector.select(left_s):
                    _answer(key.data, answering, clock)
            if interrupt.stopped or at_s > seconds:
                return
            sending.once()


def _answer(fan: FanOut, answering: Answering | None, clock: Clock) -> None:
    for _ in range(_MOST_AT_ONCE):
        try:
            data, sender = fan.socket.recvfrom(_DATAGRAM_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:  # a device that is not there: said by ICMP
            continue
        if answering is None:
            continue
        for reply in answering.take(data, f"{clock.now_utc():%Y-%m-%dT%H:%M:%SZ}"):
            with contextlib.suppress(OSError):  # it is asked again
                fan.socket.sendto(reply, sender)


def _announced(content: bytes) -> AnnouncedSession | None:
    """Return the session that is to be sent; None where it is an envelope, as it then must be."""
    if SESSION_SCHEMA.encode() in content[:400]:
        return read_announced(content)
    read_envelope(content)
    return None


def _answering(request: SendRequest, content: bytes) -> Answering | None:
    if request.key is None:
        return None
    digest = bulletin_digest(read_envelope(content).bulletin)
    return Answering(digest, SigningKey.from_pem(content_of(request.key)))


def _open(
    request: SendRequest,
    content: bytes,
    announced: AnnouncedSession | None,
    devices: list[Device],
    held: ExitStack,
) -> _Sending:
    """Open a fan for all; of a session each device gets its own wrap only."""
    sending = _Sending()
    reached = [one for one in devices if one.address is not None]
    if announced is not None:
        for one in reached:
            if one.id in announced.wraps:
                own = announced.to_bytes(one.id)
                sending.fans.append(_fan([_address(one.address)], own, request, held))
        reached = []
    addresses = [_address(text) for text in (*request.to, *(one.address for one in reached))]
    for six in (False, True):  # a fan has one family
        family = [address for address in addresses if (":" in address[0]) == six]
        if family:
            sending.fans.append(_fan(family, content, request, held))
    return sending


def _fan(
    addresses: list[tuple[str, int]], content: bytes, request: SendRequest, held: ExitStack
) -> tuple[FanOut, list[bytes]]:
    fan = held.enter_context(FanOut(addresses, ttl=request.ttl))
    return fan, datagrams_of(content)


def _address(text: str | None) -> tuple[str, int]:
    try:
        return address_of(text or "")
    except ValueError as error:
        raise Refusal(
            "usage",
            expected="ADDRESS:PORT in numbers",
            got=str(text)[:80],
            advice="--to 10.0.0.7:5010",
        ) from error
