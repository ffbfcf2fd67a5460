"""The training loop: a generator of Rows, which prints nothing and writes no files.

One class holds everything that changes in training, next to the two methods that save and restore it.
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
from rnnbench._spec.width import parameter_count
from rnnbench._study.schema import Evaluation, Outcome, Row
from rnnbench._training.evaluate import Measurement, evaluate
from rnnbench._training.model import build, check_device, check_memory, stream
from rnnbench._training.optimizers import learning_rate, make_optimizer
from rnnbench._training.process_state import training_settings
from rnnbench.task import Batch

SOLVED_ACCURACY = 0.99
MAX_OVERFLOWS = 100  # consecutive gradients that are not finite, after which a run has diverged


class TrainingProgress(NamedTuple):
    """The progress of a run in optimiser steps; before the first step numbers are NaN."""

    step: int
    max_steps: int
    steps_per_s: float  # of training in this process, without evaluations; 0 before the first step
    left_s: float  # seconds that the rest of the budget takes at most, with evaluations
    train_loss: float  # mean since the last evaluation
    grad_norm: float  # mean since the last evaluation
    row: Row | None  # the last evaluation


class Trainer:
    """One run, from initialisation to its status. It can stop between two steps, and resumes bit for bit.

    Between two Rows, the process has the settings that it had before :func:`training_settings`. Raises UserError if the run does
    not fit this machine, or requires the engine ``fast``, which cannot run it.

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
        self.train_stream = stream(run.seed, "train")
        self.eval_stream = stream(run.seed, "evaluate")
        self.noise = stream(run.seed, "noise").get_state()  # for cells that draw random numbers in `step`
        self.optimizer = make_optimizer(run, [(name, p) for name, p in self.model.named_parameters() if p.requires_grad])
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]  # rates at the start of the schedule
        self.train_gaps = run.trained_gaps
        self.fixed_sequences: Batch | None = None
        if run.train_sequences:
            self.fixed_sequences = self.sample(run.train_sequences, self.train_stream)
        self.step = 0
        self.status = "running"
        self.stopping = False  # set by the caller: stop between two steps
        self.was_solved = False  # the last evaluation reached the solved accuracy
        self.was_above_chance = run.give_up is None  # an evaluation was above chance; only read with --give-up
        self.finite_loss = True  # the last training loss was finite
        self.overflows = 0  # consecutive gradients that were not finite
        self.steps_to_solve: int | None = None
        self.answers = 0  # scored answers of the last evaluation
        self.row: Row | None = None
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)  # since the last row
        self.norm_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.steps_since_eval = 0
        self.finite_grads = 0  # of those steps, the ones with a finite gradient
        self.wall_s = 0.0
        self.train_s = 0.0
        self._clock = time.perf_counter()
        self._began = (0, 0.0, 0.0)  # step, train_s and wall_s at the start of this process

    def rows(self) -> Iterator[Row]:
        """Train to the end; yield one Row after every evaluation, the last with the final status.

        Once ``stopping`` is set, training ends after the current step with a Row of status ``interrupted``, without a measurement.
        """
        self._began = (self.step, self.train_s, self.wall_s)
        while self.status == "running":
            with training_settings(self.run.threads, self.noise, self.run.device):
                row = self._to_next_row()
            yield row
            if row.status == "interrupted":
                return

    def _to_next_row(self) -> Row:
        self._clock = time.perf_counter()
        while not self.stopping:
            self.train_step()
            if self.diverged or self.step % self.run.eval_every == 0 or self.step >= self.run.max_steps:
                self._tick(training=True)
                self.row = self._evaluated()
                return self.row
        self._tick(training=True)
        return self._row(math.nan, math.nan, math.nan, math.nan, "interrupted")

    def train_step(self) -> None:
        """Train on one batch: sample, forward, loss at the scored steps, backward, clip, step.

        A step whose gradient is not finite leaves the weights unchanged.
        """
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = learning_rate(self.run, self.step, peak)
        batch = self.training_batch()
        loss = self.task.loss(self.model(batch, self.run.recurrent_clip, self.run.truncate), batch)  # ()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.run.clip_norm)  # ()
        if math.isfinite(norm.item()):
            self.optimizer.step()
            self.norm_sum += norm
            self.finite_grads += 1
            self.overflows = 0
        else:
            self.overflows += 1
        self.loss_sum += loss.detach()
        self.finite_loss = math.isfinite(loss.item())
        self.steps_since_eval += 1
        self.step += 1

    @property
    def diverged(self) -> bool:
        """True if the last loss was not finite, or no gradient was finite for MAX_OVERFLOWS consecutive steps."""
        return not self.finite_loss or self.overflows >= MAX_OVERFLOWS

    def training_batch(self) -> Batch:
        """Return the batch of the next step: fresh sequences of one of the gaps, or the next of the fixed ones, in a cycle."""
        size, gap = self.run.batch_size, self.train_gaps[0]
        if len(self.train_gaps) > 1:
            gap = self.train_gaps[int(torch.randint(len(self.train_gaps), (), generator=self.train_stream))]
        if self.fixed_sequences is None:
            return self.sample(size, self.train_stream, gap)
        places = (self.step * size + torch.arange(size, device=self.device)) % self.run.train_sequences  # (B,)
        return self.fixed_sequences.part(places)

    def sample(self, batch_size: int, generator: Generator, gap: int | None = None) -> Batch:
        """Draw ``batch_size`` sequences of a gap, by default the run's, on the run's device."""
        batch = self.task.draw(self.run.gap if gap is None else gap, batch_size, generator)
        return batch if self.device.type == "cpu" else batch.to(self.device)

    def measure(self) -> Measurement:
        """Return accuracy, loss and number of answers on fresh held-out sequences."""
        return evaluate(self.model, self.task, self.run.gap, self.run.eval_sequences, self.eval_stream)

    def _evaluated(self) -> Row:
        """Measure, decide the status, and return both in a Row."""
        accuracy, eval_loss, self.answers = self.measure()
        train_loss, grad_norm = self._means()
        reached = accuracy >= SOLVED_ACCURACY
        self.was_above_chance = self.was_above_chance or accuracy > chance_interval(self.chance.accuracy, self.answers)[1]
        if self.diverged or not math.isfinite(eval_loss):
            self.status = "diverged"
        elif reached and self.was_solved:
            self.status = "solved"
        elif self.step >= self.run.max_steps:
            self.status = "unsolved"
        elif not self.was_above_chance and self.run.give_up is not None and self.step >= self.run.give_up:
            self.status = "gave-up"
        if reached and not self.was_solved:
            self.steps_to_solve = self.step
        elif not reached:
            self.steps_to_solve = None
        self.was_solved = reached
        self.loss_sum.zero_()
        self.norm_sum.zero_()
        self.steps_since_eval = self.finite_grads = 0
        self._tick(training=False)
        return self._row(accuracy, eval_loss, train_loss, grad_norm, self.status)

    @property
    def resumed_at(self) -> int:
        """The number of steps that earlier processes made."""
        return self._began[0]

    def progress(self) -> TrainingProgress:
        """Return the progress of the run; may be called from another thread."""
        step, train_s, wall_s = self._began
        done, running = self.step - step, time.perf_counter() - self._clock
        trained, elapsed = self.train_s - train_s + running, self.wall_s - wall_s + running
        rate = done / trained if done and trained > 0 else 0.0
        left_s = (self.run.max_steps - self.step) * elapsed / done if done else math.nan
        return TrainingProgress(self.step, self.run.max_steps, rate, left_s, *self._means(), self.row)

    def _means(self) -> tuple[float, float]:
        """Return the mean loss and the mean norm of the finite gradients since the last row; NaN without any."""
        steps, grads = self.steps_since_eval, self.finite_grads
        return float(self.loss_sum) / steps if steps else math.nan, float(self.norm_sum) / grads if grads else math.nan

    def _tick(self, training: bool) -> None:
        """Add the time since the last call to the totals."""
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
        """Return everything that a resumed run needs, as tensors and scalars."""
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
        """Restore a :meth:`state` of the same run, also one of the last release; raises ValueError if it is of another network."""
        state = {FORMER_NAMES.get(name, name): value for name, value in state.items()}
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


STATE = (
    *("step", "status", "was_solved", "was_above_chance", "finite_loss", "overflows", "steps_to_solve"),
    *("steps_since_eval", "finite_grads", "wall_s", "train_s"),
)
"""The Trainer's scalars in a checkpoint."""
FORMER_NAMES = {
    "above": "was_solved",
    "hopeful": "was_above_chance",
    "finite": "finite_loss",
    "overflowed": "overflows",
    "since": "steps_since_eval",
    "normed": "finite_grads",
}
"""The names of the last release."""
