"""Shared by the benchmarks: medians of calls that take turns, and the machine they were taken on."""

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
    """Processor, threads and versions, for the head of every table."""
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
    """Median milliseconds of each call, in the state that a training loop leaves the processor in.

    They take turns, A B C A B C ..., so that a drift of the machine meets all of them alike. A turn is calls one after the other
    for 40 ms at least, of which the first 20 ms are not counted: caches and branch predictors are full of what the one before has
    left, and a step of 4 ms needs about five calls until it is as fast as it will be.
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
    print(text, file=sys.stderr, flush=True)
