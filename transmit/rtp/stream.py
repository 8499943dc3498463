"""One RTP stream, sans I/O: payloads in, datagrams with their times out.

Header, then FEC, then SRTP: the FEC id is part of what is encrypted and authenticated, and repair
packets are RTP packets of their own (payload type 100, own SSRC), so that a forged repair dies as a
forged packet does. What FEC protects is the whole plain packet: a recovered one is as good as a
received one.

SRTP's rollover counter is not on the wire, and who joins late cannot know it. So no SSRC lives
through a wrap of its sequence numbers: well before it, the stream goes on under a new one, and a
sender report goes ahead of its first packet. With it goes the goodbye of the old SSRC, without
which a receiver takes the new one for a second sender; it is said thrice, because it may be lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import pylibsrtp

from dsp.packet import rtcp
from dsp.packet.fec_frame import FecEncoder
from dsp.packet.rtp import RtpPacket
from dsp.packet.srtp import sealer
from transmit.rtp.payloads import Codec, Payload

REPAIR_PAYLOAD_TYPE = 100
MAX_PACKETS_PER_SSRC = 60_000
_REPORTED_AT = (0, 4, 12)  # packets of an SSRC that a report goes ahead of
_WORD = 1 << 32


@dataclass(frozen=True)
class FecProfile:
    """How a stream is protected.

    `repair` packets for every `source`, sent evenly over the `spread` packets that follow the
    block: a burst of losses hits few of a block's packets, and the delay is (source + spread)
    packets.
    """

    source: int
    repair: int
    spread: int


# Residual loss at mean burst 3: 1 % -> 1e-5, 5 % -> 3e-4; delay 1.0 s at 20 ms packets.
NORMAL_FEC = FecProfile(source=30, repair=15, spread=20)
# 20 % -> 2e-5; delay 1.5 s.
EMERGENCY_FEC = FecProfile(source=36, repair=36, spread=38)


class Kind(Enum):
    """What a datagram carries."""

    MEDIA = "media"
    REPAIR = "repair"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Datagram:
    """Bytes for the wire and when they are due, in clock ticks since the stream's first sample."""

    kind: Kind
    data: bytes
    due_ticks: float


