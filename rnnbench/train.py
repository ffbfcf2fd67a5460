"""Training one network: a generator of Rows. No print, no plot, no file, and nothing that knows which task it is."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from rnnbench import catalog
from rnnbench.config import RunConfig
from rnnbench.model import build, check_device, check_memory, stream
from rnnbench.records import SCHEMA, Row
from rnnbench.stats import chance_interval
from rnnbench.task import Batch

SOLVED_ACCURACY = 0.99
MAX_OVERFLOWS = 100  # gradients in a row that are not finite, after which a run has diverged
EVAL_CHUNK = 128  # sequences evaluated at once: wide enough for the matrix product, small enough for the cache


class Trainer:
    """One run, from initialisation to its verdict; can be stopped between two steps and set up again bit for bit.

    Args:
        config: the run; resolved here, so a partial config will do.

    Raises:
        UserError: the config does not fit its task, its cell or this machine.

    Example:
        >>> trainer = Trainer(RunConfig(task="beijing", cell="gru", gap=5, hidden_size=16))
        >>> rows = list(trainer.rows())
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config = catalog.resolve(config)
        self.task = catalog.make_task(config.task, config.option)
        self.chance = self.task.chance(config.gap)
        self.device = check_device(config.device)
        check_memory(config, self.task)
        torch.set_num_threads(config.threads)
        torch.set_flush_denormal(True)  # vanishing gradients are denormal numbers, and those take twice the time
        torch.manual_seed(stream(config.seed, "noise").initial_seed())  # for cells that draw noise of their own
        self.model = build(config, self.task).to(self.device)
        self.optimizer = make_optimizer(config, list(self.model.parameters()))
        self.train_stream = stream(config.seed, "train")
        self.eval_stream = stream(config.seed, "evaluate")
        self.max_steps = int(config.max_steps or 0)
        self.step = 0
        self.status = "running"
        self.stopping = False  # set from outside: stop between two steps
        self.above = False  # whether the last evaluation reached the solved accuracy
        self.hopeful = config.give_up is None  # whether it was ever better than chance; asked only for --give-up
        self.finite = True  # whether the last training loss was
        self.overflowed = 0  # gradients in a row that were not finite
        self.steps_to_solve: int | None = None
        self.row: Row | None = None
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)  # since the last row
        self.norm_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.since = 0  # steps since the last row
        self.wall_s = 0.0
        self._resumed = time.perf_counter()
        self.began = (0, self._resumed)  # step and time at which this process took the run up

    def rows(self) -> Iterator[Row]:
        """Train until the verdict; yields one Row after every evaluation, the last with the final status.

        Once ``stopping`` is set, it ends after the current step with a Row of status ``interrupted``, which has no measurement.
        """
        self._resumed = time.perf_counter()
        self.began = (self.step, self._resumed)
        while self.status == "running":
            if self.stopping:
                yield self._row(math.nan, math.nan, math.nan, math.nan, "interrupted")
                return
            self.train_step()
            if self.hopeless or self.step % self.config.eval_every == 0 or self.step >= self.max_steps:
                self.row = self.evaluate()
                yield self.row

    def train_step(self) -> None:
        """One batch: sample, forward, loss at the scored steps, backward, clip, step.

        A gradient that overflowed is clipped to nothing: the weights, whose loss was finite, stay as they are.
        """
        batch = self.sample(self.config.batch_size, self.train_stream)
        loss = self.task.loss(self.model(batch), batch)  # ()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)  # ()
        if math.isfinite(norm.item()):
            self.optimizer.step()
            self.norm_sum += norm
            self.overflowed = 0
        else:
            self.overflowed += 1
        self.loss_sum += loss.detach()
        self.finite = math.isfinite(loss.item())
        self.since += 1
        self.step += 1

    @property
    def hopeless(self) -> bool:
        """Whether the run has diverged: the loss is not finite, or no gradient was for MAX_OVERFLOWS steps in a row."""
        return not self.finite or self.overflowed >= MAX_OVERFLOWS

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        batch = self.task.sample(self.config.gap, batch_size, generator)
        return batch if self.device.type == "cpu" else batch.to(self.device)

    @torch.no_grad()
    def measure(self) -> tuple[float, float]:
        """Accuracy and loss on fresh held-out sequences."""
        self.model.eval()  # no dropout, no noise that a cell has for training alone
        right, loss_sum, answers, left = 0, 0.0, 0, self.config.eval_sequences
        while left:
            batch = self.sample(min(EVAL_CHUNK, left), self.eval_stream)
            outputs = self.model(batch)  # (N, output_size)
            right += int(self.task.correct(outputs, batch).sum())
            loss_sum += float(self.task.loss(outputs, batch)) * len(outputs)
            answers += len(outputs)
            left -= batch.inputs.shape[1]
        self.model.train()
        return right / answers, loss_sum / answers

    def evaluate(self) -> Row:
        """Measure, decide the status, and say so in a Row."""
        accuracy, eval_loss = self.measure()
        train_loss, grad_norm = (float(total) / self.since for total in (self.loss_sum, self.norm_sum))
        reached = accuracy >= SOLVED_ACCURACY
        answers = self.config.eval_sequences * self.task.scored_answers(self.config.gap)
        self.hopeful = self.hopeful or accuracy > chance_interval(self.chance.accuracy, answers)[1]
        if self.hopeless or not math.isfinite(eval_loss):
            self.status = "diverged"
        elif reached and self.above:
            self.status = "solved"
        elif self.step >= self.max_steps:
            self.status = "unsolved"
        elif not self.hopeful and self.step >= (self.config.give_up or 0):
            self.status = "gave-up"
        if reached and not self.above:
            self.steps_to_solve = self.step
        elif not reached:
            self.steps_to_solve = None
        self.above = reached
        self.loss_sum.zero_()
        self.norm_sum.zero_()
        self.since = 0
        return self._row(accuracy, eval_loss, train_loss, grad_norm, self.status)

    def _row(self, accuracy: float, eval_loss: float, train_loss: float, grad_norm: float, status: str) -> Row:
        config, now = self.config, time.perf_counter()
        self.wall_s, self._resumed = self.wall_s + now - self._resumed, now
        return Row(
            schema=SCHEMA,
            run_id=config.run_id,
            task=self.task.name,
            cell=self.model.cell.name,
            init=str(config.init),
            gap=config.gap,
            seed=config.seed,
            step=self.step,
            sequences=self.step * config.batch_size,
            train_loss=train_loss,
            eval_loss=eval_loss,
            accuracy=accuracy,
            chance_accuracy=self.chance.accuracy,
            skill=(accuracy - self.chance.accuracy) / (1 - self.chance.accuracy),
            grad_norm=grad_norm,
            wall_s=self.wall_s,
            status=status,
        )

    def state(self) -> dict[str, Any]:
        """Everything needed to go on: plain tensors and scalars."""
        now = time.perf_counter()
        self.wall_s, self._resumed = self.wall_s + now - self._resumed, now
        state: dict[str, Any] = {name: getattr(self, name) for name in STATE}
        return state | {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "train_stream": self.train_stream.get_state(),
            "eval_stream": self.eval_stream.get_state(),
            "noise_stream": torch.get_rng_state(),
            "loss_sum": self.loss_sum.cpu(),
            "norm_sum": self.norm_sum.cpu(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state` of the same config."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.train_stream.set_state(state["train_stream"])
        self.eval_stream.set_state(state["eval_stream"])
        torch.set_rng_state(state["noise_stream"])
        self.loss_sum.copy_(state["loss_sum"])
        self.norm_sum.copy_(state["norm_sum"])
        for name in STATE:
            setattr(self, name, state[name])
        self._resumed = time.perf_counter()


STATE = ("step", "status", "above", "hopeful", "finite", "overflowed", "steps_to_solve", "since", "wall_s")
"""The Trainer's scalars, as they stand in a checkpoint."""


def train(config: RunConfig) -> Iterator[Row]:
    """Train one network and yield a Row per evaluation: ``list(train(config))`` is a whole run."""
    yield from Trainer(config).rows()


def make_optimizer(config: RunConfig, parameters: list[Tensor]) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015), RMSprop (decay 0.9, as in Arjovsky et al. 2016) or plain SGD.

    Adam's second beta is 0.99, not the usual 0.999: its memory of gradients must not outlast the plateau before a task is
    found, or the first exploding gradient after it is divided by next to nothing.
    """
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=config.lr, betas=(0.9, 0.99), fused=True)
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=config.lr, alpha=0.9)
    return torch.optim.SGD(parameters, lr=config.lr)
