"""The EBU Mode part alone: loudness and true peak in one pass, where nobody asks for the rest.

Checking a rendition, or a master on its way to its target, needs integrated loudness, range, the
maxima and the true peak, and nothing about speech or faults: three quarters of the time of
`ProgrammeMeter`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsp.measure import loudness
from dsp.measure.channels import MonoAs, channel_weights
from dsp.measure.chunks import Chunks
from dsp.measure.lanes import LaneStatistics
from dsp.measure.true_peak import TruePeak

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class LoudnessFigures:
    """Figures of EBU Tech 3341; None where the sound is too short or too quiet for one."""

    integrated_lufs: float | None
    loudness_range_lu: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None


class LoudnessMeter:
    """Streaming loudness and true-peak meter; arguments and pieces as for `ProgrammeMeter`."""

    def __init__(
        self, sample_rate_hz: int, channels: int, *, mono_as: MonoAs = "dual-mono"
    ) -> None:
        weights = channel_weights(channels, mono_as)
        self._chunks = Chunks(sample_rate_hz, channels)
        self._lanes = LaneStatistics(sample_rate_hz, channels)
        self._energy = loudness.WeightedEnergy(sample_rate_hz, weights)
        self._peak = TruePeak(self._chunks, self._lanes)

    def process(self, frames: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> None:
        """Take frames (n, channels), int16 or float32; raises BlockContractError for others."""
        self._measure(self._chunks.push(frames))

    def result(self) -> LoudnessFigures:
        """End the programme and return its figures; once, `reset` starts anew."""
        self._measure(self._chunks.flush())
        self._peak.finish()
        energy = self._energy.energies()
        return LoudnessFigures(
            loudness.integrated_lufs(energy),
            loudness.loudness_range_lu(energy),
            loudness.max_momentary_lufs(energy),
            loudness.max_short_term_lufs(energy),
            max((p for p in self._peak.dbtp() if p is not None), default=None),
            max((p for p in self._peak.dbfs() if p is not None), default=None),
        )

    def reset(self) -> None:
        """Forget the programme and start another."""
        self._chunks.reset()
        self._lanes.reset()
        self._energy.reset()
        self._peak.reset()

    def _measure(self, pieces: Iterator[int]) -> None:
        for valid in pieces:
            self._lanes.measure(self._chunks)
            self._energy.take(self._lanes, loudness.complete_steps(valid, self._lanes.edges))
            self._peak.take(self._chunks, self._lanes)
