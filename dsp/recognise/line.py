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
_LINES_IN = Array(float64, 2, "C", readonly=True)
_TOTALS = Array(int64, 2, "C")

SIGNS_PER_CHANCE = 10.0  # measured on same-voice speech: 32 · 16.7 signs a second tell 52 apart
SPEEDS = (1.0, 1.005, 0.995, 1.01, 0.99)
_BETTER = 0.02  # of agreement, before another speed is believed
NUDGES = (0, -2, 2, -4, 4)  # frames


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


@kernel(void(_U_IN, _U_IN, _U_IN, _F_IN, int64, _LINES_IN, _TOTALS))
def compare_lines(words, heard, sure, activity, first, lines, totals):
    """Count errors and signs of many `lines` (n, 2), each offset and speed, into `totals` (n, 2).

    The other arguments are those of `compare`.
    """
    for n in range(lines.shape[0]):
        offset, speed = lines[n, 0], lines[n, 1]
        low = max(0, int(np.floor((offset + speed * first) / STEP)))
        end = offset + speed * (first + heard.shape[0])
        high = min(words.shape[0], int(np.ceil(end / STEP)) + 1)
        errors, signs = np.int64(0), np.int64(0)
        for p in range(low, high):
            g = int(np.round((p * STEP - offset) / speed)) - first
            if g >= 0 and g < heard.shape[0] and activity[g] >= SPEAKS:
                errors += count_bits((words[p] ^ heard[g]) & sure[g])
                signs += count_bits(sure[g])
        totals[n, 0], totals[n, 1] = errors, signs


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
    ready(compare_lines)
    speed_of = np.repeat(np.array(speeds), len(nudges))
    offsets = reference_frame + np.tile(np.array(nudges), len(speeds)) - speed_of * frame
    lines = np.ascontiguousarray(np.stack([offsets, speed_of], axis=1), np.float64)
    totals = np.empty((len(lines), 2), np.int64)
    compare_lines(words, prints.words, prints.sure, prints.activity, prints.first, lines, totals)
    agreement = 1.0 - 2.0 * totals[:, 0] / np.maximum(totals[:, 1], 1)
    agreement[totals[:, 1] == 0] = 0.0
    # The first speed is the likeliest: another must be clearly better.
    best = int(np.argmax(agreement - np.where(speed_of != speeds[0], _BETTER, 0.0)))
    offset, speed = float(offsets[best]), float(speed_of[best])
    return offset, speed, follow(words, prints, offset, speed)
