"""How a stream arrives, by what its receivers report (RFC 3550 clause 6.4.2), sans I/O.

A report is believed from an address that is sent to, about an SSRC that is sent, and where the
stream has a key, under SRTCP. The round trip is the time from our sender report to theirs, less
what they say they waited (LSR and DLSR); ours is told by its own NTP time, and the time of leaving
is taken from the clock that never jumps.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from dsp.packet import rtcp
from dsp.packet.errors import RemoteFormatError
from dsp.packet.srtp import Opener

_KEPT_REPORTS = 32  # a minute of ours
_KEPT_SOURCES = 4
_UNITS_PER_S = 65_536
_LOST_UNITS = 256


@dataclass(frozen=True, slots=True)
class Reception:
    """What one destination said last.

    Attributes
    ----------
    loss
        Share of packets that did not arrive since its report before; repairs are not counted in.
    lost
        Packets since it listens.
    jitter_s
        Mean deviation of the time between packets.
    round_trip_s
        There and back; None until it has heard a report of ours.
    told_s
        Moment of its report, monotonic.
    """

    loss: float
    lost: int
    jitter_s: float
    round_trip_s: float | None
    told_s: float


class ReceptionBook:
    """Keeps what the destinations of one stream report.

    Parameters
    ----------
    destinations
        (host, port) of their control ports, as a socket says them.
    clock_hz
        Of RTP timestamps.
    key
        Of SRTP; None takes plain reports.

    Attributes
    ----------
    receptions
        The last word of every destination that has spoken.
    counts
        "report", and by kind what was not believed.
    """

    def __init__(
        self, destinations: Sequence[tuple[str, int]], clock_hz: int, key: bytes | None = None
    ) -> None:
        self._expected = frozenset(destinations)
        self._clock_hz = clock_hz
        self._opener = None if key is None else Opener(key)
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._sources: OrderedDict[int, None] = OrderedDict()
        self.receptions: dict[tuple[str, int], Reception] = {}
        self.counts: Counter[str] = Counter()

    def sent(self, ssrc: int, ntp: int, monotonic_s: float) -> None:
        """Note that a sender report left."""
        self._sent[rtcp.middle_bits(ntp)] = monotonic_s
        self._sources[ssrc] = None
        for kept, most in ((self._sent, _KEPT_REPORTS), (self._sources, _KEPT_SOURCES)):
            if len(kept) > most:
                kept.popitem(last=False)

    def take(self, data: bytes, address: tuple[str, int], monotonic_s: float) -> None:
        """Take a datagram that came from `address` to the port our reports leave from."""
        if address not in self._expected:
            self.counts["report.stranger"] += 1
            return
        try:
            opened = data if self._opener is None else self._opener.rtcp(data)
            for report in rtcp.parse_compound(opened):
                if isinstance(report, rtcp.ReceiverReport):
                    self._report(report, address, monotonic_s)
        except RemoteFormatError as error:
            self.counts[error.kind] += 1

    def _report(
        self, report: rtcp.ReceiverReport, address: tuple[str, int], monotonic_s: float
    ) -> None:
        for block in report.blocks:
            if block.ssrc not in self._sources:
                self.counts["report.ssrc"] += 1
                continue
            self.counts["report"] += 1
            self.receptions[address] = Reception(
                block.fraction_lost / _LOST_UNITS,
                block.lost,
                block.jitter / self._clock_hz,
                self._round_trip_s(block, monotonic_s),
                monotonic_s,
            )

    def _round_trip_s(self, block: rtcp.ReceptionBlock, monotonic_s: float) -> float | None:
        left_s = self._sent.get(block.last_report)
        if left_s is None:
            return None
        trip_s = monotonic_s - left_s - block.delay_since_last_report / _UNITS_PER_S
        # Clocks that are read apart may make it a hair negative; a lie makes it much more.
        return max(0.0, trip_s) if trip_s > -0.1 else None
