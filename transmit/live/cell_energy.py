"""K-weighted energy of a stream per 100 ms, the same however it is cut."""

from __future__ import annotations

import numpy as np

from dsp.contract import Frames
from dsp.master.biquad import BiquadCascade
from dsp.master.loudness_rider import CELL_S
from dsp.measure.channels import channel_weights
from dsp.measure.k_weighting import k_weighting

RATE_HZ = 48_000
CELL_FRAMES = round(CELL_S * RATE_HZ)


class CellEnergy:
    """K-weighted, channel-weighted mean square of cells of 100 ms at 48 kHz; mono is dual mono."""

    def __init__(self, channels: int) -> None:
        design = k_weighting(RATE_HZ)
        sections = np.array(
            [[*design.shelf_b, *design.shelf_a], [1.0, -2.0, 1.0, *design.high_pass_a]]
        )
        self._filter = BiquadCascade(sections, channels)
        self._weights = channel_weights(channels, "dual-mono")
        self._cell = np.zeros((CELL_FRAMES, channels), np.float32)
        self.position = 0  # in the cell

    def take(self, frames: Frames) -> float | None:
        """Take frames (n, channels) that do not reach over the end of a cell.

        Returns the energy of the cell where it is complete.
        """
        end = self.position + len(frames)
        self._filter.process(frames, self._cell[self.position : end])
        self.position = end % CELL_FRAMES
        if end < CELL_FRAMES:
            return None
        # Summed at once: the sum does not depend on the cut.
        squares = np.mean(self._cell.astype(np.float64) ** 2, axis=0)
        return float(squares @ self._weights)

    def reset(self) -> None:
        """Forget the stream."""
        self._filter.reset()
        self.position = 0
