"""Tokens -> cell -> readout: the network that is trained, and what it will need of the machine."""

from __future__ import annotations

import hashlib

import torch
from torch import Generator, Tensor, nn

from rnnbench import catalog
from rnnbench.cells import Cell
from rnnbench.config import RunConfig
from rnnbench.errors import UserError
from rnnbench.initializers import INITIALIZERS, uniform_
from rnnbench.task import Batch, Task


class Model(nn.Module):
    """A cell and a linear readout, read only where an answer is due."""

    def __init__(self, cell: Cell, output_size: int) -> None:
        super().__init__()
        self.cell = cell
        self.readout = nn.Linear(cell.hidden_size, output_size)

    def forward(self, batch: Batch) -> Tensor:
        """(N, output_size) outputs at the N scored positions of the batch, in the order of ``batch.answers``."""
        first = batch.first_scored
        states = self.cell.states(batch.inputs, first)  # (T - first, B, H)
        scored = batch.scored[first:]  # (T - first, B)
        due = states.flatten(0, 1) if bool(scored.all()) else states[scored]  # (N, H)
        outputs: Tensor = self.readout(due)  # (N, output_size)
        return outputs


def stream(seed: int, name: str) -> Generator:
    """A random stream of its own for every use of a seed: ``init``, ``train``, ``evaluate``."""
    digest = hashlib.sha256(f"rnnbench/{name}/{seed}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def build(config: RunConfig, task: Task) -> Model:
    """The initialised network of a resolved config, on the CPU in float32."""
    cell = catalog.make_cell(config.cell, task.input_size, config.hidden_size, config.cell_option)
    cell.engine = config.engine
    model = Model(cell, task.output_size)
    generator = stream(config.seed, "init")
    INITIALIZERS[str(config.init)](cell, generator, config.horizon or 0.0)
    uniform_(model.readout, config.hidden_size, generator)
    return model


def parameter_count(module: nn.Module) -> int:
    """Trainable numbers of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


def memory_needed(config: RunConfig, task: Task, cell: Cell) -> int:
    """Bytes that a training step needs at least: weights with gradients and Adam's two moments, states of all time steps.

    ``cell`` may be of any width: only its number of gates counts. A lower bound, meant to refuse what cannot fit.
    """
    rows = max(1, len(cell.gates))
    H, T, B = config.hidden_size, task.length(config.gap), config.batch_size
    weights = rows * H * (H + task.input_size) + H * task.output_size
    states = T * B * H * (rows + 1)  # gates and hidden state, kept for the way back
    return 4 * (4 * weights + states + T * B * task.input_size)


def check_memory(config: RunConfig, task: Task) -> None:
    """Raise UserError if a training step cannot fit into the memory that is free now."""
    cell = catalog.make_cell(config.cell, task.input_size, 1, config.cell_option)
    needed = memory_needed(config, task, cell)
    if config.device.startswith("cuda"):
        free = torch.cuda.mem_get_info(config.device)[0]
    else:
        import psutil

        free = psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"gap {config.gap} with hidden size {config.hidden_size} and batch size {config.batch_size} needs at least "
            f"{needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB is free: make one of them smaller"
        )


def check_device(name: str) -> torch.device:
    """The device called ``name``; raises UserError if this machine does not have it."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r}: use cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UserError(f"device {name} is not there: this machine has {count} CUDA devices, use --device cpu")
    elif device.type != "cpu":
        raise UserError(f"device {name!r} is not supported: use cpu, cuda or cuda:N")
    return device
