"""The erasure code: an independent twin, every pattern of a small code, random ones of large."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dsp.packet import reed_solomon
from dsp.packet.galois import INVERSES, POWERS, PRODUCTS, invert_matrix, multiply


def slow_product(a: int, b: int) -> int:
    """Multiply bit by bit, reduced by x^8 + x^4 + x^3 + x^2 + 1 (RFC 5510 clause 8.1)."""
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11D
        b >>= 1
    return result


def slow_repair(source: list[int], index: int) -> int:
    """Lagrange: the polynomial through (α^i, source[i]), read at α^index."""
    at, total = int(POWERS[index]), 0
    for i, value in enumerate(source):
        term = value
        for j in range(len(source)):
            if i != j:
                above = at ^ int(POWERS[j])
                below = int(POWERS[i]) ^ int(POWERS[j])
                term = slow_product(slow_product(term, above), int(INVERSES[below]))
        total ^= term
    return total


def test_the_field():
    rng = np.random.default_rng(1)
    for a, b in rng.integers(0, 256, (500, 2)):
        assert PRODUCTS[a, b] == slow_product(int(a), int(b))
    assert all(PRODUCTS[a, INVERSES[a]] == 1 for a in range(1, 256))
    assert len(set(POWERS.tolist())) == 255


def test_repairs_are_points_of_the_polynomial_through_the_source():
    source = np.array([[3], [200], [0], [17], [255]], np.uint8)
    repairs = reed_solomon.encode(source, 4)
    column = source[:, 0].tolist()
    assert [int(r) for r in repairs[:, 0]] == [slow_repair(column, 5 + i) for i in range(4)]


def test_any_k_symbols_give_all_back():
    source = np.random.default_rng(2).integers(0, 256, (4, 9), dtype=np.uint8)
    everything = dict(enumerate(np.concatenate([source, reed_solomon.encode(source, 3)])))
    for kept in itertools.combinations(range(7), 4):
        found = reed_solomon.decode({i: everything[i] for i in kept}, 4)
        assert set(found) == set(range(4)) - set(kept)
        for index, symbol in found.items():
            np.testing.assert_array_equal(symbol, source[index])


@pytest.mark.parametrize(("k", "n"), [(1, 2), (30, 45), (34, 68), (100, 255)])
def test_large_codes_with_random_losses(k, n):
    rng = np.random.default_rng(k)
    source = rng.integers(0, 256, (k, 31), dtype=np.uint8)
    everything = np.concatenate([source, reed_solomon.encode(source, n - k)])
    for _ in range(5):
        kept = rng.permutation(n)[:k]
        found = reed_solomon.decode({int(i): everything[i] for i in kept}, k)
        for index, symbol in found.items():
            np.testing.assert_array_equal(symbol, source[index])


def test_too_few_symbols_give_nothing():
    source = np.eye(4, dtype=np.uint8)
    repairs = reed_solomon.encode(source, 2)
    assert reed_solomon.decode({0: source[0], 4: repairs[0], 5: repairs[1]}, 4) == {}
    assert reed_solomon.decode(dict(enumerate(source)), 4) == {}


def test_the_inverse_is_one_and_a_singular_matrix_has_none():
    rng = np.random.default_rng(3)
    matrix = rng.integers(0, 256, (12, 12), dtype=np.uint8)
    np.testing.assert_array_equal(multiply(matrix, invert_matrix(matrix)), np.eye(12))
    matrix[3] = matrix[5]
    with pytest.raises(ValueError, match="rank"):
        invert_matrix(matrix)


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="255"):
        reed_solomon.encode(np.zeros((200, 3), np.uint8), 56)
    with pytest.raises(ValueError, match="255"):
        reed_solomon.encode(np.zeros((0, 3), np.uint8), 3)
