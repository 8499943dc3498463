"""Datagrams in, audio on a timeline out: authenticated, in order, repaired, every fault counted.

    datagram ─ SRTP ─ RTP ─┬─ media ─ FEC id off ─ sequence ─ decoder ─ timeline
                           └─ repair ─ FEC ─ recovered packets ─────┘
    datagram ─ SRTCP ─ RTCP ─ sender report ─ media clock

What is wrong is counted by its kind in `counts` and forgotten; nothing that comes from the network
raises, and nothing grows with it. Of several sources the one that plays is kept until it has said
goodbye or been silent for `SOURCE_SILENCE_S`: a second sender cannot talk over the first (with a
key: cannot talk at all).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pylibsrtp

from dsp.packet import rtcp, rtp
from dsp.packet.errors import RemoteFormatError
from dsp.packet.fec_frame import FecDecoder
from dsp.packet.sequence import SourceState
from ingest.rtp.decoders import PayloadDecoder
from ingest.rtp.media_clock import MediaClock
from ingest.rtp.timeline import Timeline

SOURCE_SILENCE_S = 2.0
MAX_DATAGRAM_BYTES = 1_356  # what pylibsrtp's buffer takes, less its trailer
_KEPT_REPORTS = 8
_KEPT_LEFT = 64
_HALF_WORD = 1 << 31


@dataclass(frozen=True)
class StreamFormat:
    """What the session description says of a stream.

    Attributes
    ----------
    payload_type, encoding, clock_hz, channels
        Of the media.
    repair_payload_type
        Of FEC; None where there is none.
    key
        30 bytes of SRTP; None takes plain packets.
    """

    payload_type: int
    encoding: str
    clock_hz: int
    channels: int = 1
    repair_payload_type: int | None = None
    key: bytes | None = None


class RtpReceiver:
    """Receives one stream.

    Attributes
    ----------
    counts
        Packets by what became of them: "media", "repair", "recovered", "late", "report", and the
        kinds of refusals.
    timeline, clock
        What was heard, and when it is due.
    last_packet_s
        Arrival of the last authentic media packet; None before the first.
    ended
        The source has said goodbye.
    first_place
        Where the source that plays begins.
    """

    def __init__(self, form: StreamFormat, buffer_s: float = 8.0) -> None:
        self._form = form
        self._decoder = PayloadDecoder(form.encoding, form.clock_hz, form.channels)
        self.rate_hz = self._decoder.rate_hz
        self.timeline = Timeline(int(buffer_s * self.rate_hz))
        self.clock = MediaClock(form.clock_hz, self.rate_hz)
        self.counts: Counter[str] = Counter()
        self.last_packet_s: float | None = None
        self.ended = False
        self.first_place = 0
        self._fec = FecDecoder() if form.repair_payload_type is not None else None
        self._srtp = self._session()
        self._ssrc: int | None = None
        self._left: list[int] = []
        self.source = SourceState()
        self._reports: dict[int, rtcp.SenderReport] = {}

    @property
    def ssrc(self) -> int | None:
        """The source that plays."""
        return self._ssrc

    def datagram(self, data: bytes, arrival_s: float) -> None:
        """Take a datagram of the media port that came at the UTC moment `arrival_s`."""
        try:
            if len(data) >= 2 and 72 <= data[1] & 0x7F <= 76:  # RTCP on the same port (RFC 5761)
                self._control(data)
                return
            packet = self._opened(data)
            if packet.payload_type == self._form.repair_payload_type and self._fec is not None:
                self.counts["repair"] += 1
                for unit in self._fec.add_repair(packet.payload):
                    self._recovered(unit, arrival_s)
            elif packet.payload_type == self._form.payload_type:
                self._media(packet, arrival_s)
            else:
                self.counts["rtp.payload_type"] += 1
        except RemoteFormatError as error:
            self.counts[error.kind] += 1

    def control(self, data: bytes) -> None:
        """Take a datagram of the control port."""
        try:
            self._control(data)
        except RemoteFormatError as error:
            self.counts[error.kind] += 1

    def report_block(self) -> rtcp.ReceptionBlock | None:
        """Return how the source is received, for a receiver report."""
        if self._ssrc is None or not self.source.valid:
            return None
        report = self._reports.get(self._ssrc)
        return rtcp.ReceptionBlock(
            self._ssrc,
            self.source.fraction_lost(),
            self.source.lost,
            self.source.highest,
            int(self.source.jitter),
            0 if report is None else rtcp.middle_bits(report.ntp),
            0,
        )

    def _session(self) -> pylibsrtp.Session | None:
        if self._form.key is None:
            return None
        policy = pylibsrtp.Policy(self._form.key, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        policy.window_size = 1024
        return pylibsrtp.Session(policy)

    def _opened(self, data: bytes) -> rtp.RtpPacket:
        """Return the authentic packet in `data`."""
        if self._srtp is not None:
            if len(data) > MAX_DATAGRAM_BYTES:
                raise RemoteFormatError("rtp.long", f"got {len(data)} bytes")
            try:
                data = self._srtp.unprotect(data)
            except pylibsrtp.Error as error:
                kind = "srtp.replay" if "replay" in str(error) else "srtp.authentication"
                raise RemoteFormatError(kind, str(error)) from None
        return rtp.parse(data)

    def _control(self, data: bytes) -> None:
        if self._srtp is not None:
            if len(data) > MAX_DATAGRAM_BYTES:
                raise RemoteFormatError("rtcp.long", f"got {len(data)} bytes")
            try:
                data = self._srtp.unprotect_rtcp(data)
            except pylibsrtp.Error as error:
                raise RemoteFormatError("srtcp.authentication", str(error)) from None
        for report in rtcp.parse_compound(data):
            if isinstance(report, rtcp.SenderReport):
                self._sender_report(report)
            elif isinstance(report, rtcp.Goodbye) and self._ssrc in report.ssrcs:
                self.ended = True

    def _sender_report(self, report: rtcp.SenderReport) -> None:
        self.counts["report"] += 1
        if len(self._reports) >= _KEPT_REPORTS and report.ssrc not in self._reports:
            self._reports.pop(next(iter(self._reports)))
        self._reports[report.ssrc] = report
        if report.ssrc == self._ssrc:
            captured_s = rtcp.unix_from_ntp(report.ntp) / 1e9
            self.clock.observe_report(report.rtp_timestamp, captured_s)

    def _media(self, packet: rtp.RtpPacket, arrival_s: float) -> None:
        """Take a media packet off the wire."""
        if packet.ssrc != self._ssrc and not self._changes_to(packet, arrival_s):
            raise RemoteFormatError("rtp.ssrc", f"expected {self._ssrc}, got {packet.ssrc}")
        believed = self.source.update(packet.sequence) is not None
        self.last_packet_s = arrival_s
        self.source.observe_transit(int(arrival_s * self._form.clock_hz), packet.timestamp)
        units: list[bytes] = []
        if self._fec is not None:
            unit, units = self._fec.add_source(packet.pack())
            packet = rtp.parse(unit)
        if believed or self.source.valid:
            self.clock.follow(packet.timestamp)
            self.clock.observe_arrival(packet.timestamp, arrival_s)
            self._play(packet, "media")
        else:
            self.counts["probation"] += 1
        for unit in units:
            self._recovered(unit, arrival_s)

    def _recovered(self, unit: bytes, arrival_s: float) -> None:
        packet = rtp.parse(unit)
        if packet.ssrc != self._ssrc or packet.payload_type != self._form.payload_type:
            raise RemoteFormatError("fec.packet", "expected a packet of the stream")
        self.last_packet_s = arrival_s
        self._play(packet, "recovered")

    def _play(self, packet: rtp.RtpPacket, kind: str) -> None:
        samples = self._decoder.decode(packet.payload)
        taken = self.timeline.write(self.clock.place_of(packet.timestamp), samples)
        self.counts[kind if taken else "late"] += 1

    def _changes_to(self, packet: rtp.RtpPacket, arrival_s: float) -> bool:
        """Begin to follow the packet's source, where the present one has ended."""
        silent = self.last_packet_s is None or arrival_s - self.last_packet_s >= SOURCE_SILENCE_S
        # With a key, whoever has it is the sender: an SSRC never seen is its own change of source.
        # One that was left is not gone back to: two senders with one key do not talk by turns.
        renewed = self._srtp is not None and packet.ssrc not in self._left
        if self._ssrc is not None and not (silent or self.ended or renewed):
            return False
        if self._ssrc is not None:
            self._left = [*self._left[-(_KEPT_LEFT - 1) :], self._ssrc]
        if self._ssrc is not None:
            self.counts["source"] += 1
        report = self._reports.get(packet.ssrc)
        place = self.timeline.end
        if report is not None:
            ahead = (packet.timestamp - report.rtp_timestamp + _HALF_WORD) % (2 * _HALF_WORD)
            ahead -= _HALF_WORD
            captured_s = rtcp.unix_from_ntp(report.ntp) / 1e9 + ahead / self._form.clock_hz
            if self.clock.known and self.clock.certain:
                place = round(self.clock.place_at(captured_s))
        self._ssrc = packet.ssrc
        self.source = SourceState()
        self._decoder.reset()
        self.ended = False
        self.first_place = place
        self.clock.begin_source(packet.timestamp, place)
        if report is not None:
            self.clock.observe_report(packet.timestamp, captured_s)
        return True
