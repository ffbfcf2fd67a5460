"""The contract of a cell, check by check. The order matters: what a check relies on has been checked before it."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Mapping

import torch
from torch import Generator

from rnnbench import _engine
from rnnbench._cell import Cell, State, check_step
from rnnbench._config import Option
from rnnbench._plugins import registry
from rnnbench._spec.request import CellLike, class_of
from rnnbench.testing._definition_checks import built, described, initialised, named
from rnnbench.testing._findings import BrokenContractError, Check, Finding, go_through, one_line
from rnnbench.testing._fixtures import STEPS, CellFixture, by_itself, close

COMPILED = "is compiled by the CPU engine"


def check_cell(cell: CellLike, options: Mapping[str, Option] | None = None, *, input_size: int = 5, hidden_size: int = 16) -> None:
    """Hold a cell to its contract.

    Args:
        cell: its class, its name, the path of its file, or an instance, whose options are taken.
        options: its options, as ``--cell-option`` takes them.
        input_size, hidden_size: the sizes that it is built with.

    Raises:
        BrokenContractError: it does not keep the contract; one line per finding.
        UserError: there is no such cell, or it has no such option.
    """
    found = [finding for finding in cell_findings(cell, options, input_size=input_size, hidden_size=hidden_size) if finding.fails]
    if found:
        raise BrokenContractError(cell, found)


def cell_findings(
    cell: CellLike, options: Mapping[str, Option] | None = None, *, input_size: int = 5, hidden_size: int = 16
) -> list[Finding]:
    """What the checks find, notes included; arguments as in :func:`check_cell`."""
    kind, given = class_of(registry.CELLS, cell, options)
    specimen = CellFixture(kind, given, input_size, hidden_size)
    with by_itself():
        return list(go_through(CHECKS, specimen, specimen.raw if given else None))


def shaped(specimen: CellFixture) -> Iterator[str]:
    layer = specimen.new()
    shapes = {name: parameter.shape for name, parameter in layer.named_parameters()}
    if isinstance(layer, Cell):
        state = layer.start(3)
        result = layer.step(specimen.values()[0], state)
        check_step(layer, result, state)
        for name, gate in result[1].items():
            if gate.shape != state[0].shape:
                yield f"gate {name} is {tuple(gate.shape)} instead of (B, H) = {tuple(state[0].shape)}"
                return
    for kind in ("tokens", "values"):
        for steps, sequences in ((STEPS, 3), (1, 3), (STEPS + 5, 1)):
            inputs = getattr(specimen, kind)(steps=steps, sequences=sequences)
            states = layer.states(inputs)
            if states.shape != (steps, sequences, specimen.hidden_size):
                yield f"outputs are {tuple(states.shape)} instead of (T, B, H) = {(steps, sequences, specimen.hidden_size)}"
                return
            if states.dtype != torch.float32:
                yield f"outputs of a float32 cell are {states.dtype}: keep the dtype of the inputs"
                return
            if not bool(states.isfinite().all()):
                yield "outputs are not finite with ordinary inputs and weights"
                return
    after = {name: parameter.shape for name, parameter in layer.named_parameters()}
    if after != shapes:
        yield f"parameters change with use ({min(after.items() ^ shapes.items())[0]}): make all of them in __init__, whatever T is"


def read(specimen: CellFixture) -> Iterator[str]:
    """Tokens are one-hot vectors, and ``first`` cuts off the steps before it."""
    layer, tokens = specimen.new(), specimen.tokens()
    for inputs in (tokens, specimen.values()):
        states, late = layer.states(inputs), layer.states(inputs, 4)
        if late.shape != states[4:].shape or not close(late, states[4:]):
            yield "states(inputs, first) is not states(inputs)[first:]: cut off the first steps at the end"
            return
    if not close(layer.states(tokens), layer.states(torch.nn.functional.one_hot(tokens, specimen.input_size).float())):
        yield "tokens are not read as one-hot vectors: pass inputs through self.vectors"


def deterministic(specimen: CellFixture) -> Iterator[str]:
    """Noise ends in evaluation mode, and comes from torch's stream in training."""
    layer, inputs = specimen.new(), specimen.values()
    torch.default_generator.manual_seed(1)
    first = layer.states(inputs)
    if not close(first, layer.states(inputs)):
        layer.train()
        torch.default_generator.manual_seed(1)
        first = layer.states(inputs)
        torch.default_generator.manual_seed(1)
        if close(first, layer.states(inputs)):
            yield "outputs are random in evaluation mode: drop and add noise only while self.training"
        else:
            yield "outputs differ from one call to the next: carry nothing over between calls, and draw noise with torch"
        return
    layer.train()
    runs, buffers = [], copy.deepcopy(layer.state_dict())  # training may go on with them, as a spectral norm does
    for _ in range(2):
        layer.load_state_dict(buffers)
        torch.default_generator.manual_seed(1)
        runs.append(layer.states(inputs))
    if not close(*runs):
        yield "outputs in training differ where the seed is the same: draw noise with torch, not with numpy or random"


