"""The built-in initialisations, by name; they are an axis of the benchmark.

Each initialisation fills a layer's uninitialized parameters in place. Parameters that the layer's ``__init__`` sets keep their
values. All but ``own`` start from ``uniform`` and change only what they are named after. An initialisation that finds nothing to
set raises ValueError, so that every label is true. The readout is always uniform +-1/sqrt(H).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
from torch import Generator, Tensor, nn

from rnnbench._cell import Cell, InitContext, Initializer, Layer


def uniform(layer: Layer, context: InitContext) -> None:
    """Draw every weight and bias from U[-1/sqrt(H), 1/sqrt(H)], the default of PyTorch."""
    parameters = layer.uninitialized_parameters()
    if not parameters:
        raise ValueError(f"init uniform finds nothing to set: {layer.name} sets all its parameters in __init__; use init own")
    uniform_(parameters.values(), layer.hidden_size, context.generator)


def uniform_(parameters: Iterable[nn.Parameter], hidden_size: int, generator: Generator) -> None:
    """Fill the parameters from U[-1/sqrt(H), 1/sqrt(H)]."""
    bound = 1 / math.sqrt(hidden_size)
    with torch.no_grad():
        for parameter in parameters:
            parameter.uniform_(-bound, bound, generator=generator)


def own(layer: Layer, context: InitContext) -> None:
    """Keep the values that the layer's ``__init__`` has set; fill all other parameters as ``uniform`` does."""
    parameters = layer.uninitialized_parameters()
    if parameters and not own_parameters(layer):
        raise ValueError(f"init own finds nothing to keep: {layer.name} sets no parameter in __init__")
    uniform_(parameters.values(), layer.hidden_size, context.generator)


def orthogonal(layer: Layer, context: InitContext) -> None:
    """Set every (H, H) block of the recurrent weights to a random orthogonal matrix, all biases to 0, the rest as ``uniform``.

    Source: Saxe, McClelland & Ganguli 2014; for recurrent networks Henaff, Szlam & LeCun 2016.
    """
    fill_recurrent_blocks("orthogonal", layer, context, partial(nn.init.orthogonal_, generator=context.generator))


def identity(layer: Layer, context: InitContext) -> None:
    """Set every (H, H) block of the recurrent weights to the identity, all biases to 0, the rest as ``uniform``.

    Source: Le, Jaitly & Hinton 2015.
    """
    fill_recurrent_blocks("identity", layer, context, nn.init.eye_)


def forget_bias(layer: Layer, context: InitContext) -> None:
    """Set the bias of the forget gate to 1 and all others to 0, the rest as ``uniform`` (Jozefowicz et al. 2015)."""
    signs = checked_forget_signs("forget-bias", layer)
    uniform(layer, context)
    zero_biases(layer)
    gate, sign = next(iter(signs.items()))
    set_gate_bias(layer, gate, torch.full((layer.hidden_size,), float(sign)))


def chrono(layer: Layer, context: InitContext) -> None:
    """Set the forget gates' biases so that the units' memories span 1 .. horizon steps, all others to 0, the rest as ``uniform``.

    LSTM: b_f = log U[1, horizon - 1] and b_i = -b_f. GRU: only the update gate, with the sign that keeps. Horizon in time steps.
    Source: Tallec & Ollivier 2018, section 3 (their T_max, which is 3 T / 2 on copy with T blanks; here 2 T by default).
    """
    signs = checked_forget_signs("chrono", layer)
    uniform(layer, context)
    zero_biases(layer)
    spread = draw_log_spread(layer.hidden_size, context)
    for gate, sign in signs.items():
        set_gate_bias(layer, gate, sign * spread)


def draw_log_spread(hidden_size: int, context: InitContext) -> Tensor:
    """Draw chrono's biases (H): log U[1, horizon - 1]."""
    return torch.empty(hidden_size).uniform_(1, context.horizon - 1, generator=context.generator).log()  # (H)


def own_parameters(layer: Layer) -> list[str]:
    """Return the names of the parameters that the layer's ``__init__`` has set."""
    uninitialized = layer.uninitialized_parameters()
    return [name for name, _ in layer.named_parameters() if name not in uninitialized]


