"""Emitted code run as plain Python, which saves the seconds that numba needs for every cell."""

import math
from types import ModuleType
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch


class Plain:
    """Matrix products by numpy."""

    addresses = np.zeros(0, np.int64)

    def __init__(self, dtype: torch.dtype) -> None:
        pass

    def packed(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.contiguous().view(-1)

    def room(self, rows: int, columns: int) -> int:
        return 0


def multiply(products, a, a_first, K, b, c, c_first, N, keep):
    target = c.reshape(len(c), -1)[:, c_first : c_first + N]
    target[:] = a.reshape(len(a), -1)[:, a_first : a_first + K] @ b.reshape(K, N) + (target if keep else 0)


def gradient(products, count, d, d_first, N, x, start, dweight, packed):
    B, K = x.shape[1:]
    rows = d.reshape(len(d) * B, -1)[: count * B, d_first : d_first + N]
    dweight += rows.T @ x[start : start + count].reshape(count * B, K)


def begin(products, tokens, t, table, now):
    if tokens.size:
        now.reshape(len(now), -1)[:] = table[tokens[t]]
    else:
        now.reshape(len(now), -1)[:, now[0].size - table.shape[1] :] = table[0]


def gather(products, tokens, t, dtable, d):
    np.add.at(dtable, tokens[t] if tokens.size else np.zeros(len(d), int), d.reshape(len(d), -1)[:, : dtable.shape[1]])


PLAIN = {
    "cached": np.errstate(all="ignore"), "multiply": multiply, "gradient": gradient, "begin": begin, "gather": gather,
    "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "erf": math.erf, "floor": np.floor, "remainder": np.remainder, "fmod": np.fmod, "rint": np.rint, "power": np.power,
    "atan": np.arctan,
    "softplus": lambda x: np.logaddexp(0, x), "relu": lambda x: np.maximum(x, 0), "sin": np.sin, "cos": np.cos,
    "larger": np.maximum, "smaller": np.minimum, "where": lambda condition, yes, no: yes if condition else no,
    "inf": math.inf, "clamp": lambda x, limit: min(max(x, -limit), limit),
}  # fmt: skip


def plain(text: str) -> ModuleType:
    module = ModuleType("plain")
    module.__dict__.update(PLAIN)
    exec(compile(text.replace("from rnnbench._engine.intrinsics import *", ""), "<plain>", "exec"), module.__dict__)
    return module


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run emitted code as Python."""
    from rnnbench._engine import build, products, sequence

    monkeypatch.setattr(build, "load", plain)
    monkeypatch.setattr(products, "products", Plain)
    monkeypatch.setattr(sequence, "PROGRAMS", WeakKeyDictionary())
