"""The network that is trained (tokens -> cell -> readout), and the device and memory that it needs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn

from rnnbench import _engine
from rnnbench._cell import Cell, InitContext, Layer, check_inputs
from rnnbench._config import Run
from rnnbench._errors import UserError, class_location, one_line
from rnnbench._network import scan, torch_nn
from rnnbench._network.initializers import initialise, uniform_
from rnnbench._network.stack import Stack
from rnnbench._spec.resolve import Resolved, cell_of, sketch_of
from rnnbench._spec.width import parameter_count
from rnnbench.task import Batch

CANNOT_RUN = "engine {} cannot run cell {}: {}; use engine auto or torch"


class Model(nn.Module):
    """A layer and a linear readout, which is only computed at scored positions.

    The engine ``scan`` runs a :class:`Cell` by its ``scan``, ``fast`` by :mod:`rnnbench._engine`, ``cudnn`` by its equivalent in
    ``torch.nn``, ``torch`` by its own ``states``. It changes from ``fast`` to ``torch`` if compiled code and ``step`` disagree at
    first use.
    """

    def __init__(self, cell: Layer, output_size: int, engine: str = "torch") -> None:
        super().__init__()
        self.cell = cell
        self.engine = engine
        self.requires_fast = False
        self.why_torch: str | None = None  # why neither scan, fast nor cudnn runs; None if one does, or none was tried
        self.readout = nn.Linear(cell.hidden_size, output_size)

    def forward(self, batch: Batch, limit: float = math.inf, truncate: int = 0) -> Tensor:
        """Return the outputs (N, output_size) at the N scored positions of the batch, in the order of ``batch.answers``.

        ``limit`` clamps the gradient of one sequence's mean loss with respect to the layer's outputs; ``truncate`` is the number
        of steps between two cuts of the gradient: see :meth:`Cell.states`. Raises UserError if the layer cannot read these inputs,
        or its outputs have a wrong shape.
        """
        first = batch.first_scored
        states = self.states(batch.inputs, first, limit / batch.inputs.shape[1], truncate)  # (T - first, B, H)
        scored = batch.scored[first:]  # (T - first, B)
        due = states.flatten(0, 1) if bool(scored.all()) else states[scored]  # (N, H)
        outputs: Tensor = self.readout(due)  # (N, output_size)
        return outputs

    def states(self, inputs: Tensor, first: int = 0, limit: float = math.inf, truncate: int = 0) -> Tensor:
        """Return the layer's outputs (T - first, B, H) from step ``first`` on."""
        check_inputs(self.cell, inputs)
        if isinstance(self.cell, Stack):
            return self.cell.states(inputs, first, partial(self.layer_states, limit=limit, truncate=truncate))
        return self.layer_states(self.cell, inputs, first, limit, truncate)

    def layer_states(self, layer: Layer, inputs: Tensor, first: int, limit: float = math.inf, truncate: int = 0) -> Tensor:
        """Return the outputs (T - first, B, H) of one layer, computed by the model's engine."""
        if self.engine == "fast" and isinstance(layer, Cell):
            try:
                return _engine.states(layer, inputs, first, limit, truncate)
            except _engine.NotCompiledError as error:  # compiled code and `step` disagreed at first use
                if self.requires_fast:
                    raise UserError(CANNOT_RUN.format("fast", layer.name, error)) from error
                self.engine, self.why_torch = "torch", str(error)
        run: Callable[[Tensor, int], Tensor] = layer.states
        if self.engine == "scan" and isinstance(layer, Cell) and limit == math.inf:
            run = partial(scan.states, layer, truncate=truncate)
            truncate = 0
        if self.engine == "cudnn" and isinstance(layer, Cell) and limit == math.inf and truncate == 0:
            return torch_nn.states(layer, inputs, first)
        if isinstance(layer, Cell) and (limit < math.inf or truncate > 0):
            run = partial(layer.states, limit=limit, truncate=truncate)
        states = run(inputs, first)  # (T - first, B, H)
        expected = (len(inputs) - first, inputs.shape[1], layer.hidden_size)
        if tuple(states.shape) != expected:
            raise UserError(
                f"{class_location(type(layer))}: outputs are {tuple(states.shape)} instead of (T - first, B, H) = {expected}"
            )
        return states


def stream(seed: int, name: str) -> Generator:
    """Return the random stream of a seed for one purpose, such as ``init``, ``train`` or ``evaluate``."""
    digest = hashlib.sha256(f"rnnbench/{name}/{seed}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def build(resolved: Resolved) -> Model:
    """Build the initialised network of a run, on the CPU in float32, and choose its engine; restore the random stream.

    Raises UserError if the run requires an engine that cannot run it.
    """
    run = resolved.run
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(run.seed, "own").initial_seed())
        cell = cell_of(resolved)
        model = Model(cell, resolved.task.output_size)
    generator = stream(run.seed, "init")
    farthest = resolved.task.horizon_gap(run.trained_gaps[-1])
    context = InitContext(generator, farthest, run.horizon if run.horizon is not None else math.nan)
    layers = cell.parts if isinstance(cell, Stack) else [cell]
    for layer in layers:
        initialise(layer, run.init, context)
    uniform_(model.readout.parameters(), run.hidden_size, generator)
    if run.engine != "torch":
        possible = (run.engine,) if run.engine != "auto" else ("scan", "fast" if run.device == "cpu" else "cudnn")
        for engine in possible:
            model.why_torch = OBSTACLES[engine](layers, run)
            if model.why_torch is None:
                model.engine = engine
                break
            if run.engine != "auto":
                raise UserError(CANNOT_RUN.format(engine, run.cell, model.why_torch))
        model.requires_fast = run.engine == "fast"
    return model


