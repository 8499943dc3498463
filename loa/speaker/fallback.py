"""What is played where nothing live comes: a file from this machine, over and over.

Decoded once, through the isolated decoder, and held in memory: when 4G fails is no time to find
that a file is broken.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from ingest.rtp.player import OUTPUT_RATE_HZ
from transmit.intake import Intake

_MOST_S = 15 * 60.0
_SCALE = np.float32(1 / 32_768)


class FileSource:
    """A file, from its beginning each time it is turned to."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._samples = _decoded(path)
        self._place = 0

    def begin(self) -> None:
        """Go back to the beginning."""
        self._place = 0

    def render(self, count: int) -> Samples:
        """Return the next samples."""
        places = (self._place + np.arange(count)) % len(self._samples)
        self._place = (self._place + count) % len(self._samples)
        return np.asarray(self._samples[places] * _SCALE, np.float32)


def _decoded(path: Path) -> npt.NDArray[np.int16]:
    """Return the file as 16 bits, 5.8 MB a minute."""
    with Decoder() as decoder, decoder.open(path) as audio:
        form = audio.format
        intake = Intake(audio.blocks(), (form.sample_rate_hz, OUTPUT_RATE_HZ), (form.channels, 1))
        whole, count = bytearray(), 0  # grows in place: two copies of it at once are too many
        for frames in intake.blocks():
            sample = np.round(np.clip(frames[:, 0], -1.0, 1.0) / _SCALE)
            whole += np.minimum(sample, 32_767).astype(np.int16).tobytes()
            count += len(frames)
            if count > _MOST_S * OUTPUT_RATE_HZ:
                raise Refusal(
                    "speaker.source",
                    expected=f"a file of {_MOST_S / 60:.0f} minutes at most",
                    got=f"{path.name}, which is longer",
                    advice="a shorter one; long programmes are streamed",
                )
    return np.frombuffer(whole, np.int16)
