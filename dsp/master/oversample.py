"""The wave between the samples: an 8x interpolator, and bounds that tell when it need not be run.

The interpolator is a Kaiser-windowed sinc of 2 x 20 samples, exact to 0.1 % up to 0.46 of the
sample rate (the limiter's band limit). It costs 280 multiplications a sample, so two bounds come
first:

* |wave| <= gain bound x largest sample near by;
* |wave| <= largest sample of the stretch + curvature bound x largest second difference near by.

The second holds because an interpolator that keeps straight lines straight differs from the
straight line between two samples only by a weighted sum of second differences. Speech is smooth at
48 kHz: the bound usually lies within 1 % of the samples and settles the matter without any
interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OVERSAMPLING = 8
REACH = 20  # samples on either side
_BETA = 5.3  # 57 dB, transition 0.46 … 0.54 of the sample rate


@dataclass(frozen=True)
class Interpolator:
    """Weights for the points n + 1/8 … n + 7/8, and what they can at most produce.

    Attributes
    ----------
    weights
        Shape (7, 40), float32; row p - 1 weighs the samples n - 19 … n + 20 for the point n + p /
        8.
    gain_bound
        Largest sum of |weights| over the points.
    line_bound, curvature_bound
        |wave| <= line_bound * max |x| + curvature_bound * max |x[n-1] - 2 x[n] + x[n+1]|.
    """

    weights: npt.NDArray[np.float32]
    gain_bound: float
    line_bound: float
    curvature_bound: float


def design_interpolator() -> Interpolator:
    """Compute the weights and their bounds (float64, then rounded to float32)."""
    offsets = np.arange(-REACH + 1, REACH + 1, dtype=np.float64)
    rows, slopes, curves = [], [], []
    for phase in range(1, OVERSAMPLING):
        fraction = phase / OVERSAMPLING
        distance = offsets - fraction
        window = np.i0(_BETA * np.sqrt(1.0 - (distance / REACH) ** 2)) / np.i0(_BETA)
        row = np.sinc(distance) * window
        row /= row.sum()
        slope = float(row @ offsets) - fraction
        # What is left after the straight line sums to zero twice over; its double running sum are
        # the weights of the second differences.
        rest = row.copy()
        rest[REACH - 1] -= 1.0 - fraction - slope
        rest[REACH] -= fraction + slope
        rows.append(row)
        slopes.append(abs(slope))
        curves.append(float(np.abs(np.cumsum(np.cumsum(rest))).sum()))
    weights = np.array(rows)
    # 1e-5 covers the rounding of the weights and of the sums to float32.
    return Interpolator(
        weights=np.ascontiguousarray(weights, dtype=np.float32),
        gain_bound=float(np.abs(weights).sum(axis=1).max()) + 1e-5,
        line_bound=1.0 + 2.0 * max(slopes) + 1e-5,
        curvature_bound=max(curves) + 1e-5,
    )
