"""The functions that emitted code calls: scalar functions, and the shared loops by address.

``products`` holds the addresses of :mod:`rnnbench._engine.runtime`'s loops, as in ``Products.addresses``. A call takes whole
contiguous arrays, row by row, and the column at which a matrix begins. It becomes a few instructions, so that a cell compiles
quickly.
"""

from __future__ import annotations

from math import inf
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.compiler import Compiler
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from rnnbench._engine.functions import (
    atan,
    clamp,
    cos,
    erf,
    exp,
    floor,
    fmod,
    larger,
    log,
    power,
    relu,
    remainder,
    rint,
    sigmoid,
    sin,
    smaller,
    softplus,
    sqrt,
    tanh,
    where,
)  # fmt: skip

__all__ = [
    "atan", "begin", "cached", "cached_sums", "clamp", "cos", "erf", "exp", "floor", "fmod", "gather", "gradient", "inf", "larger",
    "log", "multiply", "power", "relu", "remainder", "rint", "sigmoid", "sin", "smaller", "softplus", "sqrt", "tanh", "uncached",
    "uncached_sums", "where",
]  # fmt: skip


class Distinct(Compiler):
    """A compiler for functions whose arrays never overlap, so that loops need no check for overlap."""

    def define_pipelines(self) -> Any:
        self.state.flags.noalias = True
        return super().define_pipelines()


OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}, "pipeline_class": Distinct}
cached, uncached = njit(cache=True, **OPTIONS), njit(**OPTIONS)
SUMMING: Any = OPTIONS | {"fastmath": {"contract", "reassoc"}}  # sums over vectors, in an order that the compiler chooses
cached_sums, uncached_sums = njit(cache=True, **SUMMING), njit(**SUMMING)

BLAS, MULTIPLY, PACK, BEGIN, GATHER = range(5)
"""The positions of the addresses in ``products``."""


class View:
    """An array in the code that is being generated."""

    def __init__(self, context: Any, builder: Any, array_type: Any, value: Any) -> None:
        array = make_array(array_type)(context, builder, value)
        self.builder, self.data = builder, array.data
        self.shape = cgutils.unpack_tuple(builder, array.shape)
        self.size = array.nitems

    def count(self, first: int) -> Any:
        """Return the product of the lengths from the dimension ``first`` on."""
        total = ir.Constant(ir.IntType(64), 1)
        for length in self.shape[first:]:
            total = self.builder.mul(total, length)
        return total

    def at(self, place: Any = 0) -> Any:
        """Return the address of the number at index ``place`` of the flattened array."""
        whole = ir.IntType(64)
        place = place if isinstance(place, ir.Value) else ir.Constant(whole, place)
        return self.builder.ptrtoint(self.builder.gep(self.data, [place]), whole)


def _call(signature: Any, emit: Any) -> Any:
    """Return an intrinsic's signature and code; ``emit(builder, call, *arguments)`` receives arrays as views."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        given = [
            View(context, builder, argument, value) if isinstance(argument, types.Array) else value
            for argument, value in zip(signature.args, arguments, strict=True)
        ]

        def call(which: int, *values: Any) -> None:
            whole = ir.IntType(64)
            address = builder.load(builder.gep(given[0].data, [ir.Constant(whole, which)]))
            values = [value if isinstance(value, ir.Value) else ir.Constant(whole, value) for value in values]  # type: ignore[assignment]
            routine = ir.FunctionType(ir.VoidType(), [whole] * len(values)).as_pointer()
            builder.call(builder.inttoptr(address, routine), values)

        emit(builder, call, *given)
        return context.get_dummy_value()

    return signature, code


@intrinsic
def multiply(typing_context, products, a, a_first, K, b, c, c_first, N, keep):  # type: ignore[no-untyped-def]
    """Set ``N`` columns of c, from ``c_first`` on, to a b; with ``keep`` add a b to them.

    a: (B, ...), of which columns ``a_first`` to ``a_first + K`` are used; b: (K * N,), packed; c: (B, ...).
    """

    def emit(builder, call, products, a, a_first, K, b, c, c_first, N, keep):  # type: ignore[no-untyped-def]
        blas = builder.load(builder.gep(products.data, [ir.Constant(ir.IntType(64), BLAS)]))
        call(MULTIPLY, blas, a.shape[0], N, K, a.at(a_first), a.count(1), 1, b.at(), c.at(c_first), c.count(1), keep)

    whole = types.intp
    return _call(types.void(products, a, whole, whole, b, c, whole, whole, whole), emit)


@intrinsic
def gradient(typing_context, products, count, d, d_first, N, x, start, dweight, packed):  # type: ignore[no-untyped-def]
    """Add d^T x over ``count`` time steps to dweight (N, K).

    d: (S, B, ...), of which columns ``d_first`` to ``d_first + N`` are used; x: (T, B, K), from the step ``start`` on; ``packed``:
    scratch memory for the steps of x.
    """

    def emit(builder, call, products, count, d, d_first, N, x, start, dweight, packed):  # type: ignore[no-untyped-def]
        blas = builder.load(builder.gep(products.data, [ir.Constant(ir.IntType(64), BLAS)]))
        R, K = builder.mul(count, x.shape[1]), x.shape[2]
        call(PACK, R, K, x.at(builder.mul(start, x.count(1))), packed.at())
        call(MULTIPLY, blas, N, K, R, d.at(d_first), 1, d.count(2), packed.at(), dweight.at(), K, 1)

    whole = types.intp
    return _call(types.void(products, whole, d, whole, whole, x, whole, dweight, packed), emit)


@intrinsic
def begin(typing_context, products, tokens, t, table, now):  # type: ignore[no-untyped-def]
    """Initialise the step's numbers ``now`` (B, ...): with rows of ``table`` for tokens (T, B), else with its only row."""

    def emit(builder, call, products, tokens, t, table, now):  # type: ignore[no-untyped-def]
        values = builder.zext(builder.icmp_signed("==", tokens.size, ir.Constant(tokens.size.type, 0)), ir.IntType(64))
        place = tokens.at(builder.mul(t, tokens.shape[1]))
        call(BEGIN, place, values, now.shape[0], table.at(), table.shape[1], now.at(), now.count(1))

    return _call(types.void(products, tokens, types.intp, table, now), emit)


@intrinsic
def gather(typing_context, products, tokens, t, dtable, d):  # type: ignore[no-untyped-def]
    """Add the adjoints d (B, at least G) of a step to the rows of ``dtable`` (D, G) that the step was initialised with."""

    def emit(builder, call, products, tokens, t, dtable, d):  # type: ignore[no-untyped-def]
        values = builder.zext(builder.icmp_signed("==", tokens.size, ir.Constant(tokens.size.type, 0)), ir.IntType(64))
        place = tokens.at(builder.mul(t, tokens.shape[1]))
        call(GATHER, place, values, d.shape[0], dtable.at(), dtable.shape[1], d.at(), d.count(1))

    return _call(types.void(products, tokens, types.intp, dtable, d), emit)
