"""Cells computed by their own ``scan``, all time steps at once, in place of one ``step`` after the other."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.utils import parametrize

from rnnbench._cell import Cell, State
from rnnbench._errors import one_line

STEPS = (1, 3, 70, 70)
"""Lengths at which ``scan`` and ``step`` are compared: shorter and longer than usual chunks, no multiple of them, and one twice."""


def has_scan(cls: type[Any]) -> bool:
    """Return True for a cell that defines ``scan``."""
    return issubclass(cls, Cell) and cls.scan is not Cell.scan


def states(cell: Cell, inputs: Tensor, first: int = 0, truncate: int = 0) -> Tensor:
    """Return the outputs (T - first, B, H) of a cell, as :meth:`Cell.states` does, computed by ``scan``."""
    if len(inputs) == 0:
        return cell.states(inputs)
    state = cell.start(inputs.shape[1])
    outputs: list[Tensor] = []
    with parametrize.cached():
        for part in torch.split(cell.vectors(inputs), truncate or len(inputs)):
            if outputs:
                state = tuple(each.detach() for each in state)
            found, state = cell.scan(part, state)
            outputs.append(found)
    return torch.cat(outputs)[first:] if len(outputs) > 1 else outputs[0][first:]


def disagreement(cell: Cell) -> str | None:
    """Return why a cell cannot be computed by ``scan``; None if outputs, last state and gradients equal those of ``step``.

    They are compared in float64 on the CPU, from parameters near the cell's own and a random initial state. The results in float32
    have that type.
    """
    if not has_scan(type(cell)):
        return f"{cell.name} has no scan"
    generator = Generator().manual_seed(0)
    twin = copy.deepcopy(cell).cpu().float()
    if (problem := _wrong_type(twin)) is not None:
        return problem
    twin = twin.double()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) / 4)
    for steps in STEPS:
        x = torch.randn(steps, 2, cell.input_size, generator=generator, dtype=torch.float64)
        state = tuple(torch.randn(part.shape, generator=generator).to(part) / 2 for part in twin.start(2))
        with torch.random.fork_rng(devices=[]):
            try:
                ours = _results(twin, x, state, scan=True)
            except Exception as error:
                return f"scan of {cell.name} fails at length {steps}: {one_line(error)}"
            exact = _results(twin, x, state, scan=False)
        for what, found, expected in zip(("outputs", "last state", "gradients"), ours, exact, strict=True):
            pairs = list(zip(found, expected, strict=True))
            if any(a.shape != b.shape or not torch.allclose(a, b, rtol=1e-8, atol=1e-9) for a, b in pairs):
                return f"scan of {cell.name} has other {what} than step, at length {steps}"
    return None


def _wrong_type(cell: Cell) -> str | None:
    """Return a sentence if a scan in float32 has a result of another type; None if not, or if it fails."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        start = cell.start(2)
        try:
            outputs, last = cell.scan(torch.zeros(3, 2, cell.input_size), start)
            found = [outputs.dtype, *(part.dtype for part in last)]
        except Exception:  # the comparison in float64 names the reason
            return None
    expected = [start[0].dtype, *(part.dtype for part in start)]
    wrong = next((pair for pair in zip(found, expected, strict=False) if pair[0] != pair[1]), None)
    return f"scan of {cell.name} has a result of type {wrong[0]} where step has {wrong[1]}" if wrong else None


def _results(cell: Cell, x: Tensor, state: State, scan: bool) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Return the outputs, the last state, and the gradients of both with respect to x, the first state and the parameters."""
    x, state = x.clone().requires_grad_(), tuple(part.clone().requires_grad_() for part in state)
    last = state
    with parametrize.cached():
        if scan:
            outputs, last = cell.scan(x, last)
        else:
            each = []
            for now in x:  # (B, D)
                last, _ = cell.step(now, last)
                each.append(last[0])
            outputs = torch.stack(each)
    leaves = [x, *state, *(parameter for parameter in cell.parameters() if parameter.requires_grad)]
    weight = torch.linspace(-1, 1, outputs.numel()).to(outputs).view_as(outputs)
    loss = (outputs * weight).sum() + sum(part.abs().square().sum() for part in last)
    grads = torch.autograd.grad(loss, leaves, allow_unused=True)
    return (
        [outputs],
        list(last),
        [torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, grads, strict=True)],
    )
