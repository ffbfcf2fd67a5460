"""The entry point: Ctrl-C is one line at any moment, also while modules are being imported."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """What ``rnnbench`` and ``python -m rnnbench`` run.

    Ctrl-C ends the process at once: whatever a command writes survives that, as it survives SIGKILL, and an exception could come
    up inside an import that swallows it. A run or a sweep at work has a handler of its own, which stops between two steps.
    """
    signal.signal(signal.SIGINT, _stopped)
    from rnnbench.cli import main as command_line

    command_line()


def _stopped(number: int, frame: object) -> None:
    show_cursor = "\033[?25h\n" if sys.stderr.isatty() else ""  # a progress bar hides it
    os.write(2, f"{show_cursor}rnnbench: stopped: what was recorded stays, and the same command resumes there\n".encode())
    os._exit(130)
