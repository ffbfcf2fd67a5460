"""The error for a step that the engine does not compile, with the place in the cell's file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import torch

from rnnbench._errors import UserError

INTERNAL = (f"{Path(__file__).parent}{os.sep}", f"{Path(torch.__file__).parent}{os.sep}")


class NotCompiledError(UserError):
    """A step that the engine does not compile. The message names the operation and its line."""


def without_gradient() -> str:
    """Return what switches gradients off in a step: a custom autograd.Function, or no_grad."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_code.co_qualname == "Function.apply":
            return f"the custom autograd.Function {frame.f_locals['cls'].__name__} is not compiled"
        if frame.f_code.co_qualname == "SpectralNorm.compute_weight":
            return (
                "spectral_norm of torch.nn.utils, which changes the weight at every step of training, is not compiled: "
                "use torch.nn.utils.parametrizations.spectral_norm, which computes it once per sequence"
            )
        frame = frame.f_back
    return "no_grad within a step is not compiled: use detach instead"


def refuse(what: str) -> NoReturn:
    """Raise NotCompiledError with the operation's line in the cell's file; after ``step`` has returned, with that of ``step``."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(INTERNAL) and frame.f_code.co_qualname != "Trace.__init__":
        assert frame.f_back is not None
        frame = frame.f_back
    internal = frame.f_code.co_filename.startswith(INTERNAL)
    where = frame.f_locals["self"].place if internal else f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"
    raise NotCompiledError(f"{where}: {what}")
