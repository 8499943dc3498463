"""RTP payloads in, mono float32 at the codec's own rate out.

A payload is hostile until it has decoded: what a decoder refuses, or makes more of than a packet
can hold, raises `RemoteFormatError` and is one lost packet.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError

MAX_PACKET_S = 0.2
# RFC 6716 clause 3.1: frames of SILK, hybrid and CELT, in 1/400 s, by the configuration number.
_OPUS_UNITS = (4, 8, 16, 24) * 3 + (4, 8) * 2 + (1, 2, 4, 8) * 4
_OPUS_UNITS_PER_S = 400
_FULL_SCALE = 32_768.0
_LOUDEST = 2.0  # of full scale
# Encoding name -> (decoder of FFmpeg, sampling rate; 0 is the RTP clock). RFC 3551, RFC 7587.
_DECODERS = {
    "OPUS": ("opus", 48_000),
    "G722": ("g722", 16_000),
    "PCMU": ("pcm_mulaw", 8_000),
    "PCMA": ("pcm_alaw", 8_000),
    "L16": (None, 0),
}


class PayloadDecoder:
    """Decodes the payloads of one stream.

    Parameters
    ----------
    encoding, clock_hz, channels
        As the session description says them.

    Attributes
    ----------
    rate_hz
        Of the samples that come out.

    Raises
    ------
    Refusal
        "rtp.codec": a codec that is not played.
    """

    def __init__(self, encoding: str, clock_hz: int, channels: int) -> None:
        if encoding.upper() not in _DECODERS:
            raise Refusal(
                "rtp.codec",
                expected=f"one of {', '.join(_DECODERS)}",
                got=encoding[:32],
                advice="another codec at the sender",
            )
        self._decoder, rate_hz = _DECODERS[encoding.upper()]
        self.rate_hz = rate_hz or clock_hz
        self._channels = channels
        self._context = self._open()

    def count_in(self, payload: bytes) -> int:
        """Return how many samples a payload will give, without decoding it.

        Raises
        ------
        RemoteFormatError
            "rtp.payload": none, or more than a packet can hold.
        """
        if not payload:
            raise RemoteFormatError("rtp.payload", "expected audio, got nothing")
        count = self._count(payload)
        if not 0 < count <= MAX_PACKET_S * self.rate_hz:
            raise RemoteFormatError("rtp.payload", f"expected up to 0.2 s, got {count} samples")
        return count

    def decode(self, payload: bytes) -> Samples:
        """Return the samples of one payload, shape (n,).

        Raises
        ------
        RemoteFormatError
            "rtp.payload".
        """
        if not payload:
            raise RemoteFormatError("rtp.payload", "expected audio, got nothing")
        pieces = self._l16(payload) if self._context is None else self._decoded(payload)
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        if not 0 < len(samples) <= MAX_PACKET_S * self.rate_hz:
            raise RemoteFormatError("rtp.payload", f"expected up to 0.2 s, got {len(samples)}")
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples)
        # Lossy codecs go over by a little; what is over by more was made to hurt.
        heard: Samples = np.clip(samples, -_LOUDEST, _LOUDEST)
        return heard.astype(np.float32, copy=False)

    def _count(self, payload: bytes) -> int:
        if self._decoder is None:
            return len(payload) // (2 * self._channels)
        if self._decoder == "g722":
            return 2 * len(payload)
        if self._decoder == "opus":
            return _opus_units(payload) * self.rate_hz // _OPUS_UNITS_PER_S
        return len(payload)

    def _open(self) -> Any:
        if self._decoder is None:
            return None
        context: Any = av.CodecContext.create(self._decoder, "r")
        context.sample_rate = self.rate_hz
        context.layout = "stereo" if self._decoder == "opus" and self._channels == 2 else "mono"
        context.thread_count = 1
        return context

    def _l16(self, payload: bytes) -> list[Samples]:
        if len(payload) % (2 * self._channels):
            raise RemoteFormatError("rtp.payload", f"expected whole frames, got {len(payload)} B")
        frames = np.frombuffer(payload, ">i2").reshape(-1, self._channels)
        return [frames.mean(axis=1, dtype=np.float32) / np.float32(_FULL_SCALE)]

    def _decoded(self, payload: bytes) -> list[Samples]:
        try:
            frames = self._context.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise RemoteFormatError(
                "rtp.payload", f"expected audio, got {error.strerror}"
            ) from None
        return [_mono(frame) for frame in frames]


def _opus_units(payload: bytes) -> int:
    """Return the length of an Opus packet in 1/400 s (RFC 6716 clauses 3.1 and 3.2)."""
    frames = (1, 2, 2, 0)[payload[0] & 3]
    if frames == 0:  # code 3: the second byte counts
        frames = payload[1] & 0x3F if len(payload) > 1 else 0
    return frames * _OPUS_UNITS[payload[0] >> 3]


def _mono(frame: Any) -> Samples:
    channels = frame.layout.nb_channels
    samples = frame.to_ndarray()
    samples = samples if frame.format.is_planar else samples.reshape(-1, channels).T
    scale = 1.0 / _FULL_SCALE if samples.dtype == np.int16 else 1.0
    mono: Samples = samples.mean(axis=0, dtype=np.float32) * np.float32(scale)
    return mono
