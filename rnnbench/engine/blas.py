"""Who makes the matrix products inside compiled code: a BLAS called through its address, or the engine's own tiles.

``numba`` compiles the whole time loop, so a product inside it may not cost a trip through Python. The address is handed to the
compiled code as an argument: it differs from process to process and must not be baked into a cached kernel.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@cache
def found(dtype: torch.dtype) -> int:
    """Address of Fortran ``sgemm`` or ``dgemm`` with 32-bit integers; 0 if there is none.

    torch's CPU wheels export MKL's, which also obeys ``torch.set_num_threads``; else SciPy's is taken if it is installed.
    """
    name = {torch.float32: "sgemm", torch.float64: "dgemm"}[dtype]
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*")):
        try:
            return ctypes.cast(getattr(ctypes.CDLL(str(path)), f"{name}_"), ctypes.c_void_p).value or 0
        except (OSError, AttributeError):
            continue
    try:
        from numba.extending import get_cython_function_address

        return int(get_cython_function_address("scipy.linalg.cython_blas", name))
    except (ImportError, ValueError):
        return 0


@cache
def held_back() -> bool:
    """Whether MKL leaves half of this processor idle: it has AVX-512 and is AMD's, where MKL stays at 256 bits."""
    return binding.get_host_cpu_name().startswith("znver") and bool(binding.get_host_cpu_features().get("avx512f"))


def address(dtype: torch.dtype) -> int | None:
    """What the code takes as ``blas``: the address of a BLAS, or None for our own product of :mod:`rnnbench.engine.tile`.

    Our own is taken where no BLAS is found, and where :func:`held_back` says so: on a Zen 5 it is 2.5 times as fast as MKL.
    """
    return None if held_back() else found(dtype) or None


def _gemm(  # type: ignore[no-untyped-def]  # numba gives the types
    typing_context, address, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc
) -> Any:
    """``C = op(A) op(B) + beta C``, column-major, as Fortran's gemm reads it.

    ``address`` is what :func:`found` has found; a, b and c are addresses; ``transpose_a`` and ``transpose_b`` are ``ord("N")`` or
    ``ord("T")``; the type of ``beta`` (float32 or float64) is that of the matrices.
    """
    number = beta
    whole = types.intp
    signature = types.void(whole, whole, whole, whole, whole, whole, whole, whole, whole, whole, number, whole, whole)

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc = arguments
        byte, int32, pointer = ir.IntType(8), ir.IntType(32), ir.IntType(8).as_pointer()

        def stored(value, kind):  # type: ignore[no-untyped-def]  # Fortran takes everything by address
            place = cgutils.alloca_once(builder, kind)
            builder.store(builder.trunc(value, kind) if isinstance(kind, ir.IntType) else value, place)
            return builder.bitcast(place, pointer)

        def matrix(value):  # type: ignore[no-untyped-def]
            return builder.inttoptr(value, pointer)

        real = context.get_value_type(number)
        one = cgutils.alloca_once(builder, real)
        builder.store(ir.Constant(real, 1.0), one)
        routine = builder.inttoptr(address, ir.FunctionType(ir.VoidType(), [pointer] * 13).as_pointer())
        builder.call(
            routine,
            [
                *(stored(ta, byte), stored(tb, byte), stored(m, int32), stored(n, int32), stored(k, int32)),
                *(builder.bitcast(one, pointer), matrix(a), stored(lda, int32), matrix(b), stored(ldb, int32)),
                *(stored(beta, real), matrix(c), stored(ldc, int32)),
            ],
        )
        return context.get_dummy_value()

    return signature, code


def _bits_as(kind: Any, source: Any) -> Any:
    def cast(typing_context, value) -> Any:  # type: ignore[no-untyped-def]  # numba gives the types
        def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return builder.bitcast(arguments[0], context.get_value_type(kind))

        return kind(source), code

    return intrinsic(cast)


gemm: Any = intrinsic(_gemm)
as_float32 = _bits_as(types.float32, types.int32)
as_int32 = _bits_as(types.int32, types.float32)
