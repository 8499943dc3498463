"""A file as an input of the relay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa.relay.blocks import RATE_HZ
from loa.relay.inputs import Input
from loa.relay.settings import InputSettings
from transmit.intake import Intake

if TYPE_CHECKING:
    from ingest.decode.decoded_audio import DecodedAudio


class FileInput(Input):
    """A file, decoded as it is played; once, or over and over."""

    def __init__(self, settings: InputSettings, folder: Path) -> None:
        self.name = settings.source
        self._path = folder / settings.source.removeprefix("file:")
        self._repeat = settings.repeat
        self._decoder = Decoder(files=[self._path])
        self._samples: Samples = np.zeros(0, np.float32)
        try:
            self._blocks = self._opened()
            self._fill(1)
        except BaseException:
            self._decoder.close()
            raise
        if not len(self._samples):
            self.close()
            raise Refusal(
                "audio.empty",
                expected="a file with sound",
                got=self._path.name,
                advice="another file",
            )

    def is_alive(self, moment_s: float) -> bool:
        """Tell whether it has not ended."""
        del moment_s
        return len(self._samples) > 0

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next samples."""
        del moment_s
        self._fill(count + 1)
        found, self._samples = self._samples[:count], self._samples[count:]
        return np.concatenate([found, np.zeros(count - len(found), np.float32)])

    def about(self) -> dict[str, Any]:
        """Nothing more is to be said."""
        return {}

    def close(self) -> None:
        """End the decoder."""
        self._decoder.close()

    def _opened(self) -> Iterator[Samples]:
        audio: DecodedAudio = self._decoder.open(self._path)
        form = audio.format
        intake = Intake(audio.blocks(), (form.sample_rate_hz, RATE_HZ), (form.channels, 1))
        for frames in intake.blocks():
            yield np.ascontiguousarray(frames[:, 0])

    def _fill(self, count: int) -> None:
        """Decode until so many samples are there, or the file ends."""
        begun_anew = False
        while len(self._samples) < count:
            piece = next(self._blocks, None)
            if piece is not None:
                self._samples = np.concatenate([self._samples, piece])
                begun_anew = begun_anew and not len(piece)
            elif self._repeat and not begun_anew:
                self._blocks, begun_anew = self._opened(), True
            else:
                return
