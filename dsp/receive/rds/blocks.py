"""Which 26 bits are a block: syndromes, corrections, and how likely each is.

Bits come as symbols with a log-likelihood each, before differential decoding, because that is where
the errors happen: one wrong symbol makes two wrong bits in a row. A block is looked at with its 27
symbols, and is taken to be right as received, with one symbol wrong (a burst of two bits, one bit
at either edge), or with one bit wrong (the carrier slipped by half a turn). Longer corrections, of
which the code would be capable, let too many false blocks pass (IEC 62106 annex B).

With p the probability of the error pattern that makes the syndrome fit, and q that of all patterns
not considered, whose syndromes are as good as random:

    likelihood against random bits   1024 p + q         (mean 1 over random bits)
    odds of the block being right    1024 p / q

Nothing else decides: strong symbols are not flipped, and noise is not believed however often it
fits by chance.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import inlined
from dsp.rds.code import BLOCK_BITS, CHECK_BITS, GENERATOR, OFFSET_WORDS

SYMBOLS: Final = BLOCK_BITS + 1
RING: Final = 8_192  # symbols kept: 6.9 s
_SYNDROMES: Final = 1 << CHECK_BITS
_HALF: Final = BLOCK_BITS // 2
NO_PATTERN: Final = -1
#: Patterns 1 … 27 flip a symbol, 28 … 51 one bit between the edges.
FIRST_SINGLE_BIT: Final = SYMBOLS + 1

#: Offsets in the order A, B, C, C', D.
OFFSETS: Final = tuple(OFFSET_WORDS[name] for name in ("A", "B", "C", "C'", "D"))

#: A symbol is never trusted more than this: clicks of a weak carrier know no Gaussian.
_LEAST_ERROR: Final = 1e-3
_LEAST_REST: Final = 1e-4

I64 = types.Array(types.int64, 1, "C")
F64 = types.Array(types.float64, 1, "C")


def _remainder(word: int) -> int:
    """Return the remainder of a 26-bit word by the generator."""
    for bit in range(BLOCK_BITS - 1, CHECK_BITS - 1, -1):
        if word >> bit & 1:
            word ^= GENERATOR << (bit - CHECK_BITS)
    return word


@functools.cache
def remainder_tables() -> npt.NDArray[np.int64]:
    """Return remainders of the upper and of the lower 13 bits, one after the other."""
    upper = [_remainder(value << _HALF) for value in range(1 << _HALF)]
    lower = [_remainder(value) for value in range(1 << _HALF)]
    return np.array(upper + lower, dtype=np.int64)


def error_words() -> npt.NDArray[np.int64]:
    """Return the bits that each pattern turns over, index 0 for none."""
    words = [0]
    for symbol in range(SYMBOLS):
        word = 0
        if symbol > 0:
            word |= 1 << (BLOCK_BITS - symbol)
        if symbol < BLOCK_BITS:
            word |= 1 << (BLOCK_BITS - 1 - symbol)
        words.append(word)
    words += [1 << (BLOCK_BITS - 1 - bit) for bit in range(1, BLOCK_BITS - 1)]
    return np.array(words, dtype=np.int64)


@functools.cache
def pattern_table() -> npt.NDArray[np.int64]:
    """Return the pattern for each syndrome, NO_PATTERN where none of them makes it."""
    table = np.full(_SYNDROMES, NO_PATTERN, dtype=np.int64)
    for pattern, word in enumerate(error_words()):
        table[_remainder(int(word))] = pattern
    return table


@inlined
def odds_wrong(level: Any) -> Any:
    """Return the odds of a symbol of log-likelihood `level` being wrong."""
    wrong = max(1.0 / (1.0 + math.exp(abs(level))), _LEAST_ERROR)
    return wrong / (1.0 - wrong)


@inlined
def weigh_block(end: Any, chances: Any, slip: Any) -> Any:
    """Return the probabilities of a block as received being right, and of all not considered.

    `end` counts its last symbol; `chances` is the ring of the odds of each being wrong.
    """
    inverse = 1.0
    total = 0.0
    for i in range(SYMBOLS):
        odds = chances[(end - i) & (RING - 1)]
        inverse *= 1.0 + odds
        total += odds
    right = 1.0 / inverse
    covered = right * (1.0 + total + (BLOCK_BITS - 2) * slip)
    return right, max(1.0 - covered, _LEAST_REST)


@inlined
def fit_of(pattern: Any, end: Any, right: Any, chances: Any, slip: Any) -> Any:
    """Return the probability of an error pattern of the block that ends with symbol `end`."""
    if pattern < 0:
        return 0.0
    if pattern == 0:
        return right
    if pattern < FIRST_SINGLE_BIT:
        return right * chances[(end - SYMBOLS + pattern) & (RING - 1)]
    return right * slip
