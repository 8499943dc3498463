"""One transmitter's carrier in the capture: on the dongle's clock, modulated, reflected.

The multiplex is resampled onto the dongle's clock, the carrier's own offset from the assigned
frequency is added to it as a slowly changing constant, and the sum is modulated onto the station's
place in the capture. Delays are taken out: sample n of the capture is what was on the air at n.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ
from dsp.modulate.propagation import Multipath, Ray
from dsp.modulate.time_base import ClockedComposite, TimeBase
from dsp.modulate.upconvert import Upconverter

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsp.contract import Iq, Samples

_OFFSET_KNOT = 1_920  # samples at 192 kHz, 10 ms: offsets move in straight lines


class Carrier:
    """Turns a multiplex into the samples of a capture.

    Parameters
    ----------
    rate_hz, place_hz
        Of the capture; the assigned frequency less the middle of the capture.
    clock
        Of the dongle, from composite sample 0 on.
    offset_hz
        Offset of the carrier as received, at a number of seconds of the dongle's clock.
    rays
        Reflections.
    """

    def __init__(
        self,
        rate_hz: int,
        place_hz: float,
        clock: TimeBase,
        offset_hz: Callable[[float], float],
        rays: tuple[Ray, ...] = (),
    ) -> None:
        self._clocked = ClockedComposite(COMPOSITE_RATE_HZ, clock)
        self._offset_hz = offset_hz
        self._modulator = Upconverter(rate_hz, place_hz)
        self._multipath = Multipath(rate_hz, place_hz, rays) if rays else None
        self._early = self._modulator.delay_samples
        if self._multipath is not None:
            self._early += self._multipath.delay_samples
        self._clocked_done = 0
        self.taken = 0
        self._ready = np.empty(0, np.complex64)

    @property
    def available(self) -> int:
        """Number of samples that can be taken."""
        return len(self._ready)

    def feed(self, composite: Samples) -> None:
        """Take the next samples of the multiplex."""
        clocked = self._clocked.process(composite)
        if not len(clocked):
            return
        clocked += self._offsets(len(clocked))
        self._clocked_done += len(clocked)
        iq = self._modulator.process(clocked)
        if self._multipath is not None:
            iq = self._multipath.process(iq)
        early = min(self._early, len(iq))
        self._early -= early
        iq = iq[early:]
        self._ready = np.concatenate([self._ready, iq]) if len(self._ready) else iq

    def take(self, count: int) -> Iq:
        """Return the next `count` samples, complex64."""
        taken, self._ready = self._ready[:count], self._ready[count:]
        self.taken += count
        return taken

    def _offsets(self, count: int) -> Samples:
        """Return the offset as multiplex (1.0 = 100 kHz) for the next `count` samples."""
        first = self._clocked_done // _OFFSET_KNOT
        last = -(-(self._clocked_done + count) // _OFFSET_KNOT)
        knots = np.arange(first, last + 1) * _OFFSET_KNOT
        hertz = [self._offset_hz(index / COMPOSITE_RATE_HZ) for index in knots.tolist()]
        if hertz[0] == hertz[-1] and len(set(hertz)) == 1:
            return np.full(count, hertz[0] / FULL_SCALE_HZ, np.float32)
        index = self._clocked_done + np.arange(count)
        return (np.interp(index, knots, hertz) / FULL_SCALE_HZ).astype(np.float32)
