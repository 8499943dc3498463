"""A stretch heard beside a stretch of a reference, word for word.

A line says which moment of the reference each moment heard belongs to: a straight one, since both
clocks are steady, with a slope within 1 %. Along it the signs are compared; signs that are unsure
where they were heard do not count, so that pauses, gaps and noise neither match nor veto.

*Agreement* is 1 - 2 · errors / signs: 0 for what has nothing in common, about 0.75 over a bad FM
path. Signs are not independent; two stretches of different speech agree within ±1 / sqrt(signs /
SIGNS_PER_CHANCE) (one standard deviation), and `evidence` counts those deviations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import kernel, ready
from dsp.kernel_types import Array, float32, float64, int32, int64, uint32, void
from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import FRAMES_PER_SECOND, STEP
from dsp.recognise.lookup import count_bits
from dsp.recognise.reference_prints import SPEAKS

_U_IN = Array(uint32, 1, "C", readonly=True)
_F_IN = Array(float32, 1, "C", readonly=True)
_SEATS = Array(int32, 2, "C")
_BOUNDS_IN = Array(int64, 2, "C", readonly=True)
_LINES_IN = Array(float64, 3, "C", readonly=True)
_TOTALS = Array(int64, 3, "C")

SIGNS_PER_CHANCE = 10.0  # measured on same-voice speech: 32 · 16.7 signs a second tell 52 apart
SPEEDS = (1.0, 1.005, 0.995, 1.01, 0.99)
_BETTER = 0.02  # of agreement, before another speed is believed
NUDGES = (0, -1, 1, -2, 2, -4, 4)  # frames


@kernel(void(_U_IN, _U_IN, _U_IN, _F_IN, int64, float64, float64, int64, _SEATS))
def compare(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    words: Any,
    heard: Any,
    sure: Any,
    activity: Any,
    first: Any,
    offset: Any,
    speed: Any,
    width: Any,
    seats: Any,
) -> None:
    """Count errors and signs along a line, by pieces of `width` frames of the stream.

    `words` (n,) of the reference, one in STEP frames; `heard`, `sure`, `activity` (m,) of the
    stream from frame `first` on. Frame f of the stream is frame offset + speed · f of the
    reference. `seats` (pieces, 3) begins at the piece that holds `first` and receives errors,
    signs and compared words.
    """
    base = first // width
    begin = offset + speed * first
    end = offset + speed * (first + heard.shape[0])
    low = max(0, int(np.floor(begin / STEP)))
    high = min(words.shape[0], int(np.ceil(end / STEP)) + 1)
    for p in range(low, high):
        g = int(np.round((p * STEP - offset) / speed)) - first
        if g < 0 or g >= heard.shape[0] or activity[g] < SPEAKS:
            continue
        seat = (first + g) // width - base
        seats[seat, 0] += count_bits((words[p] ^ heard[g]) & sure[g])
        seats[seat, 1] += count_bits(sure[g])
        seats[seat, 2] += 1


@kernel(void(_U_IN, _BOUNDS_IN, _U_IN, _U_IN, _F_IN, int64, _LINES_IN, _TOTALS))
def compare_lines(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    words: Any,
    bounds: Any,
    heard: Any,
    sure: Any,
    activity: Any,
    first: Any,
    lines: Any,
    totals: Any,
) -> None:
    """Count errors and signs of many `lines` (n, k, 2), each offset and speed, to `totals`, same.

    Row n belongs to the reference whose words are those from `bounds` (n, 2) to its end in `words`.
    The other arguments are those of `compare`.
    """
    for n in range(lines.shape[0]):
        start, stop = bounds[n, 0], bounds[n, 1]
        for k in range(lines.shape[1]):
            offset, speed = lines[n, k, 0], lines[n, k, 1]
            low = max(0, int(np.floor((offset + speed * first) / STEP)))
            end = offset + speed * (first + heard.shape[0])
            high = min(stop - start, int(np.ceil(end / STEP)) + 1)
            errors, signs = np.int64(0), np.int64(0)
            for p in range(low, high):
                g = int(np.round((p * STEP - offset) / speed)) - first
                if g >= 0 and g < heard.shape[0] and activity[g] >= SPEAKS:
                    errors += count_bits((words[start + p] ^ heard[g]) & sure[g])
                    signs += count_bits(sure[g])
            totals[n, k, 0], totals[n, k, 1] = errors, signs


@dataclass(frozen=True, slots=True)
class Comparison:
    """Errors and signs of each second of the stream along a line."""

    first_second: int
    errors: npt.NDArray[np.int32]
    signs: npt.NDArray[np.int32]

    def agreement(self) -> float:
        """Over all seconds; 0 where nothing was compared."""
        signs = int(self.signs.sum())
        return 1.0 - 2.0 * int(self.errors.sum()) / signs if signs else 0.0

    def evidence(self) -> float:
        """How many standard deviations of chance that is."""
        return self.agreement() * float(np.sqrt(self.signs.sum() / SIGNS_PER_CHANCE))


def follow(
    words: npt.NDArray[np.uint32], prints: Prints, offset: float, speed: float
) -> Comparison:
    """Compare `prints` with a reference along a line (see `compare`), by seconds."""
    ready(compare)
    last = prints.first + max(len(prints), 1) - 1
    first_second = prints.first // FRAMES_PER_SECOND
    seats = np.zeros((last // FRAMES_PER_SECOND - first_second + 1, 3), np.int32)
    compare(
        words,
        prints.words,
        prints.sure,
        prints.activity,
        prints.first,
        offset,
        speed,
        FRAMES_PER_SECOND,
        seats,
    )
    return Comparison(first_second, seats[:, 0].copy(), seats[:, 1].copy())


def fit(
    words: npt.NDArray[np.uint32],
    prints: Prints,
    frame: float,
    reference_frame: float,
    speeds: tuple[float, ...] = SPEEDS,
    nudges: tuple[int, ...] = NUDGES,
) -> tuple[float, float, Comparison]:
    """Return offset, speed and comparison of the best line through about one pair of moments."""
    bounds = np.array([[0, len(words)]], np.int64)
    at = np.array([frame]), np.array([reference_frame])
    found = fit_many(words, bounds, prints, *at, speeds, nudges)
    offset, speed = float(found.offsets[0]), float(found.speeds[0])
    return offset, speed, follow(words, prints, offset, speed)


@dataclass(frozen=True, slots=True)
class Fits:
    """The best line of each of n pairs of moments, and how many deviations above chance it is."""

    offsets: npt.NDArray[np.float64]
    speeds: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]


def fit_many(
    words: npt.NDArray[np.uint32],
    bounds: npt.NDArray[np.int64],
    prints: Prints,
    frames: npt.NDArray[np.float64],
    reference_frames: npt.NDArray[np.float64],
    speeds: tuple[float, ...] = SPEEDS,
    nudges: tuple[int, ...] = NUDGES,
) -> Fits:
    """Return the best lines through about (`frames`, `reference_frames`), both (n,).

    The words of reference n are those from `bounds` (n, 2) to its end in `words`.
    """
    ready(compare_lines)
    speed_of = np.repeat(np.array(speeds), len(nudges))
    nudge_of = np.tile(np.array(nudges, np.float64), len(speeds))
    offsets = reference_frames[:, None] + nudge_of - speed_of * frames[:, None]
    lines = np.stack([offsets, np.broadcast_to(speed_of, offsets.shape)], axis=2)
    totals = np.empty(lines.shape, np.int64)
    compare_lines(
        words, bounds, prints.words, prints.sure, prints.activity, prints.first, lines, totals
    )
    errors, signs = totals[:, :, 0], totals[:, :, 1]
    agreement = np.where(signs > 0, 1.0 - 2.0 * errors / np.maximum(signs, 1), 0.0)
    # The first speed is the likeliest: another must be clearly better.
    best = np.argmax(agreement - np.where(speed_of != speeds[0], _BETTER, 0.0), axis=1)
    rows = np.arange(len(best))
    evidence = agreement[rows, best] * np.sqrt(signs[rows, best] / SIGNS_PER_CHANCE)
    return Fits(offsets[rows, best], speed_of[best], evidence)
