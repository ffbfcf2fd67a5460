"""The consoles of Rich that commands print on: every text is shown as it is."""

from __future__ import annotations

import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from rnnbench._errors import visible

LOG_VARIABLES = {"CI", "JPY_PARENT_PID"}
"""Variables that services of continuous integration and the kernels of notebooks set."""


class PlainConsole(Console):
    """A console that reads no markup and no emoji codes in strings, and shows control characters as escapes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string, such as the cell of a table, as text to print."""
        return super().render_str(visible(text), **options)


def stderr_console() -> PlainConsole:
    """Return a console on stderr. It is a terminal only if its lines can be drawn again.

    Logs of continuous integration and the output of a notebook's cell may look like a terminal but keep every redrawn line.
    """
    redraws = sys.stderr.isatty() and not LOG_VARIABLES & os.environ.keys()
    return PlainConsole(stderr=True, force_terminal=None if redraws else False)
