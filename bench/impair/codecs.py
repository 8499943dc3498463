"""Codec chains: Opus, MP3, G.711 µ-law and A-law there and back, by FFmpeg's own codecs.

The codec's delay stays in the sound, as it does on a loudspeaker; the length is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Codec:
    """An encoder with its decoder, the rate it runs at and its bits per second."""

    encoder: str
    decoder: str
    rate_hz: int
    bit_rate: int
    sample_format: str

    def __call__(self, sound: Sound, _rng: np.random.Generator) -> Sound:
        """Return mono `sound` (n,) at 48 kHz as the decoder gives it back, (n,)."""
        source = sound
        if self.rate_hz != RATE_HZ:
            source = soxr.resample(sound, RATE_HZ, self.rate_hz)
        back = self._decoded(np.clip(source, -1.0, 1.0))
        if self.rate_hz != RATE_HZ:
            back = soxr.resample(back, self.rate_hz, RATE_HZ)
        return np.asarray(np.pad(back, (0, max(len(sound) - len(back), 0)))[: len(sound)])

    def _decoded(self, source: Sound) -> Sound:
        encoder: Any = av.CodecContext.create(self.encoder, "w")
        encoder.sample_rate = self.rate_hz
        encoder.layout = "mono"
        encoder.format = self.sample_format
        encoder.bit_rate = self.bit_rate
        encoder.time_base = Fraction(1, self.rate_hz)
        encoder.open()
        decoder: Any = av.CodecContext.create(self.decoder, "r")
        decoder.sample_rate = self.rate_hz
        decoder.layout = "mono"
        if encoder.extradata:
            decoder.extradata = encoder.extradata
        step = encoder.frame_size or 960
        parts: list[Sound] = []
        for first in range(0, len(source), step):
            piece = np.zeros(step, np.float32)
            taken = source[first : first + step]
            piece[: len(taken)] = taken
            frame = self._frame(piece)
            frame.pts = first
            for packet in encoder.encode(frame):
                parts += [_mono(made) for made in decoder.decode(packet)]
        for packet in encoder.encode(None):
            parts += [_mono(made) for made in decoder.decode(packet)]
        parts += [_mono(made) for made in decoder.decode(None)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _frame(self, piece: Sound) -> av.AudioFrame:
        values = piece[None, :]
        if self.sample_format.startswith("s16"):
            values = np.round(values * 32767.0).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(values, format=self.sample_format, layout="mono")
        frame.sample_rate = self.rate_hz
        frame.time_base = Fraction(1, self.rate_hz)
        return frame


def _mono(frame: av.AudioFrame) -> Sound:
    values = frame.to_ndarray().reshape(-1)
    if values.dtype == np.int16:
        return values.astype(np.float32) / np.float32(32768.0)
    return np.asarray(values, np.float32)


OPUS_16K = Codec("libopus", "libopus", 48_000, 16_000, "flt")
MP3_32K = Codec("libmp3lame", "mp3float", 24_000, 32_000, "fltp")
G711_MU = Codec("pcm_mulaw", "pcm_mulaw", 8_000, 64_000, "s16")
G711_A = Codec("pcm_alaw", "pcm_alaw", 8_000, 64_000, "s16")


def decode_g722(content: bytes) -> Sound:
    """Return a bare G.722 stream as mono float32 at 16 kHz."""
    decoder: Any = av.CodecContext.create("g722", "r")
    decoder.sample_rate = 16_000
    decoder.layout = "mono"
    frames = decoder.decode(av.Packet(content)) + decoder.decode(None)
    return np.concatenate([_mono(frame) for frame in frames])
