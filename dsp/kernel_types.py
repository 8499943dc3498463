"""The types of kernel arguments, said without importing numba (which takes 0.3 s).

Names and forms are numba's: ``types.void(types.Array(types.float32, 2, "C", readonly=True))`` or
the string ``"void(float32[:, ::1])"``. A `Signature` can tell whether arguments fit it, and become
numba's own signature where a kernel must be compiled.
"""

from __future__ import annotations

import functools
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scalar:
    """A number; call it with argument types for a signature that returns one."""

    name: str

    def __call__(self, *arguments: Type) -> Signature:
        """Return the signature of a function that gives one of these."""
        return Signature(self, arguments)

    def __getitem__(self, index: Any) -> Array:
        """Return the array type of a string such as ``float32[:, ::1]``."""
        steps = index if isinstance(index, tuple) else (index,)
        return Array(self, len(steps), "C" if steps[-1].step == 1 else "A")

    def fits(self, value: Any) -> bool:
        """Tell whether a number may be passed for it."""
        if self.name.startswith("complex"):
            return isinstance(value, numbers.Complex | np.number)
        if self.name.startswith("float"):
            return isinstance(value, numbers.Real | np.number)
        return isinstance(value, numbers.Integral | np.bool_)

    def as_numba(self, types: Any) -> Any:
        """Return numba's type."""
        return getattr(types, self.name)


@dataclass(frozen=True)
class Array:
    """A NumPy array; `layout` is "C", or "A" for any strides."""

    dtype: Scalar
    ndim: int
    layout: str
    readonly: bool = False

    def fits(self, value: Any) -> bool:
        """Tell whether an array may be passed for it."""
        if not isinstance(value, np.ndarray) or value.dtype != self._numpy:
            return False
        flags = value.flags
        return (
            value.ndim == self.ndim
            and (self.layout == "A" or flags.c_contiguous)
            and (self.readonly or flags.writeable)
        )

    @functools.cached_property
    def _numpy(self) -> np.dtype[Any]:
        return np.dtype("bool" if self.dtype.name == "boolean" else self.dtype.name)

    def as_numba(self, types: Any) -> Any:
        """Return numba's type."""
        return types.Array(self.dtype.as_numba(types), self.ndim, self.layout, self.readonly)


@dataclass(frozen=True)
class Tuple:
    """Several values at once."""

    members: tuple[Type, ...]

    def fits(self, value: Any) -> bool:
        """Tell whether a tuple may be passed for it."""
        return (
            isinstance(value, tuple)
            and len(value) == len(self.members)
            and all(kind.fits(item) for kind, item in zip(self.members, value, strict=True))
        )

    def as_numba(self, types: Any) -> Any:
        """Return numba's type."""
        return types.Tuple(tuple(member.as_numba(types) for member in self.members))


Type = Scalar | Array | Tuple


@dataclass(frozen=True)
class Signature:
    """Result and arguments of a kernel."""

    result: Scalar
    arguments: tuple[Type, ...]

    def fits(self, values: tuple[Any, ...]) -> bool:
        """Tell whether `values` may be passed."""
        if len(values) != len(self.arguments):
            return False
        return all(kind.fits(value) for kind, value in zip(self.arguments, values, strict=True))

    def as_numba(self, types: Any) -> Any:
        """Return numba's signature; `types` is the module numba.types."""
        return self.result.as_numba(types)(*(kind.as_numba(types) for kind in self.arguments))


def UniTuple(member: Type, count: int) -> Tuple:  # noqa: N802 - numba's name
    """Return a tuple of `count` equal members."""
    return Tuple((member,) * count)


void = Scalar("void")
boolean = Scalar("boolean")
int8, int16, int32, int64 = (Scalar(f"int{n}") for n in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (Scalar(f"uint{n}") for n in (8, 16, 32, 64))
float32, float64 = Scalar("float32"), Scalar("float64")
complex64, complex128 = Scalar("complex64"), Scalar("complex128")

_NAMES: dict[str, Any] = {
    name: value
    for name, value in vars().items()
    if isinstance(value, Scalar) or name in ("Tuple", "UniTuple")
}


def parse(text: str) -> Signature:
    """Read a signature such as ``void(float32[:, ::1], int64)``; the text is our own source."""
    found = eval(text, {"__builtins__": {}}, _NAMES)  # noqa: S307 - a constant of a module of ours
    if not isinstance(found, Signature):
        raise TypeError(f"signature: expected a call of types, got {text}")
    return found
