"""The check that a run which is interrupted and resumed ends like an unbroken one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator

from rnnbench._config import Run
from rnnbench._network.initializers import default_init
from rnnbench._plugins.options import SIZES, typed_options
from rnnbench._plugins.registry import CELLS, Entry
from rnnbench._spec.resolve import Resolved
from rnnbench._training.process_state import training_settings
from rnnbench._training.trainer import Trainer
from rnnbench.task import Batch, Chance, Task, Word, scored_at, uniform_chance
from rnnbench.testing._fixtures import CellFixture

HALF = 2
"""Training steps before the interruption, and after it."""


@dataclass(frozen=True)
class FirstSign(Task):
    """The task of a short run: the sign of the first value, asked at the last step."""

    channels: int = 1

    name = "first-sign"
    question = "Was the first value positive?"
    reference = "none"
    default_gaps = (3,)
    default_max_steps = 2 * HALF

    @property
    def input_size(self) -> int:
        return self.channels

    @property
    def output_size(self) -> int:
        return 2

    def length(self, gap: int) -> int:
        return gap + 1

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        inputs = torch.randn(gap + 1, batch_size, self.channels, generator=generator)
        targets = (inputs[:1, :, 0] > 0).long().expand(gap + 1, batch_size)
        return Batch(inputs, targets, scored_at(-1, gap + 1, batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(2)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        raise NotImplementedError("the sequences of a check are not shown")


def check_resumption(fixture: CellFixture) -> Iterator[str]:
    """Check that all state of training is in the checkpoint, in a few steps of training and an evaluation."""
    resolved = short_run(fixture)
    unbroken, file = Trainer(resolved), io.BytesIO()
    train(unbroken)
    with training_settings(resolved.run.threads, unbroken.noise, resolved.run.device):
        unbroken.measure()
    torch.save(unbroken.state(), file)
    train(unbroken)
    file.seek(0)
    resumed = Trainer(resolved)
    resumed.load_state(torch.load(file, weights_only=True))
    train(resumed)
    pairs = zip(unbroken.model.state_dict().values(), resumed.model.state_dict().values(), strict=True)
    if not all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs):
        yield (
            "a run that is interrupted and resumed differs from an unbroken one: compute what a sequence needs in every call, and "
            "keep what later calls need with self.register_buffer"
        )


def short_run(fixture: CellFixture) -> Resolved:
    """Return a run of the cell on :class:`FirstSign`, on torch in training mode."""
    task, entry = FirstSign(fixture.input_size), CELLS.find(fixture.cls)
    init, option = default_init(fixture.uninitialized()), typed_options(entry.name, entry.cls, SIZES, fixture.options)
    sizes = {"gap": 3, "hidden_size": fixture.hidden_size, "batch_size": 3, "max_steps": 2 * HALF, "eval_sequences": 1000}
    recipe = {"seed": 0, "lr": 0.01, "init": init, "horizon": 6.0, "engine": "torch"}
    run = Run.model_validate({"task": task.name, "cell": entry.name, "cell_option": option} | sizes | recipe)
    return Resolved(run, task, Entry(FirstSign), entry)


def train(trainer: Trainer) -> None:
    """Run the steps of one half."""
    with training_settings(trainer.run.threads, trainer.noise, trainer.run.device):
        for _ in range(HALF):
            trainer.train_step()
