"""One file a cell; the folder is the registry. The contract stands in :mod:`rnnbench.cell` and, on one page, in ``README.md``."""

from rnnbench.cell import Cell, Gate, Initializer, Layer, SequenceModel, Setting, State

__all__ = ["Cell", "Gate", "Initializer", "Layer", "SequenceModel", "Setting", "State"]
