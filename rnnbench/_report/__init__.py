"""One page of one or several studies: a single HTML file that needs no network, to read, print and send."""

from rnnbench._report.page import build

__all__ = ["build"]
