"""What the compiler makes of `dsp.lanes`: LLVM vectors of sixteen float32.

Every operation here has its meaning and its twin in plain Python there, under the same name.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from dsp.lanes import LANES

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)
_INT32 = ir.IntType(32)


def _vector_operation(function: Any) -> Any:
    """Declare an operation that is generated where a kernel calls it."""
    return intrinsic(function)


class LanesType(types.Type):
    """Numba's name for sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="lanes16")


Lanes = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)


def _declare(operation: Any, instruction: str) -> None:
    class _Typing(ConcreteTemplate):
        cases = (signature(Lanes, Lanes, Lanes),)

    infer_global(operation)(_Typing)

    @lower_builtin(operation, Lanes, Lanes)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return getattr(builder, instruction)(*args)


_declare(operator.add, "fadd")
_declare(operator.sub, "fsub")
_declare(operator.mul, "fmul")


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any, vector: Any) -> Any:
    """Return a pointer to `vector` at element `index`; elements lie next to each other."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index], inbounds=True), vector.as_pointer())


def _read(builder: Any, place: Any, align: int = 4) -> Any:
    value = builder.load(place)
    value.align = align
    return value


def _write(builder: Any, value: Any, place: Any) -> None:
    builder.store(value, place).align = 4


def _repeat(builder: Any, value: Any) -> Any:
    unknown = ir.Constant(_FLOATS, ir.Undefined)
    first = builder.insert_element(unknown, value, ir.Constant(_INT32, 0))
    return _shuffle(builder, first, unknown, [0] * LANES)


def _shuffle(builder: Any, one: Any, other: Any, order: list[int]) -> Any:
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_INT32, LANES), order))


def _transpose(builder: Any, rows: list[Any]) -> list[Any]:
    """Exchange rows and lanes of sixteen vectors: blocks of 8, of 4, of 2, single numbers."""
    for size in (8, 4, 2, 1):
        low = [x if not x & size else LANES + x - size for x in range(LANES)]
        high = [x + size if not x & size else LANES + x for x in range(LANES)]
        for i in range(LANES):
            if not i & size:
                one, other = rows[i], rows[i + size]
                rows[i] = _shuffle(builder, one, other, low)
                rows[i + size] = _shuffle(builder, one, other, high)
    return rows


@_vector_operation
def load(_context: Any, array: Any, index: Any) -> Any:
    """Sixteen neighbours, at any address."""
    del index

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _read(builder, _place(context, builder, sig.args[0], args[0], args[1], _FLOATS))

    return Lanes(array, types.intp), generate


@_vector_operation
def store(_context: Any, value: Any, array: Any, index: Any) -> Any:
    """The reverse of `load`."""
    del value, index

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _place(context, builder, sig.args[1], args[1], args[2], _FLOATS)
        _write(builder, args[0], place)
        return context.get_dummy_value()

    return types.void(Lanes, array, types.intp), generate


@_vector_operation
def splat(_context: Any, value: Any) -> Any:
    """A number in every lane."""
    del value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return _repeat(builder, args[0])

    return Lanes(types.float32), generate


@_vector_operation
def spread(_context: Any, array: Any, index: Any) -> Any:
    """One load that repeats."""
    del index

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return _repeat(builder, builder.load(builder.gep(data, [args[1]], inbounds=True)))

    return Lanes(array, types.intp), generate


@_vector_operation
def spread_two(_context: Any, array: Any, index: Any) -> Any:
    """Two loads that repeat, and a choice by lane."""
    del index

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        after = builder.add(args[1], ir.Constant(args[1].type, 1))
        one, other = (
            _repeat(builder, builder.load(builder.gep(data, [place], inbounds=True)))
            for place in (args[1], after)
        )
        half = LANES // 2
        return _shuffle(builder, one, other, [*range(half), *range(LANES + half, 2 * LANES)])

    return Lanes(array, types.intp), generate


@_vector_operation
def lane_sum(_context: Any, value: Any) -> Any:
    """Four halvings, each one addition of a vector to itself turned round."""
    del value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        total = args[0]
        for size in (8, 4, 2, 1):
            order = [(x + size) % LANES for x in range(LANES)]
            total = builder.fadd(total, _shuffle(builder, total, total, order))
        return builder.extract_element(total, ir.Constant(_INT32, 0))

    return types.float32(Lanes), generate


@_vector_operation
def lane_max(_context: Any, value: Any) -> Any:
    """As `lane_sum`."""
    del value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        best = args[0]
        for size in (8, 4, 2, 1):
            other = _shuffle(builder, best, best, [(x + size) % LANES for x in range(LANES)])
            best = builder.select(builder.fcmp_ordered(">", best, other), best, other)
        return builder.extract_element(best, ir.Constant(_INT32, 0))

    return types.float32(Lanes), generate


def _compared(sign: str) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        one, other = args
        return builder.select(builder.fcmp_ordered(sign, one, other), one, other)

    return generate


@_vector_operation
def larger(_context: Any, one: Any, other: Any) -> Any:
    """One comparison and one choice."""
    del one, other
    return Lanes(Lanes, Lanes), _compared(">")


@_vector_operation
def smaller(_context: Any, one: Any, other: Any) -> Any:
    """One comparison and one choice."""
    del one, other
    return Lanes(Lanes, Lanes), _compared("<")


@_vector_operation
def magnitude(_context: Any, value: Any) -> Any:
    """The sign bits taken off."""
    del value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        whole = ir.VectorType(_INT32, LANES)
        mask = ir.Constant(whole, [0x7FFFFFFF] * LANES)
        return builder.bitcast(builder.and_(builder.bitcast(args[0], whole), mask), _FLOATS)

    return Lanes(Lanes), generate


@_vector_operation
def turn(
    _context: Any, source: Any, index: Any, stride: Any, target: Any, at: Any, step: Any
) -> Any:
    """Sixteen loads, four layers of shuffles, sixteen stores."""
    del index, stride, at, step

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array, begin, apart, goal, first, further = args
        rows = []
        for s in range(LANES):
            at = builder.add(begin, builder.mul(apart, ir.Constant(begin.type, s)))
            rows.append(_read(builder, _place(context, builder, sig.args[0], array, at, _FLOATS)))
        for i, row in enumerate(_transpose(builder, rows)):
            at = builder.add(first, builder.mul(further, ir.Constant(first.type, i)))
            _write(builder, row, _place(context, builder, sig.args[3], goal, at, _FLOATS))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(source, whole, whole, target, whole, whole), generate


@_vector_operation
def load_lanes(
    _context: Any, source: Any, index: Any, stride: Any, re: Any, im: Any, target: Any
) -> Any:
    """As `turn`, with conversion and both planes."""
    del index, stride, target
    as_bytes = source.dtype == types.uint8

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array, begin, step, real, imaginary, goal = args
        rows = []
        middle = _repeat(builder, ir.Constant(ir.FloatType(), 127.5))
        for s in range(LANES):
            at = builder.add(begin, builder.mul(step, ir.Constant(begin.type, s)))
            vector = _BYTES if as_bytes else _FLOATS
            place = _place(context, builder, sig.args[0], array, at, vector)
            row = _read(builder, place, 1 if as_bytes else 4)
            if as_bytes:
                row = builder.fsub(builder.uitofp(row, _FLOATS), middle)
            rows.append(row)
        for i, row in enumerate(_transpose(builder, rows)):
            plane, kind = (imaginary, sig.args[4]) if i % 2 else (real, sig.args[3])
            at = builder.add(goal, ir.Constant(goal.type, LANES * (i // 2)))
            _write(builder, row, _place(context, builder, kind, plane, at, _FLOATS))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(source, whole, whole, re, im, whole), generate


@_vector_operation
def store_lanes(
    _context: Any, re: Any, im: Any, source: Any, target: Any, index: Any, stride: Any
) -> Any:
    """The reverse of `load_lanes`."""
    del source, index, stride

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        real, imaginary, origin, array, begin, step = args
        rows = []
        for i in range(LANES):
            plane, kind = (imaginary, sig.args[1]) if i % 2 else (real, sig.args[0])
            at = builder.add(origin, ir.Constant(origin.type, LANES * (i // 2)))
            rows.append(_read(builder, _place(context, builder, kind, plane, at, _FLOATS)))
        for s, row in enumerate(_transpose(builder, rows)):
            at = builder.add(begin, builder.mul(step, ir.Constant(begin.type, s)))
            _write(builder, row, _place(context, builder, sig.args[3], array, at, _FLOATS))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(re, im, whole, target, whole, whole), generate


def type_of(name: str) -> Any:
    """Return numba's type of an operation of `dsp.lanes`."""
    cpu_target.typing_context.refresh()
    return cpu_target.typing_context.resolve_value_type(globals()[name])
