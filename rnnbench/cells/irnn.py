"""The IRNN: a ReLU network initialised as an integrator.

    h_t = relu(W_ih x_t + W_hh h_{t-1} + b)

Initially W_hh = I, b = 0 and the input weights are small, so that every unit sums its inputs and loses nothing.

Source: Le, Jaitly & Hinton 2015, sections 2 and 4.1 (input weights from a normal distribution of standard deviation 0.001).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, InitContext, Initializer, Layer, State


def integrator(layer: Layer, context: InitContext) -> None:
    """Set the recurrent weights to I, biases to 0, and input weights from N(0, 0.001^2), as in the paper."""
    parameters = layer.uninitialized_parameters()
    with torch.no_grad():
        parameters["weight_ih"].normal_(std=0.001, generator=context.generator)
        torch.nn.init.eye_(parameters["weight_hh"])
        parameters["bias"].zero_()


class IRNN(Cell):
    """No options."""

    name = "irnn"
    summary = "IRNN: ReLU units whose recurrent weights start as the identity"
    reference = "Le, Jaitly & Hinton 2015, section 2"
    memory = "recurrent product, identity at first"
    initializers = {"integrator": Initializer(integrator)}
    default_init = "integrator"
    max_derivative = 1.0
    torch_nn = "RNN_RELU"

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ("bias",))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        return (torch.relu(F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)),), {}


CELL = IRNN
