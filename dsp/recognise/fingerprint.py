"""Speech in, words of 32 signs out: what is compared when two sounds are asked to be the same.

    speech_bands ─ power / local level ─ fourth root ─ cosines over bands ─ over 0.96 s ─ signs

Every band power is divided by the geometric mean of two averages over ±0.6 s, that of the band and
that of all bands: half of any equaliser, emphasis or slow compressor is gone, and a band that only
holds noise is not lifted to the height of one that speaks. The fourth root does for the ear what a
logarithm does, without giving the noise of pauses the weight of words. The filters and the reasons
for them are in `grid`.

Each sign comes with how sure it is: the value itself, in units of its spread over speech. A pause,
silence or steady noise gives values near zero: `activity` is their root mean square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.kernel import kernel, ready
from dsp.kernel_types import Array, float32, float64, int8, int64, uint32, void
from dsp.recognise.grid import (
    BANDS,
    FILTERS,
    FRAME,
    LOCAL,
    ORDERS,
    PATCH,
    RATE_HZ,
    WINDOW,
    WORD_BITS,
    band_filters,
    time_filters,
)
from dsp.recognise.speech_bands import SpeechBands

_F2_IN = Array(float32, 2, "C", readonly=True)
_F2 = Array(float32, 2, "C")
_F1 = Array(float32, 1, "C")
_F1_IN = Array(float32, 1, "C", readonly=True)
_I2_IN = Array(int64, 2, "C", readonly=True)
_SUMS = Array(float64, 1, "C")
_WORDS = Array(uint32, 1, "C")
_VALUES = Array(int8, 2, "C")

# White noise at -85 dB full scale: a level is not followed below it, so that silence and the dither
# of 16 bits are nothing beside speech and nothing beside themselves.
_FLOOR = np.float32(1e-6)
# What white noise of power 1 gives on average in a band: the window's power, lifted by the tilt.
_NOISE_GAIN_DB = 10.0 * np.log10(WINDOW * 0.375 * 1.6)
VALUE_SCALE = 32  # a value of one spread, as stored
_SURE = np.float32(0.2)  # spreads; a smaller value has a sign by chance
# Spread of the filtered patches over speech in eight voices, by order over the bands.
_SPREAD = (2.5, 1.1, 1.05, 1.0, 0.57, 0.58, 0.53, 0.44)
_LEVELLED = 2 * LOCAL + 1  # frames of which a level is taken
_BEFORE = LOCAL + 1 + PATCH // 2  # silent frames that precede what is printed of a stream
_AFTER = LOCAL + PATCH // 2 - 1  # frames that a word waits for


@dataclass(frozen=True, slots=True)
class Prints:
    """Words of a stretch of sound, one a frame of 20 ms.

    Parameters
    ----------
    first
        Frame of the stream at which the first word stands.
    words
        uint32 (n,): signs, the surest filter in the highest bit.
    sure
        uint32 (n,): a 1 where the sign is sure enough to be compared.
    values
        int8 (n, 32): what the signs are of, VALUE_SCALE a spread; column 0 belongs to bit 31.
    activity
        float32 (n,): root mean square of the values; about 1 in speech, below 0.25 in steady noise.
    level_dbfs
        float32 (n,): level in the speech band, averaged over 1.2 s.
    flatness
        float32 (n,): geometric over arithmetic mean of the bands' powers over 1.2 s; about 0.7 for
        hiss, near 0 for a tone.
    """

    first: int
    words: npt.NDArray[np.uint32]
    sure: npt.NDArray[np.uint32]
    values: npt.NDArray[np.int8]
    activity: npt.NDArray[np.float32]
    level_dbfs: npt.NDArray[np.float32]
    flatness: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Number of words."""
        return len(self.words)

    @classmethod
    def empty(cls, first: int = 0) -> Self:
        """No words."""
        return cls(
            first,
            np.zeros(0, np.uint32),
            np.zeros(0, np.uint32),
            np.zeros((0, WORD_BITS), np.int8),
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
        )

    def then(self, other: Prints) -> Prints:
        """Return these words and those that follow."""
        assert other.first == self.first + len(self)
        return Prints(
            self.first,
            np.concatenate([self.words, other.words]),
            np.concatenate([self.sure, other.sure]),
            np.concatenate([self.values, other.values]),
            np.concatenate([self.activity, other.activity]),
            np.concatenate([self.level_dbfs, other.level_dbfs]),
            np.concatenate([self.flatness, other.flatness]),
        )

    def part(self, start: int, stop: int) -> Prints:
        """Return the words of frames start to stop of the stream, as far as they are here."""
        a = max(0, start - self.first)
        b = max(a, stop - self.first)
        return Prints(
            self.first + a,
            self.words[a:b],
            self.sure[a:b],
            self.values[a:b],
            self.activity[a:b],
            self.level_dbfs[a:b],
            self.flatness[a:b],
        )


