"""The CPU engine: whole sequences forward and back in compiled code, generated from a cell's ``step``.

Nothing but ``step`` is needed: it is traced, differentiated, planned, written out for numba and compiled at its first use, then
cached on disk. ``README.md`` beside this file shows how. What cannot be compiled is refused in one sentence.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from torch import Tensor

from rnnbench._engine.garbage import uncollected
from rnnbench._engine.refusal import NotCompiledError

if TYPE_CHECKING:
    from rnnbench._cell import Cell


__all__ = ["NotCompiledError", "available", "refusal", "states"]


@cache
def available() -> bool:
    """Whether compiled code can be used here: numba is there, can be imported, and compiles. Never raises."""
    try:
        with uncollected():
            return os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0") and bool(import_module("rnnbench._engine.build"))
    except Exception:  # a broken or missing numba, in whatever way: torch does the work
        return False


def refusal(cell: Cell) -> str | None:
    """None if the engine compiles this cell, else one sentence that names the operation that it does not compile.

    Costs a run of ``step`` at the first time, nothing later; needs no numba.
    """
    from rnnbench._engine import sequence

    try:
        sequence.program(cell)
    except NotCompiledError as error:
        return str(error)
    return None


def states(cell: Cell, inputs: Tensor, first: int = 0) -> Tensor:
    """Outputs (T - first, B, H) of the steps from ``first`` on, differentiable once.

    Args:
        cell: a cell on the CPU, in float32 or float64. Its parameters, its initial state and value inputs get gradients.
        inputs: (T, B) tokens of any integer type, read as one-hot vectors, or (T, B, D) values.
        first: the first step whose output is wanted.

    Raises:
        NotCompiledError: with the sentence of :func:`refusal`; a UserError.
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

    return sequence.states(cell, inputs, first)
