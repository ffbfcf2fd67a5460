"""The forward pass of a committed network over its sentence, with all gates and states."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnbench._cell import Cell
from rnnbench._config import RunRequest
from rnnbench._explain.content import CELLS, networks
from rnnbench._spec.resolve import resolve
from rnnbench.insight._load import build_initialised, unroll
from rnnbench.task import Batch


@dataclass(frozen=True)
class Trace:
    """A trained network reading one sentence with each choice of the word that decides the answer.

    Attributes:
        cell: its name.
        command: the command that trained it.
        cue: the index of that word.
        words: the words of the sentence, one list per choice.
        answers: the answer due at the end, per choice.
        names: the name of every answer that the network can give, in the order of ``probabilities``; None for one without a choice.
        values: by quantity, (choices, T, H).
        probabilities: (choices, answers) at the last word.
    """

    cell: str
    command: str
    cue: int
    words: list[list[str]]
    answers: list[str]
    names: list[str | None]
    values: dict[str, Tensor]
    probabilities: Tensor

    @property
    def memory(self) -> str:
        """The quantity that carries the memory: C for a cell that has it, else h."""
        return "C" if "C" in self.values else "h"

    def telling_unit(self, choice: int = 0) -> int:
        """Return the unit whose memory at the last word differs most between a choice and the first other one."""
        last = self.values[self.memory][:, -1]  # (choices, H)
        return int((last[choice] - last[0 if choice else 1]).abs().argmax())

    def arithmetic(self, step: int, choice: int = 0) -> str:
        """Return the equation of the memory of the telling unit at one step, with its numbers."""
        unit = self.telling_unit(choice)
        at = {name: float(values[choice, step, unit]) for name, values in self.values.items()}
        before = float(self.values[self.memory][choice, step - 1, unit]) if step else 0.0
        if "C" in at:
            kept = f"C = {at['f']:.2f}*{before:5.2f} + {at['i']:.2f}*{at['g']:5.2f} = {at['C']:5.2f}"
            return f"{kept}   h = {at['o']:.2f}*tanh C = {at['h']:5.2f}"
        if "z" in at:
            return f"h = {1 - at['z']:.2f}*{before:5.2f} + {at['z']:.2f}*{at['n']:5.2f} = {at['h']:5.2f}   r = {at['r']:.2f}"
        total = math.atanh(min(max(at["h"], -1 + 1e-7), 1 - 1e-7))  # W x + U h + b
        return f"h = tanh({total:5.2f}) = {at['h']:5.2f}"


def trace(cell: str, task: str, language: str) -> Trace:
    """Run a committed network over its sentence, once per choice."""
    sentence = networks()[task]
    network = sentence["networks"][cell]
    width = len(network["weights"]["readout.weight"]) // len(network["weights"]["readout.bias"])
    recipe = {"cell": cell, "task": task, "gap": sentence["gap"], "hidden_size": width, "engine": "torch"}
    resolved = resolve(RunRequest.model_validate(recipe))
    model = build_initialised(resolved, torch.float32)
    shapes = {name: values.shape for name, values in model.state_dict().items()}
    model.load_state_dict({name: torch.tensor(values).reshape(shapes[name]) for name, values in network["weights"].items()})
    choices = torch.tensor(sentence["choices"])  # (K,)
    inputs = torch.tensor(sentence["tokens"]).unsqueeze(1).repeat(1, len(choices))  # (T, K)
    inputs[sentence["cue"]] = choices
    targets, scored = torch.zeros_like(inputs), torch.zeros_like(inputs, dtype=torch.bool)  # (T, K)
    targets[-1], scored[-1] = choices, True
    batch = Batch(inputs, targets, scored)
    layer = model.cell
    assert isinstance(layer, Cell)
    with torch.no_grad():
        steps = unroll(layer, layer.vectors(inputs))
        probabilities = model(batch).softmax(dim=1)  # (K, classes)
    parts = [
        {**opened, **dict(zip(layer.state_names, state, strict=True))}
        for opened, state in zip(steps.gates, steps.states[1:], strict=True)
    ]
    values = {name: torch.stack([part[name] for part in parts], dim=1) for name in CELLS[cell]}  # (K, T, H)
    words = [resolved.task.words(batch, k, language) for k in range(len(choices))]
    answers = [sequence[-1].answer or "" for sequence in words]
    names: list[str | None] = [None] * probabilities.shape[1]
    for choice, answer in zip(sentence["choices"], answers, strict=True):
        names[choice] = answer
    texts = [[word.text for word in sequence] for sequence in words]
    return Trace(cell, network["command"], sentence["cue"], texts, answers, names, values, probabilities)
