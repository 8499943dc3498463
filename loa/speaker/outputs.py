"""Where a loudspeaker's sound goes, in blocks of 20 ms that set the pace.

`null` and `file:` are paced by the monotonic clock, and a block is "heard" when it is due. A sound
card sets its own pace: it takes blocks while it has room, and what is written now is heard after
its latency.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dsp.contract import Samples
from ingest.rtp.player import OUTPUT_RATE_HZ
from ingest.sound_card import PLAYS, device_of, no_card, sound_library
from transmit.atomic import OutputSet
from transmit.wav import WavWriter

BLOCK_SAMPLES = 960
BLOCK_S = BLOCK_SAMPLES / OUTPUT_RATE_HZ
_FULL_SCALE = 32_767.0


class Output(Protocol):
    """A place for sound."""

    latency_s: float

    def write(self, samples: Samples) -> None:
        """Take a block."""

    def finish(self) -> None:
        """Complete what was begun."""

    def close(self) -> None:
        """Let go, complete or not."""


class NullOutput:
    """Nowhere."""

    latency_s = 0.0

    def write(self, samples: Samples) -> None:
        """Drop a block."""

    def finish(self) -> None:
        """Nothing was begun."""

    def close(self) -> None:
        """Nothing is held."""


class WavOutput:
    """A WAV file, 48 kHz mono 16 bit, that appears whole when it is finished."""

    latency_s = 0.0

    def __init__(self, path: Path) -> None:
        self._set = OutputSet([path])
        self._set.__enter__()
        self._file = self._set.part(path).open("wb")
        self._writer = WavWriter(self._file, OUTPUT_RATE_HZ, 1)

    def write(self, samples: Samples) -> None:
        """Append a block."""
        whole = np.round(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
        self._writer.write(whole[:, None])

    def finish(self) -> None:
        """Complete the file."""
        self._writer.finish()
        self._file.close()
        self._set.commit()

    def close(self) -> None:
        """Remove what is not complete."""
        self._file.close()
        self._set.__exit__(None, None, None)


class CardOutput:
    """A sound card, through PortAudio."""

    def __init__(self, name: str, library: Any = None) -> None:
        library = library if library is not None else sound_library(PLAYS)
        try:
            self._stream: Any = library.OutputStream(
                device=device_of(name),
                channels=1,
                dtype="float32",
                samplerate=OUTPUT_RATE_HZ,
                blocksize=BLOCK_SAMPLES,
            )
            self._stream.start()
        except (ValueError, library.PortAudioError) as error:
            raise no_card(str(error), "aplay -l; or output = null", PLAYS) from error
        self.latency_s = float(self._stream.latency)

    def write(self, samples: Samples) -> None:
        """Play a block; returns when the card has taken it."""
        self._stream.write(samples[:, None])

    def finish(self) -> None:
        """Wait until all has been heard."""
        self._stream.stop()

    def close(self) -> None:
        """Let go of the card."""
        self._stream.close()


def open_output(name: str, folder: Path) -> Output:
    """Open `null`, `file:PATH` or `card:NAME`."""
    if name == "null":
        return NullOutput()
    if name.startswith("file:"):
        return WavOutput(folder / name.removeprefix("file:"))
    return CardOutput(name.removeprefix("card:"))
