"""From a transmitter to the antenna: reflections with their delays, and a level that fades.

`Multipath` adds to the direct wave rays with a delay, a gain and a phase each:

    y(t) = x(t) + Σ g_r · e^{jφ_r} · x(t - τ_r)

φ is the phase of the ray's *carrier* against the direct one, so that it does not turn with τ. A
delay that is no whole number of samples is interpolated by a windowed sinc, shifted to where the
station lies in the capture; it needs to be right over the width of the station only: 8 taps at
2.4 MS/s.

`fading_gain` is Rician fading: a steady wave and sixteen scattered ones whose Doppler shifts spread
evenly round the circle (Clarke's model, R. Clarke, BSTJ 47, 1968), of unit mean power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import Iq, output_of, require_samples
from dsp.kernel import kernel, ready

MAX_RAYS = 16
MAX_DELAY_US = 100.0
SCATTERED = 16
_ATTENUATION_DB = 90.0
_SLAB = 512

_PAIRS_IN = types.Array(types.float32, 1, "C", readonly=True)
_TAPS = types.Array(types.float32, 2, "C", readonly=True)
_PLACES = types.Array(types.int64, 1, "C", readonly=True)


@dataclass(frozen=True)
class Ray:
    """A reflection: later than the direct wave, weaker, with its carrier turned."""

    delay_us: float
    gain_db: float
    phase_deg: float = 0.0


@kernel(
    types.void(_PAIRS_IN, _TAPS, _PLACES, types.float32[:, ::1], types.float32[::1]),
    # Fused multiply-adds; tests/dsp/modulate/test_propagation.py holds it to the exact delay.
    fastmath=frozenset({"contract"}),
)
def add_rays(pairs, taps, places, past, out):
    """Filter `pairs` (2n,) into `out` (2n,); tap t acts on the sample `places[t]` before.

    `taps` (2, t) are real and imaginary parts, `past` (2, longest place) is carried. Worked on in
    slabs with both parts apart, so that eight samples fit one register.
    """
    held = past.shape[1]
    near = np.zeros((2, held + _SLAB), np.float32)
    total = np.empty((2, _SLAB), np.float32)
    real, imag = near[0], near[1]
    sum_real, sum_imag = total[0], total[1]
    real[:held] = past[0]
    imag[:held] = past[1]
    count = pairs.shape[0] // 2
    for start in range(0, count, _SLAB):
        size = min(_SLAB, count - start)
        for n in range(size):
            real[held + n] = pairs[2 * (start + n)]
            imag[held + n] = pairs[2 * (start + n) + 1]
        sum_real[:] = np.float32(0.0)
        sum_imag[:] = np.float32(0.0)
        for t in range(places.shape[0]):
            a, b = taps[0, t], taps[1, t]
            begin = held - places[t]
            x = real[begin : begin + _SLAB]
            y = imag[begin : begin + _SLAB]
            for n in range(_SLAB):
                sum_real[n] += a * x[n] - b * y[n]
                sum_imag[n] += a * y[n] + b * x[n]
        for n in range(size):
            out[2 * (start + n)] = sum_real[n]
            out[2 * (start + n) + 1] = sum_imag[n]
        real[:held] = real[size : size + held].copy()
        imag[:held] = imag[size : size + held].copy()
    past[0] = real[:held]
    past[1] = imag[:held]


def _delay_taps(
    delay: float, offset: float, half_width: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.complex128]]:
    """Return places and taps that delay by `delay` samples a signal within offset ± half_width.

    Frequencies in cycles per sample; the taps may reach before zero.
    """
    whole = math.floor(delay)
    if delay == whole:
        return np.array([whole]), np.ones(1, np.complex128)
    # Images of a sampled signal begin at 1 - half_width: Kaiser's length and shape (1974).
    room = max(1.0 - 2.0 * half_width, 0.04)
    half = max(4, math.ceil((_ATTENUATION_DB - 7.95) / (14.36 * room) / 2.0))
    places = np.arange(whole - half + 1, whole + half + 1)
    distance = places - delay
    beta = 0.1102 * (_ATTENUATION_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (distance / half) ** 2, 0.0, None))) / np.i0(beta)
    taps = np.sinc(distance) * window
    # At the station's own frequency, less the turn that the delay would give its carrier.
    return places, taps / taps.sum() * np.exp(2j * math.pi * offset * places)


class Multipath:
    """Adds a station's reflections, block after block.

    Parameters
    ----------
    rate_hz, offset_hz
        Of the capture; where the station lies in it.
    rays
        At most 16, delayed by at most 100 µs.
    half_width_hz
        Of the station's signal.

    Raises
    ------
    ValueError
        For rays beyond these limits.
    """

    def __init__(
        self,
        rate_hz: int,
        offset_hz: float,
        rays: tuple[Ray, ...],
        *,
        half_width_hz: float = 150_000.0,
    ) -> None:
        if len(rays) > MAX_RAYS:
            raise ValueError(f"rays: expected at most {MAX_RAYS}, got {len(rays)}")
        if any(not 0.0 <= ray.delay_us <= MAX_DELAY_US for ray in rays):
            raise ValueError(f"delay_us: expected 0 to {MAX_DELAY_US:g}, got {rays}")
        ready(add_rays)
        places = [np.zeros(1, np.int64)]
        taps = [np.ones(1, np.complex128)]
        for ray in rays:
            where, how = _delay_taps(
                ray.delay_us * 1e-6 * rate_hz, offset_hz / rate_hz, half_width_hz / rate_hz
            )
            gain = 10.0 ** (ray.gain_db / 20.0) * np.exp(1j * math.radians(ray.phase_deg))
            places.append(where)
            taps.append(gain * how)
        joined = np.concatenate(places)
        # What the interpolators need of the future is given to all as delay.
        self.delay_samples = max(0, -int(joined.min()))
        self._places = joined + self.delay_samples
        every = np.concatenate(taps)
        self._taps = np.ascontiguousarray([every.real, every.imag], np.float32)
        self._past = np.zeros((2, int(self._places.max())), np.float32)

    def process(self, iq: Iq, out: Iq | None = None) -> Iq:
        """Return complex64 (n,), late by `delay_samples`.

        Raises
        ------
        BlockContractError
            For another dtype or shape, and NaN or infinity; nothing has changed then.
        """
        require_samples(iq, np.complex64)
        target: Iq = output_of(len(iq), np.complex64, out)
        pairs: Any = iq.view(np.float32)
        add_rays(pairs, self._taps, self._places, self._past, target.view(np.float32))
        return target

    def reset(self) -> None:
        """Forget the stream."""
        self._past[:] = 0.0


def fading_gain(
    seconds: npt.NDArray[np.float64], *, doppler_hz: float, k_db: float, seed: int
) -> npt.NDArray[np.complex128]:
    """Return the complex gain of Rician fading at `seconds`, shape (n,), mean power 1.

    `doppler_hz` is the largest Doppler shift (how fast it fades), `k_db` the power of the steady
    wave over the scattered ones (how deeply).
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    turns = rng.uniform(0.0, 1.0, SCATTERED)
    arrivals = (np.arange(SCATTERED) + rng.uniform(0.0, 1.0)) / SCATTERED
    shifts_hz = doppler_hz * np.cos(2.0 * math.pi * arrivals)
    waves = np.exp(2j * math.pi * (shifts_hz * seconds[:, None] + turns)).sum(axis=1)
    ratio = 10.0 ** (k_db / 10.0)
    return np.asarray((math.sqrt(ratio) + waves / math.sqrt(SCATTERED)) / math.sqrt(1.0 + ratio))
