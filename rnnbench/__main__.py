"""The entry point of ``rnnbench`` and ``python -m rnnbench``. Ctrl-C prints one line, also during imports."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line.

    Ctrl-C ends the process at once: every file that a command writes survives a kill, and an exception could be swallowed by a
    running import. A run or a sweep installs its own handler, which stops between two steps.
    """
    import signal

    signal.signal(signal.SIGINT, _stop)
    from rnnbench._cli import main as command_line

    command_line()


def _stop(number: int, frame: object) -> None:
    show_cursor = "\033[?25h\n" if sys.stderr.isatty() else ""  # a progress bar hides it
    os.write(2, f"{show_cursor}rnnbench: stopped: recorded results are kept; rerun the command to resume\n".encode())
    os._exit(130)


if __name__ == "__main__":
    if not sys.flags.safe_path:  # `python -m` puts the current folder first, where a file random.py would replace the module
        sys.path.append(sys.path.pop(0))
    main()
