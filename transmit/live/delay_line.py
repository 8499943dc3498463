"""A delay of whole samples: what makes paths of different length equally long."""

from __future__ import annotations

import numpy as np

from dsp.contract import Frames, output_for, require_frames

MOST_SAMPLES = 60 * 48_000


class DelayLine:
    """Gives frames later, silence before the first; an audio block (`dsp.contract`).

    Parameters
    ----------
    delay_samples
        0 to a minute at 48 kHz.
    channels
        Of the stream.

    Raises
    ------
    ValueError
        For a delay out of range.
    """

    def __init__(self, delay_samples: int, channels: int = 1) -> None:
        if not 0 <= delay_samples <= MOST_SAMPLES:
            raise ValueError(f"delay_samples: expected 0 … {MOST_SAMPLES}, got {delay_samples}")
        self.delay_samples = delay_samples
        self.channels = channels
        self._held: Frames = np.zeros((delay_samples, channels), np.float32)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return (n, channels) → (n, channels), late by `delay_samples`; allocates the line."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        line = np.concatenate([self._held, frames])
        out[:] = line[: len(frames)]
        self._held = line[len(frames) :]
        return out

    def reset(self) -> None:
        """Forget the stream."""
        self._held = np.zeros_like(self._held)
