"""The checks of a cell, in an order in which each check may rely on the earlier ones."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Mapping

import torch

from rnnbench import _engine
from rnnbench._cell import Cell, Layer, check_step, has_steps
from rnnbench._config import Option, Options, Width
from rnnbench._errors import one_line
from rnnbench._network import scan, torch_nn
from rnnbench._plugins import registry
from rnnbench._spec.arguments import checked
from rnnbench._spec.request import CellLike, class_of
from rnnbench.cells._wrap import Wrapped
from rnnbench.testing._definition_checks import check_cell_name, check_class_attributes, check_construction, check_initialisations
from rnnbench.testing._dependence_checks import (
    LONG,
    check_causality,
    check_causality_in_training,
    check_independence,
    check_independence_in_training,
    check_length,
    check_uses_earlier_inputs,
    length_messages,
)
from rnnbench.testing._findings import BrokenContractError, Check, ContractFinding, run_checks
from rnnbench.testing._fixtures import STEPS, CellFixture, check_files, check_identity, close, isolated
from rnnbench.testing._gradient_checks import check_backward, check_gradients, check_states_follow_steps
from rnnbench.testing._resumption_check import check_resumption

COMPILED = "is compiled by the CPU engine"
SCANNED = "is computed by its scan"


@checked
def check_cell(cell: CellLike, options: Options | None = None, *, input_size: Width = 5, hidden_size: Width = 16) -> None:
    """Check a cell against its contract.

    Args:
        cell: its class, its name, the path of its file, or an instance, whose options are used.
        options: its options, as for ``--cell-option``.
        input_size: the input size that it is built with.
        hidden_size: the hidden size that it is built with.

    Raises:
        BrokenContractError: the cell violates the contract; one line per finding.
        UserError: the cell or an option does not exist.
    """
    found = [finding for finding in cell_findings(cell, options, input_size=input_size, hidden_size=hidden_size) if finding.fails]
    if found:
        raise BrokenContractError(cell, found)


@checked
def cell_findings(
    cell: CellLike, options: Options | None = None, *, input_size: Width = 5, hidden_size: Width = 16
) -> list[ContractFinding]:
    """Return all findings about a cell, notes included; arguments as in :func:`check_cell`."""
    cls, given = class_of(registry.CELLS, cell, options)
    fixture = CellFixture(cls, given, input_size, hidden_size)
    with isolated():
        return list(run_checks(CHECKS, fixture, fixture.uninitialized if given else None))


def length_findings(
    cls: type[Layer], options: Mapping[str, Option], input_size: int, hidden_size: int, steps: int, used: str
) -> list[ContractFinding]:
    """Return the findings about a cell at a length that is ``used``: trained or evaluated."""
    fixture = CellFixture(cls, options, input_size, hidden_size)
    check = Check[CellFixture]("length", lambda fixture: length_messages(fixture, steps, f", the length that is {used}"))
    with isolated():
        return list(run_checks([check], fixture, None))


def sees_length(cls: type[Layer]) -> bool:
    """Return True unless the outputs come from one plain step after the other, which cannot know how many follow."""
    return not (has_steps(cls) and issubclass(cls, Cell) and (cls.vectors, cls.start) == (Layer.vectors, Cell.start))


def check_shapes(fixture: CellFixture) -> Iterator[str]:
    """Check the shapes and dtypes of states, gates and outputs."""
    layer = fixture.initialized()
    shapes = {name: parameter.shape for name, parameter in layer.named_parameters()}
    if isinstance(layer, Cell):
        state = layer.start(3)
        try:
            result = layer.step(fixture.values()[0], state)
        except ValueError as error:
            if "values to unpack" not in str(error):
                raise
            parts = f"{len(state)} part{'s' * (len(state) > 1)} ({', '.join(layer.state_names)})"
            yield f"{one_line(error)}: step receives a state of {parts}; name every part in state_names, the output first"
            return
        check_step(layer, result, state)
        for name, gate in result[1].items():
            if gate.shape != state[0].shape:
                yield f"gate {name} is {tuple(gate.shape)} instead of (B, H) = {tuple(state[0].shape)}"
    for draw in (fixture.tokens, fixture.values):
        for steps, sequences in ((STEPS, 3), (1, 3), (STEPS + 5, 1)):
            states = layer.states(draw(steps=steps, sequences=sequences))
            if states.shape != (steps, sequences, fixture.hidden_size):
                yield f"outputs are {tuple(states.shape)} instead of (T, B, H) = {(steps, sequences, fixture.hidden_size)}"
            if states.dtype != torch.float32:
                yield f"outputs of a float32 cell are {states.dtype}: keep the dtype of the inputs"
            if not bool(states.isfinite().all()):
                yield "outputs are not finite with ordinary inputs and weights"
    after = {name: parameter.shape for name, parameter in layer.named_parameters()}
    if after != shapes:
        name = min(after.items() ^ shapes.items())[0]
        yield f"parameters change with use ({name}): create all of them in __init__, independent of T"


def check_input_formats(fixture: CellFixture) -> Iterator[str]:
    """Check that tokens are read as one-hot vectors, and that ``first`` drops the steps before it."""
    layer, tokens = fixture.initialized(), fixture.tokens()
    for inputs in (tokens, fixture.values()):
        states, late = layer.states(inputs), layer.states(inputs, 4)
        if late.shape != states[4:].shape or not close(late, states[4:]):
            yield "states(inputs, first) is not states(inputs)[first:]: drop the first steps at the end"
    if not close(layer.states(tokens), layer.states(torch.nn.functional.one_hot(tokens, fixture.input_size).float())):
        yield "tokens are not read as one-hot vectors: pass inputs through self.vectors"


def check_determinism(fixture: CellFixture) -> Iterator[str]:
    """Check that evaluation mode is deterministic, and that noise in training comes from torch's generator."""
    layer, inputs, long = fixture.initialized(), fixture.values(), fixture.values(sequences=1, steps=LONG)
    torch.default_generator.manual_seed(1)
    first = layer.states(inputs)
    calls = [layer.states(one) for one in (inputs, long, long, inputs)]  # a call may change what later ones of any length return
    if not (close(first, calls[0]) and close(first, calls[3]) and close(*calls[1:3])):
        layer.train()
        torch.default_generator.manual_seed(1)
        first = layer.states(long)
        torch.default_generator.manual_seed(1)
        if close(first, layer.states(long)):
            yield "outputs are random in evaluation mode: drop and add noise only while self.training"
        else:
            yield "outputs differ from one call to the next: keep no state between calls, and draw noise with torch"
    layer.train()
    runs, buffers = [], copy.deepcopy(layer.state_dict())  # training may update them, as a spectral norm does
    for _ in range(6):  # a cell may change its state every few calls
        layer.load_state_dict(buffers)
        torch.default_generator.manual_seed(1)
        runs.append(layer.states(inputs))
    if not all(close(runs[0], run) for run in runs):
        yield "outputs in training differ for the same seed: keep no state between calls, and draw noise with torch"


