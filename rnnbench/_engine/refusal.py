"""What the engine says of a step that it does not compile, and where that stands in the cell's file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import torch

from rnnbench._errors import UserError

OURS = (str(Path(__file__).parent), str(Path(torch.__file__).parent))


class NotCompiledError(UserError):
    """A step that the engine does not compile. The message names the operation, and where it stands."""


def refuse(what: str) -> NoReturn:
    """Raise NotCompiledError, with the line of the cell's file that it is about: that of ``step`` itself once it has run."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(OURS) and frame.f_code.co_qualname != "Trace.__init__":
        assert frame.f_back is not None
        frame = frame.f_back
    ours = frame.f_code.co_filename.startswith(OURS)
    where = frame.f_locals["self"].place if ours else f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"
    raise NotCompiledError(f"{where}: {what}")
