"""A BLAS called through its address inside compiled code.

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


def address(dtype: torch.dtype) -> int:
    """The BLAS that multiplies, or 0 where the tiles of :mod:`rnnbench._engine.tile` do.

    They do where no BLAS is found, and where :func:`held_back` says so: on a Zen 5 they are 2.5 times as fast as MKL.
    """
    return 0 if held_back() else found(dtype)


def _gemm(typing_context, address, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, keep, c, ldc) -> Any:  # type: ignore[no-untyped-def]
    """``C = op(A) op(B) + keep C``, column-major, as Fortran's gemm reads it.

    ``address`` is what :func:`found` has found; a, b and c are pointers; ``transpose_a`` and ``transpose_b`` are ``ord("N")`` or
    ``ord("T")``; ``keep`` is 0 or 1.
    """
    whole = types.intp
    signature = types.void(whole, whole, whole, whole, whole, whole, a, whole, b, whole, whole, c, whole)

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, ta, tb, m, n, k, a, lda, b, ldb, keep, c, ldc = arguments
        byte, int32, pointer = ir.IntType(8), ir.IntType(32), ir.IntType(8).as_pointer()

        def stored(value, kind):  # type: ignore[no-untyped-def]  # Fortran takes everything by address
            place = cgutils.alloca_once(builder, kind)
            builder.store(builder.trunc(value, kind) if isinstance(kind, ir.IntType) else value, place)
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
