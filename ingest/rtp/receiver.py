"""Datagrams in, audio on a timeline out: authenticated, in order, repaired, every fault counted.

    datagram ─ SRTP ─ RTP ─┬─ media ─ FEC id off ─ sequence ─ queue ─ decoder ─ timeline
                           └─ repair ─ FEC ─ recovered packets ─┘
    datagram ─ SRTCP ─ RTCP ─ sender report ─ media clock

What is wrong is counted by its kind in `counts` and forgotten; nothing that comes from the network
raises, and nothing grows with it. Of several sources, the same key or none, the one that plays is
kept until it has said goodbye or been silent for `SOURCE_SILENCE_S`: a second sender cannot talk
over the first, and two with one key do not take turns. Its packets are counted as "rtp.collision".

Payloads are decoded in order, when they are read: `read`.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.packet import rtcp, rtp
from dsp.packet.errors import RemoteFormatError
from dsp.packet.fec_frame import FecDecoder
from dsp.packet.sequence import SourceState
from dsp.packet.srtp import Opener
from ingest.rtp.decoders import PayloadDecoder
from ingest.rtp.media_clock import MediaClock
from ingest.rtp.payload_queue import PayloadQueue, Verdict, Waiting
from ingest.rtp.sender_reports import SenderReports
from ingest.rtp.timeline import Timeline

SOURCE_SILENCE_S = 2.0
_NUMBERS = 1 << 16


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
        Key and salt of SRTP, of a length that `dsp.packet.srtp` knows; None takes plain packets.
    """

    payload_type: int
    encoding: str
    clock_hz: int
    channels: int = 1
    repair_payload_type: int | None = None
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Before:
    """The source that played before: its last packets may still be recovered."""

    ssrc: int
    clock: MediaClock
    decoder: PayloadDecoder
    end: int


