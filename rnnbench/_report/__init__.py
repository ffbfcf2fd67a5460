"""The report: one HTML file about one or several studies that works without a network."""

from rnnbench._report.page import build_page

__all__ = ["build_page"]
