"""48 kHz audio in, RTP payloads out: Opus, G.722, G.711 and L16, packet by packet.

Every payload says the timestamp of its first sample, relative to the first sample that went in,
in ticks of the codec's RTP clock and with the codec's own delay taken off: the sample that a
decoder gives at a timestamp is the sample that went in there, whatever the codec. So the first
payloads of Opus begin before 0.

Clocks and numbers are those of RFC 3551 (G.722: 8000 though it samples at 16 000) and RFC 7587
(Opus: 48000/2 always).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import soxr

from dsp.contract import Samples

AUDIO_RATE_HZ = 48_000
# What every network carries whole, and SRTP's buffer takes (1 356): a repair packet has two RTP
# headers, an id and a length besides the longest payload of its block, 33 bytes.
MAX_PAYLOAD_BYTES = 1_320
_OPUS_MS = (2.5, 5.0, 10.0, 20.0, 40.0, 60.0)
_FULL_SCALE = 32_767.0


@dataclass(frozen=True)
class Codec:
    """What RTP and SDP need to know of a codec."""

    name: str
    payload_type: int
    encoding: str
    clock_hz: int
    rate_hz: int
    sdp_channels: int = 1
    coder: str | None = None
    usual_ms: float = 20.0


CODECS = {
    codec.name: codec
    for codec in (
        Codec("opus", 96, "opus", 48_000, 48_000, 2, "libopus"),
        Codec("g722", 9, "G722", 8_000, 16_000, 1, "g722"),
        Codec("pcmu", 0, "PCMU", 8_000, 8_000, 1, "pcm_mulaw"),
        Codec("pcma", 8, "PCMA", 8_000, 8_000, 1, "pcm_alaw"),
        Codec("l16", 97, "L16", 48_000, 48_000, usual_ms=10.0),
    )
}


@dataclass(frozen=True, slots=True)
class Payload:
    """One packet's worth: the bytes, its first sample's time and its length in clock ticks."""

    data: bytes
    ticks: int
    duration: int


class PayloadEncoder:
    """Turns mono audio at 48 kHz into payloads of one codec.

    Parameters
    ----------
    codec
        One of `CODECS`.
    packet_ms
        1 to 60; Opus takes 2.5, 5, 10, 20, 40 and 60, L16 up to 13: a packet that is cut on its
        way is lost twice as often, so none is longer than `MAX_PAYLOAD_BYTES`.
    bit_rate_bps
        Of Opus, constant, so that packets of a FEC block are of one length.

    Raises
    ------
    ValueError
        A packet length the codec does not have.
    """

    def __init__(
        self, codec: Codec, packet_ms: float | None = None, bit_rate_bps: int = 32_000
    ) -> None:
        packet_ms = codec.usual_ms if packet_ms is None else packet_ms
        samples = packet_ms * codec.rate_hz / 1000
        allowed = packet_ms in _OPUS_MS if codec.name == "opus" else 1 <= packet_ms <= 60
        fits = _payload_bytes(codec, packet_ms, bit_rate_bps) <= MAX_PAYLOAD_BYTES
        if not allowed or not fits or samples != int(samples):
            raise ValueError(
                f"packet_ms: expected 1 to 60 ms as {codec.name} has it, and "
                f"{MAX_PAYLOAD_BYTES} bytes at most, got {packet_ms}"
            )
        self.codec = codec
        self.packet_ms = packet_ms
        self._packet_samples = int(samples)
        self._resampler = (
            soxr.ResampleStream(AUDIO_RATE_HZ, codec.rate_hz, 1, dtype="float32", quality="HQ")
            if codec.rate_hz != AUDIO_RATE_HZ
            else None
        )
        self._waiting: Samples = np.zeros(0, np.float32)
        self._position = 0  # of the first waiting sample, at the codec's rate
        self._context = None if codec.coder is None else self._open(codec.coder, bit_rate_bps)

    def encode(self, audio: Samples) -> list[Payload]:
        """Return the payloads that `audio`, float32 of shape (n,) at 48 kHz, completes."""
        if self._resampler is not None:
            audio = self._resampler.resample_chunk(audio)
        return self._packets(audio)

    def finish(self) -> list[Payload]:
        """Return the last payloads, filled up with silence."""
        rest = np.zeros(0, np.float32)
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(rest, last=True)
        payloads = self._packets(rest)
        # What the coder still holds, and what does not fill a packet, comes out by silence.
        missing = self._packet_samples if self._context is not None else 0
        missing += -len(self._waiting) % self._packet_samples
        payloads += self._packets(np.zeros(missing, np.float32))
        return payloads

    def _packets(self, audio: Samples) -> list[Payload]:
        self._waiting = np.concatenate([self._waiting, audio])
        payloads = []
        count = len(self._waiting) // self._packet_samples
        for index in range(count):
            piece = self._waiting[index * self._packet_samples : (index + 1) * self._packet_samples]
            payloads += self._one(piece)
            self._position += self._packet_samples
        self._waiting = self._waiting[count * self._packet_samples :]
        return payloads

    def _one(self, piece: Samples) -> list[Payload]:
        clean = np.clip(np.nan_to_num(piece, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
        if self._context is None:
            data = np.round(clean * _FULL_SCALE).astype(">i2").tobytes()
            return [self._payload(data, self._position)]
        if self._context.format.name == "s16":
            samples: Any = np.round(clean * _FULL_SCALE).astype(np.int16)
        else:
            samples = np.ascontiguousarray(clean, np.float32)
        frame = av.AudioFrame.from_ndarray(
            samples[None], format=self._context.format.name, layout="mono"
        )
        frame.sample_rate = self.codec.rate_hz
        frame.time_base = Fraction(1, self.codec.rate_hz)
        frame.pts = self._position
        return [
            self._payload(bytes(packet), int(packet.pts)) for packet in self._context.encode(frame)
        ]

    def _payload(self, data: bytes, position: int) -> Payload:
        scale = Fraction(self.codec.clock_hz, self.codec.rate_hz)
        # FFmpeg's encoders have taken their own and their decoder's delay off the position.
        return Payload(data, round(position * scale), int(self._packet_samples * scale))

    def _open(self, coder: str, bit_rate_bps: int) -> Any:
        context: Any = av.CodecContext.create(coder, "w")
        context.sample_rate = self.codec.rate_hz
        context.layout = "mono"
        context.format = "flt" if coder == "libopus" else "s16"
        context.time_base = Fraction(1, self.codec.rate_hz)
        context.thread_count = 1
        if coder == "libopus":
            context.bit_rate = bit_rate_bps
            context.options = {
                "application": "audio",
                "compression_level": "5",
                "vbr": "off",
                "frame_duration": f"{self.packet_ms:g}",
            }
        elif coder == "g722":
            context.options = {"frame_size": str(self._packet_samples)}
        context.open()
        return context


def _payload_bytes(codec: Codec, packet_ms: float, bit_rate_bps: int) -> float:
    """Return how long a payload is; all of our codecs are of constant rate."""
    bits = {"opus": bit_rate_bps, "l16": 16 * codec.rate_hz, "g722": 4 * codec.rate_hz}
    return bits.get(codec.name, 8 * codec.rate_hz) * packet_ms / 8_000
