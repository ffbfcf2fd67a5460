"""The version of rnnbench."""

__version__ = "0.2.0"
