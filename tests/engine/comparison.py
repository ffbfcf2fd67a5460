"""The comparison of the engine with ``step`` and autograd."""

import torch
from torch import Generator, Tensor

from rnnbench import _engine
from rnnbench._cell import Cell


def results(states: Tensor, wanted: list[Tensor]) -> list[Tensor]:
    """Return the states, and the gradients of a weighted sum of them."""
    weight = torch.randn(states.shape, generator=Generator().manual_seed(2), dtype=states.dtype)
    grads = torch.autograd.grad((states * weight).sum(), wanted, allow_unused=True)
    return [states, *(torch.zeros_like(p) if grad is None else grad for p, grad in zip(wanted, grads, strict=True))]


def compare(cell: Cell, kind: str, B: int = 3, first: int = 2, scale: float = 0.5) -> None:
    """Assert that engine and step agree: states, and gradients of parameters, initial state and inputs.

    ``scale`` is the size of the initial state.
    """
    generator = Generator().manual_seed(1)
    initial = [getattr(cell, f"initial_{name}") for name in cell.state_names]
    with torch.no_grad():
        for tensor in (*cell.parameters(), *initial):
            tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) * 0.5)
        for part in initial:
            part.mul_(scale / 0.5)
    wanted = [*cell.parameters(), *(part.requires_grad_() for part in initial)]
    inputs = torch.randint(cell.input_size, (6, B), generator=generator)
    if kind == "values":
        inputs = torch.randn(6, B, cell.input_size, generator=generator, dtype=torch.float64).requires_grad_()
        wanted.append(inputs)
    ours, exact = results(_engine.states(cell, inputs, first), wanted), results(Cell.states(cell, inputs, first), wanted)
    for a, b in zip(ours, exact, strict=True):
        assert float((a - b).detach().abs().max()) <= 1e-12 * max(1.0, float(b.detach().abs().max()))
