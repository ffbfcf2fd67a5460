"""The checks of gradients and of a hand-written ``states``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

from rnnbench._cell import Cell, State, has_steps
from rnnbench.testing._fixtures import STEPS, CellFixture, close


def check_states_follow_steps(fixture: CellFixture) -> Iterator[str]:
    """Check that ``states`` equals repeated ``step`` from any initial state, and that gates stay in their range."""
    layer, inputs = fixture.precise(), fixture.values()
    if not isinstance(layer, Cell):
        return
    with torch.no_grad():
        for start in (0.0, 0.4):
            for k, part in enumerate(layer.initial_state):
                part.fill_(start * (1 + k / 4))
            state, outputs = layer.start(inputs.shape[1]), []
            for x in layer.vectors(inputs):  # (B, D)
                state, gates = layer.step(x, state)
                outputs.append(state[0])
            if not close(layer.states(inputs), torch.stack(outputs)):
                problem = "the initial state is not respected" if start else "states is not one step after the other"
                yield f"{problem}: states must start from self.initial_state and end where step would"
                return
        kept = layer.keep(gates)
        if kept is not None and not (kept.shape == state[0].shape and 0 <= float(kept.min()) <= float(kept.max()) <= 1):
            yield "keep must return (B, H) shares from 0 to 1"
        for name, values in gates.items():
            gate = layer.gates.get(name)
            if gate and not gate.low - 1e-5 <= float(values.min()) <= float(values.max()) <= gate.high + 1e-5:
                yield f"gate {name} leaves its range, {gate.low:g} to {gate.high:g}: correct the range in gates"


def batched(parts: State, sequences: int) -> State:
    """Expand one sequence's state to a batch."""
    return tuple(part.expand(sequences, *part.shape) for part in parts)


def check_backward(fixture: CellFixture) -> Iterator[str]:
    """Check that the gradients of a custom ``states`` are those of ``step``."""
    if not issubclass(fixture.cls, Cell) or has_steps(fixture.cls) or fixture.cls.cuts_gradient:
        return
    layer = fixture.precise()
    assert isinstance(layer, Cell)
    inputs = layer.vectors(fixture.values()).requires_grad_()
    named = {"the inputs": inputs, **trainable(layer)}

    def gradients(states: Callable[[Tensor], Tensor]) -> list[Tensor]:
        outputs = states(inputs)
        weight = torch.linspace(-1, 1, outputs.numel()).to(outputs).view_as(outputs)
        return gradients_of((outputs * weight).sum(), list(named.values()))

    custom, exact = gradients(layer.states), gradients(lambda x: Cell.states(layer, x))
    for name, ours, theirs in zip(named, custom, exact, strict=True):
        scale = max(float(theirs.abs().max()), 1e-6)
        if not close(ours / scale, theirs / scale):
            yield f"states and step have different gradients with respect to {name}: correct the backward pass of states"


def check_gradients(fixture: CellFixture) -> Iterator[str]:
    """Check that every state part, input and trainable parameter that has an effect also has a gradient."""
    layer, x = fixture.initialized(), fixture.values()
    if fixture.cls.cuts_gradient:
        return
    if isinstance(layer, Cell):
        generator = Generator().manual_seed(3)
        state = tuple(
            0.5 * torch.rand(part.shape, generator=generator).to(part).requires_grad_() for part in batched(layer.initial_state, 3)
        )
        for k, name in enumerate(layer.state_names):
            after, _ = layer.step(x[0], state)
            other, _ = layer.step(x[0], (*state[:k], state[k] + 0.1, *state[k + 1 :]))
            has_effect = any(not torch.equal(a, b) for a, b in zip(after, other, strict=True))
            (grad,) = gradients_of(sum((part.abs().sum() for part in after), torch.zeros(())), [state[k]])
            if has_effect and not bool(grad.any()):
                yield f"step passes no gradient back to {name}, which it uses: do not detach it, or set cuts_gradient = True"
    x.requires_grad_()
    last = layer.states(x)[-1]  # (B, H)
    (grad,) = gradients_of(last.square().sum(), [x])
    for t in reversed(range(STEPS)):
        moved = x.detach().clone()
        moved[t] += 0.01  # small, so that a relu unit that is off stays off
        if not torch.equal(layer.states(moved)[-1], last) and not bool(grad[t].any()):
            yield f"the last output depends on the input {STEPS - 1 - t} steps earlier, but no gradient reaches that input"
    outputs = layer.states(x.detach())
    weight = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)
    parameters = trainable(layer)
    loss = (outputs * weight).sum() + layer.states(fixture.tokens()).square().sum()
    for name, grad in zip(parameters, gradients_of(loss, list(parameters.values())), strict=True):
        if not bool(grad.any()):
            yield f"no gradient reaches {name}: use it, remove it, or set cuts_gradient = True"


def trainable(layer: torch.nn.Module) -> dict[str, Tensor]:
    """Return the parameters that are not frozen, by name."""
    return {name: parameter for name, parameter in layer.named_parameters() if parameter.requires_grad}


def gradients_of(loss: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Return the gradients, zeros where none arrives. Each graph is used once: a compiled step does not allow a second time."""
    if not (leaves and loss.requires_grad):
        return [torch.zeros_like(leaf) for leaf in leaves]
    grads = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, grads, strict=True)]