def causal(specimen: CellFixture) -> Iterator[str]:
    layer, inputs = specimen.new(), specimen.values()
    states = layer.states(inputs)
    for t in (1, STEPS // 2, STEPS - 1):
        changed = inputs.clone()
        changed[t:] = specimen.values(seed=7)[t:]
        if not close(layer.states(changed)[:t], states[:t]):
            yield "an output depends on a later input: output t may see inputs 0 .. t alone"
            return


def independent(specimen: CellFixture) -> Iterator[str]:
    layer, inputs = specimen.new(), specimen.values()
    states = layer.states(inputs)
    for b in range(inputs.shape[1]):
        if not close(layer.states(inputs[:, b : b + 1])[:, 0], states[:, b]):
            yield "a sequence depends on the others of its batch: the axes are (T, B, D), time first (batch_first=False)"
            return


def stepwise(specimen: CellFixture) -> Iterator[str]:
    """``states`` is one ``step`` after the other, from any initial state."""
    layer, inputs = specimen.new(), specimen.values()
    if not isinstance(layer, Cell):
        return
    with torch.no_grad():
        for start in (0.0, 0.4):
            for k, part in enumerate(layer.initial_state):
                part.fill_(start * (1 + k / 4))
            state, outputs = expanded(layer.initial_state, inputs.shape[1]), []
            for x in inputs:  # (B, D)
                state, gates = layer.step(x, state)
                outputs.append(state[0])
            if not close(layer.states(inputs), torch.stack(outputs)):
                what = "the initial state is not respected" if start else "states is not one step after the other"
                yield f"{what}: states must start from self.initial_state and end where step would"
                return
        kept = layer.keep(gates)
        if kept is not None and not (kept.shape == state[0].shape and 0 <= float(kept.min()) <= float(kept.max()) <= 1):
            yield "keep must give (B, H) shares from 0 to 1"
        for name, values in gates.items():
            gate = layer.gates.get(name)
            if gate and not gate.low - 1e-5 <= float(values.min()) <= float(values.max()) <= gate.high + 1e-5:
                yield f"gate {name} leaves its range, {gate.low:g} to {gate.high:g}: say the right one in gates"


def expanded(parts: State, sequences: int) -> State:
    """The parts of one sequence's state for a batch of them."""
    return tuple(part.expand(sequences, *part.shape) for part in parts)


def teachable(specimen: CellFixture) -> Iterator[str]:
    """Where a number has an effect, it has a gradient."""
    layer, x = specimen.new(), specimen.values()
    if specimen.kind.cuts_gradient:
        return
    if isinstance(layer, Cell):
        generator = Generator().manual_seed(3)
        state = tuple(
            0.5 * torch.rand(part.shape, generator=generator).to(part).requires_grad_() for part in expanded(layer.initial_state, 3)
        )
        after, _ = layer.step(x[0], state)
        for k, name in enumerate(layer.state_names):
            other, _ = layer.step(x[0], (*state[:k], state[k] + 0.1, *state[k + 1 :]))
            acts = any(not torch.equal(a, b) for a, b in zip(after, other, strict=True))
            sums = sum(part.abs().sum() for part in after if part.requires_grad)
            (grad,) = torch.autograd.grad(sums, state[k], allow_unused=True, retain_graph=True) if sums != 0 else (None,)
            if acts and not bool(grad is not None and grad.any()):
                yield f"step passes no gradient back to {name}, which it uses: do not detach it, or say cuts_gradient = True"
                return
    x.requires_grad_()
    outputs = layer.states(x)  # (T, B, H)
    (grad,) = torch.autograd.grad(outputs[-1].square().sum(), x, allow_unused=True, retain_graph=True)
    for t in reversed(range(STEPS)):
        moved = x.detach().clone()
        moved[t] += 0.01  # little: a unit of relu that is off stays off
        if not torch.equal(layer.states(moved)[-1], outputs[-1]) and not bool(grad is not None and grad[t].any()):
            yield f"no gradient comes back from the last output to the input {STEPS - 1 - t} steps earlier, on which it depends"
            return
    weight = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)
    parameters = dict(layer.named_parameters())
    loss = (outputs * weight).sum() + layer.states(specimen.tokens()).square().sum()
    for name, slope in zip(parameters, torch.autograd.grad(loss, list(parameters.values()), allow_unused=True), strict=True):
        if slope is None or not bool(slope.any()):
            yield f"no gradient reaches {name}: use it, remove it, or say cuts_gradient = True"
            return


