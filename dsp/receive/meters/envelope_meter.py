"""The envelope of a carrier: level, C/N where FM noise no longer tells it, multipath, co-channel.

FM has a constant envelope. Its power p = |z|² varies with

- noise: for a constant carrier C in noise N, mean and mean square of p are C + N and
  C² + 4CN + 2N², so C = sqrt(2 <p>² - <p²>) ("M2M4"; D. Pauluzzi, N. Beaulieu, IEEE Trans. Comm.
  48, 2000), good below 25 dB where FM noise departs from its parabola;
- multipath: an echo r, late by tau, makes p a function of the *deviation*, 2 r cos(2 pi f tau + c);
- a second carrier: p beats at the difference of the frequencies, whatever our deviation is.

So p is fitted by a parabola in the deviation, and what the fit explains is multipath. A beat is
told from noise by its shape: the kurtosis of a cosine is 1.5, of noise 3; a beat with the share s
of the variance of p lowers it by 1.5 s².
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import FULL_SCALE_HZ
from dsp.kernel import kernel, ready
from dsp.receive.composite.grid import BACK, HOP

_FLOATS = types.Array(types.float32, 1, "C", readonly=True)
_ROWS = types.Array(types.float32, 2, "C", readonly=True)
_SUMS = types.Array(types.float64, 1, "C")
_LANES = 16
_RUN = 160
SUMS = 11
_CHANCE = 0.05


@kernel(types.void(_FLOATS, _ROWS, _SUMS), fastmath=frozenset({"contract", "reassoc"}))
def add_envelope(iq: Any, rows: Any, sums: Any) -> None:
    """Add the sums of p, p², d, d², d³, d⁴, pd, pd², p³ and p⁴ to `sums` (11,).

    `iq` is (2n,) floats, `rows` the filtered composite (hops, SEGMENT) of the same moments. The
    last of `sums` is the lowest mean p of any `_RUN` samples (0.56 ms).
    """
    for h in range(rows.shape[0]):
        row = rows[h, BACK : BACK + HOP]
        for start in range(0, HOP, _RUN):
            part = iq[2 * (h * HOP + start) : 2 * (h * HOP + start + _RUN)]
            own = row[start : start + _RUN]
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = np.float32(0.0)
            for i in range(_RUN):
                a, b = part[2 * i], part[2 * i + 1]
                p = a * a + b * b
                d = own[i]
                dd = d * d
                pp = p * p
                s0 += p
                s1 += pp
                s8 += pp * p
                s9 += pp * pp
                s2 += d
                s3 += dd
                s4 += dd * d
                s5 += dd * dd
                s6 += p * d
                s7 += p * dd
            sums[0] += s0
            sums[1] += s1
            sums[2] += s2
            sums[3] += s3
            sums[4] += s4
            sums[5] += s5
            sums[6] += s6
            sums[7] += s7
            sums[8] += s8
            sums[9] += s9
            sums[10] = min(sums[10], np.float64(s0) / _RUN)


@dataclass(frozen=True)
class EnvelopeReading:
    """What a second of envelope tells.

    `carrier` and `noise` are powers over full scale, the noise that of the whole channel.
    `multipath_share` is the standard deviation of the power that follows the deviation, over its
    mean; `other_share` that of a beat. `delay_reach_us` is
    the least r · tau (echo ratio times delay) that makes such a slope. `lowest_share` is the lowest
    power of any half millisecond over the mean.
    """

    carrier: float
    noise: float
    variation: float
    multipath_share: float
    other_share: float
    delay_reach_us: float
    lowest_share: float = 1.0

    @property
    def level_dbfs(self) -> float:
        """Level of the carrier: 20 lg of its magnitude over full scale."""
        return 10.0 * math.log10(max(self.carrier, 1e-20))


def read_envelope(
    iq: npt.NDArray[np.complex64], composite: npt.NDArray[np.float32]
) -> EnvelopeReading:
    """Judge a second of channel `iq` (n,) and the filtered `composite` (hops, SEGMENT) of it."""
    ready(add_envelope)
    totals = np.zeros(SUMS)
    totals[-1] = np.inf
    add_envelope(iq.view(np.float32), composite, totals)
    lowest = float(totals[-1])
    sums = totals / (len(composite) * HOP)
    mean, square = float(sums[0]), float(sums[1])
    if mean <= 0.0:
        return EnvelopeReading(0.0, mean, 1.0, 0.0, 0.0, 0.0)
    carrier = math.sqrt(max(2.0 * mean * mean - square, 0.0))
    variance = max(square / mean**2 - 1.0, 0.0)
    explained, slope = _fit(sums, mean)
    other = max(_beat_share(sums) * variance - explained, 0.0)
    # p / C = 1 + 2 r cos(2 pi f tau + c): its steepest slope is 4 pi r tau.
    reach_us = abs(slope) / FULL_SCALE_HZ / (4.0 * math.pi) * 1e6
    return EnvelopeReading(
        carrier=carrier,
        noise=max(mean - carrier, 0.0),
        variation=variance,
        multipath_share=math.sqrt(explained),
        other_share=math.sqrt(other),
        delay_reach_us=reach_us,
        lowest_share=lowest / mean,
    )


def _fit(sums: npt.NDArray[np.float64], mean: float) -> tuple[float, float]:
    """Return the variance of p over its squared mean that d and d² explain, and the slope."""
    d1, d2, d3, d4 = (float(value) for value in sums[2:6])
    spread = d2 - d1 * d1
    if spread < 1e-6:  # 100 Hz rms: a bare carrier cannot show what depends on deviation
        return 0.0, 0.0
    # Two normal equations, p about its mean against d and d² about theirs.
    a, b, c = spread, d3 - d1 * d2, d4 - d2 * d2 + 1e-12
    p, q = sums[6] / mean - d1, sums[7] / mean - d2
    determinant = a * c - b * b
    if determinant <= 0.0:
        return 0.0, 0.0
    linear, square = (c * p - b * q) / determinant, (a * q - b * p) / determinant
    explained = max(p * linear + q * square, 0.0)
    return explained, abs(linear) + 2.0 * abs(square) * math.sqrt(spread)


def _beat_share(sums: npt.NDArray[np.float64]) -> float:
    """Share of the variance of p that has the flat top of a cosine, from the mean powers of p."""
    p1, p2, p3, p4 = (float(sums[k]) for k in (0, 1, 8, 9))
    variance = p2 - p1 * p1
    if variance <= 1e-9 * p1 * p1:  # float32 sums tell no less
        return 0.0
    fourth = p4 - 4.0 * p1 * p3 + 6.0 * p1 * p1 * p2 - 3.0 * p1**4
    flatness = 3.0 - fourth / variance**2
    # Chance alone moves a kurtosis of 120 000 independent values by 0.014.
    return math.sqrt(min((flatness - _CHANCE) / 1.5, 1.0)) if flatness > _CHANCE else 0.0
