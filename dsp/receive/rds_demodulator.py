"""RDS demodulator: multiplex in, soft symbols with their times out, and the figures of the carrier.

The stream is cut into hops of 48 ms (57 bits). Clock and carrier of a hop are estimated over itself
and the three hops before it (`rds_symbols.py`); the first hop of all waits for the second. Symbols
come at most 55 ms late, and those of the very first hop are as good as all others: nothing settles,
so nothing is lost while it settles. After a gap the first good hop is received.

A symbol is given as a log-likelihood, 2 A y / σ²: amplitude A from the part of y² that keeps its
sign, noise σ² from the component at right angles to the carrier.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples, require_samples
from dsp.kernel import ready
from dsp.receive import rds_symbols as kernels
from dsp.receive.rds_baseband import DECIMATION, RdsBaseband
from dsp.receive.rds_pilot import PILOT_HOP, PilotPhase
from dsp.receive.rds_shape import (
    BASEBAND_RATE_HZ,
    BITS_PER_PERIOD,
    HALF_TAPS,
    SAMPLES_PER_BIT,
    SAMPLES_PER_PERIOD,
    matched_taps,
)

HOP: Final = kernels.HOP
_REACH: Final = kernels.REACH
_KEPT: Final = 4  # hops that an estimate takes in
_FIRST: Final = 2  # hops that the first estimate wants
_MOST: Final = kernels.HOP_BITS + 4


@dataclass(frozen=True, slots=True)
class SoftSymbols:
    """Symbols as log-likelihoods, with the multiplex samples at the ends of their bits."""

    values: npt.NDArray[np.float32]
    samples: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HopFigures:
    """What one hop of 48 ms says about the carrier; sums, so that hops can be joined.

    `amplitude_squared` and `noise` are of the envelope (1.0 = 100 kHz) and of one of its two
    components; `carrier` is the phase of the carrier in the middle of the hop and `pilot` that of
    the pilot, in radians, `pilot_level` its amplitude; `offset_hz` is of 57 kHz.
    """

    sample: int
    symbols: int
    amplitude_squared: float
    noise: float
    coherence: float
    offset_hz: float
    carrier: float
    pilot: float
    pilot_level: float


class RdsDemodulator:
    """Demodulates the RDS of one multiplex at 288 kHz, block after block.

    Attributes
    ----------
    figures
        HopFigures of the hops finished by the last call.
    delay_samples
        Largest age of a symbol when it is given, in samples of the multiplex.
    """

    delay_samples: int = HOP * DECIMATION + 50 * DECIMATION

    def __init__(self) -> None:
        ready(
            kernels.match_filter,
            kernels.sum_energy,
            kernels.estimate_stretch,
            kernels.take_symbols,
        )
        self._baseband = RdsBaseband()
        self._pilot = PilotPhase()
        self._taps = matched_taps().astype(np.float32)
        turn = 2.0 * np.pi * BITS_PER_PERIOD / SAMPLES_PER_PERIOD * np.arange(SAMPLES_PER_PERIOD)
        self._waves = np.concatenate([np.cos(turn), np.sin(turn)]).astype(np.float32)
        # Samples of the baseband wanted before a hop can be matched: its own, and on both sides
        # half a filter and the reach of the interpolation.
        self._margin = HALF_TAPS + _REACH
        self._estimate = np.zeros(kernels.ESTIMATE)
        self._times = np.zeros(_MOST)
        self._symbols = np.zeros(_MOST, np.complex64)
        self._levels = np.zeros(_MOST, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._baseband.reset()
        self._pilot.reset()
        # Output `delay_samples` of the baseband is sample 0 of the stream.
        ahead = self._margin - self._baseband.delay_samples
        self._raw = np.zeros(ahead, np.complex64)
        self._matched = np.zeros(_KEPT * HOP + 2 * _REACH, np.complex64)
        self._sums = np.zeros((_KEPT, kernels.SUMS))
        self._hops = 0  # matched so far
        self._state = np.zeros(kernels.STATE)
        self._state[kernels.NEXT] = -float(_KEPT * HOP)
        self._given = 0
        self.figures: list[HopFigures] = []

    def process(self, samples: Samples) -> SoftSymbols:
        """Take float32 (n,) multiplex, 1.0 = 100 kHz; return the symbols that are ready.

        Raises
        ------
        BlockContractError
            Where the samples are not of that kind or not finite; nothing has changed then.
        """
        require_samples(samples, np.float32)
        return self.advance(samples)

    def advance(self, samples: Samples) -> SoftSymbols:
        """Do what `process` does with samples that are known to be good."""
        self._given += len(samples)
        return self._take(samples)

    def flush(self) -> SoftSymbols:
        """Return what is still inside at the end of the stream; `reset` must follow."""
        end = self._given
        silence = np.zeros((2 * HOP + 2 * self._margin) * DECIMATION, np.float32)
        rest = self._take(silence)
        # What follows the last sample is not signal.
        self.figures = [hop for hop in self.figures if hop.sample + PILOT_HOP <= end]
        kept = rest.samples <= end + 1.0
        return SoftSymbols(rest.values[kept], rest.samples[kept])

    def _take(self, samples: Samples) -> SoftSymbols:
        self.figures = []
        values: list[npt.NDArray[np.float32]] = []
        times: list[npt.NDArray[np.float64]] = []
        # A hop at a time: the pilot is remembered for a few hops only.
        for start in range(0, len(samples), PILOT_HOP):
            piece = samples[start : start + PILOT_HOP]
            self._pilot.process(piece)
            baseband = np.empty(self._baseband.output_length(len(piece)), np.complex64)
            self._baseband.advance(piece, baseband)
            self._advance(baseband, values, times)
        if not values:
            return SoftSymbols(np.empty(0, np.float32), np.empty(0))
        return SoftSymbols(np.concatenate(values), np.concatenate(times))

    def _advance(
        self,
        baseband: npt.NDArray[np.complex64],
        values: list[npt.NDArray[np.float32]],
        times: list[npt.NDArray[np.float64]],
    ) -> None:
        self._raw = np.concatenate([self._raw, baseband])
        wanted = HOP + 2 * self._margin
        while len(self._raw) >= wanted:
            self._match_hop(self._raw[:wanted])
            self._raw = self._raw[HOP:]
            ready_from = 0 if self._hops == _FIRST else self._hops - 1
            for hop in range(ready_from if self._hops >= _FIRST else self._hops, self._hops):
                self._receive(hop, values, times)

    def _match_hop(self, raw: npt.NDArray[np.complex64]) -> None:
        """Run the matched filter over one more hop; the buffer moves on by a hop."""
        kept = self._matched
        kept[:-HOP] = kept[HOP:].copy()
        fresh = np.empty(HOP + 2 * _REACH, np.complex64)
        kernels.match_filter(
            np.ascontiguousarray(raw).view(np.float32), self._taps, fresh.view(np.float32)
        )
        kept[-len(fresh) :] = fresh
        self._sums[:-1] = self._sums[1:].copy()
        start = len(kept) - HOP - _REACH
        kernels.sum_energy(kept[start : start + HOP], self._waves, self._sums[-1])
        self._hops += 1
        self._state[kernels.NEXT] -= HOP

    def _receive(
        self, hop: int, values: list[npt.NDArray[np.float32]], times: list[npt.NDArray[np.float64]]
    ) -> None:
        """Estimate and detect hop number `hop` of the stream."""
        oldest = self._hops - _KEPT  # number of the hop at the front of the buffer
        first = max(-oldest, 0)
        kernels.estimate_stretch(self._matched, self._sums, first, _KEPT, self._estimate)
        count = kernels.take_symbols(
            self._matched,
            (hop - oldest) * HOP,
            (hop + 1 - oldest) * HOP,
            self._estimate,
            self._state,
            self._times,
            self._symbols,
            self._levels,
        )
        self._note(hop, count)
        values.append(self._levels[:count].copy())
        # A symbol is given with the end of its bit, half a bit after its middle.
        ends = self._times[:count] + (oldest * HOP + 0.5 * SAMPLES_PER_BIT)
        times.append(ends * DECIMATION)

    def _note(self, hop: int, count: int) -> None:
        turn = float(self._estimate[kernels.TURN])
        pilot = self._pilot.at_hop(hop)
        self.figures.append(
            HopFigures(
                sample=hop * PILOT_HOP,
                symbols=count,
                amplitude_squared=float(self._state[kernels.HOP_POWER]),
                noise=float(self._state[kernels.HOP_NOISE]),
                coherence=float(self._estimate[kernels.COHERENCE]),
                offset_hz=turn * BASEBAND_RATE_HZ / (2.0 * math.pi),
                carrier=float(self._state[kernels.ANGLE]) - 0.5 * turn * HOP,
                pilot=cmath.phase(pilot),
                pilot_level=abs(pilot),
            )
        )
