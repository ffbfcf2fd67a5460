"""Time of cells that are defined only by their ``step``: compiled by the engine, in a Python loop, and as a scan of JAX.

    python tests/benchmarks/zoo_time.py                          # all tables, about three minutes
    python tests/benchmarks/zoo_time.py --only indrnn mingru     # the first table, only these cells

Batch 32, H = 128, float32, gradients only at the last 10 steps, one thread: milliseconds of forward and backward. Four tables:

- every cell, 10 tokens, T = 220. JAX's scan computes the trace of the engine, with gradients by ``jax.grad``. JAX is not a
  dependency of rnnbench, and its column is empty without it. Work on the parameters only (Decay: a matrix exponential) is included
  in the engine's time, but not in JAX's. The target: 3 times as fast as the loop, 2 times as fast as JAX.
- cells without a recurrent product, T = 1000, values of 128 channels with gradients: against the input products only (one
  forward, two backward) and one pass over the states each way. The target: at most 1.5 times their time.
- minGRU against GRU, 10 tokens, and values of 128 channels with gradients: from which T on is it faster? (Only these: --mingru)
- Leaky against rnn, 10 tokens, T = 220. The target: .85 of its rate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from common import jax_scan, machine, medians, progress
from torch import Tensor

from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._plugins import registry

sys.path.append(str(Path(__file__).parents[2]))
from tests.engine.test_zoo import ZOO, Leaky

BATCH, TOKENS, SCORED, H = 32, 10, 10, 128


def uniform(cell: Cell) -> Cell:
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.uniform_(-(H**-0.5), H**-0.5)
    return cell


def step_of(cell: Cell, inputs: Tensor, states: Callable[..., Tensor]) -> Callable[[], None]:
    """Return a call that runs one training step, forward and backward."""
    grad = torch.randn(SCORED, BATCH, H)

    def run() -> None:
        cell.zero_grad()
        inputs.grad = None
        states(cell, inputs, len(inputs) - SCORED).backward(grad)

    return run


def draw(T: int) -> Tensor:
    return torch.randint(TOKENS, (T, BATCH), generator=torch.Generator().manual_seed(0))


def table_of_cells(names: list[str], T: int, runs: int) -> None:
    print(f"{'cell':>10}{'H':>6}{'T':>6}{'engine ms':>12}{'loop ms':>12}{'jax ms':>12}{'loop/engine':>13}{'jax/engine':>13}")
    for name in names:
        progress(name)
        cell, tokens = uniform(ZOO[name](TOKENS, H)), draw(T)
        timed: dict[str, Callable[[], object]] = {
            "engine": step_of(cell, tokens, _engine.states),
            "loop": step_of(cell, tokens, Cell.states),
        }
        scan = jax_scan(cell, tokens, SCORED)
        ms = medians(timed | ({"jax": scan} if scan else {}), runs)
        jax, ratio = (f"{ms['jax']:.2f}", f"{ms['jax'] / ms['engine']:.2f}") if scan else ("-", "-")
        times = f"{ms['engine']:>12.2f}{ms['loop']:>12.2f}{jax:>12}"
        print(f"{name:>10}{H:>6}{T:>6}{times}{ms['loop'] / ms['engine']:>13.2f}{ratio:>13}", flush=True)


def input_products(G: int, x: Tensor) -> Callable[[], None]:
    """Return the products of x with weights of G*H rows, forward and backward, and one pass over the states each way."""
    T, D = len(x), x.shape[2]
    rows, weight = x.detach().reshape(T * BATCH, D), torch.randn(G * H, D)
    gates, back, states, dx = (
        torch.empty(T * BATCH, G * H),
        torch.empty(T * BATCH, G * H),
        torch.empty(T * BATCH, H),
        torch.empty_like(rows),
    )

    def run() -> None:
        torch.mm(rows, weight.t(), out=gates)
        for k in range(G):
            states.copy_(gates[:, k * H : (k + 1) * H])
        for k in range(G):
            back[:, k * H : (k + 1) * H].copy_(states)
        back.t() @ rows
        torch.mm(back, weight, out=dx)

    return run


def table_of_scans(T: int, runs: int) -> None:
    print(f"\n{'cell':>10}{'H':>6}{'T':>6}{'engine ms':>12}{'bare ms':>12}{'engine/bare':>13}")
    for name, G in (("mingru", 2), ("indrnn", 1)):
        progress(f"{name} and its products")
        x = torch.randn(T, BATCH, H, requires_grad=True)
        ms = medians({"engine": step_of(uniform(ZOO[name](H, H)), x, _engine.states), "bare": input_products(G, x)}, runs)
        print(f"{name:>10}{H:>6}{T:>6}{ms['engine']:>12.2f}{ms['bare']:>12.2f}{ms['engine'] / ms['bare']:>13.2f}", flush=True)


def table_of_pairs(one: Cell, other: Cell, lengths: tuple[int, ...], runs: int) -> None:
    """Print the times of two cells; their inputs are tokens, or values of ``H`` channels with gradients, as of a layer below."""
    first, second = type(one).__name__, type(other).__name__
    print(f"\ninputs: {'tokens' if one.input_size == TOKENS else f'{one.input_size} channels'}")
    print(f"{'H':>10}{'T':>6}{first + ' ms':>12}{second + ' ms':>12}{second + '/' + first:>16}")
    for T in lengths:
        progress(f"{first} and {second}, T={T}")
        tokens = draw(T) if one.input_size == TOKENS else torch.randn(T, BATCH, one.input_size, requires_grad=True)
        ms = medians(
            {cell: step_of(cells, tokens, _engine.states) for cell, cells in ((first, uniform(one)), (second, uniform(other)))},
            runs,
        )
        print(f"{H:>10}{T:>6}{ms[first]:>12.2f}{ms[second]:>12.2f}{ms[second] / ms[first]:>16.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=220, help="T of the first table (default 220)")
    parser.add_argument("--runs", type=int, default=5, help="turns of at least 40 ms for each call (default 5)")
    parser.add_argument("--only", nargs="+", help="names of cells: the first table, only these cells")
    parser.add_argument("--mingru", action="store_true", help="only the tables of minGRU against GRU")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(machine())
    print("python tests/benchmarks/zoo_time.py; median milliseconds of forward and backward; the ratios are those of the row")
    if not arguments.mingru:
        table_of_cells(arguments.only or list(ZOO), arguments.length, arguments.runs)
    if arguments.only:
        return
    if not arguments.mingru:
        table_of_scans(1000, arguments.runs)
    for size in (TOKENS, H):
        pair = registry.make_cell("mingru", size, H), registry.make_cell("gru", size, H)
        table_of_pairs(*pair, (50, 220, 1000, 4000), arguments.runs)
    if arguments.mingru:
        return
    table_of_pairs(Leaky(TOKENS, H), registry.make_cell("rnn", TOKENS, H), (220,), arguments.runs)


if __name__ == "__main__":
    main()
