"""Datagrams of a stream, each at its time.

The clock that paces is monotonic; sender reports tie it to UTC once at the start, so that a step of
the wall clock in mid-stream moves nobody's playout.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsp.contract import Samples
from dsp.packet.rtcp import ntp_from_unix
from ingest.clock import Clock
from loa import reporting
from loa.real_time import RealTime
from loa.sending.reception_told import reception_lines
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import PayloadEncoder
from transmit.rtp.reception import ReceptionBook
from transmit.rtp.stream import Datagram, Kind, RtpStream

REPORT_INTERVAL_S = 2.0
SHOWN_EVERY_S = 10.0
_UTC_EPOCH_NS = 10**9


class PacedSender:
    """Sends datagrams when they are due, with a report before the first and every two seconds."""

    def __init__(
        self,
        stream: RtpStream,
        fans: tuple[FanOut, FanOut],
        pacer: RealTime,
        clock: Clock,
        book: ReceptionBook,
    ) -> None:
        self.stream = stream
        self.fans = fans
        self._media, self._control = fans
        self._pacer = pacer
        self._clock_hz = stream.codec.clock_hz
        self._clock = clock
        self.book = book
        self._shown_s = 0.0
        self._begun_unix_ns: int | None = None
        self._report_s = float("-inf")
        self.packets = 0
        self.repairs = 0
        self.stopped = False

    def begin(self, ticks: float) -> None:
        """Let the sample at `ticks` be captured now, by the pacer's clock and by UTC alike."""
        self._pacer.wait_until(ticks / self._clock_hz)
        now_ns = int(self._clock.now_utc().timestamp() * _UTC_EPOCH_NS)
        self._begun_unix_ns = now_ns - round(ticks / self._clock_hz * _UTC_EPOCH_NS)

    def send(self, datagrams: list[Datagram]) -> None:
        """Send each at its time."""
        for datagram in datagrams:
            due_s = datagram.due_ticks / self._clock_hz
            if self.stopped or not self._pacer.wait_until(due_s):
                self.stopped = True
                return
            if due_s - self._report_s >= REPORT_INTERVAL_S:
                self.report(datagram.due_ticks)
            self._put(datagram)
            self._listen(due_s)

    def _listen(self, due_s: float) -> None:
        """Take what the destinations report, and show it now and then."""
        for data, address, age_s in self._control.answers():
            self.book.take(data, address, self._pacer.monotonic_s() - age_s)
        if due_s - self._shown_s >= SHOWN_EVERY_S:
            self._shown_s = due_s
            for line in reception_lines(self.book):
                reporting.note(line)

    def report(self, ticks: float) -> None:
        """Send a sender report now."""
        assert self._begun_unix_ns is not None
        self._report_s = ticks / self._clock_hz
        at_ns = self._begun_unix_ns + round(self._report_s * _UTC_EPOCH_NS)
        ntp = ntp_from_unix(at_ns)
        self._put(self.stream.report(ntp, ticks))
        self.book.sent(self.stream.ssrc, ntp, self._pacer.monotonic_s())

    def say_goodbye(self, datagrams: list[Datagram]) -> None:
        """Send what ends the stream, without waiting for its time where it was stopped."""
        for datagram in datagrams:
            if self.stopped and datagram.kind is not Kind.CONTROL:
                continue
            if not self.stopped:
                self._pacer.wait_until(datagram.due_ticks / self._clock_hz)
            self._put(datagram)

    def _put(self, datagram: Datagram) -> None:
        (self._control if datagram.kind is Kind.CONTROL else self._media).send(datagram.data)
        self.packets += datagram.kind is Kind.MEDIA
        self.repairs += datagram.kind is Kind.REPAIR


def send_all(audio: Iterator[Samples], encoder: PayloadEncoder, sender: PacedSender) -> float:
    """Send the audio; return how many seconds went out."""
    stream, ended_ticks, begun = sender.stream, 0, False

    def pieces() -> Iterator[Any]:
        for samples in audio:
            yield from encoder.encode(samples)
        yield from encoder.finish()

    for payload in pieces():
        if not begun:  # only now: opening and decoding took their time
            sender.begin(payload.ticks)
            begun = True
        stream.renew_source_if_due()
        if stream.needs_report:
            sender.report(payload.ticks)
        sender.send(stream.send(payload))
        if sender.stopped:
            break
        ended_ticks = payload.ticks + payload.duration
    sender.say_goodbye(stream.finish(ended_ticks))
    return ended_ticks / encoder.codec.clock_hz