@kernel(void(_F2_IN, _SUMS, _F2_IN, _F2, _F1, _F1))
def level_out(
    powers: Any, sums: Any, cosines: Any, patches: Any, levels: Any, flatness: Any
) -> None:
    """Write the cosines over the bands of the levelled frames to `patches` (n, ORDERS).

    `powers` (n + 2 · LOCAL + 1, BANDS) begins LOCAL + 1 frames before the first frame to be
    written; `sums` (BANDS,) holds the sums over the ±LOCAL frames of the one before and is carried.
    `levels` and `flatness` (n,) receive mean power and flatness of all bands.
    """
    width = np.float32(1.0 / (2 * LOCAL + 1))
    root = np.empty(BANDS, np.float32)
    for n in range(patches.shape[0]):
        everything = np.float32(0.0)
        for b in range(BANDS):
            sums[b] += np.float64(powers[n + 2 * LOCAL + 1, b]) - np.float64(powers[n, b])
            everything += np.float32(max(sums[b], 0.0)) * width
        everything = everything / np.float32(BANDS)
        levels[n] = everything
        logs = np.float32(0.0)
        for b in range(BANDS):
            own = np.float32(max(sums[b], 0.0)) * width
            logs += np.log((own + _FLOOR) / (everything + _FLOOR))
            level = np.sqrt((own + _FLOOR) * (everything + _FLOOR))
            root[b] = np.sqrt(np.sqrt(powers[n + LOCAL + 1, b] / level))
        flatness[n] = np.exp(logs / np.float32(BANDS))
        for j in range(cosines.shape[0]):
            total = np.float32(0.0)
            for b in range(BANDS):
                total += cosines[j, b] * root[b]
            patches[n, j] = total


@kernel(void(_F2_IN, _F2_IN, _I2_IN, _F1_IN, _WORDS, _WORDS, _VALUES, _F1))
def take_signs(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    patches: Any,
    ramps: Any,
    filters: Any,
    gains: Any,
    words: Any,
    sure: Any,
    values: Any,
    activity: Any,
) -> None:
    """Write words, sure signs, values and activity of `patches` (n + PATCH - 1, ORDERS).

    `ramps` (orders in time, PATCH); `filters` (32, 2) names the order in time and over the bands of
    each; `gains` (32,) brings it to units of its spread.
    """
    orders = ramps.shape[0]
    sums = np.empty((orders, ORDERS), np.float32)
    for n in range(words.shape[0]):
        # All orders, not only those of the filters: whole rows are vector operations.
        sums[:] = np.float32(0.0)
        for t in range(PATCH):
            for i in range(orders):
                ramp = ramps[i, t]
                for j in range(ORDERS):
                    sums[i, j] += ramp * patches[n + t, j]
        word, certain = np.uint32(0), np.uint32(0)
        energy = np.float32(0.0)
        for f in range(WORD_BITS):
            value = sums[filters[f, 0], filters[f, 1]] * gains[f]
            energy += value * value
            word = (word << np.uint32(1)) | np.uint32(value > 0.0)
            certain = (certain << np.uint32(1)) | np.uint32(abs(value) > _SURE)
            values[n, f] = np.int8(max(-127.0, min(127.0, value * VALUE_SCALE)))
        words[n] = word
        sure[n] = certain
        activity[n] = np.sqrt(energy / np.float32(WORD_BITS))