def check_save_and_load(fixture: CellFixture) -> Iterator[str]:
    """Check that saved weights reproduce the outputs."""
    layer, other, inputs = fixture.initialized(), fixture.initialized(seed=5), fixture.values()
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    if not close(layer.states(inputs), other.states(inputs)):
        yield "loaded weights do not give the same outputs: keep tensors as parameters or with self.register_buffer"


def check_float64(fixture: CellFixture) -> Iterator[str]:
    """Check that the cell runs in float64, which the analysis commands use."""
    try:
        states = fixture.initialized().double().states(fixture.values())
    except Exception as error:
        yield f"fails in float64, which gradients and gates use: {one_line(error)}"
    if states.dtype != torch.float64:
        yield f"outputs of a float64 cell are {states.dtype}: gradients and gates use float64"


def check_torch_nn(fixture: CellFixture) -> Iterator[str]:
    """Check that the equivalent in ``torch.nn`` computes the same as ``step``."""
    layer = fixture.uninitialized()
    if isinstance(layer, Cell) and layer.torch_nn is not None and (problem := torch_nn.disagreement(layer)) is not None:
        yield problem


def check_scan(fixture: CellFixture) -> Iterator[str]:
    """Check that ``scan`` computes the same as ``step``: outputs, the last state and gradients, at several lengths."""
    layer = fixture.initialized()
    if isinstance(layer, Cell) and scan.has_scan(type(layer)) and (problem := scan.disagreement(layer)) is not None:
        yield problem


def check_compiled(fixture: CellFixture) -> Iterator[str]:
    """Report whether a scan computes the cell, or the CPU engine compiles it."""
    layer = fixture.initialized().train()  # the mode in which a run compiles it
    if not isinstance(layer, Cell):
        yield "runs on torch: a whole-sequence model is not compiled"
    elif scan.has_scan(type(layer)) and scan.disagreement(layer) is None:
        yield SCANNED
    elif not _engine.available():
        yield f"runs on torch: {_engine.unavailable()}"
    else:
        try:
            for inputs in (fixture.tokens(), fixture.values()):
                _engine.states(layer, inputs)  # compiles the cell and compares it with step
            yield COMPILED
        except _engine.NotCompiledError as refusal:
            yield f"runs on torch: {refusal}"


def check_adapter(fixture: CellFixture) -> Iterator[str]:
    """Report what :func:`rnnbench.cells.wrap` adds to a module, and what it does not know of it."""
    if issubclass(fixture.cls, Wrapped):
        yield from fixture.cls.notes()


CHECKS: tuple[Check[CellFixture], ...] = (
    Check("name", check_cell_name, "doubtful", stops=False, several=True),
    Check("description", check_class_attributes, several=True),
    Check("construction", check_construction, several=True),
    Check("initialisation", check_initialisations, several=True),
    Check("shapes", check_shapes),
    Check("determinism", check_determinism),
    Check("inputs", check_input_formats),
    Check("causality", check_causality),
    Check("length", check_length),
    Check("independence", check_independence),
    Check("causality in training", check_causality_in_training),
    Check("step", check_states_follow_steps, several=True),
    Check("backward", check_backward, stops=False),
    Check("gradients", check_gradients, "doubtful", stops=False),
    Check("save and load", check_save_and_load, stops=False),
    Check("resumption", check_resumption, "doubtful", stops=False),
    Check("float64", check_float64, "doubtful", stops=False),
    Check("scan", check_scan, stops=False),
    Check("torch.nn", check_torch_nn, "doubtful", stops=False),
    Check("files", check_files, "doubtful", stops=False, several=True),
    Check("memory", check_uses_earlier_inputs, "note", stops=False),
    Check("independence in training", check_independence_in_training, "note", stops=False),
    Check("engine", check_compiled, "note", stops=False),
    Check("adapter", check_adapter, "note", stops=False, several=True),
    Check("identity", check_identity, "note", stops=False),
)
