"""The programme meter: every figure and fault of a piece of sound in one pass.

Frames in, `ProgrammeFigures` out. The sound is measured in chunks of 16 s counted from its first
frame (`chunks`), 16 lanes side by side (`lanes`); each meter takes from the chunk what it needs.
What grows with the programme is only the series per 10 ms: 20 MB for three hours of stereo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsp.measure import loudness
from dsp.measure.channel_faults import ChannelSums
from dsp.measure.channels import MonoAs, channel_weights
from dsp.measure.chunks import FULL_SCALE, Chunks
from dsp.measure.clipping import Clipping
from dsp.measure.hum import HumSeries
from dsp.measure.lanes import ENERGY, TOTAL, LaneStatistics
from dsp.measure.pauses import Pauses, find_pauses
from dsp.measure.report import Evidence, report
from dsp.measure.speech_level import SpeechLevels
from dsp.measure.true_peak import TruePeak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsp.measure.figures import ProgrammeFigures


class ProgrammeMeter:
    """Measures one programme, piece after piece.

    Parameters
    ----------
    sample_rate_hz
        8 000 to 192 000.
    channels
        1 to 6, in the order of `dsp.measure.channels.LAYOUTS`.
    mono_as
        Whether a single channel counts as one loudspeaker (``"mono"``) or two (``"dual-mono"``).

    Raises
    ------
    ValueError
        For a rate, a channel count or a `mono_as` outside these.
    """

    def __init__(
        self, sample_rate_hz: int, channels: int, *, mono_as: MonoAs = "dual-mono"
    ) -> None:
        weights = channel_weights(channels, mono_as)
        self._mono_as: MonoAs = mono_as
        self._chunks = Chunks(sample_rate_hz, channels)
        self._lanes = LaneStatistics(sample_rate_hz, channels)
        self._energy = loudness.WeightedEnergy(sample_rate_hz, weights)
        self._peak = TruePeak(self._chunks, self._lanes)
        self._speech = SpeechLevels(self._lanes, channels)
        self._clipping = Clipping(self._chunks, self._lanes)
        self._hum = HumSeries(self._lanes, channels)
        self._sums = ChannelSums(channels)
        self._steps = loudness.StepSums()
        self._ended = False

    def process(self, frames: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> None:
        """Measure the next frames, shape (n, channels), C-contiguous, int16 or float32, any n.

        NaN, infinities and samples beyond +120 dBFS count as fault ``"non_finite"`` and are
        measured as 0.

        Raises
        ------
        BlockContractError
            For any other array; nothing has been measured then.
        RuntimeError
            After `result`.
        """
        if self._ended:
            raise RuntimeError("process after result(): call reset() to measure another programme")
        self._measure(self._chunks.push(frames))

    def result(self) -> ProgrammeFigures:
        """End the programme and return its figures; once per programme.

        Raises
        ------
        RuntimeError
            When called again without `reset`.
        """
        if self._ended:
            raise RuntimeError("result() was called already: call reset() first")
        self._ended = True
        self._measure(self._chunks.flush())
        self._peak.finish()
        levels = self._speech.levels()
        pauses = self._pauses([level.active_level_dbov for level in levels])
        hums = [
            None
            if level.active_level_dbov is None
            else self._hum.judge(c, pauses[c].mask, level.active_level_dbov)
            for c, level in enumerate(levels)
        ]
        return report(
            Evidence(
                mono_as=self._mono_as,
                sample_rate_hz=self._chunks.sample_rate_hz,
                samples=self._chunks.total,
                energy_10ms=self._energy.energies(),
                true_peaks_dbtp=self._peak.dbtp(),
                sample_peaks_dbfs=self._peak.dbfs(),
                levels=levels,
                pauses=pauses,
                hums=hums,
                flat_tops=[self._clipping.found(c) for c in range(self._chunks.channels)],
                refused=self._chunks.refused.copy(),
                channel_faults=self._sums.faults(),
            )
        )

    def reset(self) -> None:
        """Forget the programme and start another."""
        for part in (
            self._chunks,
            self._lanes,
            self._energy,
            self._peak,
            self._speech,
            self._clipping,
            self._hum,
            self._sums,
            self._steps,
        ):
            part.reset()
        self._ended = False

    def _measure(self, pieces: Iterator[int]) -> None:
        for valid in pieces:
            chunks, lanes = self._chunks, self._lanes
            lanes.measure(chunks)
            steps = loudness.complete_steps(valid, lanes.edges)
            self._energy.take(lanes, steps)
            self._steps.take(lanes.series[TOTAL : ENERGY + 1 : ENERGY - TOTAL], steps)
            self._peak.take(chunks, lanes)
            self._speech.take(lanes, valid)
            self._clipping.take(chunks, lanes)
            self._hum.take(lanes)
            self._sums.take(chunks, lanes.series[TOTAL], lanes.series[ENERGY])

    def _pauses(self, levels_dbov: list[float | None]) -> list[Pauses]:
        series = self._steps.joined()
        if not series.size:
            series = np.zeros((2, self._chunks.channels, 0), np.float32)
        count = self._chunks.sample_rate_hz / loudness.STEPS_PER_S
        found = []
        # One channel after the other: a day-long programme has long series.
        for channel, level in enumerate(levels_dbov):
            mean = series[0, channel] * np.float32(1.0 / (count * FULL_SCALE))
            square = series[1, channel] * np.float32(1.0 / (count * FULL_SCALE**2))
            found.append(find_pauses(square, mean, level))
        return found
