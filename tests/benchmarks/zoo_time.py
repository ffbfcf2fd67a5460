"""Cells that the engine has no line about, written through ``step`` alone: compiled against their own Python loop.

    python tests/benchmarks/zoo_time.py            # H = 128, T = 220
    python tests/benchmarks/zoo_time.py --length 1000 --only IndRNN MinGRU

Batch 32, 10 tokens, float32, gradients at the last 10 steps alone, one thread: milliseconds of forward and backward.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from common import machine, medians, progress

from rnnbench import engine
from rnnbench.cell import Cell

sys.path.append(str(Path(__file__).parents[1] / "engine"))
from test_zoo import ZOO

BATCH, TOKENS, SCORED = 32, 10, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--length", type=int, default=220)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names of classes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    H, T = arguments.width, arguments.length
    print(machine())
    print(f"{'cell':>10}{'H':>6}{'T':>6}{'engine ms':>12}{'loop ms':>12}{'loop/engine':>13}")
    for kind in ZOO:
        if arguments.only and kind.__name__ not in arguments.only:
            continue
        progress(kind.__name__)
        cell = kind(TOKENS, H)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.uniform_(-(H**-0.5), H**-0.5)
        tokens = torch.randint(TOKENS, (T, BATCH), generator=torch.Generator().manual_seed(0))
        grad = torch.randn(SCORED, BATCH, H)

        def compiled(cell: Cell = cell, tokens: torch.Tensor = tokens, grad: torch.Tensor = grad) -> None:
            engine.states(cell, tokens, T - SCORED).backward(grad)

        def loop(cell: Cell = cell, tokens: torch.Tensor = tokens, grad: torch.Tensor = grad) -> None:
            cell.states(tokens, T - SCORED).backward(grad)

        ms = medians({"engine": compiled, "loop": loop}, arguments.runs)
        name, ratio = kind.__name__, ms["loop"] / ms["engine"]
        print(f"{name:>10}{H:>6}{T:>6}{ms['engine']:>12.2f}{ms['loop']:>12.2f}{ratio:>13.2f}", flush=True)


if __name__ == "__main__":
    main()
