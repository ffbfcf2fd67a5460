"""Generated code run as plain Python: what is written is what is tested, without the seconds that numba takes for every cell."""

import math
from types import ModuleType

import numpy as np
import pytest


def product(blas, x, weight, columns, out, accumulate):
    out[:, :columns] = x @ weight + (out[:, :columns] if accumulate else 0)


def weight_gradient(blas, dgates, x, dweight):
    dweight += dgates.T @ x


def input_step(tokens, table, now, t):
    if tokens.size:
        now[:] = table[tokens[t]]
    else:
        now[:, now.shape[1] - table.shape[1] :] = table[0]


def input_step_back(tokens, dtable, dgates, t):
    np.add.at(dtable, tokens[t] if tokens.size else np.zeros(len(dgates), int), dgates)


def input_block_back(blas, dgates, x, weight_ih, dweight_ih, dx):
    dweight_ih += dgates.T @ x
    if dx.size:
        dx[:] = dgates @ weight_ih


def add(x, y):
    x += y


PLAIN = {
    "np": np, "compiled": lambda function: function, "cached": np.errstate(all="ignore"),
    "packed": lambda blas, weight: weight, "product": product, "weight_gradient": weight_gradient, "add": add,
    "flat": lambda steps: steps.reshape(-1, steps.shape[2]),
    "input_step": input_step, "input_step_back": input_step_back, "input_block_back": input_block_back,
    "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "softplus": lambda x: np.logaddexp(0, x), "relu": lambda x: np.maximum(x, 0), "sin": np.sin, "cos": np.cos,
    "larger": np.maximum, "smaller": np.minimum, "where": lambda condition, yes, no: yes if condition else no,
}  # fmt: skip


def plain(text: str) -> ModuleType:
    module = ModuleType("plain")
    module.__dict__.update(PLAIN)
    exec(compile(text.replace("from rnnbench.engine.support import *", ""), "<plain>", "exec"), module.__dict__)
    return module


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated code runs as Python."""
    from rnnbench.engine import build, sequence

    monkeypatch.setattr(build, "load", plain)
    monkeypatch.setattr(sequence, "PROGRAMS", {})
