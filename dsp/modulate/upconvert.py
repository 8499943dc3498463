"""A station in a capture: multiplex at 192 kHz in, its modulated carrier at the capture's rate out.

    composite_rate.py: to the rate ─ fm_modulator.py: phase, sine, cosine ─ [decimator.py]

From 768 kS/s on the carrier is made at the rate of the capture itself: an FM signal of ±75 kHz with
RDS has fallen to -80 dBc within 300 kHz. Slower captures are made at a multiple of their rate and
filtered, as a receiver filters them. A carrier that reaches over the edge of the capture comes in
again at the other edge: keep it (offset and half its bandwidth) inside.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.contract import Iq, Samples, output_of, require_samples
from dsp.fm.constants import COMPOSITE_RATE_HZ
from dsp.modulate.composite_rate import LOWEST_RATE_HZ, CompositeRate
from dsp.modulate.decimator import IqDecimator
from dsp.modulate.fm_modulator import FmModulator

HIGHEST_RATE_HZ = 3_200_000


class Upconverter:
    """Turns the multiplex of one station into complex64 IQ of a capture.

    Parameters
    ----------
    rate_hz
        Of the capture, any whole number from 192 000 to 3 200 000.
    offset_hz
        Of the carrier from the middle of the capture, within half the rate.
    amplitude
        |z| of the carrier: 1.0 is full scale.

    Attributes
    ----------
    delay_samples
        Whole, at the rate of the capture: sample m + delay_samples is at m / rate_hz of the
        multiplex.

    Raises
    ------
    ValueError
        For a rate, offset or amplitude out of range.
    """

    def __init__(self, rate_hz: int, offset_hz: float = 0.0, *, amplitude: float = 1.0) -> None:
        if rate_hz != int(rate_hz) or not COMPOSITE_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(
                f"rate_hz: expected whole, {COMPOSITE_RATE_HZ} … {HIGHEST_RATE_HZ}, got {rate_hz}"
            )
        if not abs(offset_hz) <= rate_hz / 2:
            raise ValueError(f"offset_hz: expected within ±{rate_hz / 2:g}, got {offset_hz:g}")
        factor = -(-LOWEST_RATE_HZ // rate_hz)
        self.rate_hz = rate_hz
        self._rate = CompositeRate(factor * rate_hz, delay_multiple=factor)
        self._modulator = FmModulator(factor * rate_hz, offset_hz, amplitude=amplitude)
        self._decimator = IqDecimator(factor) if factor > 1 else None
        self.delay_samples = self._rate.delay_samples // factor
        if self._decimator is not None:
            self.delay_samples += self._decimator.delay_samples

    def output_length(self, n: int) -> int:
        """Return how many samples the next `n` of the multiplex give."""
        made = self._rate.output_length(n)
        return self._decimator.output_length(made) if self._decimator else made

    def offsets_length(self, n: int) -> int:
        """Return how many offsets `process` takes with the next `n` samples of the multiplex."""
        return self._rate.output_length(n)

    def process(
        self,
        composite: Samples,
        out: Iq | None = None,
        *,
        offset_hz: float | npt.NDArray[np.float64] | None = None,
    ) -> Iq:
        """Return the next samples for a multiplex (n,), 1.0 = 100 kHz.

        `offset_hz` replaces the offset for this piece: a number, or float64 of
        `offsets_length(n)`. The phase runs on without a jump. Allocates the output and two pieces
        of its size.

        Raises
        ------
        BlockContractError
            For anything but finite float32 (n,); the state is as it was.
        """
        require_samples(composite, np.float32)
        target = output_of(self.output_length(len(composite)), np.complex64, out)
        self._modulator.check_offset(offset_hz, self.offsets_length(len(composite)))
        raised = self._rate.process(composite)
        if self._decimator is None:
            return self._modulator.process(raised, target, offset_hz=offset_hz)
        return self._decimator.process(self._modulator.process(raised, offset_hz=offset_hz), target)

    def reset(self) -> None:
        """Forget the stream and begin again at phase 0."""
        self._rate.reset()
        self._modulator.reset()
        if self._decimator is not None:
            self._decimator.reset()
