"""RDS of one station: multiplex in, groups and the figures of the subcarrier out."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dsp.contract import Samples, require_samples
from dsp.fm.constants import FULL_SCALE_HZ, RDS_HZ, RECEIVE_RATE_HZ
from dsp.rds.shaping import PEAK_FORM_FACTOR
from dsp.receive.rds.demodulator import Figures, RdsDemodulator, SoftSymbols
from dsp.receive.rds.group import RdsGroup
from dsp.receive.rds.hops import (
    CARRIER,
    COHERENCE,
    FIGURES,
    LEVEL,
    NOISE,
    OFFSET_HZ,
    PILOT,
    POWER,
    SYMBOLS,
)
from dsp.receive.rds.sync import RdsSync

#: A gap up to this long is bridged: the transmitter's clock went on meanwhile.
_BRIDGED: Final = 2 * RECEIVE_RATE_HZ
_HOPS_KEPT: Final = 21  # of the trailing figures: 1.0 s
_LEAST_COHERENCE: Final = 0.25
_LEAST_PILOT_HZ: Final = 1_000.0
_COVERAGE: Final = 2.0


@dataclass(frozen=True, slots=True)
class RdsFigures:
    """The subcarrier over a stretch of signal; u is the standard uncertainty times two.

    Attributes
    ----------
    level_hz
        Deviation by RDS as the amplitude of an unmodulated carrier of the same power (√2 · RMS).
    peak_level_hz
        Deviation by RDS as the peak of the shaped waveform, PEAK_FORM_FACTOR times that.
    phase_deg
        Phase to the third harmonic of the pilot, modulo 180, in [-45, 135); None without pilot.
    snr_db
        Energy of a bit over the noise density, Es / N0.
    offset_hz
        Of the 57 kHz subcarrier on the receiver's clock.
    """

    level_hz: float
    level_u_hz: float
    peak_level_hz: float
    peak_level_u_hz: float
    phase_deg: float | None
    phase_u_deg: float | None
    snr_db: float
    offset_hz: float
    ppm: float


def figures_of(hops: Figures) -> RdsFigures | None:
    """Return the figures over `hops` (n, 9; `hops`); None where nothing is to be measured."""
    heard = hops[hops[:, SYMBOLS] > 0.0]
    if not len(heard):
        return None
    counts = heard[:, SYMBOLS]
    bits = float(counts.sum())
    means = (counts @ heard / bits).tolist()
    power, noise, coherence = means[POWER], means[NOISE], means[COHERENCE]
    if power <= 0.0 or coherence < _LEAST_COHERENCE:
        return None
    level = math.sqrt(power) * FULL_SCALE_HZ
    # y² less its noise: variance (4 A² σ² + 4 σ⁴) / n; halved relatively for the root.
    spread = math.sqrt((4.0 * power * noise + 4.0 * noise**2) / bits)
    level_u = _COVERAGE * 0.5 * level * spread / power
    phase, phase_u = _phase(heard, power, noise)
    offset = means[OFFSET_HZ]
    return RdsFigures(
        level_hz=level,
        level_u_hz=level_u,
        peak_level_hz=level * PEAK_FORM_FACTOR,
        peak_level_u_hz=level_u * PEAK_FORM_FACTOR,
        phase_deg=phase,
        phase_u_deg=phase_u,
        snr_db=10.0 * math.log10(power / (2.0 * noise)) if noise > 0.0 else math.inf,
        offset_hz=offset,
        ppm=offset / RDS_HZ * 1e6,
    )


def _phase(hops: Figures, power: float, noise: float) -> tuple[float | None, float | None]:
    """Return phase to the pilot's third harmonic and its uncertainty, degrees."""
    if (hops[:, LEVEL] * FULL_SCALE_HZ <= _LEAST_PILOT_HZ).any():
        return None, None
    turns = np.exp(2j * (hops[:, CARRIER] - 3.0 * hops[:, PILOT]))
    weights = np.maximum(hops[:, POWER], 0.0)
    total = complex(weights @ turns)
    if total == 0:
        return None, None
    angle = math.degrees(cmath.phase(total)) / 2.0
    bits = float(hops[:, SYMBOLS].sum())
    # Neighbouring hops share their estimates; the stretch has bits / 57 / 4 independent ones.
    formula = math.sqrt(noise / (power * bits) * (1.0 + noise / power))
    length = min(abs(total) / float(weights.sum()), 1.0)
    scatter = math.sqrt(-2.0 * math.log(max(length, 1e-9))) / 2.0
    spread = max(formula, scatter / math.sqrt(max(len(turns) / 4.0, 1.0)))
    return (angle + 45.0) % 180.0 - 45.0, _COVERAGE * math.degrees(spread)


class RdsReceiver:
    """Receives the RDS of one multiplex at 288 kHz, block after block.

    The same groups come however the stream is cut; each is given at most 0.055 s of signal after
    its last bit, those before the first lock with it.
    """

    def __init__(self, rate_hz: int = RECEIVE_RATE_HZ) -> None:
        if rate_hz != RECEIVE_RATE_HZ:
            raise ValueError(f"rate_hz: expected {RECEIVE_RATE_HZ}, got {rate_hz}")
        self._demodulator = RdsDemodulator()
        self._sync = RdsSync()
        self.delay_samples = self._demodulator.delay_samples
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next sample is number 0."""
        self._demodulator.reset()
        self._sync.reset()
        self._origin = 0  # number of the demodulator's first sample
        self._taken = 0
        self._hops: Figures = np.zeros((0, FIGURES))

    @property
    def locked(self) -> bool:
        """Whether the beginnings of the blocks are known."""
        return self._sync.locked

    @property
    def figures(self) -> RdsFigures | None:
        """Figures over the last second of received signal; None without a subcarrier."""
        return figures_of(self._hops)

    def process(self, samples: Samples) -> list[RdsGroup]:
        """Take float32 (n,) multiplex, 1.0 = 100 kHz; return the groups that it completes.

        Groups of which no block was received count in the error rate; they come too (`empty`).

        Raises
        ------
        BlockContractError
            Where the samples are not of that kind or not finite; nothing has changed then.
        """
        require_samples(samples, np.float32)
        return self.advance(samples)

    def advance(self, samples: Samples) -> list[RdsGroup]:
        """Do what `process` does with samples that are known to be good."""
        symbols = self._demodulator.advance(samples)
        self._taken += len(samples)
        return self._decode(symbols)

    def skip(self, missing_samples: int) -> list[RdsGroup]:
        """Account for samples that were lost before the next piece; return groups finished by it.

        The transmitter's clock went on: over a short gap the lock is kept, and no bit is made up.
        """
        if missing_samples < 0:
            raise ValueError(f"missing_samples: expected 0 or more, got {missing_samples}")
        if missing_samples <= _BRIDGED:
            return self.process(np.zeros(missing_samples, np.float32))
        groups = self.flush()
        taken = self._taken + missing_samples
        self.reset()
        self._origin = self._taken = taken
        return groups

    def flush(self) -> list[RdsGroup]:
        """Return what is still inside at the end of the stream; `reset` or `skip` must follow."""
        return self._decode(self._demodulator.flush())

    def _decode(self, symbols: SoftSymbols) -> list[RdsGroup]:
        self._hops = np.concatenate([self._hops, self._demodulator.figures])[-_HOPS_KEPT:]
        groups = self._sync.process(symbols.values, symbols.samples)
        if not self._origin:
            return groups
        return [replace(group, sample=group.sample + self._origin) for group in groups]
