"""From the composite of one station to everything that is linear in it, by one FFT per 25 ms.

In: a second of composite, float32 at 288 kHz, 1.0 = 100 kHz, carrier offset still in. Out: the
filtered composite, L + R and the complex L - R at 48 kHz (de-emphasised), the pilot and RDS phasors
of each hop, and the power spectrum under a Hann window. The arithmetic is in `composite_lanes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.kernel import ready
from dsp.lanes import LANES
from dsp.receive.composite import composite_filter
from dsp.receive.composite import composite_lanes as lanes
from dsp.receive.composite.grid import (
    AHEAD,
    AUDIO_BACK,
    AUDIO_HOP,
    AUDIO_SEGMENT,
    BACK,
    BATCH,
    BIN_HZ,
    BINS,
    HOP,
    HOPS,
    PILOT_BIN,
    RDS_BIN,
    SEGMENT,
    SUBCARRIER_BIN,
    bin_of,
)
from dsp.receive.front.filter_bank import aligned
from dsp.receive.front.lane_plan import places, plan_passes

RDS_REACH = bin_of(2_450.0)
# The band by whose steadiness hiss is told.
HEARD = slice(bin_of(300.0), bin_of(14_000.0))
# The noise is read up to 74 kHz; what lies above is looked at by nobody.
_USED = bin_of(74_000.0) + 2
_PASSED = bin_of(composite_filter.COMPOSITE_STOP_HZ) + 1
# Sixteen hops at a time: first hop, and how many of them have been before (40 is no multiple).
_GROUPS = ((0, 0), (16, 0), (HOPS - LANES, 8))

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Plan:
    """What a transform in lanes needs: its passes, their turns, and where frequencies are."""

    passes: npt.NDArray[np.int64]
    turns: Floats
    rows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, length: int) -> _Plan:
        return cls(*plan_passes(length), places(length))

    def planes(self) -> tuple[Floats, Floats]:
        """Return room for sixteen transforms."""
        return aligned(LANES * len(self.rows)), aligned(LANES * len(self.rows))


def _planar(values: npt.NDArray[np.complexfloating]) -> Floats:
    return np.ascontiguousarray([values.real, values.imag], np.float32)


def _half_turns(length: int, count: int) -> Floats:
    """Cosine and minus sine of pi k / length."""
    return _planar(np.exp(-1j * np.pi * np.arange(count) / length))


class CompositeBank:
    """Filters and transforms the 40 hops of a second.

    Attributes
    ----------
    composite
        float32 (HOPS, SEGMENT): filtered composite; columns BACK … BACK + HOP - 1 are the hop, and
        at least 50 samples to either side are right as well.
    middle
        float32 (HOPS, AUDIO_HOP): L + R over 2 at 48 kHz, in units of composite.
    side
        complex64 (HOPS, AUDIO_HOP): analytic L - R over 2 around 38 kHz.
    pilots, rds_squares
        complex128 (HOPS,): phasors at the middle of the segment (see `read_phasors`).
    powers
        float64 (BINS,): mean over the hops of |X|² under a Hann window; 0 above 74 kHz.
    heard
        float64 (HOPS,): sum of |X|² over the bins `HEARD`.
    """

    def __init__(self, *, de_emphasis_us: float, phase_step: bool = False) -> None:
        ready(
            lanes.transform_hops,
            lanes.sum_powers,
            lanes.read_phasors,
            lanes.filter_hops,
            lanes.decimate_hops,
            lanes.shift_hops,
        )
        self.response = composite_filter.composite_response(phase_step=phase_step)
        middle = composite_filter.middle_response(de_emphasis_us, phase_step=phase_step)
        side = composite_filter.side_response(de_emphasis_us, phase_step=phase_step)
        # No transform divides by its length; what is real was taken as pairs.
        self._gains = self.response[:_PASSED] / np.float32(SEGMENT)
        self._middle_response = _planar(middle / AUDIO_SEGMENT)
        self._side_response = _planar(side / AUDIO_SEGMENT)
        self._hop, self._middle = _Plan.of(SEGMENT // 2), _Plan.of(AUDIO_SEGMENT // 2)
        self._side = _Plan.of(AUDIO_SEGMENT)
        self._hop_turns = _half_turns(SEGMENT // 2, _USED)
        self._middle_turns = _half_turns(AUDIO_SEGMENT // 2, AUDIO_SEGMENT // 2)
        self._planes, self._audio_planes = self._hop.planes(), self._side.planes()
        self._middle_planes = self._middle.planes()
        self._bins = aligned(LANES * _USED), aligned(LANES * _USED)
        self._fresh_lanes = aligned(LANES)
        self._heard, self._phasors = aligned(LANES), aligned(4 * LANES)
        self._sums = np.zeros(_USED)
        self.pilots = np.zeros(HOPS, np.complex128)
        self.rds_squares = np.zeros(HOPS, np.complex128)
        self.heard = np.zeros(HOPS)
        self.powers = np.zeros(BINS)
        self.composite = np.zeros((HOPS, SEGMENT), np.float32)
        self.middle = np.zeros((HOPS, AUDIO_HOP), np.float32)
        self.side = np.zeros((HOPS, AUDIO_HOP), np.complex64)

    def measure(self, samples: Floats) -> None:
        """Take a second, (BACK + BATCH + AHEAD,): the past, 40 hops, the future.

        Everything is written in place.
        """
        assert samples.shape == (BACK + BATCH + AHEAD,)
        self._sums[:] = 0.0
        for first, known in _GROUPS:
            self._fresh_lanes[:known], self._fresh_lanes[known:] = 0.0, 1.0
            self._analyse(samples[first * HOP :], slice(first, first + LANES))
            self._write(first)
        np.divide(self._sums, HOPS, out=self.powers[:_USED])

    def _analyse(self, samples: Floats, hops: slice) -> None:
        """Transform the sixteen `hops` that begin with `samples`, and sum what is in their bins."""
        plan, bins = self._hop, self._bins
        lanes.transform_hops(
            samples,
            HOP,
            plan.passes,
            plan.turns,
            plan.rows,
            self._hop_turns,
            *self._planes,
            *bins,
        )
        heard, phasors = self._heard, self._phasors
        lanes.sum_powers(*bins, self._fresh_lanes, HEARD.start, HEARD.stop, self._sums, heard)
        lanes.read_phasors(*bins, PILOT_BIN, RDS_BIN, RDS_REACH, phasors)
        self.heard[hops] = heard
        pilot_re, pilot_im, rds_re, rds_im = phasors.reshape(4, LANES)
        self.pilots[hops] = pilot_re + 1j * pilot_im
        self.rds_squares[hops] = rds_re + 1j * rds_im

    def _write(self, first: int) -> None:
        """Write composite and audio of the sixteen hops from `first` on."""
        bins, plan = self._bins, self._hop
        lanes.filter_hops(
            *bins,
            self._gains,
            self._hop_turns,
            plan.passes,
            plan.turns,
            plan.rows,
            *self._planes,
            self.composite.reshape(-1),
            first * SEGMENT,
            SEGMENT,
        )
        plan = self._middle
        lanes.decimate_hops(
            *bins,
            self._middle_response,
            self._middle_turns,
            plan.passes,
            plan.turns,
            plan.rows,
            *self._middle_planes,
            AUDIO_BACK // 2,
            AUDIO_HOP // 2,
            self.middle.reshape(-1),
            first * AUDIO_HOP,
        )
        plan = self._side
        lanes.shift_hops(
            *bins,
            SUBCARRIER_BIN,
            self._side_response,
            plan.passes,
            plan.turns,
            plan.rows,
            *self._audio_planes,
            AUDIO_BACK,
            AUDIO_HOP,
            self.side.reshape(-1).view(np.float32),
            2 * first * AUDIO_HOP,
        )


def density_scale() -> float:
    """Turn a mean of `powers` into Hz² per Hz, one-sided: 2 / (rate · sum of the window squared).

    The window 1/2 - 1/2 cos has a mean square of 3/8; 1.0 is 100 kHz.
    """
    return 2.0 * 1e10 / (SEGMENT * BIN_HZ * SEGMENT * 0.375)
