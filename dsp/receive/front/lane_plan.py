"""In which passes a transform in lanes goes, by which turns, and where it leaves its frequencies.

A length is a product of 2, 3 and 5, taken as radices of 8, 5, 4, 3 and 2, the largest strides
first. Nothing here runs per block: a plan is made once for a length.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def radices(length: int) -> list[int]:
    """Return the radices of a transform, the largest strides first.

    Raises
    ------
    ValueError
        If `length` has another prime factor than 2, 3 and 5.
    """
    rest, found = length, []
    for radix in (8, 5, 4, 3, 2):
        while rest % radix == 0:
            found.append(radix)
            rest //= radix
    if rest != 1:
        raise ValueError(f"length: expected a product of 2, 3 and 5, got {length}")
    # Fives between the eights: strides that are powers of two would share few cache lines.
    eights = [r for r in found if r == 8]
    others = [r for r in found if r != 8]
    mixed = []
    while eights or others:
        mixed += eights[:1] + others[:1]
        eights, others = eights[1:], others[1:]
    return mixed


def places(length: int) -> npt.NDArray[np.int64]:
    """Return the row at which `transform` leaves each frequency, FFT order."""
    rest = np.arange(length)
    rows = np.zeros(length, np.int64)
    span = length
    for radix in radices(length):
        span //= radix
        rows += rest % radix * span
        rest //= radix
    return rows


def plan_passes(length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the passes (count, 4), each radix, span, stride and first turn; and all turns."""
    passes, turns = [], [np.zeros(0, np.float32)]
    span, used = length, 0
    for radix in radices(length):
        stride = span // radix
        j, k = np.arange(stride)[:, None], np.arange(1, radix)[None, :]
        turn = np.exp(-2j * np.pi * j * k / span).astype(np.complex64).ravel().view(np.float32)
        passes.append((radix, span, stride, used))
        turns.append(turn)
        used += len(turn)
        span = stride
    return np.array(passes, np.int64), np.concatenate(turns)
