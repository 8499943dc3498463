"""Reed–Solomon erasure code over GF(2^8) (RFC 5510 clause 8): any k of n symbols give the k back.

The code is systematic: symbols 0 … k−1 are the source itself. With the Vandermonde matrix
V[i, j] = α^(i·j) of k rows and n columns, the generator is V_kk⁻¹ · V, so that every k of its
columns are independent; a source symbol's column is a unit vector. Symbols are whole packets,
coded byte column by byte column.
"""

from __future__ import annotations

import functools

import numpy as np

from dsp.packet.galois import ORDER, POWERS, Bytes, invert_matrix, multiply

MAX_SYMBOLS = 255


@functools.lru_cache(maxsize=64)
def _repair_matrix(source: int, total: int) -> Bytes:
    """Return (total − source, source): the rows that make repair symbols of source symbols."""
    exponents = np.arange(source)[:, None] * np.arange(total)[None, :] % ORDER
    vandermonde = POWERS[exponents]
    generator = multiply(invert_matrix(vandermonde[:, :source].copy()), vandermonde)
    matrix = np.ascontiguousarray(generator[:, source:].T)
    matrix.flags.writeable = False
    return matrix


def _require(source: int, total: int) -> None:
    if not 1 <= source <= total <= MAX_SYMBOLS:
        raise ValueError(f"expected 1 ≤ source ≤ total ≤ {MAX_SYMBOLS}, got {source} of {total}")


def encode(symbols: Bytes, repair_count: int) -> Bytes:
    """Return `repair_count` repair symbols of the source symbols.

    Parameters
    ----------
    symbols
        uint8, shape (k, bytes).
    repair_count
        n − k; n ≤ 255.

    Returns
    -------
    uint8, shape (repair_count, bytes).
    """
    _require(len(symbols), len(symbols) + repair_count)
    return multiply(_repair_matrix(len(symbols), len(symbols) + repair_count), symbols)


def decode(received: dict[int, Bytes], source: int) -> dict[int, Bytes]:
    """Return the source symbols that did not arrive.

    Parameters
    ----------
    received
        Encoding symbol id → uint8 of shape (bytes,), all of one length; ids from `source` on are
        repair symbols. More than needed is no harm.
    source
        k.

    Returns
    -------
    Missing source symbols by id; empty where fewer than k symbols arrived.
    """
    missing = [index for index in range(source) if index not in received]
    repairs = sorted(index for index in received if index >= source)[: len(missing)]
    if not missing or len(repairs) < len(missing):
        return {}
    _require(source, repairs[-1] + 1)
    rows = _repair_matrix(source, repairs[-1] + 1)[np.array(repairs) - source]
    known = [index for index in range(source) if index in received]
    rest = np.stack([received[index] for index in repairs])
    if known:
        rest = rest ^ multiply(rows[:, known], np.stack([received[index] for index in known]))
    solved = multiply(invert_matrix(rows[:, missing]), rest)
    return dict(zip(missing, solved, strict=True))
