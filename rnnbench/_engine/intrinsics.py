"""What emitted code calls: functions of one number, and the loops of :mod:`rnnbench._engine.runtime`, through their addresses.

``products`` is what ``rnnbench._engine.products.Products.addresses`` gives. A call takes whole arrays, row after row without gaps,
and says where in their rows a matrix begins; it becomes a handful of instructions, so that a cell compiles quickly.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.compiler import Compiler
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from rnnbench._engine.functions import cos, exp, larger, log, relu, sigmoid, sin, smaller, softplus, sqrt, tanh, where

__all__ = [
    "begin", "cached", "cos", "exp", "gather", "gradient", "larger", "log", "multiply", "relu", "sigmoid", "sin", "smaller",
    "softplus", "sqrt", "tanh", "uncached", "where",
]  # fmt: skip


class Distinct(Compiler):
    """Compiles functions whose arrays never overlap, so that no loop looks whether a row it stores to is one it reads."""

    def define_pipelines(self) -> Any:
        self.state.flags.noalias = True
        return super().define_pipelines()


HOW: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}, "pipeline_class": Distinct}
cached, uncached = njit(cache=True, **HOW), njit(**HOW)

BLAS, MULTIPLY, PACK, BEGIN, GATHER = range(5)
"""Where ``products`` holds which address."""


class View:
    """An array in the code that is being built."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        made = make_array(kind)(context, builder, value)
        self.builder, self.data = builder, made.data
        self.shape = cgutils.unpack_tuple(builder, made.shape)
        self.size = made.nitems

    def count(self, first: int) -> Any:
        """The product of the lengths from the dimension ``first`` on."""
        total = ir.Constant(ir.IntType(64), 1)
        for length in self.shape[first:]:
            total = self.builder.mul(total, length)
        return total

    def at(self, place: Any = 0) -> Any:
        """The address of a number, counted from the first."""
        whole = ir.IntType(64)
        place = place if isinstance(place, ir.Value) else ir.Constant(whole, place)
        return self.builder.ptrtoint(self.builder.gep(self.data, [place]), whole)


def _call(signature: Any, emit: Any) -> Any:
    """An intrinsic's signature and code; ``emit(builder, call, *arguments)`` gets arrays as views."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        given = [
            View(context, builder, kind, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments, strict=True)
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
    """``N`` columns of c, from ``c_first`` on, are a b, with ``keep`` added to what they hold.

    a: (B, ...), of whose rows ``K`` numbers from ``a_first`` on count; b: (K * N,), packed; c: (B, ...).
    """

    def emit(builder, call, products, a, a_first, K, b, c, c_first, N, keep):  # type: ignore[no-untyped-def]
        blas = builder.load(builder.gep(products.data, [ir.Constant(ir.IntType(64), BLAS)]))
        call(MULTIPLY, blas, a.shape[0], N, K, a.at(a_first), a.count(1), 1, b.at(), c.at(c_first), c.count(1), keep)

    whole = types.intp
    return _call(types.void(products, a, whole, whole, b, c, whole, whole, whole), emit)


@intrinsic
def gradient(typing_context, products, count, d, d_first, N, x, start, dweight, packed):  # type: ignore[no-untyped-def]
    """dweight (N, K) += d^T x over ``count`` time steps.

    d: (S, B, ...), of whose rows ``N`` numbers from ``d_first`` on count; x: (T, B, K), from the step ``start`` on; ``packed``:
    room for what is taken of x.
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
    """What the step's numbers ``now`` (B, ...) begin with: rows of ``table`` for tokens (T, B), one row for all without any."""

    def emit(builder, call, products, tokens, t, table, now):  # type: ignore[no-untyped-def]
        values = builder.zext(builder.icmp_signed("==", tokens.size, ir.Constant(tokens.size.type, 0)), ir.IntType(64))
        place = tokens.at(builder.mul(t, tokens.shape[1]))
        call(BEGIN, place, values, now.shape[0], table.at(), table.shape[1], now.at(), now.count(1))

    return _call(types.void(products, tokens, types.intp, table, now), emit)


@intrinsic
def gather(typing_context, products, tokens, t, dtable, d):  # type: ignore[no-untyped-def]
    """Backward: the rows of ``dtable`` that the step was begun with receive its adjoints d (B, ...)."""

    def emit(builder, call, products, tokens, t, dtable, d):  # type: ignore[no-untyped-def]
        values = builder.zext(builder.icmp_signed("==", tokens.size, ir.Constant(tokens.size.type, 0)), ir.IntType(64))
        call(GATHER, tokens.at(builder.mul(t, tokens.shape[1])), values, d.shape[0], dtable.at(), d.at(), d.count(1))

    return _call(types.void(products, tokens, types.intp, dtable, d), emit)
