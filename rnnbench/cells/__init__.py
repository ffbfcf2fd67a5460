"""One file a cell; the folder is the registry. The contract stands in :mod:`rnnbench._cell` and, on one page, in ``README.md``."""

from rnnbench._cell import Cell, Gate, InitContext, Initializer, Layer, SequenceModel, State

__all__ = ["Cell", "Gate", "InitContext", "Initializer", "Layer", "SequenceModel", "State"]
