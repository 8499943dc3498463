"""Stereo decoder: L + R and the L - R around 38 kHz in, left and right out (BS.450-4 pilot tone).

    composite = M + S · sin(2 w t) + pilot · sin(w t)

The bank has already shifted 38 kHz to zero, band-limited to 15 kHz and de-emphasised. What is left
is one rotation by twice the pilot's phase, known for each quarter of a second (feed-forward: no
loop, no lock time), and the sum and difference. Where the pilot is missing the output is mono; in
noise the difference signal, 20 dB noisier than the sum, is blended out between C/N 25 and 15 dB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import AUDIO_RATE_HZ
from dsp.kernel import kernel, ready
from dsp.receive.composite.grid import (
    AUDIO_BATCH,
    AUDIO_HOP,
    BACK,
    DECIMATION,
    HOP,
    QUARTERS,
    SEGMENT,
)
from dsp.receive.meters.pilot_meter import PilotFit

STEREO_FROM_DB = 25.0
MONO_BELOW_DB = 15.0
# The carrier offset stands in the audio as DC; it is followed and taken off this slowly, in both
# channels alike, or bass would leak from one into the other.
STANDING_HZ = 1.0

_MIDDLE = types.Array(types.float32, 2, "C", readonly=True)
_SIDE = types.Array(types.complex64, 2, "C", readonly=True)
_FRAMES = types.Array(types.float32, 2, "C")
_STATE = types.Array(types.float64, 1, "C")
_COURSES = types.Array(types.float64, 2, "C")


@kernel(types.void(_MIDDLE, _SIDE, _COURSES, _STATE, _FRAMES), fastmath=frozenset({"contract"}))
def decode_stereo(middle: Any, side: Any, courses: Any, standing: Any, frames: Any) -> None:
    """Write left and right to `frames` (hops · AUDIO_HOP, 2), in units of composite.

    Each of `courses` (quarters, 4) is (start, step, blend, slope) of as many hops: start + h · step
    is the phase of the pilot's bin in hop h; the share of L - R is `blend` at the first frame and
    grows by `slope` a frame. `standing` (2,) is the slow mean of left and right, where the carrier
    offset stands, and is carried.
    """
    rate = 2.0 * math.pi * STANDING_HZ / AUDIO_RATE_HZ
    low_left, low_right = standing[0], standing[1]
    hops = middle.shape[0] // courses.shape[0]
    for q in range(courses.shape[0]):
        start, step, blend, slope = courses[q, 0], courses[q, 1], courses[q, 2], courses[q, 3]
        per_frame = 2.0 * step * DECIMATION / HOP
        turn_re, turn_im = math.cos(per_frame), -math.sin(per_frame)
        for h in range(hops):
            # From the middle of the segment, where the phase was read, to the first new sample.
            phase = 2.0 * (start + h * step + step * (BACK - SEGMENT // 2) / HOP)
            re, im = math.cos(phase), -math.sin(phase)
            row, other = middle[q * hops + h], side[q * hops + h]
            part = frames[(q * hops + h) * AUDIO_HOP : (q * hops + h + 1) * AUDIO_HOP]
            for i in range(AUDIO_HOP):
                value = other[i]
                # S sin(2wt) has the analytic part -j S/2 exp(2jwt); its bin starts half a turn off.
                share = blend + slope * (h * AUDIO_HOP + i)
                difference = 2.0 * (value.real * im + value.imag * re) * share
                left, right = row[i] + difference, row[i] - difference
                part[i, 0] = left - low_left
                part[i, 1] = right - low_right
                # So written that only one multiplication waits for the frame before.
                low_left = low_left * (1.0 - rate) + rate * left
                low_right = low_right * (1.0 - rate) + rate * right
                re, im = re * turn_re - im * turn_im, re * turn_im + im * turn_re
    standing[0], standing[1] = low_left, low_right


def stereo_share(cn_db: float, *, pilot: bool) -> float:
    """How much of L - R to use: 1 stereo, 0 mono."""
    if not pilot:
        return 0.0
    share = (cn_db - MONO_BELOW_DB) / (STEREO_FROM_DB - MONO_BELOW_DB)
    return min(max(share, 0.0), 1.0)


class StereoDecoder:
    """Decodes seconds; the blend moves linearly over a quarter of one.

    Attributes
    ----------
    blend
        Share of L - R at the end of the last second.
    """

    def __init__(self) -> None:
        ready(decode_stereo)
        self._courses = np.zeros((QUARTERS, 4))
        self.blend = 0.0
        self._fresh = True
        self._standing = np.zeros(2)

    def decode(
        self,
        middle: npt.NDArray[np.float32],
        side: npt.NDArray[np.complex64],
        fits: Sequence[PilotFit],
        cn_db: float,
        out: npt.NDArray[np.float32],
    ) -> None:
        """Decode a second into `out` (AUDIO_BATCH, 2), in units of composite; allocates nothing.

        `fits` are those of the pilot in its quarters.
        """
        assert out.shape == (AUDIO_BATCH, 2)
        if self._fresh:
            self._standing[:] = middle[: len(middle) // QUARTERS].mean()
            self.blend = stereo_share(cn_db, pilot=fits[0].present)
        for course, fit in zip(self._courses, fits, strict=True):
            share = stereo_share(cn_db, pilot=fit.present)
            slope = (share - self.blend) / (AUDIO_BATCH // QUARTERS)
            course[:] = fit.start_rad, fit.step_rad, self.blend, slope
            self.blend = share
        decode_stereo(middle, side, self._courses, self._standing, out)
        self._fresh = False

    def reset(self) -> None:
        """Forget the stream."""
        self.blend = 0.0
        self._fresh = True
        self._standing[:] = 0.0
