"""The matrix products, by a BLAS or by built-in tiles, as C functions that compiled code calls."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numba import types
from torch import Tensor

from rnnbench._engine import blas, build, runtime
from rnnbench._engine.tile import PANEL_BYTES, VECTOR_BYTES

KINDS = {torch.float32: types.float32, torch.float64: types.float64}


class Products:
    """The loops that all cells share, compiled for one dtype.

    Attributes:
        addresses: the addresses of the BLAS (0 without one) and of the C functions, in the order of ``intrinsics.py``.
    """

    def __init__(self, dtype: torch.dtype, address: int) -> None:
        self.panel = 0 if address else PANEL_BYTES // dtype.itemsize
        module = build.load(Path(runtime.__file__).read_text("utf-8"))
        whole, real, token = types.intp, types.CPointer(KINDS[dtype]), types.CPointer(types.int64)
        factor = types.void(whole, whole, whole, whole, real, whole, whole, real, real, whole, whole)
        library = "blas" if address else "tiles"
        functions = (
            (getattr(module, f"multiply_by_{library}"), factor),
            (getattr(module, f"pack_for_{library}"), types.void(whole, whole, real, real)),
            (module.fill_gates, types.void(token, whole, whole, real, whole, real, whole)),
            (module.add_adjoints, types.void(token, whole, whole, real, whole, real, whole)),
        )
        self.held = [build.c_function(function, signature) for function, signature in functions]
        self.addresses = np.array([address, *(function.address for function in self.held)], np.int64)

    def packed(self, weight: Tensor) -> Tensor:
        """Return the numbers of ``weight`` (K, N) packed as the second factor of a product, aligned to 64 bytes."""
        K, N = weight.shape
        if self.panel:
            ragged = -N % self.panel
            padded = F.pad(weight, (0, ragged)) if ragged else weight
            weight = padded.view(K, -1, self.panel).transpose(0, 1)  # (panels, K, width)
        packed = weight.contiguous()
        return (packed if packed.data_ptr() % VECTOR_BYTES == 0 else packed.clone()).view(-1)

    def room(self, rows: int, columns: int) -> int:
        """Return the number of elements of a packed factor of that shape."""
        return rows * (columns + -columns % self.panel if self.panel else columns)


_products = cache(Products)


def products(dtype: torch.dtype) -> Products:
    """Return the products that this machine computes fastest."""
    return _products(dtype, blas.address(dtype))
