"""CPU time of one training step, forward and backward: the engine, torch.nn, a Python loop, JAX and the matrix products only.

    python tests/benchmarks/step_time.py            # all shapes, about ten minutes
    python tests/benchmarks/step_time.py --quick    # only T=220, H=32 and 128

Batch 32, 10 tokens, float32, gradients only at the last 10 steps, one thread. torch.nn gets the same tokens as one-hot vectors. It
does not have a GRU that resets before the product, so its own variant is compared with ``gru``. The products are the recurrent
ones: one per step forward, one per step backward, and one over all steps for the weight gradient. JAX computes the trace of the
engine; its column is empty without JAX. ``limited``: the engine with a limit on dL/dh_t. ``other``: the engine with the products
that it does not choose on this processor: tiles instead of PyTorch's BLAS, or the reverse.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from common import jax_scan, machine, medians, progress

from rnnbench import _engine
from rnnbench._cell import Cell, InitContext
from rnnbench._engine import blas
from rnnbench._network.initializers import initialise
from rnnbench._plugins import registry

BATCH, TOKENS, SCORED = 32, 10, 10
GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru-torch": 3}
MODULES: dict[str, Any] = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "gru-torch": torch.nn.GRU}


def bare_products(rows: int, H: int, T: int) -> Callable[[], None]:
    weight = torch.randn(rows * H, H)
    state, gates = torch.randn(BATCH, H), torch.randn(BATCH, rows * H)
    weight_t = weight.t().contiguous()
    forward, backward = torch.empty(BATCH, rows * H), torch.empty(BATCH, H)
    all_gates, all_states = torch.randn(T * BATCH, rows * H), torch.randn(T * BATCH, H)

    def run() -> None:
        for _ in range(T):
            torch.mm(state, weight_t, out=forward)
        for _ in range(T):
            torch.mm(gates, weight, out=backward)
        all_gates.t() @ all_states

    return run


def calls(name: str, H: int, T: int) -> dict[str, Callable[[], object]]:
    cell = registry.make_cell(name, TOKENS, H)
    initialise(cell, "uniform", InitContext(torch.Generator().manual_seed(0), T, 0.0))
    module = MODULES[name](TOKENS, H)
    tokens = torch.randint(TOKENS, (T, BATCH), generator=torch.Generator().manual_seed(0))  # (T, B)
    one_hot = F.one_hot(tokens, TOKENS).float()  # (T, B, D)
    grad = torch.randn(SCORED, BATCH, H)

    def engine() -> None:
        cell.zero_grad()
        _engine.states(cell, tokens, T - SCORED).backward(grad)

    def limited() -> None:
        cell.zero_grad()
        _engine.states(cell, tokens, T - SCORED, 0.01).backward(grad)

    def other() -> None:
        chosen = blas.address
        blas.address = lambda dtype: 0 if chosen(dtype) else blas.found(dtype)
        try:
            engine()
        finally:
            blas.address = chosen

    def loop() -> None:
        cell.zero_grad()
        cell.states(tokens, T - SCORED).backward(grad)

    def torch_nn() -> None:
        module.zero_grad()
        module(one_hot)[0][T - SCORED :].backward(grad)

    timed = {"engine": engine, "limited": limited, "torch.nn": torch_nn, "loop": loop, "products": bare_products(GATES[name], H, T)}
    if blas.found(torch.float32):
        timed["other"] = other
    assert isinstance(cell, Cell)
    jax = jax_scan(cell, tokens, SCORED)
    return timed | ({"jax": jax} if jax else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only T=220, H=32 and 128")
    parser.add_argument("--runs", type=int, default=9, help="turns of at least 40 ms for each call (default 9)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(machine())
    print("median milliseconds of CPU time, forward and backward; the ratios are those of the row")
    columns = ("engine", "limited", "other", "torch.nn", "loop", "jax", "products")
    compared = ("limited", "other", "torch.nn", "jax", "products")
    print(("{:>10}" * 3 + "{:>10}" * 7 + "{:>17}" * 5).format("cell", "H", "T", *columns, *(f"{key}/engine" for key in compared)))
    for T in (220,) if arguments.quick else (220, 1000):
        for H in (32, 128) if arguments.quick else (32, 64, 128, 256):
            for name in GATES:
                progress(f"{name} H={H} T={T}")
                ms = medians(calls(name, H, T), arguments.runs)
                cells = "".join(f"{ms[key]:10.2f}" if key in ms else f"{'-':>10}" for key in columns)
                ratios = "".join(f"{ms[key] / ms['engine']:17.2f}" if key in ms else f"{'-':>17}" for key in compared)
                print(f"{name:>10}{H:>10}{T:>10}{cells}{ratios}", flush=True)


if __name__ == "__main__":
    main()
