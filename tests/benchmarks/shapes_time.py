"""Time of steps with low rank, heads, other widths and reductions: compiled by the engine, and in a Python loop.

    python tests/benchmarks/shapes_time.py                       # all steps of tests/engine/test_shapes.py
    python tests/benchmarks/shapes_time.py --only LSTMP mLSTM    # only these

Batch 32, H = 32, T = 100, values of 3 channels, float32, gradients at the last 10 steps, one thread: milliseconds of forward and
backward. Both are timed in turn in one process. The target: 2.5 times as fast as the loop.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import torch
from common import machine

from rnnbench import _engine
from rnnbench._cell import Cell

sys.path.append(str(Path(__file__).parents[2]))
from tests.engine.test_shapes import CASES, build

H, T, B, SCORED, REPEATS = 32, 100, 32, 10, 7


def times(cell: Cell) -> tuple[float, float]:
    """Return the medians of the loop's and the engine's milliseconds."""
    inputs = torch.randn(T, B, cell.input_size, generator=torch.Generator().manual_seed(0))
    grad = torch.ones(SCORED, B, H)
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(1 + REPEATS):
        for states, times in zip((Cell.states, _engine.states), found, strict=True):
            start = time.process_time()
            states(cell, inputs, T - SCORED).backward(grad)
            times.append(time.process_time() - start)
    loop, engine = (1000 * median(times[1:]) for times in found)
    return loop, engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES), metavar="STEP")
    torch.set_num_threads(1)
    print(machine())
    print(f"{'step':24}{'loop':>10}{'engine':>10}{'ratio':>8}")
    for name in parser.parse_args().only:
        torch.manual_seed(0)
        cell = build(name, H)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.uniform_(-(H**-0.5), H**-0.5)
        loop, engine = times(cell)
        print(f"{name:24}{loop:10.2f}{engine:10.2f}{loop / engine:8.1f}", flush=True)


if __name__ == "__main__":
    main()
