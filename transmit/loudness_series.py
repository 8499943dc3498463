"""What one pass over a programme leaves behind for the solver: energy per 10 ms, peaks per 1 ms.

One hour is 360 000 energies and 3.6 million peaks, 17 MB: the audio itself need not be kept in
memory, nor be read again to answer "how loud would it be at +9 dB through that limiter?"
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.measure.loudness import (
    ABSOLUTE_GATE_LUFS,
    GATING_HOP_STEPS,
    INTEGRATED_GATE_LU,
    MOMENTARY_STEPS,
    energy_of,
    lufs,
)

CELLS_PER_S = 100
_HOPS_PER_BLOCK = MOMENTARY_STEPS // GATING_HOP_STEPS

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


def programme_loudness(energies: Series, gain_power: Series | None = None) -> float | None:
    """Integrated loudness in LUFS from energies per 10 ms; None where all is below -70 LUFS.

    `gain_power`, as long as `energies`, multiplies them. Gating as in Rec. ITU-R BS.1770-5, on sums
    of 100 ms: a solver asks this dozens of times, and three hours are 108 000 of those.
    A programme too short for one 400 ms block counts as one block, which the standard leaves open.
    """
    if len(energies) < MOMENTARY_STEPS:
        held = energies if gain_power is None else energies * gain_power
        blocks = np.array([held.mean()]) if len(held) else np.zeros(1)
    else:
        whole = len(energies) // GATING_HOP_STEPS * GATING_HOP_STEPS
        hops = energies[:whole].reshape(-1, GATING_HOP_STEPS)
        if gain_power is None:
            sums = hops.sum(axis=1)
        else:
            sums = np.einsum("ij,ij->i", hops, gain_power[:whole].reshape(hops.shape))
        blocks = np.convolve(sums, np.ones(_HOPS_PER_BLOCK), "valid") / MOMENTARY_STEPS
    loud = blocks[blocks > energy_of(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return None
    gate = loud.mean() * 10.0 ** (INTEGRATED_GATE_LU / 10.0)
    return lufs(float(loud[loud > gate].mean()))