class RtpStream:
    """Makes the datagrams of one stream.

    Parameters
    ----------
    codec
        Of the payloads.
    fec
        None sends no repairs, and any RTP receiver can play the stream.
    key
        Of SRTP, key and salt; its length says the suite (`dsp.packet.srtp`). None sends plain.
    name
        Canonical name for RTCP.
    random_bits
        Gives so many random bits; tests give their own.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        fec: FecProfile | None = None,
        key: bytes | None = None,
        name: str = "loa",
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self.codec = codec
        self._fec_profile = fec
        self._fec = FecEncoder(fec.source, fec.repair) if fec else None
        self._key = key
        self._name = name
        self._random_bits = random_bits
        self._timestamp = random_bits(32)
        self._repairs: list[tuple[float, bytes]] = []
        self._ssrc = self._repair_ssrc = -1
        self._left: tuple[int, ...] = ()
        self._sequence = self._repair_sequence = self._sent = self._octets = 0
        self._srtp: pylibsrtp.Session | None = None
        self._begin_source()

    @property
    def ssrc(self) -> int:
        """The present synchronisation source."""
        return self._ssrc

    def send(self, payload: Payload) -> list[Datagram]:
        """Return the datagrams that are due up to the payload's end, in order of their time.

        Media is due when its last sample has gone in: `ticks` + `duration`.
        """
        due = float(payload.ticks + payload.duration)
        packet = RtpPacket(
            self.codec.payload_type,
            self._sequence,
            (self._timestamp + payload.ticks) % _WORD,
            self._ssrc,
            payload.data,
            marker=self._sent == 0,
        ).pack()
        self._sequence = (self._sequence + 1) % (1 << 16)
        self._sent += 1
        self._octets += len(payload.data)
        repairs: list[bytes] = []
        if self._fec is not None:
            packet, repairs = self._fec.add(packet)
        ready = self._due_repairs(due)
        ready.append(Datagram(Kind.MEDIA, self._protected(packet), due))
        self._schedule(repairs, due, payload.duration)
        return ready

    def finish(self, ticks: float) -> list[Datagram]:
        """Return the repairs that are left, at or after `ticks`, and a goodbye."""
        if self._fec is not None:
            self._schedule(self._fec.flush(), ticks, self.codec.clock_hz // 50)
        ready = self._due_repairs(float("inf"))
        end = ready[-1].due_ticks if ready else ticks
        ssrcs = (self._ssrc, self._repair_ssrc) if self._fec else (self._ssrc,)
        goodbye = rtcp.ReceiverReport(self._ssrc).pack() + rtcp.Goodbye(ssrcs).pack()
        return [*ready, Datagram(Kind.CONTROL, self._protected_control(goodbye), end)]

    def report(self, ntp: int, ticks: float) -> Datagram:
        """Return a sender report: the sample at `ticks` was captured at NTP time `ntp`."""
        timestamp = (self._timestamp + round(ticks)) % _WORD
        report = rtcp.SenderReport(self._ssrc, ntp, timestamp, self._sent, self._octets)
        names = {self._ssrc: self._name}
        if self._fec is not None:
            names[self._repair_ssrc] = self._name
        data = report.pack() + rtcp.SourceNames(names).pack()
        if self._left and self._sent <= _REPORTED_AT[-1]:
            data += rtcp.Goodbye(self._left).pack()
        return Datagram(Kind.CONTROL, self._protected_control(data), ticks)

    @property
    def needs_report(self) -> bool:
        """Whether a report goes ahead of the next packet: the beginning of an SSRC is told."""
        return self._sent in _REPORTED_AT

    def renew_source_if_due(self) -> bool:
        """Go on under a new SSRC where the old one is used up; whether that was done.

        A FEC block in the making ends first.
        """
        if self._sent < MAX_PACKETS_PER_SSRC or not self._at_block_start():
            return False
        left = (self._ssrc, self._repair_ssrc) if self._fec else (self._ssrc,)
        self._begin_source()
        self._left = left
        return True

    def _at_block_start(self) -> bool:
        return self._fec is None or self._fec.empty

    def _begin_source(self) -> None:
        self._ssrc = self._random_bits(32)
        self._repair_ssrc = self._random_bits(32)
        # Half the range is kept free: a receiver that joins in the first packets cannot be led
        # to count a wrap that never was.
        self._sequence = self._random_bits(12)
        self._repair_sequence = self._random_bits(12)
        self._sent = self._octets = 0
        if self._key is not None:
            self._srtp = sealer(self._key)

    def _schedule(self, repairs: list[bytes], due: float, duration: int) -> None:
        if not repairs or self._fec_profile is None:
            return
        step = self._fec_profile.spread * duration / len(repairs)
        first = due + step / 2
        self._repairs += [(first + index * step, data) for index, data in enumerate(repairs)]

    def _due_repairs(self, until: float) -> list[Datagram]:
        ready = [(due, data) for due, data in self._repairs if due <= until]
        self._repairs = self._repairs[len(ready) :]
        return [Datagram(Kind.REPAIR, self._repair(due, data), due) for due, data in ready]

    def _repair(self, due: float, data: bytes) -> bytes:
        packet = RtpPacket(
            REPAIR_PAYLOAD_TYPE,
            self._repair_sequence,
            (self._timestamp + round(due)) % _WORD,
            self._repair_ssrc,
            data,
        )
        self._repair_sequence = (self._repair_sequence + 1) % (1 << 16)
        return self._protected(packet.pack())

    def _protected(self, data: bytes) -> bytes:
        return data if self._srtp is None else self._srtp.protect(data)

    def _protected_control(self, data: bytes) -> bytes:
        return data if self._srtp is None else self._srtp.protect_rtcp(data)
