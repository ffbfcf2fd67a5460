"""The entry point: Ctrl-C while the command line is still being loaded is one line, not a traceback out of an import."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """What ``rnnbench`` and ``python -m rnnbench`` run."""
    signal.signal(signal.SIGINT, _stopped)  # nothing is at work yet: whatever is being imported may be left as it is
    from rnnbench.cli import main as command_line

    signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line()


def _stopped(number: int, frame: object) -> None:
    sys.stderr.write("rnnbench: stopped\n")
    sys.stderr.flush()
    os._exit(130)
