"""MP3 through LAME (`lameenc`), constant bit rate, with the frame that makes its length exact."""

from __future__ import annotations

from pathlib import Path

import lameenc
import numpy as np

from dsp.contract import Frames
from dsp.dither import Dither
from transmit.codecs import lame_tag
from transmit.codecs.setting import Setting

QUALITY = 5
# LAME turns constant bit rates down on its own (preset "scale"): up to 160 kbit/s to 0.95, that is
# by 0.45 dB. We have seen to the peaks ourselves and want the level we asked for.
_LAME_SCALE = ((160, 0.95), (192, 0.97), (224, 0.98))


class Mp3Encoder:
    """Writes an MP3 file; `finish` completes the Info frame at its front."""

    delay_samples = 0

    def __init__(self, path: Path, setting: Setting) -> None:
        self._kbps = (setting.bit_rate_bps or 64_000) // 1000
        scale = next((scale for kbps, scale in _LAME_SCALE if self._kbps <= kbps), 1.0)
        self._make_up = np.float32(1.0 / scale)
        self._dither = Dither(setting.channels)
        self._lame = lameenc.Encoder()
        self._lame.set_channels(setting.channels)
        self._lame.set_in_sample_rate(setting.sample_rate_hz)
        self._lame.set_out_sample_rate(setting.sample_rate_hz)
        self._lame.set_bit_rate(self._kbps)
        self._lame.set_quality(QUALITY)
        self._lame.silence()
        self._file = path.open("wb")
        self._samples = 0
        self._frames = 0
        self._bytes = 0
        self._header = b""
        self._rest = b""
        self._skip = 0

    def write(self, frames: Frames) -> None:
        """Append (n, channels) frames."""
        self._samples += len(frames)
        self._put(self._lame.encode(self._dither.process(frames * self._make_up).tobytes()))

    def finish(self) -> None:
        """Complete the file."""
        self._put(self._lame.flush())
        stream = lame_tag.Mp3Stream(self._header, self._frames, self._bytes, self._kbps)
        self._file.seek(0)
        self._file.write(lame_tag.info_frame(stream, self._samples))
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _put(self, coded: bytes) -> None:
        if not coded:
            return
        if not self._header:
            self._header = bytes(coded[:4])
            self._file.write(bytes(lame_tag.info_frame_bytes(self._header)))
        self._file.write(coded)
        self._bytes += len(coded)
        self._count_frames(coded)

    def _count_frames(self, coded: bytes) -> None:
        """Walk from header to header; LAME's pieces end anywhere within a frame."""
        pieces = self._rest + coded
        position = self._skip
        while position + 4 <= len(pieces):
            position += lame_tag.frame_bytes(pieces[position : position + 4])
            self._frames += 1
        self._rest = pieces[position:]
        self._skip = max(0, position - len(pieces))
