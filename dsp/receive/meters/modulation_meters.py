"""How far the carrier is moved: peak, distribution, share over the limit, MPX power, offset.

All of it comes from the filtered composite of one second, and all of it is corrected for the noise
that was read first.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import FULL_SCALE_HZ
from dsp.fm.profiles import FmProfile
from dsp.receive.composite import composite_filter
from dsp.receive.composite.grid import RATE_HZ
from dsp.receive.meters import filter_reach
from dsp.receive.meters.carrier_offset import offset_of, offset_ppm
from dsp.receive.meters.deviation_meter import DeviationMeter, DeviationSecond
from dsp.receive.meters.deviation_peaks import SQUARES, DeviationPeaks
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.mpx_power import MpxPowerMeter
from dsp.receive.meters.programme_state import BandReading
from dsp.receive.meters.quiet_crest import QuietCrests


class ModulationMeters:
    """Measures the composite of second after second.

    Parameters
    ----------
    profile
        Says above which deviation samples count as over.
    response
        float32 (BINS,): gain of the measuring filter.
    half_width_hz
        The channel is flat to this: what reaches further is cut, and widens the uncertainty.
    frequency_hz, reference_ppm
        Assigned frequency, None if there is none, and what the oscillator is good to.
    phase_step
        True if the composite is the bare phase step between samples.
    """

    def __init__(
        self,
        profile: FmProfile,
        response: npt.NDArray[np.float32],
        *,
        half_width_hz: float,
        frequency_hz: float | None,
        reference_ppm: float,
        phase_step: bool,
    ) -> None:
        self._half_width_hz = half_width_hz
        self._frequency_hz = frequency_hz
        self._reference_ppm = reference_ppm
        self._noise_hz3 = composite_filter.noise_bandwidth_hz3(response, phase_step=phase_step)
        self._peaks = DeviationPeaks()
        self._crests = QuietCrests(response)
        self._deviation = DeviationMeter(profile.over_limit_hz)
        self._mpx = MpxPowerMeter()

    @property
    def mpx_window_s(self) -> int:
        """Length of the window of the MPX power so far."""
        return self._mpx.window_s

    def take(self, composite: npt.NDArray[np.float32]) -> None:
        """Look at the samples of a second, (HOPS, SEGMENT), once."""
        self._peaks.take(composite)

    def read(
        self,
        composite: npt.NDArray[np.float32],
        n0_over_c: float,
        bands: BandReading,
        spoiled: str | None,
    ) -> tuple[dict[str, Figure], DeviationSecond]:
        """Return the figures of the second just taken, and its series.

        `spoiled` is why deviation is not valid, None if it is.
        """
        noise_hz2 = n0_over_c * self._noise_hz3
        hops = self._peaks.figures
        offset = offset_of(self._peaks.runs.reshape(-1), bands.modulation_hz)
        offset_hz = offset.value or 0.0
        sigma_hz = math.sqrt(noise_hz2)
        quiet = self._crests.read(composite, hops, n0_over_c, sigma_hz, offset_hz)
        second = self._deviation.second(hops, self._peaks.counts, offset_hz, sigma_hz, quiet)
        square = float(hops[:, SQUARES].sum()) / RATE_HZ * FULL_SCALE_HZ**2
        figures = {
            "offset_hz": offset,
            "offset_ppm": self._ppm(offset),
            "peak_deviation_hz": self._widened(second.peak_hz, bands).because(spoiled),
            "peak_hold_hz": self._widened(second.peak_hold_hz, bands).because(spoiled),
            "over_limit_share": second.over_limit_share.because(spoiled),
            "mpx_power_dbr": self._mpx.add(square - offset_hz**2, noise_hz2),
        }
        return figures, second

    def is_cut(self, peak: Figure, bands: BandReading) -> bool:
        """Whether the channel filter may have cut off more of `peak` than half of its `u`."""
        return filter_reach.is_cut(peak, bands.frequency_hz, self._half_width_hz)

    def reset(self) -> None:
        """Begin every observation that is longer than a second anew."""
        self._deviation.reset()
        self._mpx.reset()

    def _widened(self, peak: Figure, bands: BandReading) -> Figure:
        return filter_reach.widened(peak, bands.frequency_hz, self._half_width_hz)

    def _ppm(self, offset: Figure) -> Figure:
        if self._frequency_hz is None:
            return Figure.missing("no assigned frequency")
        return offset_ppm(offset, self._frequency_hz, self._reference_ppm)
