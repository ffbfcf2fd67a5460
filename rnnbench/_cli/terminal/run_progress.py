"""Progress of a run: a live display in a terminal, lines elsewhere, and the result at the end."""

from __future__ import annotations

import contextlib
import math
import shlex
from itertools import accumulate

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench._analysis.declared import horizon_origin
from rnnbench._analysis.statistics import chance_interval
from rnnbench._cell import Cell
from rnnbench._cli.terminal.formatting import block_character, duration, echo, number, percent, print_wrapped
from rnnbench._cli.terminal.progress_bar import Screen
from rnnbench._cli.terminal.tensorboard import tensorboard_writer
from rnnbench._config import Run
from rnnbench._errors import visible
from rnnbench._spec.resolve import Resolved
from rnnbench._study import Row, RunRecord, StudyFolder
from rnnbench._training.interrupt import interruptible
from rnnbench._training.model import Model
from rnnbench._training.runner import Runner
from rnnbench._training.trainer import SOLVED_ACCURACY, Trainer, TrainingProgress
from rnnbench.task import Task
from rnnbench.testing._preflight import preflight, summary_line, warning_line

FALL = 0.05
"""The smallest fall of the accuracy, below the best so far, that is explained."""


class RunScreen(Screen):
    """A display of a running run. It fits 80 columns; a dash stands for a number that is not known yet."""

    def __init__(self, trainer: Trainer, rate: str, quiet: bool) -> None:
        super().__init__(quiet)
        self.trainer = trainer
        self.rate = rate
        self.shares: list[float] = []

    def show(self, row: Row) -> None:
        """Update the display with an evaluation."""
        if not (self.shares or self.live) and self.trainer.resumed_at:
            self.print(f"resumed at step {self.trainer.resumed_at:,}")
        if row.status == "interrupted":
            return
        self.shares.append(row.accuracy)
        if not self.live:
            self.print(self.line(row))

    def title(self) -> str:
        """Return what is trained, on what, and the learning rate."""
        run = self.trainer.run
        task = self.trainer.task
        origin = horizon_origin(run.horizon, task.horizon_gap(run.trained_gaps[-1]))
        horizon = "" if run.horizon is None else f", horizon {run.horizon:g} {origin}"
        place = f"gap {run.gap}" if task.axis == "gap" else f"gap {run.gap}, length {task.length(run.gap)}"
        trained = f" (trained at {run.train_gaps})" if run.train_gaps else ""
        return (
            f"{run.cell} ({run.init}{horizon}), {run.hidden_size} units; {run.task}, {place}{trained}, seed {run.seed}; "
            f"{engine_text(self.trainer.model)}, {run.device}\n{self.rate}"
        )

    def line(self, row: Row) -> str:
        """Return an evaluation as a line."""
        now = self.trainer.progress()
        return (
            f"step {row.step:,} of {now.max_steps:,}: accuracy {percent(row.accuracy)} "
            f"(chance {percent(row.chance_accuracy)}), loss {row.eval_loss:.4f} (chance {self.trainer.chance.loss:.4f}), "
            f"gradient {row.grad_norm:.2g}, {now.steps_per_s:.1f} steps/s, {time_left(now)} left at most"
        )

    def __rich__(self) -> RenderableType:
        now, chance = self.trainer.progress(), self.trainer.chance
        row = now.row if now.row and now.row.status != "interrupted" else None
        loss = now.train_loss if math.isfinite(now.train_loss) or row is None else row.train_loss
        norm = now.grad_norm if math.isfinite(now.grad_norm) or row is None else row.grad_norm
        budget = f"{now.max_steps:,}"
        bar = Table.grid(padding=(0, 1))
        speed = f"{now.steps_per_s:6.1f}" if now.steps_per_s else f"{'-':>6}"
        position, left = f"step {now.step:>{len(budget)},} of {budget}", f"at most {time_left(now)} left"
        bar.add_row(ProgressBar(now.max_steps, now.step, width=12), position, f"{speed} steps/s", left)
        accuracy = Text(f"accuracy {percent(row.accuracy) if row else '-':>7}  ", style="bold")
        accuracy.append(f"chance {percent(chance.accuracy):>7}  ", style="not bold")
        accuracy.append_text(spark(self.shares, chance.accuracy, 38))
        held_out = number(row.eval_loss if row else math.nan, "7.4f")
        losses = f"loss {number(loss, '7.4f')} in training, {held_out} held out, chance {chance.loss:.4f}"
        title = self.title() + (f"; resumed at step {self.trainer.resumed_at:,}" if self.trainer.resumed_at else "")
        return Group(Text(visible(title), overflow="fold"), bar, accuracy, Text(f"{losses}; gradient {number(norm, '7.2g')}"))


def engine_text(model: Model) -> str:
    """Return how a network is computed."""
    if model.engine != "torch":
        return {"scan": "scan", "fast": "compiled", "cudnn": "cuDNN"}[model.engine]
    return "PyTorch loop" if any(isinstance(part, Cell) for part in model.cell.modules()) else "PyTorch"


