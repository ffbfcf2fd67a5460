"""Initialisations, by name: an axis of the benchmark, never a hidden detail.

Each fills the parameters that a layer left open, in place; what the layer's ``__init__`` has set stays. All but ``own`` start from
``uniform`` and change what they are named after, so two of them differ in exactly that. One that finds nothing to set raises
ValueError, so that no network carries a label which changed nothing. The readout is always uniform +-1/sqrt(H).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Generator, Tensor, nn

from rnnbench._cell import Cell, InitContext, Initializer, Layer


def uniform(layer: Layer, context: InitContext) -> None:
    """Every weight and bias from U[-1/sqrt(H), 1/sqrt(H)]: the textbook's choice and PyTorch's default."""
    opened = layer.uninitialized_parameters()
    if not opened:
        raise ValueError(f"init uniform finds nothing to set: {layer.name} sets all its parameters itself, which init own keeps")
    uniform_(opened.values(), layer.hidden_size, context.generator)


def uniform_(parameters: Iterable[nn.Parameter], hidden_size: int, generator: Generator) -> None:
    """Fill the parameters from U[-1/sqrt(H), 1/sqrt(H)]."""
    bound = 1 / math.sqrt(hidden_size)
    with torch.no_grad():
        for parameter in parameters:
            parameter.uniform_(-bound, bound, generator=generator)


def own(layer: Layer, context: InitContext) -> None:
    """What the layer's ``__init__`` has set, as it stands; uniform for what it left open."""
    opened = layer.uninitialized_parameters()
    if opened and not own_parameters(layer):
        raise ValueError(f"init own finds nothing to keep: {layer.name} leaves all its parameters to the initialiser")
    uniform_(opened.values(), layer.hidden_size, context.generator)


def orthogonal(layer: Layer, context: InitContext) -> None:
    """Uniform, but every (H, H) block of the recurrent weights is a random orthogonal matrix, and all biases are 0.

    Source: Saxe, McClelland & Ganguli 2014; for recurrent networks Henaff, Szlam & LeCun 2016.
    """
    blocks = recurrent_blocks("orthogonal", layer)
    uniform(layer, context)
    with torch.no_grad():
        for block in blocks:  # (H, H)
            nn.init.orthogonal_(block, generator=context.generator)
    zero_biases(layer)


def identity(layer: Layer, context: InitContext) -> None:
    """Uniform, but every (H, H) block of the recurrent weights is the identity, and all biases are 0 (Le et al. 2015)."""
    blocks = recurrent_blocks("identity", layer)
    uniform(layer, context)
    with torch.no_grad():
        for block in blocks:  # (H, H)
            nn.init.eye_(block)
    zero_biases(layer)


def forget_bias(layer: Layer, context: InitContext) -> None:
    """Uniform, but all biases are 0 and that of the keeping gate is 1, the usual constant (Jozefowicz et al. 2015)."""
    signs = forget_signs("forget-bias", layer)
    uniform(layer, context)
    zero_biases(layer)
    keeping, sign = next(iter(signs.items()))
    set_gate_bias(layer, keeping, torch.full((layer.hidden_size,), float(sign)))


def chrono(layer: Layer, context: InitContext) -> None:
    """Uniform, but the keeping gates' biases spread the units' memory over 1 .. horizon steps; all other biases are 0.

    LSTM: b_f = log U[1, horizon - 1] and b_i = -b_f; GRU: the update gate alone, with the sign that keeps. Horizon in time steps.
    Source: Tallec & Ollivier 2018, section 3 (their T_max).
    """
    signs = forget_signs("chrono", layer)
    uniform(layer, context)
    zero_biases(layer)
    spread = torch.empty(layer.hidden_size).uniform_(1, context.horizon - 1, generator=context.generator).log()  # (H)
    for gate, sign in signs.items():
        set_gate_bias(layer, gate, sign * spread)


