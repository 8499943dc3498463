"""One sound after another, cross-faded, and no sample above the ceiling.

Each voice is held to the ceiling as it comes in, and fades are linear: every output sample is a
mean of samples within the ceiling, so it is within it too, however many turns overlap. An equal-
power fade keeps the level of unlike sounds, but lets like ones rise by 3 dB; what fades here is
speech against silence or speech, for a tenth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dsp.contract import Samples

_MOST_LAYERS = 8  # of many turns in one fade the oldest are all but gone
_HOLD_SAMPLES = 240  # 5 ms at 48 kHz: what ends unasked fades from its last sample


class Voice(Protocol):
    """A sound, mono, 48 kHz, that is read from now on."""

    def read(self, count: int) -> Samples:
        """Return the next samples, float32 (n,); fewer than `count` where no more have come."""


class Silence:
    """Nothing, for ever."""

    def read(self, count: int) -> Samples:
        """Return zeros."""
        return np.zeros(count, np.float32)


@dataclass
class _Layer:
    voice: Voice
    faded_in: int = 0
    last: float = 0.0


class Mixer:
    """Plays one voice and fades to the next.

    Parameters
    ----------
    fade_samples
        Length of a fade; 0 cuts.
    ceiling
        Most that a sample may be, 0 to 1.
    """

    def __init__(self, fade_samples: int, ceiling: float) -> None:
        if fade_samples < 0 or not 0 < ceiling <= 1:
            raise ValueError(
                f"ceiling: expected fade_samples ≥ 0, ceiling within (0, 1], got "
                f"{fade_samples}, {ceiling}"
            )
        self._fade = fade_samples
        self._ceiling = np.float32(ceiling)
        self._layers = [_Layer(Silence(), fade_samples)]

    def turn_to(self, voice: Voice) -> None:
        """Fade from what is heard to `voice`."""
        most = _MOST_LAYERS if self._fade else 1
        self._layers = [*self._layers, _Layer(voice)][-most:]

    def process(self, count: int) -> Samples:
        """Return the next samples, float32 (n,), n ≤ count.

        Fewer where the newest voice has no more: the caller turns to another one and goes on.
        Voices that are fading out and end early fade from their last sample.
        """
        newest = self._read(self._layers[-1], count)
        count = len(newest)
        mixed = np.zeros(count, np.float32)
        for layer in self._layers[:-1]:
            mixed = self._over(mixed, self._held(layer, count), layer)
        mixed = self._over(mixed, newest, self._layers[-1])
        if self._layers[-1].faded_in >= self._fade:
            self._layers = self._layers[-1:]
        # Rounding of the mean may add one unit in the last place.
        held: Samples = np.clip(mixed, -self._ceiling, self._ceiling)
        return held

    def _over(self, below: Samples, above: Samples, layer: _Layer) -> Samples:
        """Return `above` over `below`, as far as it is faded in."""
        if layer.faded_in >= self._fade:
            return above
        places = np.arange(1, len(above) + 1, dtype=np.float32) + np.float32(layer.faded_in)
        share = np.minimum(places / np.float32(self._fade), np.float32(1))
        layer.faded_in += len(above)
        blend: Samples = below + share * (above - below)
        return blend

    def _read(self, layer: _Layer, count: int) -> Samples:
        read = np.asarray(layer.voice.read(count), np.float32)[:count]
        read = np.nan_to_num(read, nan=0.0, posinf=0.0, neginf=0.0)
        read = np.clip(read, -self._ceiling, self._ceiling)
        if len(read):
            layer.last = float(read[-1])
        return read

    def _held(self, layer: _Layer, count: int) -> Samples:
        """Read a voice that is fading out; go on from its last sample where it has ended."""
        read = self._read(layer, count)
        if len(read) == count:
            return read
        fall = np.float32(1 - 1 / _HOLD_SAMPLES) ** np.arange(
            1, count - len(read) + 1, dtype=np.float32
        )
        rest = np.float32(layer.last) * fall
        layer.last = float(rest[-1])
        return np.concatenate([read, rest])
