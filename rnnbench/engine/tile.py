"""The heart of a matrix product of our own: one tile of the result, held in registers, for processors that BLAS holds back.

MKL, which torch's CPU wheels bring, uses half the vector width that AVX-512 processors of other makers than Intel have. And it
packs the weight again at every time step, where a recurrent loop can pack it once. ``rnnbench.engine.blas`` says who multiplies.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 8
VECTORS = 2
VECTOR_BYTES = 64
PANEL_BYTES = VECTORS * VECTOR_BYTES  # one row of a tile: 32 float32 or 16 float64
"""A tile is 8 rows of two 512-bit vectors: 16 sums on their way hide the latency of two multipliers (4 steps each), and with two
vectors of B they leave registers over. Narrower processors work on each vector in parts, correct but slow."""


def _tile(typing_context, a, a_row, a_col, b, depth, c, c_row, beta) -> Any:  # type: ignore[no-untyped-def]  # numba gives the types
    """``C = A B + beta C`` for one tile of C: (8, 32) = (8, depth) (depth, 32) in float32, (8, 16) in float64.

    a, b, c are addresses; ``a_row``, ``a_col`` and ``c_row`` bytes from one row or column to the next. B's rows follow each other
    without a break, the first at a multiple of 64. With ``beta`` 0 what C held does not matter; else it is 1. The type of ``beta``
    is that of the matrices.
    """
    number = beta
    whole = types.intp
    signature = types.void(whole, whole, whole, whole, whole, whole, whole, number)

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        a, a_row, a_col, b, depth, c, c_row, beta = arguments
        real = context.get_value_type(number)
        size = context.get_abi_sizeof(real)
        lanes = VECTOR_BYTES // size
        vector, index = ir.VectorType(real, lanes), ir.IntType(32)
        empty, first = ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(index, lanes), [0] * lanes)

        def bytes_on(value, count):  # type: ignore[no-untyped-def]
            return builder.add(value, ir.Constant(value.type, count))

        def times(value, count):  # type: ignore[no-untyped-def]
            return builder.mul(value, ir.Constant(value.type, count))

        def load(place, kind, align):  # type: ignore[no-untyped-def]
            return builder.load(builder.inttoptr(place, kind.as_pointer()), align=align)

        zero = ir.Constant(vector, [0.0] * lanes)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(VECTORS)] for _ in range(ROWS)]  # will be registers
        rows = [builder.add(a, times(a_row, i)) for i in range(ROWS)]
        with cgutils.for_range(builder, depth) as loop:
            b_row, column = builder.add(b, times(loop.index, PANEL_BYTES)), builder.mul(loop.index, a_col)
            vectors = [load(bytes_on(b_row, v * VECTOR_BYTES), vector, VECTOR_BYTES) for v in range(VECTORS)]
            for i in range(ROWS):
                alone = builder.insert_element(empty, load(builder.add(rows[i], column), real, size), ir.Constant(index, 0))
                spread = builder.shuffle_vector(alone, empty, first)
                for v in range(VECTORS):
                    product = builder.fmul(spread, vectors[v], flags=("contract",))
                    builder.store(builder.fadd(builder.load(sums[i][v]), product, flags=("contract",)), sums[i][v])
        keep = builder.fcmp_unordered("!=", beta, ir.Constant(real, 0.0))
        for i in range(ROWS):
            for v in range(VECTORS):
                place = bytes_on(builder.add(c, times(c_row, i)), v * VECTOR_BYTES)
                with builder.if_then(keep):
                    builder.store(builder.fadd(builder.load(sums[i][v]), load(place, vector, size)), sums[i][v])
                builder.store(builder.load(sums[i][v]), builder.inttoptr(place, vector.as_pointer()), align=size)
        return context.get_dummy_value()

    return signature, code


tile: Any = intrinsic(_tile)