def own_parameters(layer: Layer) -> list[str]:
    """Names of the parameters that the layer's ``__init__`` has set."""
    opened = layer.uninitialized_parameters()
    return [name for name, _ in layer.named_parameters() if name not in opened]


def recurrent_blocks(init: str, layer: Layer) -> tuple[Tensor, ...]:
    """The (H, H) blocks of the recurrent weights that were left open; raises ValueError without any."""
    weight = layer.uninitialized_parameters().get("weight_hh")
    if weight is None:
        raise ValueError(f"init {init} finds nothing to set: {layer.name} has no weight_hh (rows*H, H) that it leaves open")
    return torch.split(weight, layer.hidden_size)


def open_biases(layer: Layer) -> dict[str, nn.Parameter]:
    """The biases that were left open, by name."""
    return {name: parameter for name, parameter in layer.uninitialized_parameters().items() if "bias" in name}


def zero_biases(layer: Layer) -> None:
    """Set every bias that was left open to 0."""
    with torch.no_grad():
        for bias in open_biases(layer).values():
            bias.zero_()


def forget_signs(init: str, layer: Layer) -> Mapping[str, int]:
    """The cell's forgetting gates; raises ValueError if it has none, or no bias of theirs to set."""
    if not (isinstance(layer, Cell) and layer.forget_signs):
        raise ValueError(f"init {init} sets a forgetting gate, which cell {layer.name} does not have")
    if not open_biases(layer):
        raise ValueError(f"init {init} sets a gate's bias, and this {layer.name} leaves none open (bias=false)")
    unknown = set(layer.forget_signs) - set(layer.gates)
    if unknown:
        raise ValueError(f"init {init}: forget_signs of {layer.name} names {min(unknown)!r}, which is none of its gates")
    return layer.forget_signs


def set_gate_bias(layer: Layer, gate: str, values: Tensor) -> None:
    """Make the total bias of one gate ``values`` (H); a second bias, where a cell has one, becomes 0 there."""
    assert isinstance(layer, Cell)  # forget_signs has made sure of it
    row = list(layer.gates).index(gate) * layer.hidden_size
    with torch.no_grad():
        for k, bias in enumerate(open_biases(layer).values()):
            bias[row : row + layer.hidden_size] = values if k == 0 else 0.0


INITIALIZERS: dict[str, Initializer] = {
    "own": Initializer(own),
    "uniform": Initializer(uniform),
    "orthogonal": Initializer(orthogonal),
    "identity": Initializer(identity),
    "forget-bias": Initializer(forget_bias),
    "chrono": Initializer(chrono, uses_horizon=True),
}


def known(kind: type[Layer]) -> dict[str, Initializer]:
    """The initialisations of a class by name: those that it brings along go before those here."""
    return {**INITIALIZERS, **kind.initializers}


def initialise(layer: Layer, init: str, context: InitContext) -> None:
    """Fill the layer's parameters in place; raises ValueError, in one sentence, if it cannot take the initialisation ``init``."""
    inits = known(type(layer))
    if init not in inits:
        raise ValueError(f"{layer.name} has no init {init!r}: there are {', '.join(sorted(inits))}")
    inits[init].fill(layer, context)


def check(init: str, layer: Layer) -> None:
    """Raise ValueError if this layer cannot take the initialisation ``init``; its parameters are lost."""
    initialise(layer, init, InitContext(Generator(), 1, 20.0))


def default(layer: Layer) -> str:
    """The initialisation when none is named; the layer's parameters are lost.

    The declared default, where it finds something to set (chrono does not, without biases); else ``own`` if ``__init__`` has set
    some parameter itself, and ``uniform`` if it has not.
    """
    fallback = "own" if own_parameters(layer) or not layer.uninitialized_parameters() else "uniform"
    if layer.default_init is None:
        return fallback
    try:
        check(layer.default_init, layer)
    except ValueError:
        return fallback
    return layer.default_init