def saved(specimen: CellFixture) -> Iterator[str]:
    layer, other, inputs = specimen.new(), specimen.new(seed=5), specimen.values()
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    if not close(layer.states(inputs), other.states(inputs)):
        yield "loaded weights do not give the same outputs: keep tensors as parameters or with self.register_buffer"


def precise(specimen: CellFixture) -> Iterator[str]:
    try:
        states = specimen.new().double().states(specimen.values())
    except Exception as error:
        yield f"cannot be looked into in float64, as gradients and gates do: {one_line(error)}"
        return
    if states.dtype != torch.float64:
        yield f"outputs of a float64 cell are {states.dtype}: gradients and gates look at it in float64"


def far_sighted(specimen: CellFixture) -> Iterator[str]:
    layer, inputs = specimen.new(), specimen.values()
    last = layer.states(inputs)[-1]
    for t in range(STEPS - 1):
        changed = inputs.clone()
        changed[t] += 1
        if not torch.equal(layer.states(changed)[-1], last):
            return
        if t == STEPS - 2:
            yield "an output depends on its own input alone: nothing is remembered"


def compiled(specimen: CellFixture) -> Iterator[str]:
    layer = specimen.raw()
    if not isinstance(layer, Cell):
        yield "runs on torch: a whole-sequence model is not compiled"
    elif not _engine.available():
        yield "runs on torch: numba cannot be imported"
    else:
        why = _engine.refusal(layer)
        yield COMPILED if why is None else f"runs on torch: {why}"


CHECKS = (
    Check("name", named, "doubtful", stops=False),
    Check("description", described),
    Check("construction", built),
    Check("initialisation", initialised),
    Check("shapes", shaped),
    Check("determinism", deterministic),
    Check("inputs", read),
    Check("causality", causal),
    Check("independence", independent),
    Check("step", stepwise),
    Check("gradients", teachable, "doubtful", stops=False),
    Check("save and load", saved, stops=False),
    Check("float64", precise, "doubtful", stops=False),
    Check("memory", far_sighted, "note", stops=False),
    Check("engine", compiled, "note", stops=False),
)