class Fingerprinter:
    """Words of a stream, frame after frame; the same however the stream is cut.

    The word of frame t (at t · 20 ms) comes when the stream has passed it by `delay_samples`.

    Parameters
    ----------
    rate_hz
        8, 16, 24, 32 or 48 kHz.
    """

    def __init__(self, rate_hz: int) -> None:
        ready(level_out, take_signs)
        self._bands = SpeechBands(rate_hz)
        self.rate_hz = rate_hz
        self.delay_samples = (_AFTER * FRAME + WINDOW // 2) * (rate_hz // RATE_HZ)
        self._band_filters = band_filters()
        self._ramps = time_filters()
        self._filters = np.array(FILTERS, np.int64)
        self._gains = np.array([1.0 / _SPREAD[j] for _, j in FILTERS], np.float32)
        self.reset()

    def reset(self) -> None:
        """As just built."""
        self._bands.reset()
        self._heard = 0
        self._next = 0
        self._sums = np.zeros(BANDS, np.float64)
        # As many silent frames as a level is taken of, so that every frame that leaves its sum has
        # been in it; the first rows stand before anything that is printed and are dropped.
        self._powers = np.zeros((_LEVELLED, BANDS), np.float32)
        self._early = _LEVELLED - _BEFORE
        self._patches = np.zeros((0, ORDERS), np.float32)
        self._levels = np.zeros(0, np.float32)
        self._flatness = np.zeros(0, np.float32)

    def process(self, samples: Samples) -> Prints:
        """Return the words that the next `samples`, float32 (n,), complete.

        Raises
        ------
        BlockContractError
            If `samples` is not finite float32 (n,); the state is untouched.
        """
        powers = self._bands.process(samples)
        self._heard += len(samples)
        return self._advance(powers)

    def finish(self) -> Prints:
        """Return the words up to the end of the stream, after which silence is taken to come.

        The block is as just built afterwards.
        """
        frames = -(-self._heard * RATE_HZ // (self.rate_hz * FRAME))
        factor = self.rate_hz // RATE_HZ
        silence = np.zeros((WINDOW + FRAME * (_AFTER + 2)) * factor, np.float32)
        rest = self._advance(self._bands.process(silence)).part(0, frames)
        self.reset()
        return rest

    def _advance(self, powers: npt.NDArray[np.float32]) -> Prints:
        pending = np.concatenate([self._powers, powers])
        count = max(0, len(pending) - _LEVELLED)
        patches = np.empty((count, ORDERS), np.float32)
        levels = np.empty(count, np.float32)
        flatness = np.empty(count, np.float32)
        level_out(pending, self._sums, self._band_filters, patches, levels, flatness)
        self._powers = pending[count:]
        early = min(self._early, count)
        self._early -= early
        patches = np.concatenate([self._patches, patches[early:]])
        levels = np.concatenate([self._levels, levels[early:]])
        flatness = np.concatenate([self._flatness, flatness[early:]])
        n = max(0, len(patches) - PATCH + 1)
        words = np.empty(n, np.uint32)
        sure = np.empty(n, np.uint32)
        values = np.empty((n, WORD_BITS), np.int8)
        activity = np.empty(n, np.float32)
        take_signs(patches, self._ramps, self._filters, self._gains, words, sure, values, activity)
        middle = slice(PATCH // 2, PATCH // 2 + n)
        level_dbfs = 10.0 * np.log10(levels[middle] + _FLOOR) - np.float32(_NOISE_GAIN_DB)
        flat = flatness[middle]
        self._patches, self._levels, self._flatness = patches[n:], levels[n:], flatness[n:]
        first, self._next = self._next, self._next + n
        return Prints(first, words, sure, values, activity, level_dbfs.astype(np.float32), flat)


def fingerprint(samples: Samples, rate_hz: int) -> Prints:
    """Return the words of a whole sound, float32 (n,)."""
    printer = Fingerprinter(rate_hz)
    return printer.process(samples).then(printer.finish())
