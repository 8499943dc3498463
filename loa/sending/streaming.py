"""`loa stream`: a file to RTP destinations in real time, with its session description."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.clock import Clock, SystemClock
from ingest.decode.decoder import Decoder
from loa import reporting
from loa.interrupt import Interrupt
from loa.progress import Progress
from loa.real_time import RealTime
from loa.sending.description import describe, write_description
from loa.sending.options import address_of, codec_of, encoder_of, fec_of, key_of
from loa.sending.paced_sender import PacedSender, send_all
from loa.sending.reception_told import reception_lines, reception_said
from transmit.intake import Intake
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import AUDIO_RATE_HZ, PayloadEncoder
from transmit.rtp.reception import ReceptionBook
from transmit.rtp.stream import RtpStream

if TYPE_CHECKING:
    from ingest.decode.decoded_audio import DecodedAudio


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
                codec, addresses[0], packet_ms=encoder.packet_ms, fec=fec, key=key,
                name=request.file.stem, ttl=request.ttl,
            )  # fmt: skip
            write_description(request.sdp, session)
        pacer = RealTime(clock or SystemClock())
        held.enter_context(Interrupt(on_stop=pacer.stop))
        progress = held.enter_context(Progress())
        advance = progress.start(request.file.name)
        book = ReceptionBook(_control(addresses), codec.clock_hz, key)
        sender = PacedSender(stream, fans, pacer, clock or SystemClock(), book)
        seconds = send_all(_mono(audio, advance), encoder, sender)
        reporting.note(f"loa: {seconds:.1f} s sent to {len(addresses)} destination(s)")
        for line in reception_lines(book):
            reporting.note(line)
        fields = _told(request, encoder, sender, seconds)
    if as_json:
        reporting.print_json("stream", fields)
    return 0


def _told(
    request: StreamRequest, encoder: PayloadEncoder, sender: PacedSender, seconds: float
) -> dict[str, Any]:
    """Return what was sent and how it was heard, as an object of `--json`."""
    book = sender.book
    return {
        "file": str(request.file),
        "destinations": list(request.destinations),
        "codec": encoder.codec.name,
        "packet_ms": encoder.packet_ms,
        "fec": request.fec,
        "srtp": request.srtp_key_file is not None,
        "duration_s": round(seconds, 3),
        "packets": sender.packets,
        "repair_packets": sender.repairs,
        "datagrams_sent": sum(fan.sent for fan in sender.fans),
        "datagrams_failed": sum(fan.failed for fan in sender.fans),
        "receivers": [reception_said(address, one) for address, one in book.receptions.items()],
        "reports": dict(sorted(book.counts.items())),
    }


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
    control, dscp, ttl = _control(addresses), request.dscp, request.ttl
    try:
        media = held.enter_context(FanOut(addresses, dscp=dscp, ttl=ttl))
        return media, held.enter_context(FanOut(control, dscp=dscp, ttl=ttl))
    except ValueError as error:
        raise Refusal(
            "usage",
            expected="destinations of one family, IPv4 or IPv6",
            got=str(error),
            advice="one loa stream for each",
        ) from error


def _control(addresses: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return where reports go and come from: the port above that of the packets."""
    return [(host, port + 1) for host, port in addresses]
