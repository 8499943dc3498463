"""RDS demodulator: multiplex in, soft symbols with their times out, and the figures of the carrier.

The stream is cut into hops of 48 ms (57 bits). Clock and carrier of a hop are estimated over itself
and the three hops before it (`symbols.py`); the first hop of all waits for the second. Symbols
come at most 55 ms late, and those of the very first hop are as good as all others: nothing settles,
so nothing is lost while it settles. After a gap the first good hop is received.

A symbol is given as a log-likelihood, 2 A y / σ²: amplitude A from the part of y² that keeps its
sign, noise σ² from the component at right angles to the carrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples, require_samples
from dsp.kernel import ready
from dsp.receive.rds import hops
from dsp.receive.rds import symbols as kernels
from dsp.receive.rds.baseband import DECIMATION, RdsBaseband
from dsp.receive.rds.pilot import PILOT_HOP, PilotPhase
from dsp.receive.rds.shape import (
    BITS_PER_PERIOD,
    SAMPLES_PER_PERIOD,
    matched_taps,
)

HOP: Final = kernels.HOP
_HELD: Final = HOP + 2 * hops.MARGIN  # baseband that a hop wants
# Hops at a time: the pilot is remembered for sixteen.
_AT_ONCE: Final = 6

Figures = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SoftSymbols:
    """Symbols as log-likelihoods, with the multiplex samples at the ends of their bits."""

    values: npt.NDArray[np.float32]
    samples: npt.NDArray[np.float64]


class RdsDemodulator:
    """Demodulates the RDS of one multiplex at 288 kHz, block after block.

    Attributes
    ----------
    figures
        float64 (hops, 9): what the hops finished by the last call say of the carrier (`hops`).
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
            hops.receive_hops,
        )
        self._baseband = RdsBaseband()
        self._pilot = PilotPhase()
        self._taps = matched_taps().astype(np.float32)
        turn = 2.0 * np.pi * BITS_PER_PERIOD / SAMPLES_PER_PERIOD * np.arange(SAMPLES_PER_PERIOD)
        self._waves = np.concatenate([np.cos(turn), np.sin(turn)]).astype(np.float32)
        self._estimate = np.zeros(kernels.ESTIMATE)
        self._symbols = np.zeros(hops.MOST, np.complex64)
        # What may be held, and what a piece can add to it.
        self._raw = np.zeros(_HELD + (_AT_ONCE + 1) * HOP, np.complex64)
        most = (_AT_ONCE + 2) * hops.MOST
        self._times, self._levels = np.zeros(most), np.zeros(most, np.float32)
        self._figures = np.zeros((_AT_ONCE + 2, hops.FIGURES))
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._baseband.reset()
        self._pilot.reset()
        # Output `delay_samples` of the baseband is sample 0 of the stream.
        self._held = hops.MARGIN - self._baseband.delay_samples
        self._raw[:] = 0.0
        self._matched = np.zeros(hops.KEPT * HOP + 2 * hops.REACH, np.complex64)
        self._sums = np.zeros((hops.KEPT, kernels.SUMS))
        self._hops = 0  # matched so far
        self._state = np.zeros(kernels.STATE)
        self._state[kernels.NEXT] = -float(hops.KEPT * HOP)
        self._given = 0
        self.figures: Figures = np.zeros((0, hops.FIGURES))

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
        silence = np.zeros((2 * HOP + 2 * hops.MARGIN) * DECIMATION, np.float32)
        rest = self._take(silence)
        # What follows the last sample is not signal.
        self.figures = self.figures[self.figures[:, hops.SAMPLE] + PILOT_HOP <= end]
        kept = rest.samples <= end + 1.0
        return SoftSymbols(rest.values[kept], rest.samples[kept])

    def _take(self, samples: Samples) -> SoftSymbols:
        most = _AT_ONCE * PILOT_HOP
        pieces = [self._piece(samples[n : n + most]) for n in range(0, len(samples), most)]
        if len(pieces) == 1:
            symbols, self.figures = pieces[0]
            return symbols
        if not pieces:
            pieces = [self._piece(samples)]
        self.figures = np.concatenate([figures for _, figures in pieces])
        return SoftSymbols(
            np.concatenate([symbols.values for symbols, _ in pieces]),
            np.concatenate([symbols.samples for symbols, _ in pieces]),
        )

    def _piece(self, samples: Samples) -> tuple[SoftSymbols, Figures]:
        """Receive the hops that at most `_AT_ONCE` hops of multiplex complete."""
        self._pilot.process(samples)
        end = self._held + self._baseband.output_length(len(samples))
        self._baseband.advance(samples, self._raw[self._held : end])
        count = max((end - _HELD) // HOP + 1, 0)
        got, given = hops.receive_hops(
            self._raw.view(np.float32),
            count,
            self._hops,
            self._taps,
            self._waves,
            self._matched,
            self._sums,
            self._estimate,
            self._state,
            self._symbols,
            self._pilot.sums,
            self._pilot.window,
            self._times,
            self._levels,
            self._figures,
        )
        used = count * HOP
        self._held = end - used
        self._raw[: self._held] = self._raw[used:end].copy()
        self._hops += count
        symbols = SoftSymbols(self._levels[:got].copy(), self._times[:got].copy())
        return symbols, self._figures[:given].copy()
