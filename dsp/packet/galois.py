"""Arithmetic of GF(2^8) with the primitive polynomial of RFC 5510: x^8 + x^4 + x^3 + x^2 + 1.

The generator is α = 2. `PRODUCTS[a, b]` is a·b, 64 KiB, so that a matrix product over bytes is
table look-ups in NumPy; `invert_matrix` is Gauss–Jordan.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_POLYNOMIAL = 0x11D
ORDER = 255  # of the multiplicative group


def _powers() -> Bytes:
    """Return α^0 … α^254."""
    powers = np.empty(ORDER, np.uint8)
    value = 1
    for exponent in range(ORDER):
        powers[exponent] = value
        value <<= 1
        if value & 0x100:
            value ^= _POLYNOMIAL
    return powers


POWERS: Bytes = _powers()
_LOGS = np.zeros(256, np.int64)
_LOGS[POWERS] = np.arange(ORDER)


def _products() -> Bytes:
    """Return the multiplication table, (256, 256)."""
    exponents = (_LOGS[:, None] + _LOGS[None, :]) % ORDER
    table = POWERS[exponents]
    table[0, :] = 0
    table[:, 0] = 0
    return table


PRODUCTS: Bytes = _products()
INVERSES: Bytes = np.zeros(256, np.uint8)
INVERSES[POWERS] = POWERS[(-np.arange(ORDER)) % ORDER]


def multiply(matrix: Bytes, symbols: Bytes) -> Bytes:
    """Return matrix · symbols: (rows, k) · (k, n) → (rows, n)."""
    out = np.zeros((matrix.shape[0], symbols.shape[1]), np.uint8)
    for row, coefficients in enumerate(matrix):
        # (k, n): each source symbol times its coefficient, then their sum, which is exclusive or.
        terms = PRODUCTS[coefficients[:, None], symbols]
        np.bitwise_xor.reduce(terms, axis=0, out=out[row])
    return out


def invert_matrix(matrix: Bytes) -> Bytes:
    """Return the inverse of a square matrix.

    Raises
    ------
    ValueError
        A singular matrix.
    """
    size = matrix.shape[0]
    work = np.concatenate([matrix.copy(), np.eye(size, dtype=np.uint8)], axis=1)
    for column in range(size):
        candidates = np.flatnonzero(work[column:, column])
        if not len(candidates):
            raise ValueError(f"matrix: expected full rank {size}, got {column}")
        pivot = column + int(candidates[0])
        if pivot != column:
            work[[column, pivot]] = work[[pivot, column]]
        work[column] = PRODUCTS[INVERSES[work[column, column]], work[column]]
        factors = work[:, column].copy()
        factors[column] = 0
        work ^= PRODUCTS[factors[:, None], work[column][None, :]]
    return work[:, size:].copy()
