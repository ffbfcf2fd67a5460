"""The CPU engine: compiled code for whole sequences, forward and backward, generated from a cell's ``step``.

``step`` is traced, differentiated, planned, emitted for numba and compiled at its first use, then cached on disk. ``README.md``
in this folder describes each stage. A step that cannot be compiled is refused in one sentence.
"""

from __future__ import annotations

import math
import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from torch import Tensor

from rnnbench._engine.garbage import uncollected
from rnnbench._engine.refusal import NotCompiledError
from rnnbench._errors import one_line

if TYPE_CHECKING:
    from rnnbench._cell import Cell


__all__ = ["NotCompiledError", "available", "refusal", "states", "unavailable"]


def available() -> bool:
    """Return True if numba can be imported and compiles here. Never raises."""
    return unavailable() is None


@cache
def unavailable() -> str | None:
    """Return None if numba can be used here, else the reason and what to do. Never raises."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "numba cannot be used here: NUMBA_DISABLE_JIT is set; unset it"
    try:
        with uncollected():
            import_module("rnnbench._engine.build")
    except ModuleNotFoundError as error:
        return f"numba cannot be used here: {error}; install it with pip install numba"
    except Exception as error:  # numba is broken in any way: torch runs the cells
        return f"numba cannot be used here: {one_line(error)}; reinstall it with pip install --force-reinstall numba"
    return None


def refusal(cell: Cell) -> str | None:
    """Return None if the engine compiles this cell, else one sentence that names the operation that it does not compile.

    The first call for a cell runs ``step`` once. Does not need numba.
    """
    from rnnbench._engine import sequence

    try:
        sequence.program(cell)
    except NotCompiledError as error:
        return str(error)
    return None


def states(cell: Cell, inputs: Tensor, first: int = 0, limit: float = math.inf, truncate: int = 0) -> Tensor:
    """Compute the outputs (T - first, B, H) of the steps from ``first`` on, differentiable once.

    A cell is traced and compared with its ``step`` when it is first used, and again after one of its attributes has changed. Code,
    constants and objects outside the cell are read at that time: after editing them, build a new cell.

    Args:
        cell: a cell on the CPU, in float32 or float64. Its parameters, its initial state and value inputs get gradients.
        inputs: (T, B) tokens of any integer type, read as one-hot vectors, or (T, B, D) values.
        first: the first step whose output is returned.
        limit, truncate: see :meth:`rnnbench.cells.Cell.states`.

    Raises:
        NotCompiledError: the cell is not compiled, for the reason that :func:`refusal` returns; a UserError.
        rnnbench._errors.UserError: the cell does not read these inputs, or ``first`` is not in 0 to T.

    Example:
        >>> import torch
        >>> from rnnbench import _engine
        >>> from rnnbench._plugins import registry
        >>> cell = registry.make_cell("gru", 3, 4)
        >>> _engine.states(cell, torch.zeros(5, 2, 3)).shape
        torch.Size([5, 2, 4])
    """
    from rnnbench._engine import sequence

    return sequence.compute_states(cell, inputs, first, limit, truncate)
