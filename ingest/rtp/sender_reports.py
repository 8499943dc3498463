"""What senders have said of themselves: the time, and which repairs are whose. Bounded.

A sender report names a moment; the names in the same compound (CNAME, RFC 3550 clause 6.5.1) list
the SSRCs of one sender, its repairs among them. So repairs of a second sender under the same key
are told from ours, once ours has reported.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from dsp.packet import rtcp, rtp
from ingest.rtp.media_clock import BELIEVED_S

_KEPT = 8
_HALF_WORD = 1 << 31
_UNITS_PER_S = 65_536


@dataclass(slots=True)
class _Said:
    """The last report of a source."""

    report: rtcp.SenderReport
    arrival_s: float | None

    @property
    def is_sound(self) -> bool:
        """Whether it names the present, as far as we know that."""
        captured_s = rtcp.unix_from_ntp(self.report.ntp) / 1e9
        return self.arrival_s is None or abs(captured_s - self.arrival_s) <= BELIEVED_S


class SenderReports:
    """The last reports of the last few sources."""

    def __init__(self) -> None:
        self._said: OrderedDict[int, _Said] = OrderedDict()
        self._family: OrderedDict[int, frozenset[int]] = OrderedDict()

    def take(self, report: rtcp.SenderReport, arrival_s: float | None) -> None:
        """Keep a report."""
        self._said[report.ssrc] = _Said(report, arrival_s)
        self._said.move_to_end(report.ssrc)
        if len(self._said) > _KEPT:
            self._said.popitem(last=False)

    def take_names(self, compound: Sequence[rtcp.Report]) -> None:
        """Keep which SSRCs belong to the sender of a compound."""
        sender = next((one.ssrc for one in compound if isinstance(one, rtcp.SenderReport)), None)
        names = [one for one in compound if isinstance(one, rtcp.SourceNames)]
        if sender is None or not names:
            return
        self._family[sender] = frozenset(ssrc for one in names for ssrc in one.names)
        self._family.move_to_end(sender)
        if len(self._family) > _KEPT:
            self._family.popitem(last=False)

    def may_repair(self, repair_ssrc: int, ssrc: int | None) -> bool:
        """Whether repairs of `repair_ssrc` may belong to source `ssrc`, as far as it has said."""
        family = None if ssrc is None else self._family.get(ssrc)
        # The last repairs of a source come after the next one has begun: whose they are is known.
        return family is None or repair_ssrc in family

    def captured_s(self, packet: rtp.RtpPacket, clock_hz: int) -> float | None:
        """Return the UTC moment of a packet by its source's last sound report, or None."""
        said = self._said.get(packet.ssrc)
        if said is None or not said.is_sound:
            return None
        ahead = (packet.timestamp - said.report.rtp_timestamp + _HALF_WORD) % (2 * _HALF_WORD)
        captured_s = rtcp.unix_from_ntp(said.report.ntp) / 1e9
        return captured_s + (ahead - _HALF_WORD) / clock_hz

    def last_and_delay(self, ssrc: int, now_s: float | None) -> tuple[int, int]:
        """Return LSR and DLSR of a reception block (RFC 3550 clause 6.4.1); zeros without one."""
        said = self._said.get(ssrc)
        if said is None:
            return 0, 0
        delay_s = 0.0
        if now_s is not None and said.arrival_s is not None:
            delay_s = max(0.0, now_s - said.arrival_s)
        return rtcp.middle_bits(said.report.ntp), round(delay_s * _UNITS_PER_S) % (1 << 32)
