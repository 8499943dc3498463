"""Second-order filters: designs as coefficient rows, and a block that runs a cascade of them.

A row holds b0, b1, b2, a1, a2 with a0 = 1. The designs are those of R. Bristow-Johnson's "Audio EQ
Cookbook": bilinear transforms whose corner frequency is exact at any rate. A Butterworth filter of
order 2k is k such rows.

The cascade runs in block form (state_space.py), in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import kernel, ready
from dsp.master.laps import (
    FORM,
    SCRATCH,
    STREAM,
    flush,
    hand_out,
    run_lap,
    take_in,
    turn_back,
)
from dsp.master.state_space import COLUMNS, block_form

Sections = npt.NDArray[np.float64]
BUTTERWORTH_Q = math.sqrt(0.5)


def _angle(sample_rate_hz: float, corner_hz: float, q: float) -> tuple[float, float]:
    """Return cos(w0) and the cookbook's alpha, after checking that the corner can be built."""
    if not 0 < corner_hz < sample_rate_hz / 2:
        raise ValueError(
            f"corner_hz: expected within (0, {sample_rate_hz / 2:g}), got {corner_hz:g}"
        )
    if q <= 0:
        raise ValueError(f"q: expected above 0, got {q:g}")
    w0 = 2 * math.pi * corner_hz / sample_rate_hz
    return math.cos(w0), math.sin(w0) / (2 * q)


def _row(
    numerator: tuple[float, float, float], denominator: tuple[float, float, float]
) -> Sections:
    a0, a1, a2 = denominator
    b0, b1, b2 = numerator
    return np.array([[b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0]])


def low_pass(sample_rate_hz: float, corner_hz: float, q: float = BUTTERWORTH_Q) -> Sections:
    """One row: 12 dB per octave above `corner_hz`."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    return _row(((1 - c) / 2, 1 - c, (1 - c) / 2), (1 + alpha, -2 * c, 1 - alpha))


def high_pass(sample_rate_hz: float, corner_hz: float, q: float = BUTTERWORTH_Q) -> Sections:
    """One row: 12 dB per octave below `corner_hz`; nothing of a DC offset is left."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    return _row(((1 + c) / 2, -1 - c, (1 + c) / 2), (1 + alpha, -2 * c, 1 - alpha))


def all_pass(sample_rate_hz: float, corner_hz: float, q: float = BUTTERWORTH_Q) -> Sections:
    """One row: level kept, phase turned by 360° across `corner_hz`."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    return _row((1 - alpha, -2 * c, 1 + alpha), (1 + alpha, -2 * c, 1 - alpha))


def band_pass(sample_rate_hz: float, corner_hz: float, q: float) -> Sections:
    """One row: 0 dB at `corner_hz`, 6 dB per octave away from it."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    return _row((alpha, 0.0, -alpha), (1 + alpha, -2 * c, 1 - alpha))


def notch(sample_rate_hz: float, corner_hz: float, q: float) -> Sections:
    """One row: nothing at `corner_hz`, -3 dB at a width of corner_hz / q."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    return _row((1.0, -2 * c, 1.0), (1 + alpha, -2 * c, 1 - alpha))


def peaking(sample_rate_hz: float, corner_hz: float, q: float, gain_db: float) -> Sections:
    """One row: `gain_db` at `corner_hz`, 0 dB far away."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    a = 10 ** (gain_db / 40)
    return _row((1 + alpha * a, -2 * c, 1 - alpha * a), (1 + alpha / a, -2 * c, 1 - alpha / a))


def high_shelf(sample_rate_hz: float, corner_hz: float, q: float, gain_db: float) -> Sections:
    """One row: `gain_db` above `corner_hz`, half of it (in dB) there, 0 dB below."""
    c, alpha = _angle(sample_rate_hz, corner_hz, q)
    a = 10 ** (gain_db / 40)
    skew = 2 * math.sqrt(a) * alpha
    return _row(
        (
            a * ((a + 1) + (a - 1) * c + skew),
            -2 * a * ((a - 1) + (a + 1) * c),
            a * ((a + 1) + (a - 1) * c - skew),
        ),
        ((a + 1) - (a - 1) * c + skew, 2 * ((a - 1) - (a + 1) * c), (a + 1) - (a - 1) * c - skew),
    )


def butterworth_qs(order: int) -> list[float]:
    """Quality factors of the order / 2 rows of a Butterworth filter of even `order`."""
    if order < 2 or order % 2:
        raise ValueError(f"order: expected 2, 4, 6, …, got {order}")
    return [1 / (2 * math.sin(math.pi * (2 * k + 1) / (2 * order))) for k in range(order // 2)]


def response(
    sections: Sections, frequencies_hz: npt.NDArray[np.float64], sample_rate_hz: float
) -> npt.NDArray[np.complex128]:
    """Complex gain of the cascade of `sections` (k, 5) at each frequency."""
    delay = np.exp(-2j * np.pi * np.asarray(frequencies_hz) / sample_rate_hz)
    gain = np.ones(delay.shape, dtype=np.complex128)
    for b0, b1, b2, a1, a2 in sections:
        gain *= (b0 + (b1 + b2 * delay) * delay) / (1 + (a1 + a2 * delay) * delay)
    return gain


_BLOCK = 24


# "contract" only fuses multiply and add (tests/dsp/master/test_biquad.py holds the result to the
# naive twin).
@kernel(
    f"void(float32[:, ::1], {FORM}, {STREAM}, {SCRATCH}, float32[:, ::1])",
    fastmath=frozenset({"contract"}),
)
def run_cascade(frames: Any, form: Any, stream: Any, scratch: Any, out: Any) -> None:
    """Filter `frames` (n, c) into `out` (n, c).

    `form`, `stream` and `scratch` are those of a BlockForm; the stream belongs to the caller.
    """
    states, held, filled = stream
    line, sums = scratch[3], scratch[4]
    block = form[0][0]
    lap = block * COLUMNS
    start = 0
    while start < frames.shape[0]:
        at = filled[0]
        count = min(lap - at, frames.shape[0] - start)
        for c in range(frames.shape[1]):
            take_in(frames, start, count, c, held[c], at)
            run_lap(held[c], form, states[0, c], states[1, c], scratch, sums[c])
            turn_back(sums[c], block, line)
            hand_out(line, at, count, c, start, out)
        start += count
        filled[0] = at + count
        if filled[0] == lap:
            filled[0] = 0
            for c in range(frames.shape[1]):
                flush(states[1, c])
                states[0, c] = states[1, c]


class BiquadCascade:
    """Runs frames through a fixed cascade of second-order sections; no delay beyond their phase."""

    delay_samples = 0

    def __init__(self, sections: Sections, channels: int) -> None:
        if sections.ndim != 2 or sections.shape[1] != 5:
            raise ValueError(f"sections: expected shape (k, 5), got {sections.shape}")
        self.sections = np.ascontiguousarray(sections, dtype=np.float64)
        self.channels = channels
        form = block_form([self.sections], _BLOCK)
        self._form = form.tables
        self._stream = form.stream(channels)
        self._scratch = form.scratch(channels)
        ready(run_cascade)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Filter (n, channels) → (n, channels); allocates only a missing `out`."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        run_cascade(frames, self._form, self._stream, self._scratch, out)
        return out

    def reset(self) -> None:
        """Forget the past of every section."""
        for array in self._stream:
            array[:] = 0
