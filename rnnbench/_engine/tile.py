"""The kernel of the built-in matrix product: one tile of the result, held in registers.

MKL, which is part of torch's CPU wheels, uses half the vector width of AMD's AVX-512 processors. It also packs the weight at every
time step, while a recurrent loop can pack it once. :func:`rnnbench._engine.blas.address` chooses between the two.
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
"""A tile is 8 rows of two 512-bit vectors. Its 16 sums hide the latency of two multipliers (4 cycles each) and, with two vectors of
B, fit the registers. Processors with narrower vectors process each vector in parts, which is correct but slow."""


def _tile(typing_context, a, a_at, a_row, a_col, rows, b, b_at, depth, c, c_at, c_row, keep) -> Any:  # type: ignore[no-untyped-def]
    """Emit ``C = A B``, with ``keep`` ``C += A B``, for one tile of C: (8, 32) in float32, (8, 16) in float64.

    a, b, c are pointers to numbers; ``_at`` is the index at which a matrix begins, ``_row`` and ``_col`` the distance to the next
    row or column. If A has fewer than 8 ``rows``, its last row is repeated. B's rows are contiguous, the first aligned to 64 bytes.
    """
    whole = types.intp
    signature = types.void(a, whole, whole, whole, whole, b, whole, whole, c, whole, whole, whole)

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        a, a_at, a_row, a_col, rows, b, b_at, depth, c, c_at, c_row, keep = arguments
        real = context.get_value_type(signature.args[0].dtype)
        size = context.get_abi_sizeof(real)
        lanes = VECTOR_BYTES // size
        vector, index = ir.VectorType(real, lanes), ir.IntType(32)
        empty, first = ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(index, lanes), [0] * lanes)

        def on(value, count):  # type: ignore[no-untyped-def]
            return builder.add(value, ir.Constant(value.type, count))

        def part(pointer, at):  # type: ignore[no-untyped-def]
            return builder.bitcast(builder.gep(pointer, [at]), vector.as_pointer())

        def times(value, count):  # type: ignore[no-untyped-def]
            return builder.mul(value, ir.Constant(value.type, count))

        starts = []
        for i in range(ROWS):
            there = builder.icmp_signed("<", ir.Constant(rows.type, i), rows)
            starts.append(builder.add(a_at, builder.mul(a_row, builder.select(there, ir.Constant(rows.type, i), on(rows, -1)))))
        sums = [[cgutils.alloca_once(builder, vector) for _ in range(VECTORS)] for _ in range(ROWS)]  # LLVM keeps them in registers
        for i in range(ROWS):
            for v in range(VECTORS):
                builder.store(ir.Constant(vector, [0.0] * lanes), sums[i][v])
        with cgutils.for_range(builder, depth) as loop:
            b_row, column = builder.add(b_at, times(loop.index, VECTORS * lanes)), builder.mul(loop.index, a_col)
            vectors = [builder.load(part(b, on(b_row, v * lanes)), align=VECTOR_BYTES) for v in range(VECTORS)]
            for i in range(ROWS):
                number = builder.load(builder.gep(a, [builder.add(starts[i], column)]), align=size)
                single = builder.insert_element(empty, number, ir.Constant(index, 0))
                spread = builder.shuffle_vector(single, empty, first)
                for v in range(VECTORS):
                    product = builder.fmul(spread, vectors[v], flags=("contract",))
                    builder.store(builder.fadd(builder.load(sums[i][v]), product, flags=("contract",)), sums[i][v])
        adds = builder.icmp_signed("!=", keep, ir.Constant(keep.type, 0))
        for i in range(ROWS):
            for v in range(VECTORS):
                place = part(c, on(builder.add(c_at, times(c_row, i)), v * lanes))
                with builder.if_then(adds):
                    builder.store(builder.fadd(builder.load(sums[i][v]), builder.load(place, align=size)), sums[i][v])
                builder.store(builder.load(sums[i][v]), place, align=size)
        return context.get_dummy_value()

    return signature, code


def _width(typing_context, pointer) -> Any:  # type: ignore[no-untyped-def]
    """Emit the number of elements in a row of a tile, for the dtype of ``pointer``."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size = context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
        return context.get_constant(types.intp, PANEL_BYTES // size)

    return types.intp(pointer), code


def _room(typing_context, like) -> Any:  # type: ignore[no-untyped-def]
    """Emit stack memory for one tile, for the dtype of ``like``."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        real = context.get_value_type(signature.args[0].dtype)
        return cgutils.alloca_once(builder, real, size=ROWS * PANEL_BYTES // context.get_abi_sizeof(real))

    return like(like), code


tile: Any = intrinsic(_tile)
width: Any = intrinsic(_width)
room: Any = intrinsic(_room)
