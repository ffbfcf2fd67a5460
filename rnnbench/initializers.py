"""Initialisations, by name: an axis of the benchmark, never a hidden detail.

Each fills the weights of a cell in place from a generator. All start from ``uniform`` and change what they are named after,
so two of them differ in exactly that. The readout is always uniform +-1/sqrt(H).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from rnnbench.cells import Cell

Initializer = Callable[[Cell, Generator, float], None]


def uniform(cell: Cell, generator: Generator, horizon: float) -> None:
    """Every weight and bias from U[-1/sqrt(H), 1/sqrt(H)]: the textbook's choice and PyTorch's default."""
    uniform_(cell, cell.hidden_size, generator)


def uniform_(module: nn.Module, hidden_size: int, generator: Generator) -> None:
    """Fill all parameters of a module from U[-1/sqrt(H), 1/sqrt(H)]."""
    bound = 1 / math.sqrt(hidden_size)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-bound, bound, generator=generator)


def orthogonal(cell: Cell, generator: Generator, horizon: float) -> None:
    """Uniform, but every (H, H) block of the recurrent weights is a random orthogonal matrix, and all biases are 0.

    Source: Saxe, McClelland & Ganguli 2014; for recurrent networks Henaff, Szlam & LeCun 2016.
    """
    uniform(cell, generator, horizon)
    with torch.no_grad():
        for block in torch.split(recurrent_weights(cell), cell.hidden_size):  # (H, H)
            nn.init.orthogonal_(block, generator=generator)
    zero_biases(cell)


def identity(cell: Cell, generator: Generator, horizon: float) -> None:
    """Uniform, but every (H, H) block of the recurrent weights is the identity, and all biases are 0 (Le et al. 2015)."""
    uniform(cell, generator, horizon)
    with torch.no_grad():
        for block in torch.split(recurrent_weights(cell), cell.hidden_size):  # (H, H)
            nn.init.eye_(block)
    zero_biases(cell)


def forget_bias(cell: Cell, generator: Generator, horizon: float) -> None:
    """Uniform, but all biases are 0 and that of the keeping gate is 1, the usual constant (Jozefowicz et al. 2015)."""
    uniform(cell, generator, horizon)
    zero_biases(cell)
    keeping, sign = next(iter(cell.forget_signs.items()))
    set_gate_bias(cell, keeping, torch.full((cell.hidden_size,), float(sign)))


def chrono(cell: Cell, generator: Generator, horizon: float) -> None:
    """Uniform, but the keeping gates' biases spread the units' memory over 1 .. horizon steps; all other biases are 0.

    LSTM: b_f = log U[1, horizon - 1] and b_i = -b_f; GRU: the update gate alone, with the sign that keeps. Horizon in time steps.
    Source: Tallec & Ollivier 2018, section 3 (their T_max).
    """
    uniform(cell, generator, horizon)
    zero_biases(cell)
    spread = torch.empty(cell.hidden_size).uniform_(1, horizon - 1, generator=generator).log()  # (H)
    for gate, sign in cell.forget_signs.items():
        set_gate_bias(cell, gate, sign * spread)


def recurrent_weights(cell: Cell) -> Tensor:
    """(rows*H, H) the recurrent weights; raises ValueError for a cell without any."""
    weight = getattr(cell, "weight_hh", None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"cell {cell.name} has no recurrent weights to initialise")
    return weight


def zero_biases(cell: Cell) -> None:
    """Set every bias of a cell to 0."""
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            if "bias" in name:
                parameter.zero_()


def set_gate_bias(cell: Cell, gate: str, values: Tensor) -> None:
    """Make the total bias of one gate ``values`` (H); a second bias, where a cell has one, becomes 0 there."""
    row = cell.gates.index(gate) * cell.hidden_size
    biases = [p for name in ("bias", "bias_ih", "bias_hh") if (p := getattr(cell, name, None)) is not None]
    with torch.no_grad():
        for k, bias in enumerate(biases):
            bias[row : row + cell.hidden_size] = values if k == 0 else 0.0


INITIALIZERS: dict[str, Initializer] = {
    "uniform": uniform,
    "orthogonal": orthogonal,
    "identity": identity,
    "forget-bias": forget_bias,
    "chrono": chrono,
}


def check(init: str, cell: Cell) -> None:
    """Raise ValueError, in one sentence, if this cell cannot take the initialisation ``init``."""
    if init in ("orthogonal", "identity"):
        recurrent_weights(cell)
    if init in ("forget-bias", "chrono"):
        if not cell.forget_signs:
            raise ValueError(f"init {init} sets a forgetting gate, which cell {cell.name} does not have")
        if not any("bias" in name for name, _ in cell.named_parameters()):
            raise ValueError(f"init {init} sets a gate's bias, and this {cell.name} has none (bias=false)")
