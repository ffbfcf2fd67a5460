"""Matrix products by a BLAS that compiled code calls through its address.

``numba`` compiles the whole time loop, so a product inside it must not go through Python. The address is an argument of the
compiled code, because it differs from process to process and a cached kernel must not contain it.
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
    """Return the address of Fortran ``sgemm`` or ``dgemm`` with 32-bit integers; 0 if there is none.

    torch's CPU wheels export MKL's, which also obeys ``torch.set_num_threads``. Without it SciPy's is used, if SciPy is installed.
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
def blas_is_slow() -> bool:
    """Return True on AMD processors with AVX-512, where MKL uses only 256-bit vectors."""
    return binding.get_host_cpu_name().startswith("znver") and bool(binding.get_host_cpu_features().get("avx512f"))


def address(dtype: torch.dtype) -> int:
    """Return the address of the BLAS to multiply with, or 0 for the tiles of :mod:`rnnbench._engine.tile`.

    Tiles are used without a BLAS, and where :func:`blas_is_slow` is true: on a Zen 5 they are 2.5 times as fast as MKL.
    """
    return 0 if blas_is_slow() else found(dtype)


def _gemm(typing_context, address, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, keep, c, ldc) -> Any:  # type: ignore[no-untyped-def]
    """Emit ``C = op(A) op(B) + keep C``, column-major, as in Fortran's gemm.

    ``address`` is the result of :func:`found`; a, b and c are pointers; ``transpose_a`` and ``transpose_b`` are ``ord("N")`` or
    ``ord("T")``; ``keep`` is 0 or 1.
    """
    whole = types.intp
    signature = types.void(whole, whole, whole, whole, whole, whole, a, whole, b, whole, whole, c, whole)

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, ta, tb, m, n, k, a, lda, b, ldb, keep, c, ldc = arguments
        byte, int32, pointer = ir.IntType(8), ir.IntType(32), ir.IntType(8).as_pointer()

        def stored(value, ir_type):  # type: ignore[no-untyped-def]  # Fortran takes every argument by address
            place = cgutils.alloca_once(builder, ir_type)
            builder.store(builder.trunc(value, ir_type) if isinstance(ir_type, ir.IntType) else value, place)
            return builder.bitcast(place, pointer)

        def matrix(value):  # type: ignore[no-untyped-def]
            return builder.bitcast(value, pointer)

        real = context.get_value_type(signature.args[6].dtype)
        one, beta = ir.Constant(real, 1.0), builder.sitofp(keep, real)
        routine = builder.inttoptr(address, ir.FunctionType(ir.VoidType(), [pointer] * 13).as_pointer())
        builder.call(
            routine,
            [
                *(stored(ta, byte), stored(tb, byte), stored(m, int32), stored(n, int32), stored(k, int32)),
                *(stored(one, real), matrix(a), stored(lda, int32), matrix(b), stored(ldb, int32)),
                *(stored(beta, real), matrix(c), stored(ldc, int32)),
            ],
        )
        return context.get_dummy_value()

    return signature, code


gemm: Any = intrinsic(_gemm)
