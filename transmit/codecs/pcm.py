"""WAV: 16 bits with TPDF dither, bit for bit the same on every run."""

from __future__ import annotations

from pathlib import Path

from dsp.contract import Frames
from dsp.dither import Dither
from transmit.codecs.setting import Setting
from transmit.wav import WavWriter


class WavEncoder:
    """Writes a WAV file."""

    delay_samples = 0

    def __init__(self, path: Path, setting: Setting) -> None:
        self._dither = Dither(setting.channels)
        self._file = path.open("wb")
        self._writer = WavWriter(self._file, setting.sample_rate_hz, setting.channels)

    def write(self, frames: Frames) -> None:
        """Append (n, channels) frames."""
        self._writer.write(self._dither.process(frames))

    def finish(self) -> None:
        """Complete the file."""
        self._writer.finish()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
