"""Linear-phase low-pass filters: the band limit of a master and the 15 kHz of an FM coder.

Idea: a Kaiser-windowed sinc, run directly, sixteen parts of a slab side by side. Every sample sees
the same arithmetic in the same order however the stream is cut.

Why a master is band-limited at all: "true peak" means the peak of the analogue wave, and only below
about 0.46 of the sample rate do all converters and all meters agree on what that wave is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.lanes import LANES, load, splat, spread, store, turn
from dsp.master.laps import hand_out, take_in

PART = 128  # samples in a row of one lane
SLAB = LANES * PART
TOGETHER = 8  # outputs that are worked on in registers

F32 = types.float32
PLANES = types.Array(F32, 2, "C")
FRAMES_IN = types.Array(F32, 2, "C", readonly=True)
ROW = types.Array(F32, 1, "C")


@inlined
def _low_pass_slab(window: Any, taps: Any, turned: Any, line: Any) -> None:
    """Write SLAB filtered samples of `window` (taps + SLAB,) to `line`.

    Sixteen parts of the slab side by side in lanes. A sample is loaded once for eight outputs;
    `taps` have seven zeros at both ends, so that all eight take the same number of them.
    """
    span = taps.shape[0] - 2 * (TOGETHER - 1)
    for t in range(0, PART + span - 1, LANES):
        turn(window, t, PART, turned, t * LANES, LANES)
    for t in range(0, PART, TOGETHER):
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = splat(0.0)
        for k in range(span + TOGETHER - 1):
            x = load(turned, (t + k) * LANES)
            a0 = a0 + spread(taps, k + 7) * x
            a1 = a1 + spread(taps, k + 6) * x
            a2 = a2 + spread(taps, k + 5) * x
            a3 = a3 + spread(taps, k + 4) * x
            a4 = a4 + spread(taps, k + 3) * x
            a5 = a5 + spread(taps, k + 2) * x
            a6 = a6 + spread(taps, k + 1) * x
            a7 = a7 + spread(taps, k) * x
        # In the place of samples that nobody needs any more.
        store(a0, turned, t * LANES)
        store(a1, turned, (t + 1) * LANES)
        store(a2, turned, (t + 2) * LANES)
        store(a3, turned, (t + 3) * LANES)
        store(a4, turned, (t + 4) * LANES)
        store(a5, turned, (t + 5) * LANES)
        store(a6, turned, (t + 6) * LANES)
        store(a7, turned, (t + 7) * LANES)
    for t in range(0, PART, LANES):
        turn(turned, t * LANES, LANES, line, t, PART)


@kernel(
    types.void(FRAMES_IN, ROW, PLANES, types.Tuple((ROW, ROW, ROW)), PLANES),
    # Fused multiply-adds only; tests/dsp/master/test_low_pass.py holds it to the float64 twin.
    fastmath=frozenset({"contract"}),
)
def low_pass_frames(frames: Any, taps: Any, past: Any, scratch: Any, out: Any) -> None:
    """Filter `frames` (n, channels) into `out`; `past` (channels, span - 1) is carried.

    `taps` (span + 14,) are in reversed order of time, with seven zeros at both ends. `scratch` =
    (window (span + SLAB + 16,), turned ((PART + span + 16) * 16,), line (SLAB,)).
    """
    window, turned, line = scratch
    n, channels = frames.shape
    held = past.shape[1]
    for c in range(channels):
        window[:held] = past[c]
        for start in range(0, n, SLAB):
            count = min(SLAB, n - start)
            take_in(frames, start, count, c, window, held)
            # What stands behind `count` are leftovers; what comes of them is not stored.
            _low_pass_slab(window, taps, turned, line)
            hand_out(line, 0, count, c, start, out)
            for i in range(held):
                window[i] = window[count + i]
        past[c] = window[:held]


def design_low_pass(
    pass_edge: float, stop_edge: float, attenuation_db: float
) -> npt.NDArray[np.float64]:
    """Odd-length Kaiser low-pass, unity at DC; edges as fractions of the sample rate.

    Written out (Kaiser 1974), because importing scipy.signal takes half a second of every command.
    """
    width = stop_edge - pass_edge
    # Kaiser's length formula; 14.36 = 2.285 * 2 pi.
    half = math.ceil((attenuation_db - 7.95) / (14.36 * width) / 2.0)
    excess_db = max(attenuation_db - 21.0, 0.0)
    beta = 0.1102 * (attenuation_db - 8.7)
    if attenuation_db <= 50.0:
        beta = 0.5842 * excess_db**0.4 + 0.07886 * excess_db
    cycles = pass_edge + stop_edge  # the middle of the transition, in half sample rates
    taps = np.sinc(cycles * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, beta)
    return np.asarray(taps / taps.sum())


class LinearPhaseLowPass:
    """A low-pass that keeps the shape of the wave, block after block.

    Parameters
    ----------
    sample_rate_hz, channels
        Of the stream.
    pass_hz, stop_hz
        Flat up to `pass_hz`; at least `attenuation_db` down from `stop_hz` on.
    attenuation_db
        Stop-band attenuation; the pass-band ripple is 10 ** (-attenuation / 20).

    Raises
    ------
    ValueError
        Where the edges do not fit below half the sample rate.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int,
        *,
        pass_hz: float,
        stop_hz: float,
        attenuation_db: float = 60.0,
    ) -> None:
        if not 0.0 < pass_hz < stop_hz <= sample_rate_hz / 2:
            raise ValueError(
                "pass_hz: expected 0 < pass_hz < stop_hz <= half the sample rate, "
                f"got {pass_hz}, {stop_hz} at {sample_rate_hz}"
            )
        ready(low_pass_frames)
        self.channels = channels
        taps = design_low_pass(pass_hz / sample_rate_hz, stop_hz / sample_rate_hz, attenuation_db)
        self.taps = taps
        self.delay_samples = len(taps) // 2
        ends = np.zeros(TOGETHER - 1)
        self._taps = np.concatenate([ends, taps[::-1], ends]).astype(np.float32)
        self._past = np.zeros((channels, len(taps) - 1), np.float32)
        self._scratch = (
            np.zeros(len(taps) + SLAB + LANES, np.float32),
            np.zeros((PART + len(taps) + LANES) * LANES, np.float32),
            np.zeros(SLAB, np.float32),
        )

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return the next frames, late by `delay_samples`; allocates the output only."""
        require_frames(frames, self.channels)
        target = output_for(frames, out)
        low_pass_frames(frames, self._taps, self._past, self._scratch, target)
        return target

    def reset(self) -> None:
        """Forget the stream."""
        self._past[:] = 0.0
