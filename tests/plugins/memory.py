"""A matrix memory: a state of another shape than (B, H), and a custom initialisation."""

import torch
from torch import Tensor

from rnnbench.cells import Cell, InitContext, Initializer, Layer, State


def slow(layer: Layer, context: InitContext) -> None:
    """Draw small weights, and set a decay that lasts the horizon."""
    with torch.no_grad():
        for parameter in layer.uninitialized_parameters().values():
            parameter.normal_(std=0.2, generator=context.generator)
        layer.get_parameter("decay").fill_(1 / context.horizon)


class Memory(Cell):
    """Options: ``keys`` (4), the columns of the memory."""

    name = "memory"
    summary = "a matrix that is written to by outer products, and decays"
    state_names = ("h", "M")
    initializers = {"slow": Initializer(slow, uses_horizon=True)}
    default_init = "slow"

    def __init__(self, input_size: int, hidden_size: int, keys: int = 4) -> None:
        super().__init__(input_size, hidden_size, M=(hidden_size, keys))
        self.parameter("write", hidden_size, input_size)
        self.parameter("key", keys, input_size)
        self.parameter("decay", 1)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        _, M = state  # (B, H, K)
        key = torch.softmax(x @ self.key.T, dim=1)  # (B, K)
        M = torch.exp(-self.decay.abs()) * M + (x @ self.write.T).unsqueeze(2) * key.unsqueeze(1)  # (B, H, K)
        return (torch.tanh((M * key.unsqueeze(1)).sum(dim=2)), M), {}  # (B, H), (B, H, K)


CELL = Memory