def check_engines(runs: Iterable[Resolved]) -> None:
    """Raise UserError if one of the runs requires an engine that cannot run its cell."""
    required = [resolved for resolved in runs if resolved.run.engine not in ("auto", "torch")]
    fields = ("cell", "task", "hidden_size", "cell_option", "engine", "device", "recurrent_clip", "truncate")
    kinds = {tuple(str(getattr(resolved.run, name)) for name in fields): resolved for resolved in required}
    for resolved in kinds.values():
        build(resolved)


def _why_not_scan(layers: list[Layer], run: Run) -> str | None:
    """Return why these layers cannot be computed by their ``scan``; None if they can."""
    for layer in layers:
        if not isinstance(layer, Cell):
            return f"{layer.name} takes whole sequences, and has no scan"
        if (problem := scan.disagreement(layer)) is not None:
            return problem
    if run.recurrent_clip < math.inf:
        return "a scan cannot limit dL/dh_t at every step; it runs with recurrent_clip inf"
    return None


def _why_not_compiled(layers: list[Layer], run: Run) -> str | None:
    """Return why the compiled engine cannot run these layers; None if it can."""
    if run.device != "cpu":
        return f"the compiled engine runs on the CPU, not on {run.device}"
    if not _engine.available():
        return _engine.unavailable()
    for layer in layers:
        if not isinstance(layer, Cell):
            return f"{layer.name} takes whole sequences, and the engine compiles steps"
        try:
            with torch.random.fork_rng(devices=[]):
                refusal = _engine.refusal(layer)
        except Exception as error:  # of the plug-in: the checks before a run report it, and a sweep records it
            refusal = one_line(error)
        if refusal is not None:
            return refusal
    return None


def _why_not_cudnn(layers: list[Layer], run: Run) -> str | None:
    """Return why cuDNN cannot run these layers; None if it can."""
    if (problem := cudnn_problem(run.device)) is not None:
        return problem
    if run.recurrent_clip < math.inf:
        return "cuDNN's backward pass cannot limit dL/dh_t at every step; it runs with recurrent_clip inf"
    if run.truncate:
        return "cuDNN's backward pass cannot be truncated; it runs with truncate 0"
    for layer in layers:
        if not isinstance(layer, Cell):
            return f"{layer.name} takes whole sequences, and cuDNN runs recurrent cells"
        if (problem := torch_nn.disagreement(layer)) is not None:
            return problem
    return None


OBSTACLES = {"scan": _why_not_scan, "fast": _why_not_compiled, "cudnn": _why_not_cudnn}
"""By engine, the function that returns why it cannot run a model's layers; None if it can."""


def cudnn_problem(device: str) -> str | None:
    """Return why cuDNN cannot be used on a device; None if it can."""
    if device == "cpu":
        return "cuDNN runs on CUDA, not on cpu"
    cudnn: Any = torch.backends.cudnn  # torch leaves it untyped
    return None if cudnn.enabled and cudnn.is_available() else "this PyTorch has no cuDNN"


def check_memory(resolved: Resolved) -> None:
    """Raise UserError if a training step cannot fit into the memory that is free now.

    The estimate is a lower bound: weights, gradients, Adam's two moments, states of all time steps.
    """
    run, task = resolved.run, resolved.task
    gap = max(run.gap, run.trained_gaps[-1])
    H, T, B = run.hidden_size, task.length(gap), run.batch_size
    cell = sketch_of(run, resolved.cell_entry, task.input_size, H)
    weights = parameter_count(cell) + H * task.output_size
    kept = (cell.state_size or H) + (H * len(cell.gates) if isinstance(cell, Cell) else 0)  # of a step, for the backward pass
    fixed_bytes = 13 * T * run.train_sequences  # inputs, targets and scored, of four, eight and one byte at least
    needed = 4 * (4 * weights + T * B * (kept + task.input_size)) + fixed_bytes
    if run.device.startswith("cuda"):
        free = torch.cuda.mem_get_info(run.device)[0]
    else:
        import psutil

        free = psutil.virtual_memory().available
    if needed > free:
        fixed = f", train_sequences {run.train_sequences}" if run.train_sequences else ""
        raise UserError(
            f"gap {gap} with hidden size {run.hidden_size}{fixed} and batch size {run.batch_size} needs at least "
            f"{needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB is free: make one of them smaller"
        )


def check_device(name: str) -> torch.device:
    """Return the device with this name; raises UserError if the machine does not have it."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r}: use cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UserError(f"device {name} does not exist: this machine has {count} CUDA devices; use --device cpu")
    elif device.type != "cpu":
        raise UserError(f"device {name!r} is not supported: use cpu, cuda or cuda:N")
    return device
