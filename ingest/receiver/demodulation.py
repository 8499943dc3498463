"""A channel becomes baseband and composite of the same moments, without the scars of its ends.

Where a stretch of a capture begins or ends, the channel filter sees half signal and half nothing,
and the discriminator makes peaks of that which no station ever sent. The first and last
`EDGE` samples (0.33 ms) of a stretch therefore say nothing: the composite rests at the carrier's
offset there and moves into the signal over another `FADE` samples. That can hide a peak of a third
of a millisecond; it cannot invent one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.receive.composite.discriminator import Discriminator

EDGE = 96  # half the channel filter (0.2 ms at any rate), the rate bridge and the discriminator
FADE = 64
_TAIL = EDGE + FADE
_LEAST = 4 * _TAIL  # to know the offset by

Composite = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Demodulated:
    """Samples `index` … of a station at 288 kS/s: `iq` and `composite` of the same moments."""

    index: int
    iq: Iq
    composite: Composite

    @property
    def end(self) -> int:
        """Index of the sample after the last one."""
        return self.index + len(self.composite)


class Demodulation:
    """Demodulates one channel, stretch by stretch; pieces of a stretch follow each other."""

    def __init__(self) -> None:
        self._discriminator = Discriminator(amplitudes=False)
        self.begin(0)

    def begin(self, index: int) -> None:
        """Start a stretch: the next sample is number `index`; nothing is known before it."""
        self._discriminator.reset()
        self._begun = False
        self._index = index
        self._skip = self._discriminator.delay_samples
        self._iq: Iq = np.zeros(0, np.complex64)
        self._composite: Composite = np.zeros(0, np.float32)

    def process(self, iq: Iq) -> Demodulated:
        """Take the next samples; return what is complete, all but the last 0.6 ms."""
        held, fresh = len(self._composite), len(iq)
        # The discriminator writes behind what is held; what belongs before the stretch is cut off.
        whole = np.empty(held + fresh, np.float32)
        whole[:held] = self._composite
        self._discriminator.process(iq, out=whole[held:])
        skip = min(self._skip, fresh)
        self._skip -= skip
        if skip:
            whole = np.delete(whole, slice(held, held + skip))
        self._composite = whole
        self._iq = np.concatenate([self._iq, iq])
        if not self._begun:
            if len(self._composite) < _LEAST:
                return self._release(0)
            self._soften_start()
            self._begun = True
        return self._release(len(self._composite) - _TAIL)

    def end(self) -> Demodulated:
        """Return the rest of the stretch; `begin` must follow."""
        rest = len(self._iq) - len(self._composite)
        if rest:
            # The delay of the discriminator, filled with the last frequency heard.
            held = self._composite[-1] if len(self._composite) else np.float32(0.0)
            self._composite = np.concatenate([self._composite, np.full(rest, held, np.float32)])
        if self._begun:
            soften(self._composite[::-1], self._iq[::-1], self._level)
        elif len(self._composite):
            # Too short to tell its offset or anything else.
            self._composite[:] = 0.0
        return self._release(len(self._composite))

    def _soften_start(self) -> None:
        self._level = float(self._composite[_TAIL:].mean())
        soften(self._composite, self._iq, self._level)

    def _release(self, count: int) -> Demodulated:
        done = Demodulated(self._index, self._iq[:count], self._composite[:count])
        self._index += count
        self._iq, self._composite = self._iq[count:], self._composite[count:]
        return done


def soften(composite: Composite, iq: Iq, level: float) -> None:
    """Set the first EDGE samples to `level` and a bare carrier, and fade into what follows."""
    edge = min(EDGE, len(composite))
    composite[:edge] = level
    fade = composite[edge : edge + FADE]
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(len(fade), dtype=np.float32) + 0.5) / FADE)
    fade += (1.0 - ramp) * (np.float32(level) - fade)
    if len(iq) > edge:
        size = np.abs(iq[edge : edge + FADE]).mean()
        first = iq[edge] / max(abs(complex(iq[edge])), 1e-20)
        iq[:edge] = first * size
