"""`loa stream`: a file to RTP destinations in real time, with its session description.

The clock that paces is monotonic; sender reports tie it to UTC once at the start, so that a step of
the wall clock in mid-stream moves nobody's playout.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.packet.rtcp import ntp_from_unix
from ingest.clock import Clock, SystemClock
from ingest.decode.decoder import Decoder
from loa import reporting
from loa.interrupt import Interrupt
from loa.progress import Progress
from loa.real_time import RealTime
from loa.sending.description import describe, write_description
from loa.sending.options import address_of, codec_of, encoder_of, fec_of, key_of
from loa.sending.reception_told import reception_lines, reception_said
from transmit.intake import Intake
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import AUDIO_RATE_HZ, PayloadEncoder
from transmit.rtp.reception import ReceptionBook
from transmit.rtp.stream import Datagram, Kind, RtpStream

if TYPE_CHECKING:
    from ingest.decode.decoded_audio import DecodedAudio

REPORT_INTERVAL_S = 2.0
SHOWN_EVERY_S = 10.0
_UTC_EPOCH_NS = 10**9


@dataclass(frozen=True)
class StreamRequest:
    """What `loa stream` was asked for."""

    file: Path
    destinations: tuple[str, ...]
    codec: str = "opus"
    packet_ms: float | None = None
    bit_rate_kbps: float = 32.0
    fec: str = "none"
    srtp_key_file: Path | None = None
    sdp: Path | None = None
    dscp: int = 46
    ttl: int = 16


def run_stream(request: StreamRequest, *, as_json: bool, clock: Clock | None = None) -> int:
    """Send the file; return the exit code."""
    codec, addresses = codec_of(request.codec), [address_of(text) for text in request.destinations]
    fec = fec_of(request.fec)
    key = None if request.srtp_key_file is None else key_of(request.srtp_key_file)
    encoder = encoder_of(codec, request.packet_ms, request.bit_rate_kbps)
    stream = RtpStream(codec, fec=fec, key=key)
    with ExitStack() as held:
        decoder = held.enter_context(Decoder())
        audio = held.enter_context(decoder.open(request.file))
        fans = _open_fans(held, addresses, request)
        if request.sdp is not None:
            session = describe(
                codec,
                addresses[0],
                packet_ms=encoder.packet_ms,
                fec=fec,
                key=key,
                name=request.file.stem,
                ttl=request.ttl,
            )
            write_description(request.sdp, session)
        pacer = RealTime(clock or SystemClock())
        held.enter_context(Interrupt(on_stop=pacer.stop))
        progress = held.enter_context(Progress())
        advance = progress.start(request.file.name)
        control = [(host, port + 1) for host, port in addresses]
        book = ReceptionBook(control, codec.clock_hz, key)
        sender = _Sender(stream, fans, pacer, clock or SystemClock(), book)
        seconds = _send_all(_mono(audio, advance), encoder, sender)
        reporting.note(f"loa: {seconds:.1f} s sent to {len(addresses)} destination(s)")
        for line in reception_lines(book):
            reporting.note(line)
        fields = {
            "file": str(request.file),
            "destinations": list(request.destinations),
            "codec": codec.name,
            "packet_ms": encoder.packet_ms,
            "fec": request.fec,
            "srtp": key is not None,
            "duration_s": round(seconds, 3),
            "packets": sender.packets,
            "repair_packets": sender.repairs,
            "datagrams_sent": sum(fan.sent for fan in fans),
            "datagrams_failed": sum(fan.failed for fan in fans),
            "receivers": [reception_said(address, one) for address, one in book.receptions.items()],
            "reports": dict(sorted(book.counts.items())),
        }
    if as_json:
        reporting.print_json("stream", fields)
    return 0


class _Sender:
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
        self._media, self._control = fans
        self._pacer = pacer
        self._clock_hz = stream.codec.clock_hz
        self._clock = clock
        self._book = book
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
            self._book.take(data, address, self._pacer.monotonic_s() - age_s)
        if due_s - self._shown_s >= SHOWN_EVERY_S:
            self._shown_s = due_s
            for line in reception_lines(self._book):
                reporting.note(line)

    def report(self, ticks: float) -> None:
        """Send a sender report now."""
        assert self._begun_unix_ns is not None
        self._report_s = ticks / self._clock_hz
        at_ns = self._begun_unix_ns + round(self._report_s * _UTC_EPOCH_NS)
        ntp = ntp_from_unix(at_ns)
        self._put(self.stream.report(ntp, ticks))
        self._book.sent(self.stream.ssrc, ntp, self._pacer.monotonic_s())

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


def _send_all(audio: Iterator[Samples], encoder: PayloadEncoder, sender: _Sender) -> float:
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


def _mono(audio: DecodedAudio, advance: Any) -> Iterator[Samples]:
    """Give mono at 48 kHz: the mean of a stereo programme."""
    form = audio.format

    def counted() -> Iterator[Any]:
        for block in audio.blocks():
            yield block
            advance(len(block) / form.sample_rate_hz)

    intake = Intake(counted(), (form.sample_rate_hz, AUDIO_RATE_HZ), (form.channels, 1))
    for frames in intake.blocks():
        yield np.ascontiguousarray(frames[:, 0])


def _open_fans(
    held: ExitStack, addresses: list[tuple[str, int]], request: StreamRequest
) -> tuple[FanOut, FanOut]:
    control = [(host, port + 1) for host, port in addresses]
    try:
        media = held.enter_context(FanOut(addresses, dscp=request.dscp, ttl=request.ttl))
        return media, held.enter_context(FanOut(control, dscp=request.dscp, ttl=request.ttl))
    except ValueError as error:
        raise Refusal(
            "usage",
            expected="destinations of one family, IPv4 or IPv6",
            got=str(error),
            advice="one loa stream for each",
        ) from error