def fill_recurrent_blocks(init: str, layer: Layer, context: InitContext, fill: Callable[[Tensor], Tensor]) -> None:
    """Fill every (H, H) block of the recurrent weights, set biases to 0, the rest as ``uniform``; raises ValueError without any."""
    found = layer.uninitialized_parameters().items()
    weights = [weight for name, weight in found if name.rpartition(".")[2].startswith("weight_hh")]
    if not weights:
        raise ValueError(f"init {init} finds nothing to set: {layer.name} has no uninitialized weight_hh (rows*H, H)")
    uniform(layer, context)
    with torch.no_grad():
        for block in (block for weight in weights for block in torch.split(weight, layer.hidden_size)):
            fill(block)
    zero_biases(layer)


def uninitialized_biases(layer: Layer) -> dict[str, nn.Parameter]:
    """Return the uninitialized biases by name."""
    return {name: parameter for name, parameter in layer.uninitialized_parameters().items() if "bias" in name}


def zero_biases(layer: Layer) -> None:
    """Set every uninitialized bias to 0."""
    with torch.no_grad():
        for bias in uninitialized_biases(layer).values():
            bias.zero_()


def checked_forget_signs(init: str, layer: Layer) -> Mapping[str, int]:
    """Return the cell's ``forget_signs``; raises ValueError if it has no forget gate, or no bias to set."""
    if not (isinstance(layer, Cell) and layer.forget_signs):
        raise ValueError(f"init {init} sets a forgetting gate, which cell {layer.name} does not have")
    if not uninitialized_biases(layer):
        raise ValueError(f"init {init} sets a gate's bias, but this {layer.name} has no bias to set (bias=false)")
    unknown = set(layer.forget_signs) - set(layer.gates)
    if unknown:
        raise ValueError(f"init {init}: forget_signs of {layer.name} names {min(unknown)!r}, which is not in gates")
    return layer.forget_signs


def set_gate_bias(layer: Layer, gate: str, values: Tensor) -> None:
    """Set the total bias of one gate to ``values`` (H); a second bias of the cell becomes 0 there."""
    assert isinstance(layer, Cell)  # see checked_forget_signs
    row = list(layer.gates).index(gate) * layer.hidden_size
    with torch.no_grad():
        for k, bias in enumerate(uninitialized_biases(layer).values()):
            bias[row : row + layer.hidden_size] = values if k == 0 else 0.0


INITIALIZERS: dict[str, Initializer] = {
    "own": Initializer(own),
    "uniform": Initializer(uniform),
    "orthogonal": Initializer(orthogonal),
    "identity": Initializer(identity),
    "forget-bias": Initializer(forget_bias),
    "chrono": Initializer(chrono, uses_horizon=True),
}


def initializers_of(cls: type[Layer]) -> dict[str, Initializer]:
    """Return the initialisations of a class by name; its custom ones take precedence over the built-in ones."""
    return {**INITIALIZERS, **cls.initializers}


def initialise(layer: Layer, init: str, context: InitContext) -> None:
    """Fill the layer's parameters in place; raises ValueError, in one sentence, if ``init`` does not apply to the layer."""
    inits = initializers_of(type(layer))
    if init not in inits:
        raise ValueError(f"{layer.name} has no init {init!r}; use one of {', '.join(sorted(inits))}")
    inits[init].fill(layer, context)


def check_init(init: str, layer: Layer) -> None:
    """Raise ValueError if the initialisation ``init`` does not apply to the layer; overwrites its parameters."""
    initialise(layer, init, InitContext(Generator(), 1, 20.0))


def default_init(layer: Layer) -> str:
    """Return the initialisation used when none is named; overwrites the layer's parameters.

    This is the class's ``default_init`` if it applies (chrono does not apply without biases). Otherwise it is ``own`` if
    ``__init__`` sets any parameter, else ``uniform``.
    """
    fallback = "own" if own_parameters(layer) or not layer.uninitialized_parameters() else "uniform"
    if layer.default_init is None:
        return fallback
    try:
        check_init(layer.default_init, layer)
    except ValueError:
        return fallback
    return layer.default_init
