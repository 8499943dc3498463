"""Sixteen numbers at once: a vector type for kernels, where loops do not vectorise by themselves.

The compiler turns plain loops into vector code when it can prove that no two arrays overlap; in a
transform that works in place, with a dozen places read and written per step, it cannot. What `load`
returns is sixteen float32 that every operation treats alike: sixteen independent streams side by
side. `+`, `-`, `*` work lane by lane; `larger` and `magnitude` too; `load` and `store` move sixteen
neighbours of an array; `splat` repeats a number. The machine's own vectors may be 4, 8 or 16 wide;
the compiler cuts as needed, and fuses a multiplication with an addition where the kernel allows
"contract".

`turn` exchanges rows and columns of a square of 16 x 16; `load_lanes` and `store_lanes` turn
streams into lanes and back, eight complex samples of all sixteen at a time: transpositions in
registers.

Nothing is checked: an index beyond the array is our own bug. What the compiler makes of the names
here stands in `lane_code.py`; it is loaded when a kernel must be compiled, because it needs numba.
In plain Python a vector is an array of 16 numbers.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LANES = 16
PIECE = LANES // 2  # complex samples that load_lanes and store_lanes move of each stream


class LaneOperation:
    """An operation on lanes; call it in plain Python, or from a kernel."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        """Run it in plain Python."""
        return self._function(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """How numba sees it where a kernel calls it."""
        code: Any = importlib.import_module("dsp.lane_code")
        return code.type_of(self._function.__name__)


@LaneOperation
def load(array: Any, index: Any) -> Any:
    """Return sixteen neighbours of a float32 array from `index` on."""
    return array[index : index + LANES].copy()


@LaneOperation
def store(value: Any, array: Any, index: Any) -> None:
    """Write sixteen neighbours of a float32 array from `index` on."""
    array[index : index + LANES] = value


@LaneOperation
def splat(value: Any) -> Any:
    """Return the number in every lane."""
    return np.full(LANES, value, np.float32)


@LaneOperation
def spread(array: Any, index: Any) -> Any:
    """Return number `index` of a float32 array in every lane."""
    return np.full(LANES, array[index], np.float32)


@LaneOperation
def spread_two(array: Any, index: Any) -> Any:
    """Return number `index` of a float32 array in the first eight lanes, the next in the others."""
    return np.repeat(array[index : index + 2], LANES // 2)


@LaneOperation
def larger(one: Any, other: Any) -> Any:
    """Return the larger of two, lane by lane."""
    return np.maximum(one, other)


@LaneOperation
def smaller(one: Any, other: Any) -> Any:
    """Return the smaller of two, lane by lane."""
    return np.minimum(one, other)


@LaneOperation
def magnitude(value: Any) -> Any:
    """Return the numbers without their signs."""
    return np.abs(value)


@LaneOperation
def lane_sum(value: Any) -> Any:
    """Return the sum over the lanes, as a balanced tree."""
    while len(value) > 1:
        value = value[: len(value) // 2] + value[len(value) // 2 :]
    return value[0]


@LaneOperation
def lane_max(value: Any) -> Any:
    """Return the largest of the lanes."""
    return value.max()


@LaneOperation
def turn(source: Any, index: Any, stride: Any, target: Any, at: Any, step: Any) -> None:
    """Write a square of 16 x 16 of `source` to `target` with rows and columns exchanged.

    Row s of it begins at index + s * stride; what was number i of the rows becomes row i, which
    begins at `at` + i * step.
    """
    rows = [source[index + s * stride : index + s * stride + LANES].copy() for s in range(LANES)]
    for i, row in enumerate(np.array(rows).T):
        target[at + i * step : at + i * step + LANES] = row


@LaneOperation
def load_lanes(source: Any, index: Any, stride: Any, re: Any, im: Any, target: Any) -> None:
    """Move PIECE complex samples of sixteen streams into lanes.

    `source` is uint8 or float32, I and Q in turn; stream s begins at element index + s * stride.
    Sample i of all streams goes to `re` and `im` at target + 16 i. Bytes are taken about 127.5.
    """
    middle = np.float32(127.5 if source.dtype == np.uint8 else 0.0)
    for s in range(LANES):
        own = source[index + s * stride : index + s * stride + LANES].astype(np.float32) - middle
        re[target + s : target + LANES * PIECE : LANES] = own[0::2]
        im[target + s : target + LANES * PIECE : LANES] = own[1::2]


@LaneOperation
def store_lanes(re: Any, im: Any, source: Any, target: Any, index: Any, stride: Any) -> None:
    """Move PIECE complex samples of sixteen lanes to `target`, float32 with I and Q in turn.

    The reverse of `load_lanes`: sample i of all streams comes from `re` and `im` at source + 16 i.
    """
    for s in range(LANES):
        own = target[index + s * stride : index + s * stride + LANES]
        own[0::2] = re[source + s : source + LANES * PIECE : LANES]
        own[1::2] = im[source + s : source + LANES * PIECE : LANES]
