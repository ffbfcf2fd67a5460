"""Functions that the benchmarks share: medians of calls that take turns, and a description of the machine and a scan of JAX."""

from __future__ import annotations

import operator
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnbench._cell import Cell
from rnnbench._engine.derive import Key
from rnnbench._engine.graph import OPERATORS, reachable
from rnnbench._engine.trace import Trace

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
    """Return the median milliseconds of CPU time of each call, with caches in the state of a training loop.

    CPU time leaves out the time in which other processes had the core, but not what they did to its caches.
    The calls take turns, A B C A B C ..., so that a drift of the machine affects all of them equally. A turn repeats one call for
    at least 40 ms. The first 20 ms are not counted, because caches and branch predictors are full of data from the call before: a
    step of 4 ms needs about five repeats to reach its final speed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for call in timed.values():
        call()  # compilation and first allocations are not counted
    for _ in range(runs):
        for name, call in timed.items():
            begun = time.process_time()
            while time.process_time() < begun + TURN:
                call()
            begun = start = time.process_time()
            while start < begun + TURN:
                call()
                seconds[name].append((end := time.process_time()) - start)
                start = end
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def progress(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr, flush=True)


def jax_scan(cell: Cell, tokens: Tensor, scored: int) -> Callable[[], object] | None:
    """Return the gradients of the cell's traced step by a jitted ``lax.scan``, or None without JAX.

    Products of one source with one weight are computed once, and products with inputs are rows of a table, as in hand-written code.
    """
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    functions: dict[str, Callable[..., Any]] = {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
        "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu, "exp": jnp.exp, "log": jnp.log,
        "softplus": jax.nn.softplus, "sqrt": jnp.sqrt, "sin": jnp.sin, "cos": jnp.cos, "abs": jnp.abs, "max": jnp.maximum,
        "min": jnp.minimum, "where": jnp.where, "detach": jax.lax.stop_gradient, "gt": operator.gt, "ge": operator.ge,
        "lt": operator.lt, "le": operator.le, "eq": operator.eq, "ne": operator.ne, "and": operator.and_, "or": operator.or_,
        "total": lambda a: a.sum(axis=1, keepdims=True), "erf": jax.scipy.special.erf, "floor": jnp.floor,
        "remainder": jnp.remainder,
    }  # fmt: skip
    assert set(functions) == {*OPERATORS} - {"pick", "collect", "first"}  # which no cell of the benchmarks uses
    trace, batch, H = Trace(cell), tokens.shape[1], cell.hidden_size
    nodes = reachable(trace.after)
    tensors = [jnp.asarray(tensor.detach().numpy()) for tensor in trace.hoisting.replay(trace.table.tensors)(cell)]
    fed = sorted({node.key.tensor for node in nodes if node.op == "input"})
    start = tuple(jnp.asarray(part.contiguous().numpy()) for part in cell.start(batch))

    def step(tensors: Any, state: Any, projected: Any) -> Any:
        values: dict[Any, Any] = {}
        products: dict[Any, Any] = {}
        for node in nodes:
            arguments = [values[arg] for arg in node.args]
            which, *rows = node.key if isinstance(node.key, Key) else (0, 0, 0)
            columns = slice(*rows)
            match node.op:
                case "number":
                    values[node] = node.number
                case "state":
                    values[node] = state[node.key]
                case "vector":
                    values[node] = tensors[which][columns]
                case "input":
                    values[node] = projected[which][:, columns]
                case "product":
                    if (node.args[0], which) not in products:
                        products[node.args[0], which] = arguments[0] @ tensors[which].T
                    values[node] = products[node.args[0], which][:, columns]
                case name:
                    values[node] = functions[name](*arguments)
        after = tuple(jnp.broadcast_to(values[node], (batch, H)) for node in trace.after)
        return after, after[0]

    def loss(tensors: Any, tokens: Any) -> Any:
        projected = {which: tensors[which].T[tokens] for which in fed}
        return jax.lax.scan(partial(step, tensors), start, projected)[1][-scored:].sum()

    gradient, jax_tokens = jax.jit(jax.grad(loss)), jnp.asarray(tokens.numpy())
    return lambda: jax.block_until_ready(gradient(tensors, jax_tokens))
