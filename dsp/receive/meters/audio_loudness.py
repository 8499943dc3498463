"""Loudness of decoded audio, second after second (BS.1770-5, EBU Tech 3341).

K-weighting runs sample by sample here: the stream comes in quarters of a second and a figure is due
every second, so the lanes of `dsp.measure` cannot be filled. The two channels share the
coefficients of both sections and run side by side.

FM noise adds to the energy of quiet passages; how much follows from N0 / C, and is taken off.

Energies are kept in units of the composite; the audio's share of the deviation turns them into full
scale when a figure is read, because it is known better later than sooner.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import AUDIO_RATE_HZ, FULL_SCALE_HZ, SUBCARRIER_HZ
from dsp.kernel import kernel, ready
from dsp.measure.k_weighting import k_weighting
from dsp.measure.loudness import (
    ABSOLUTE_GATE_LUFS,
    INTEGRATED_GATE_LU,
    MOMENTARY_STEPS,
    SHORT_TERM_STEPS,
    STEPS_PER_S,
    energy_of,
    lufs,
)

STEP = AUDIO_RATE_HZ // STEPS_PER_S
_BLOCK_STEPS = 10
_READING_LU = 6.5e-4
# Programme and noise beat where both are; most of the noise lies where no programme is (scenes).
_BEAT_SHARE = 0.6
_NOISE_SHARE = 0.015
_HALF_DOWN_HZ = 17_000.0  # of the audio filter: noise reaches beyond the audio
_GATE_BINS_PER_LU = 20
_LOWEST_LUFS, _HIGHEST_LUFS = -140, 20

_FRAMES = types.Array(types.float32, 2, "C", readonly=True)
_COEFFICIENTS = types.Array(types.float64, 1, "C", readonly=True)
_STATE = types.Array(types.float64, 1, "C")


@kernel(types.void(_FRAMES, _COEFFICIENTS, _STATE, _STATE), fastmath=frozenset({"contract"}))
def weigh_steps(frames: Any, coefficients: Any, state: Any, energies: Any) -> None:
    """Write the K-weighted mean square, both channels added, of every step of `frames` (n, 2)."""
    b0, b1, b2 = coefficients[0], coefficients[1], coefficients[2]
    a1, a2, d, e = coefficients[3], coefficients[4], coefficients[5], coefficients[6]
    s1, s2, p, q = state[0], state[1], state[2], state[3]
    t1, t2, u, v = state[4], state[5], state[6], state[7]
    for k in range(energies.shape[0]):
        total = 0.0
        for n in range(k * STEP, (k + 1) * STEP):
            x = np.float64(frames[n, 0])
            y = b0 * x + s1
            s1 = (b1 * x + s2) - a1 * y
            s2 = b2 * x - a2 * y
            z = y + p
            p = (p + q) - d * z
            q = q - e * z
            total += z * z
            x = np.float64(frames[n, 1])
            y = b0 * x + t1
            t1 = (b1 * x + t2) - a1 * y
            t2 = b2 * x - a2 * y
            z = y + u
            u = (u + v) - d * z
            v = v - e * z
            total += z * z
        energies[k] = total / STEP
    state[0], state[1], state[2], state[3] = s1, s2, p, q
    state[4], state[5], state[6], state[7] = t1, t2, u, v
    for i in range(8):
        if abs(state[i]) < 1e-30:
            state[i] = 0.0


class AudioLoudness:
    """Momentary, short-term and integrated loudness of a running stream.

    The integrated one is gated over everything since `reset`; its blocks are kept as a histogram of
    0.05 LU with exact energies, so that memory does not grow.
    """

    def __init__(self) -> None:
        ready(weigh_steps)
        self._coefficients = np.asarray(_packed())
        self._energies = np.zeros(SHORT_TERM_STEPS)
        bins = (_HIGHEST_LUFS - _LOWEST_LUFS) * _GATE_BINS_PER_LU
        self._counts = np.zeros(bins)
        self._sums = np.zeros(bins)
        self.reset()

    def add(self, frames: npt.NDArray[np.float32]) -> None:
        """Take a whole number of 10 ms steps, (n, 2), in units of composite."""
        count = len(frames) // STEP
        self._energies[:-count] = self._energies[count:]
        weigh_steps(frames, self._coefficients, self._state, self._energies[-count:])
        self.steps += count

    def close_second(self) -> None:
        """Enter the gating blocks that ended in the second just taken."""
        for end in range(SHORT_TERM_STEPS - STEPS_PER_S + _BLOCK_STEPS, SHORT_TERM_STEPS + 1, 10):
            if self.steps - (SHORT_TERM_STEPS - end) < MOMENTARY_STEPS:
                continue
            energy = float(self._energies[end - MOMENTARY_STEPS : end].mean())
            place = int((lufs(energy) - _LOWEST_LUFS) * _GATE_BINS_PER_LU) if energy > 1e-14 else 0
            place = min(max(place, 0), len(self._counts) - 1)
            self._counts[place] += 1.0
            self._sums[place] += energy

    def momentary(self, gain_db: float, noise: float) -> tuple[float, float] | None:
        """Loudness of the 400 ms ending now, and its standard uncertainty.

        `gain_db` leads from composite to full scale, `noise` is the energy of the noise (see
        `noise_energy`). None for silence, and where there is nothing but noise.
        """
        return self._mean(MOMENTARY_STEPS, gain_db, noise)

    def short_term(self, gain_db: float, noise: float) -> tuple[float, float] | None:
        """Loudness of the 3 s ending now; None before there are 3 s."""
        return self._mean(SHORT_TERM_STEPS, gain_db, noise)

    def integrated_lufs(self, gain_db: float) -> float | None:
        """Gated loudness since the start; None where no block passes the gates."""
        loud = self._above(energy_of(ABSOLUTE_GATE_LUFS - gain_db))
        if loud is None:
            return None
        loud = self._above(max(loud * 10.0 ** (INTEGRATED_GATE_LU / 10.0), 1e-14))
        return None if loud is None else lufs(loud) + gain_db

    def _above(self, energy: float) -> float | None:
        first = math.ceil((lufs(energy) - _LOWEST_LUFS) * _GATE_BINS_PER_LU)
        first = min(max(first, 0), len(self._counts))
        count = float(self._counts[first:].sum())
        return float(self._sums[first:].sum()) / count if count else None

    def _mean(self, steps: int, gain_db: float, noise: float) -> tuple[float, float] | None:
        if self.steps < steps:
            return None
        energy = float(self._energies[-steps:].mean())
        clean = energy - noise
        if energy <= 1e-20 or clean < 0.5 * energy:
            return None
        # The noise is known to a percent or two; programme and noise beat in 400 ms.
        beat = math.sqrt(noise / clean * 2.0 / (steps * 100.0))
        spread_lu = 4.34 * math.hypot(_NOISE_SHARE * noise / clean, _BEAT_SHARE * beat)
        return lufs(clean) + gain_db, math.hypot(spread_lu, _READING_LU)

    def reset(self) -> None:
        """Forget the stream."""
        self._state = np.zeros(8)
        self._energies[:] = 0.0
        self._counts[:] = 0.0
        self._sums[:] = 0.0
        self.steps = 0


def noise_energy(n0_over_c: float, de_emphasis_us: float, blend: float) -> float:
    """K-weighted energy of both channels that FM noise gives, in units of composite squared."""
    return n0_over_c * _noise_gain(de_emphasis_us, blend)


@lru_cache(maxsize=64)
def _noise_gain(de_emphasis_us: float, blend: float) -> float:
    """Noise of L + R has the density f² N0 / C, of L - R, from both side bands, 2 (38k² + f²)."""
    step_hz = 20.0
    frequency = np.arange(step_hz, _HALF_DOWN_HZ, step_hz)
    z = np.exp(-2j * np.pi * frequency / AUDIO_RATE_HZ)
    k = k_weighting(AUDIO_RATE_HZ)
    shelf = np.polyval(k.shelf_b[::-1], z) / np.polyval((*k.shelf_a[::-1], 1.0), z)
    high = (1.0 - z) ** 2 / np.polyval((*k.high_pass_a[::-1], 1.0), z)
    weight = np.abs(shelf * high) ** 2 / (1.0 + (2e-6 * np.pi * frequency * de_emphasis_us) ** 2)
    density = frequency**2 + blend**2 * 2.0 * (SUBCARRIER_HZ**2 + frequency**2)
    return float(2.0 * np.sum(weight * density) * step_hz / FULL_SCALE_HZ**2)


def _packed() -> tuple[float, ...]:
    k = k_weighting(AUDIO_RATE_HZ)
    return (*k.shelf_b, *k.shelf_a, k.damping, k.stiffness)
