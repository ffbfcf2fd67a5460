"""The contract of a cell, and one file per built-in cell. ``README.md`` describes the contract on one page."""

from rnnbench._cell import Cell, Gate, InitContext, Initializer, Layer, SequenceModel, State
from rnnbench._cell import renamed as _renamed
from rnnbench.cells._selective_scan import selective_scan
from rnnbench.cells._wrap import wrap

__all__ = ["Cell", "Gate", "InitContext", "Initializer", "Layer", "SequenceModel", "State", "selective_scan", "wrap"]


def __getattr__(name: str) -> object:
    """Return the class that a former name stands for; to be removed in the next release."""
    if name == "Setting":
        _renamed("rnnbench.cells.Setting", "InitContext")
        return InitContext
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
