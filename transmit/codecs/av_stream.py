"""AAC (ADTS and MP4), Opus (Ogg), G.722 and G.711 through FFmpeg, the same bytes on every run.

FFmpeg's "bitexact" keeps versions, dates and random stream numbers out of the file. The length is
exact where the container can say it: MP4 by its edit list, Ogg by pre-skip and end granule; G.711
has no delay. ADTS says nothing: its decoded audio is late by the encoder's 1024 samples of priming
and filled up to a whole frame.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from dsp.contract import Frames
from dsp.dither import Dither
from transmit.codecs.setting import Setting

_AAC_DELAY_SAMPLES = 1024
_G722_DELAY_SAMPLES = 22  # the two QMF banks of 24 taps, one in the encoder and one in the decoder

# Extension -> muxer, encoder, sample format, options of the encoder, options of the muxer.
_FORMATS: dict[str, tuple[str, str, str, dict[str, str], dict[str, str]]] = {
    ".aac": ("adts", "aac", "fltp", {"aac_coder": "fast"}, {}),
    ".m4a": ("ipod", "aac", "fltp", {"aac_coder": "fast"}, {"movflags": "+faststart"}),
    ".opus": (
        "ogg",
        "libopus",
        "flt",
        {"application": "audio", "compression_level": "5"},
        {},
    ),
    ".g722": ("g722", "g722", "s16", {}, {}),
    ".ulaw": ("mulaw", "pcm_mulaw", "s16", {}, {}),
    ".alaw": ("alaw", "pcm_alaw", "s16", {}, {}),
}


class AvEncoder:
    """Writes one file through FFmpeg's encoder and muxer."""

    def __init__(self, path: Path, setting: Setting) -> None:
        muxer, encoder, sample_format, options, muxing = _FORMATS[setting.extension]
        self.delay_samples = {".aac": _AAC_DELAY_SAMPLES, ".g722": _G722_DELAY_SAMPLES}.get(
            setting.extension, 0
        )
        if muxer == "ipod":  # edit lists count in the movie's time scale: make that samples
            muxing = {**muxing, "movie_timescale": str(setting.sample_rate_hz)}
        self._container = av.open(
            str(path), "w", format=muxer, options={"fflags": "+bitexact", **muxing}
        )
        try:
            # PyAV's types cover video and subtitles as well: an audio encoder is what this is.
            self._stream: Any = self._container.add_stream(
                encoder, rate=setting.sample_rate_hz, options=options
            )
            context: Any = self._stream.codec_context
            context.layout = "mono" if setting.channels == 1 else "stereo"
            context.format = sample_format
            context.thread_count = 1
            context.flags |= int(av.codec.context.Flags.bitexact)
            if setting.bit_rate_bps is not None:
                context.bit_rate = setting.bit_rate_bps
            context.open()
        except BaseException:
            self._container.close()
            raise
        self._setting = setting
        self._sample_format = sample_format
        self._dither = Dither(setting.channels) if sample_format == "s16" else None
        self._written = 0

    def write(self, frames: Frames) -> None:
        """Append (n, channels) frames."""
        if not len(frames):
            return
        # PyAV cuts it into frames of the encoder itself, in a graph it runs every frame through.
        self._encode(self._as_av(frames))

    def finish(self) -> None:
        """Complete the file."""
        self._encode(None)
        self._container.close()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _encode(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def _as_av(self, frames: Frames) -> Any:
        samples: Any = frames if self._dither is None else self._dither.process(frames)
        if self._sample_format.endswith("p"):
            samples = np.ascontiguousarray(samples.T)
        else:
            samples = samples.reshape(1, -1)
        layout = "mono" if self._setting.channels == 1 else "stereo"
        frame = av.AudioFrame.from_ndarray(samples, format=self._sample_format, layout=layout)
        frame.sample_rate = self._setting.sample_rate_hz
        frame.time_base = Fraction(1, self._setting.sample_rate_hz)
        frame.pts = self._written
        self._written += len(frames)
        return frame
