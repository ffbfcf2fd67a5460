"""Functions that the benchmarks share: medians of calls that take turns, and a description of the machine."""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

TURN = 0.02  # seconds


def machine() -> str:
    """Return processor, threads and versions, for the head of every table."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    versions = [f"Python {platform.python_version()}", f"PyTorch {torch.__version__}"]
    for name in ("numba", "jax"):
        try:
            versions.append(f"{name} {__import__(name).__version__}")
        except ImportError:
            versions.append(f"no {name}")
    return f"{names[0] if names else platform.processor()}, {len(names)} cores, one thread used; {', '.join(versions)}"


def medians(timed: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Return the median milliseconds of each call, with caches in the state of a training loop.

    The calls take turns, A B C A B C ..., so that a drift of the machine affects all of them equally. A turn repeats one call for
    at least 40 ms. The first 20 ms are not counted, because caches and branch predictors are full of data from the call before: a
    step of 4 ms needs about five repeats to reach its final speed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for call in timed.values():
        call()  # compilation and first allocations are not counted
    for _ in range(runs):
        for name, call in timed.items():
            begun = time.perf_counter()
            while time.perf_counter() < begun + TURN:
                call()
            begun = start = time.perf_counter()
            while start < begun + TURN:
                call()
                seconds[name].append((end := time.perf_counter()) - start)
                start = end
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def progress(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr, flush=True)
