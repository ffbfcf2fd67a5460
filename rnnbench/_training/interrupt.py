"""A context in which Ctrl-C, SIGTERM or a closed terminal stops a run or a sweep between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

TERMINAL_SIGNALS = {signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])}
"""The signals of Ctrl-C and of a closed terminal, which every process of the terminal's group receives."""


@contextlib.contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Call ``stop`` at the first Ctrl-C, SIGTERM or SIGHUP, and interrupt at once at a second Ctrl-C or SIGTERM.

    Yields the list of signals.
    A signal that was ignored before, as SIGHUP under ``nohup``, stays ignored.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen  # only the main thread receives signals
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if not seen:
            seen.append(number)
            stop()
        elif number in (signal.SIGINT, signal.SIGTERM):  # a closed terminal may send SIGHUP twice
            seen.append(number)
            raise KeyboardInterrupt

    numbers = [number for number in (*TERMINAL_SIGNALS, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interruptible_call(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Stop as :func:`interruptible` does, then let a SIGTERM or SIGHUP take effect: the process ends, or its own handler runs.

    For functions that a script calls: after Ctrl-C the script continues, as in a notebook.
    """
    seen: list[int] = []
    try:
        with interruptible(stop) as seen:
            yield seen
    finally:
        if number := next((number for number in seen if number != signal.SIGINT), None):
            signal.raise_signal(number)