def spark(shares: list[float], chance: float, width: int) -> Text:
    """Return the last accuracies as a line of blocks; those not above chance are dim."""
    text = Text()
    for share in shares[-width:]:
        text.append(block_character(share), style="green" if share > chance else "dim")
    return text


def train_run(resolved: Resolved, study: StudyFolder, force: bool, quiet: bool, tensorboard: bool = False) -> list[int]:
    """Train a run and show its progress; return the signals that interrupted it."""
    run, runner = resolved.run, Runner(resolved, study, force)
    why = runner.trainer.model.why_torch
    if why and not (quiet or run.cell_source):  # the findings of a plug-in contain it
        print_wrapped(f"{run.cell} runs on torch: {why}", err=True)
    if run.max_steps <= run.eval_every:
        problem = f"this run is evaluated only once, after {run.max_steps:,} steps, but a solved run needs two evaluations"
        print_wrapped(f"{problem}: make --eval-every smaller", err=True)
    if message := summary_line(runner.findings):
        print_wrapped(message, err=True)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tensorboard_writer(study, run)) if tensorboard else None
        signals = stack.enter_context(interruptible(runner.stop))
        screen = stack.enter_context(RunScreen(runner.trainer, resolved.rate_text, quiet))
        row = None
        for row in runner.rows():
            screen.show(row)
            if log:
                log(row)
    return signals if row is not None and row.status == "interrupted" else []


def print_already_done(resolved: Resolved) -> None:
    """Print that the stored result follows, and what the run's plug-ins break: data of an undeclared file may have changed."""
    echo("already done; --force runs it again", err=True)
    if message := warning_line(preflight(resolved)):
        print_wrapped(message, err=True)


def interrupted_line(run: Run, study: StudyFolder, stored: RunRecord | None) -> str:
    """Return the message about an interrupted run."""
    steps = max((row.step for row in study.log(run.run_id)), default=0) if stored is None else None
    position = "" if steps is None else f" at step {steps:,} of {run.max_steps:,}"
    return f"interrupted{position}: the same command resumes here{'; the earlier result is kept until then' if stored else ''}"


def time_left(now: TrainingProgress) -> str:
    """Return the longest time that the rest of the budget takes."""
    return duration(now.left_s) if math.isfinite(now.left_s) else "?"


def print_finished(record: RunRecord, task: Task, study: StudyFolder, quiet: bool) -> None:
    """Print the result of a finished run, and the paths of its files."""
    print_wrapped(result_line(record, task))
    if not quiet:
        for line in fall_lines(study.log(record.run_id)):
            print_wrapped(line)
        for path in (study.runs_file, study.log_file(record.run_id), study.weights_file(record.run_id)):
            echo(f"  {path}")


def fall_lines(rows: list[Row]) -> list[str]:
    """Return a line that explains the largest fall of the accuracy during training; none if it fell by less than :data:`FALL`."""
    measured = [row for row in rows if row.status != "interrupted" and math.isfinite(row.accuracy)]
    best = list(accumulate((row.accuracy for row in measured), max))
    falls = [(high - row.accuracy, high, row) for high, row in zip(best, measured, strict=True)]
    fall, high, row = max(falls, key=lambda each: each[0], default=(0.0, 0.0, None))
    if row is None or fall < FALL:
        return []
    return [
        f"accuracy fell from {percent(high)} to {percent(row.accuracy)} by step {row.step:,}: one step along a large gradient can "
        "undo what is learned; a smaller --lr or --recurrent-clip makes such falls rarer"
    ]


def next_line(record: RunRecord, study: StudyFolder) -> str:
    """Return what to do after a run, by its result."""
    change = f"--max-steps {2 * record.max_steps} for twice the budget, or a different --lr"
    if record.status == "solved":
        change = f"--gap {2 * max(record.gap, 1)} for a longer gap"
    elif record.status == "diverged":
        change = f"--lr {record.lr / 4:g} for a smaller learning rate"
    return f"next: rnnbench plot {shlex.quote(str(study.folder))} for its learning curve; {change}"


def result_line(record: RunRecord, task: Task) -> str:
    """Return the status and the accuracy of a finished run, against chance."""
    accuracy, chance = record.accuracy, record.chance_accuracy
    measured = f"{percent(accuracy)} of {record.answers:,} {task.unit}, chance {percent(chance)}"
    if record.status == "solved":
        return f"solved at step {record.steps_to_solve or 0:,}: {measured}"
    if record.status == "diverged":
        return f"diverged at step {record.step:,} (loss or gradients not finite): {measured}"
    low, high = chance_interval(chance, record.answers)
    position = "above" if accuracy > high else "below" if accuracy < low else "within"
    status = "given up" if record.status == "gave-up" else "unsolved"
    measured += "".join(f", {name} {percent(level)}" for name, level in task.baselines(record.gap).items())
    text = f"{status} after {record.step:,} steps: {measured}"
    if accuracy >= SOLVED_ACCURACY:
        return f"{text}; {percent(SOLVED_ACCURACY)} was reached once, but a solved run needs it twice in a row"
    return f"{text}; {position} the interval of chance, {percent(low)} to {percent(high)}"