class RtpReceiver:
    """Receives one stream.

    Attributes
    ----------
    counts
        Packets by what became of them: "media", "repair", "recovered", "late", "double",
        "report", and the kinds of refusals.
    timeline, clock
        What was decoded, and when it is due.
    reports
        What the senders have said, and when that came.
    last_packet_s
        Arrival of the last media packet that was believed; None before the first.
    ended
        The source has said goodbye.
    first_place
        Where the source that plays begins.
    outage
        Places from and to between which nothing came for so long that it is no loss but an outage.
    """

    def __init__(self, form: StreamFormat, buffer_s: float = 8.0) -> None:
        self._form = form
        self._decoder = self._new_decoder()
        self.rate_hz = self._decoder.rate_hz
        self.timeline = Timeline(int(buffer_s * self.rate_hz))
        self.clock = MediaClock(form.clock_hz, self.rate_hz)
        self.counts: Counter[str] = Counter()
        self.reports = SenderReports()
        self.last_packet_s: float | None = None
        self.ended = False
        self.first_place = 0
        self.outage = (0, 0)
        self._end = 0
        self._queue = PayloadQueue()
        self._fec = FecDecoder() if form.repair_payload_type is not None else None
        self._opener = None if form.key is None else Opener(form.key)
        self._ssrc: int | None = None
        self._held: rtp.RtpPacket | None = None  # until the packet after it confirms it
        self._before: _Before | None = None
        self.source = SourceState()

    @property
    def ssrc(self) -> int | None:
        """The source that plays."""
        return self._ssrc

    @property
    def key(self) -> bytes | None:
        """Key and salt of the stream."""
        return self._form.key

    @property
    def end(self) -> int:
        """Place after the last sample that came, decoded or not."""
        return max(self._end, self.timeline.end)

    def datagram(self, data: bytes, arrival_s: float) -> None:
        """Take a datagram of the media port that came at the UTC moment `arrival_s`."""
        try:
            if len(data) >= 2 and 72 <= data[1] & 0x7F <= 76:  # RTCP on the same port (RFC 5761)
                self._control(data, arrival_s)
                return
            packet = rtp.parse(data if self._opener is None else self._opener.rtp(data))
            if packet.payload_type == self._form.repair_payload_type and self._fec is not None:
                self._repair(self._fec, packet, arrival_s)
            elif packet.payload_type == self._form.payload_type:
                self._media(packet, arrival_s)
            else:
                self.counts["rtp.payload_type"] += 1
        except RemoteFormatError as error:
            self.counts[error.kind] += 1

    def control(self, data: bytes, arrival_s: float | None = None) -> None:
        """Take a datagram of the control port that came at the UTC moment `arrival_s`."""
        try:
            self._control(data, arrival_s)
        except RemoteFormatError as error:
            self.counts[error.kind] += 1

    def read(self, start: int, count: int) -> tuple[Samples, npt.NDArray[np.bool_]]:
        """Return `count` samples from `start` on, and which of them came; what did not is 0."""
        for waiting in self._queue.until(start + count):
            try:
                samples = waiting.decoder.decode(waiting.payload)
            except RemoteFormatError as error:
                self.counts[error.kind] += 1
            else:
                self.timeline.write(waiting.place, samples)
        return self.timeline.read(start, count)

    def forget_before(self, place: int) -> None:
        """Give up what lies before `place`; far before what was given up, want it again.

        A report or a clock may have led far into the future, and back.
        """
        if place < self.timeline.read_to - self.rate_hz:
            self.timeline.rewind(place)
            self._queue.given_to = None
            self._end = place
        self._queue.forget_before(place)
        self.timeline.advance(place)

    def report_block(self, now_s: float | None = None) -> rtcp.ReceptionBlock | None:
        """Return how the source is received, for a receiver report that leaves at `now_s`."""
        if self._ssrc is None or not self.source.valid:
            return None
        last, delay = self.reports.last_and_delay(self._ssrc, now_s)
        return rtcp.ReceptionBlock(
            self._ssrc,
            self.source.fraction_lost(),
            self.source.lost,
            self.source.highest,
            int(self.source.jitter),
            last,
            delay,
        )

    def _new_decoder(self) -> PayloadDecoder:
        return PayloadDecoder(self._form.encoding, self._form.clock_hz, self._form.channels)

    def _control(self, data: bytes, arrival_s: float | None) -> None:
        if self._opener is not None:
            data = self._opener.rtcp(data)
        reports = rtcp.parse_compound(data)
        for report in reports:
            if isinstance(report, rtcp.SenderReport):
                self._sender_report(report, arrival_s)
            elif isinstance(report, rtcp.Goodbye) and self._ssrc in report.ssrcs:
                self.ended = True
        self.reports.take_names(reports)

    def _sender_report(self, report: rtcp.SenderReport, arrival_s: float | None) -> None:
        self.counts["report"] += 1
        self.reports.take(report, arrival_s)
        captured_s = rtcp.unix_from_ntp(report.ntp) / 1e9
        if report.ssrc == self._ssrc and not self.clock.observe_report(
            report.rtp_timestamp, captured_s, arrival_s
        ):
            self.counts["rtcp.clock"] += 1

    def _repair(self, fec: FecDecoder, packet: rtp.RtpPacket, arrival_s: float) -> None:
        if not self.reports.may_repair(packet.ssrc, self._ssrc):
            raise RemoteFormatError("rtp.collision", f"got a repair of {packet.ssrc}")
        self.counts["repair"] += 1
        for unit in fec.add_repair(packet.payload):
            self._recovered(unit, arrival_s)

    def _media(self, packet: rtp.RtpPacket, arrival_s: float) -> None:
        """Take a media packet off the wire."""
        if packet.ssrc != self._ssrc and not self._changes_to(packet, arrival_s):
            raise RemoteFormatError("rtp.collision", f"expected {self._ssrc}, got {packet.ssrc}")
        believed = self.source.update(packet.sequence) is not None
        if self._opener is not None and not self.source.valid:
            believed = True  # probation is for strays; what is authentic is none
        self.source.observe_transit(int(arrival_s * self._form.clock_hz), packet.timestamp)
        units: list[bytes] = []
        if self._fec is not None:
            unit, units = self._fec.add_source(packet.pack())
            packet = rtp.parse(unit)
        if believed:
            held, self._held = self._held, None
            if held is not None and (held.sequence + 1) % _NUMBERS == packet.sequence:
                self._believe(held, arrival_s)
            self._believe(packet, arrival_s)
        else:
            self.counts["probation"] += 1
            self._held = packet
        for unit in units:
            self._recovered(unit, arrival_s)

    def _believe(self, packet: rtp.RtpPacket, arrival_s: float) -> None:
        """Take a packet whose number another one has confirmed."""
        self.clock.follow(packet.timestamp)
        self.clock.observe_arrival(packet.timestamp, arrival_s)
        if self._was_silent(arrival_s):
            self.outage = (self.end, self.clock.place_of(packet.timestamp))
        self.last_packet_s = arrival_s
        self._await(packet, "media", self.clock, self._decoder)

    def _recovered(self, unit: bytes, arrival_s: float) -> None:
        packet = rtp.parse(unit)
        known = packet.payload_type == self._form.payload_type
        if known and packet.ssrc == self._ssrc:
            self.last_packet_s = arrival_s
            self._await(packet, "recovered", self.clock, self._decoder)
        elif known and self._before is not None and packet.ssrc == self._before.ssrc:
            before = self._before
            if before.clock.place_of(packet.timestamp) < before.end:
                self._await(packet, "recovered", before.clock, before.decoder)
        else:
            raise RemoteFormatError("fec.packet", "expected a packet of the stream")

    def _await(
        self, packet: rtp.RtpPacket, kind: str, clock: MediaClock, decoder: PayloadDecoder
    ) -> None:
        """Queue a payload until it is due."""
        count = decoder.count_in(packet.payload)
        place = clock.place_of(packet.timestamp)
        first, last = self.timeline.read_to, self.timeline.read_to + self.timeline.length
        verdict = Verdict.LATE
        if place + count > first and place < last:
            verdict = self._queue.put(Waiting(place, count, packet.payload, decoder))
        if verdict is Verdict.TAKEN:
            self._end = max(self._end, min(place + count, last))
        self.counts[verdict.value or kind] += 1

    def _was_silent(self, arrival_s: float) -> bool:
        """Whether nothing came for long before `arrival_s`."""
        # A time far ahead is as long ago: our clock was set in between.
        last_s = self.last_packet_s
        return last_s is None or abs(arrival_s - last_s) >= SOURCE_SILENCE_S

    def _changes_to(self, packet: rtp.RtpPacket, arrival_s: float) -> bool:
        """Begin to follow the packet's source, where the present one has ended."""
        if self._ssrc is not None and not (self._was_silent(arrival_s) or self.ended):
            return False
        place = self.end
        captured_s = self.reports.captured_s(packet, self._form.clock_hz)
        if captured_s is not None and self.clock.known and self.clock.certain:
            place = round(self.clock.place_at(captured_s))
        if self._ssrc is not None:
            self.counts["source"] += 1
            self._before = _Before(self._ssrc, copy.copy(self.clock), self._decoder, place)
            self._decoder = self._new_decoder()
            self._queue.cut(place)
        self._ssrc = packet.ssrc
        if self._opener is not None:
            self._opener.keep(packet.ssrc)
        self.source = SourceState()
        self._held = None
        self.ended = False
        self.first_place = place
        if captured_s is None:
            self.clock.begin_source(packet.timestamp, place, arrival_s)
        else:
            self.clock.begin_source(packet.timestamp, place)
            self.clock.observe_report(packet.timestamp, captured_s, arrival_s)
        return True
