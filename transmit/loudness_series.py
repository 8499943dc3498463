"""What one pass over a programme leaves behind for the solver: energy per 10 ms, peaks per 1 ms.

One hour is 360 000 energies and 3.6 million peaks, 17 MB: the audio itself need not be kept in
memory, nor be read again to answer "how loud would it be at +9 dB through that limiter?"
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.measure.loudness import MOMENTARY_STEPS, energy_of, integrated_lufs, lufs

CELLS_PER_S = 100
_ABSOLUTE_GATE_LUFS = -70.0

Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProgrammeSeries:
    """What the solver is given.

    Attributes
    ----------
    energies
        K-weighted mean square per 10 ms, mono counted as dual mono.
    peaks
        Largest sample per millisecond where the limiter looks (after pre-emphasis for FM); float32.
    mpx_energies
        Mean square per 10 ms of the pre-emphasised multiplex audio at a gain of one (FM only).
    """

    energies: Series
    peaks: npt.NDArray[np.float32]
    mpx_energies: Series | None = None


class CellMeans:
    """Means of a series of samples over cells of 10 ms, however it arrives."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._samples = 0
        self._sums = np.zeros(1)
        self._pieces: list[Series] = []

    def feed(self, values: npt.NDArray[np.float32]) -> None:
        """Take the next samples, shape (n,)."""
        if not len(values):
            return
        first, self._samples = self._samples, self._samples + len(values)
        cell = first * CELLS_PER_S // self._sample_rate_hz
        last = (self._samples - 1) * CELLS_PER_S // self._sample_rate_hz
        # Cell k begins at the first sample not before k / 100 s.
        starts = -(-np.arange(cell + 1, last + 1) * self._sample_rate_hz // CELLS_PER_S) - first
        # float32 sums of at most 1 920 samples, pairwise: an error below 1e-6.
        sums = np.add.reduceat(values, np.concatenate([[0], starts])).astype(np.float64)
        if cell == max(first - 1, 0) * CELLS_PER_S // self._sample_rate_hz:
            sums[0] += self._sums[0]
        else:
            self._pieces.append(self._sums)
        self._pieces.append(sums[:-1])
        self._sums = sums[-1:]

    def values(self) -> Series:
        """Return the means so far; the last cell may be short."""
        sums = np.concatenate([*self._pieces, self._sums])
        lengths = np.full(len(sums), self._sample_rate_hz / CELLS_PER_S)
        lengths[-1] = max(1.0, self._samples - (len(sums) - 1) * lengths[0])
        return np.asarray(sums / lengths)


def programme_loudness(energies: Series) -> float | None:
    """Integrated loudness in LUFS from energies per 10 ms; None where all is below -70 LUFS.

    A programme too short for one 400 ms block counts as one block, which the standard leaves open.
    """
    if len(energies) >= MOMENTARY_STEPS:
        return integrated_lufs(energies)
    mean = float(energies.mean()) if len(energies) else 0.0
    return lufs(mean) if mean > energy_of(_ABSOLUTE_GATE_LUFS) else None
