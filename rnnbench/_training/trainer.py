"""Training one network: a generator of Rows. No print, no plot, no file, and nothing that knows which task it is.

A long file, and one class: all that changes in training stands beside the checkpoint that must hold all of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator

from rnnbench._analysis.statistics import chance_interval
from rnnbench._spec.resolve import Resolved
from rnnbench._study.schema import Evaluation, Outcome, Row
from rnnbench._training.evaluate import evaluate
from rnnbench._training.model import build, check_device, check_memory, parameter_count, stream
from rnnbench._training.optimizers import learning_rate, make_optimizer
from rnnbench._training.process_state import session
from rnnbench.task import Batch

SOLVED_ACCURACY = 0.99
MAX_OVERFLOWS = 100  # gradients in a row that are not finite, after which a run has diverged


class Progress(NamedTuple):
    """How far a run is.

    Attributes:
        step, max_steps: optimiser steps taken, and the budget.
        steps_per_s: training steps per second since this process took the run up, evaluation left out; 0 before the first.
        left_s: seconds that the rest of the budget takes at most, evaluation included; NaN before the first step.
        train_loss, grad_norm: means since the last evaluation; NaN before the first step.
        row: the last evaluation.
    """

    step: int
    max_steps: int
    steps_per_s: float
    left_s: float
    train_loss: float
    grad_norm: float
    row: Row | None


class Trainer:
    """One run, from initialisation to its verdict; can be stopped between two steps and set up again bit for bit.

    The process is as before between two Rows: see :func:`rnnbench._training.process_state.session`.

    Args:
        resolved: the run.

    Raises:
        UserError: the run does not fit this machine, or requires the engine ``fast``, which cannot run it.

    Example:
        >>> from rnnbench._config import RunRequest
        >>> from rnnbench._spec.resolve import resolve
        >>> trainer = Trainer(resolve(RunRequest(task="beijing", cell="gru", gap=5, hidden_size=16)))
        >>> rows = list(trainer.rows())
    """

    def __init__(self, resolved: Resolved) -> None:
        run = self.run = resolved.run
        self.task = resolved.task
        self.chance = self.task.chance(run.gap)
        self.device = check_device(run.device)
        check_memory(resolved)
        self.model = build(resolved).to(self.device)
        self.optimizer = make_optimizer(run, [p for p in self.model.parameters() if p.requires_grad])
        self.train_stream = stream(run.seed, "train")
        self.eval_stream = stream(run.seed, "evaluate")
        self.noise = stream(run.seed, "noise").get_state()  # for cells that draw noise of their own
        self.pool: Batch | None = None  # the fixed training sequences, drawn before the first step
        if run.train_sequences:
            self.pool = self.sample(run.train_sequences, self.train_stream)
        self.step = 0
        self.status = "running"
        self.stopping = False  # set from outside: stop between two steps
        self.above = False  # whether the last evaluation reached the solved accuracy
        self.hopeful = run.give_up is None  # whether it was ever better than chance; asked only for --give-up
        self.finite = True  # whether the last training loss was
        self.overflowed = 0  # gradients in a row that were not finite
        self.steps_to_solve: int | None = None
        self.row: Row | None = None
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)  # since the last row
        self.norm_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.since = 0  # steps since the last row
        self.normed = 0  # of those, steps whose gradient was finite
        self.wall_s = 0.0
        self.train_s = 0.0
        self._clock = time.perf_counter()
        self._began = (0, 0.0, 0.0)  # step, train_s and wall_s at which this process took the run up

    def rows(self) -> Iterator[Row]:
        """Train until the verdict; yields one Row after every evaluation, the last with the final status.

        Once ``stopping`` is set, it ends after the current step with a Row of status ``interrupted``, which has no measurement.
        """
        self._began = (self.step, self.train_s, self.wall_s)
        while self.status == "running":
            with session(self.run.threads, self.noise):
                row = self._to_next_row()
            yield row
            if row.status == "interrupted":
                return

    def _to_next_row(self) -> Row:
        self._clock = time.perf_counter()
        while not self.stopping:
            self.train_step()
            if self.hopeless or self.step % self.run.eval_every == 0 or self.step >= self.run.max_steps:
                self._tick(training=True)
                self.row = self._evaluated()
                return self.row
        self._tick(training=True)
        return self._row(math.nan, math.nan, math.nan, math.nan, "interrupted")

    def train_step(self) -> None:
        """One batch: sample, forward, loss at the scored steps, backward, clip, step.

        A gradient that overflowed is clipped to nothing: the weights, whose loss was finite, stay as they are.
        """
        rate = learning_rate(self.run, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.training_batch()
        loss = self.task.loss(self.model(batch), batch)  # ()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.run.clip_norm)  # ()
        if math.isfinite(norm.item()):
            self.optimizer.step()
            self.norm_sum += norm
            self.normed += 1
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

    def training_batch(self) -> Batch:
        """The batch of the next step: fresh sequences, or the next of the fixed ones, which start over at their end."""
        size = self.run.batch_size
        if self.pool is None:
            return self.sample(size, self.train_stream)
        places = (self.step * size + torch.arange(size, device=self.device)) % self.run.train_sequences  # (B,)
        return self.pool.part(places)

    def sample(self, batch_size: int, generator: Generator) -> Batch:
        """``batch_size`` fresh sequences, on the run's device."""
        batch = self.task.sample(self.run.gap, batch_size, generator)
        return batch if self.device.type == "cpu" else batch.to(self.device)

    def measure(self) -> tuple[float, float]:
        """Return the accuracy and the loss on fresh held-out sequences."""
        return evaluate(self.model, self.task, self.run.gap, self.run.eval_sequences, self.eval_stream)

    def _evaluated(self) -> Row:
        """Measure, decide the status, and return both in a Row."""
        accuracy, eval_loss = self.measure()
        train_loss, grad_norm = self._means()
        reached = accuracy >= SOLVED_ACCURACY
        self.hopeful = self.hopeful or accuracy > chance_interval(self.chance.accuracy, self.answers)[1]
        if self.hopeless or not math.isfinite(eval_loss):
            self.status = "diverged"
        elif reached and self.above:
            self.status = "solved"
        elif self.step >= self.run.max_steps:
            self.status = "unsolved"
        elif not self.hopeful and self.run.give_up is not None and self.step >= self.run.give_up:
            self.status = "gave-up"
        if reached and not self.above:
            self.steps_to_solve = self.step
        elif not reached:
            self.steps_to_solve = None
        self.above = reached
        self.loss_sum.zero_()
        self.norm_sum.zero_()
        self.since = self.normed = 0
        self._tick(training=False)
        return self._row(accuracy, eval_loss, train_loss, grad_norm, self.status)

    @property
    def answers(self) -> int:
        """Scored answers of one evaluation."""
        return self.run.eval_sequences * self.task.scored_answers(self.run.gap)

    def progress(self) -> Progress:
        """How far the run is; may be called from another thread."""
        step, train_s, wall_s = self._began
        done, running = self.step - step, time.perf_counter() - self._clock
        trained, elapsed = self.train_s - train_s + running, self.wall_s - wall_s + running
        rate = done / trained if done and trained > 0 else 0.0
        left_s = (self.run.max_steps - self.step) * elapsed / done if done else math.nan
        return Progress(self.step, self.run.max_steps, rate, left_s, *self._means(), self.row)

    def _means(self) -> tuple[float, float]:
        """Mean loss, and mean norm of the finite gradients, since the last row; NaN without any."""
        since, normed = self.since, self.normed
        return (
            float(self.loss_sum) / since if since else math.nan,
            float(self.norm_sum) / normed if normed else math.nan,
        )

    def _tick(self, training: bool) -> None:
        """Book the time since the last tick."""
        now = time.perf_counter()
        self.wall_s += now - self._clock
        self.train_s += now - self._clock if training else 0.0
        self._clock = now

    def _row(self, accuracy: float, eval_loss: float, train_loss: float, grad_norm: float, status: str) -> Row:
        chance = self.chance.accuracy
        return Row.of(
            self.run,
            step=self.step,
            sequences=self.step * self.run.batch_size,
            train_loss=train_loss,
            eval_loss=eval_loss,
            accuracy=accuracy,
            chance_accuracy=chance,
            skill=(accuracy - chance) / (1 - chance),
            grad_norm=grad_norm,
            wall_s=self.wall_s,
            train_s=self.train_s,
            status=status,
        )

    def outcome(self, row: Row) -> Outcome:
        """Return the outcome of the run, after its last row."""
        state_size = self.model.cell.state_size
        return Outcome(
            **{name: getattr(row, name) for name in Evaluation.model_fields},
            steps_to_solve=self.steps_to_solve if row.status == "solved" else None,
            answers=self.answers,
            chance_loss=self.chance.loss,
            parameters=parameter_count(self.model),
            state_size=-1 if state_size is None else state_size,  # -1: grows with the sequence
        )

    def state(self) -> dict[str, object]:
        """Everything needed to resume: plain tensors and scalars."""
        state: dict[str, object] = {name: getattr(self, name) for name in STATE}
        return state | {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "train_stream": self.train_stream.get_state(),
            "eval_stream": self.eval_stream.get_state(),
            "noise": self.noise,
            "loss_sum": self.loss_sum.cpu(),
            "norm_sum": self.norm_sum.cpu(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Resume from a :meth:`state` of the same run; raises ValueError if it is that of another network."""
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.train_stream.set_state(state["train_stream"])
            self.eval_stream.set_state(state["eval_stream"])
            self.noise.copy_(state["noise"])
            self.loss_sum.copy_(state["loss_sum"])
            self.norm_sum.copy_(state["norm_sum"])
            for name in STATE:
                setattr(self, name, state[name])
        except (KeyError, TypeError, RuntimeError, AttributeError) as error:
            raise ValueError("the checkpoint is of another network") from error


STATE = ("step", "status", "above", "hopeful", "finite", "overflowed", "steps_to_solve", "since", "normed", "wall_s", "train_s")
"""The Trainer's scalars, as they stand in a checkpoint."""
