"""What a person sees of a run: a live display in a terminal, plain lines elsewhere, one verdict at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from rich import progress as bars
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.cli.terminal.words import duration, percent
from rnnbench.stats import chance_interval
from rnnbench.study import Row, RunRecord, Study
from rnnbench.task import Task
from rnnbench.train import SOLVED_ACCURACY, Progress, Trainer

Item = TypeVar("Item")


class Screen:
    """Shows a run while it goes; progress goes to stderr, so stdout holds the verdict alone."""

    def __init__(self, trainer: Trainer, quiet: bool) -> None:
        self.trainer = trainer
        self.quiet = quiet
        self.console = Console(stderr=True)
        self.row: Row | None = None
        live = self.console.is_terminal and not quiet
        self.live = Live(self, console=self.console, refresh_per_second=4) if live else None

    def __enter__(self) -> Screen:
        if self.live:
            self.live.start()
        elif not self.quiet:
            self.console.print(self.title(), highlight=False, soft_wrap=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def show(self, row: Row) -> None:
        """Take note of an evaluation."""
        self.row = row
        if not (self.live or self.quiet or row.status == "interrupted"):
            self.console.print(self.line(row), highlight=False, soft_wrap=True)

    def title(self) -> str:
        run = self.trainer.run
        horizon = "" if run.horizon is None else f", horizon {run.horizon:g}"
        return (
            f"{run.cell} ({run.init}{horizon}), {run.hidden_size} units, on {run.task} at gap "
            f"{run.gap}, seed {run.seed}; engine {run.engine} on {run.device}"
        )

    def line(self, row: Row) -> str:
        now = self.trainer.progress()
        return (
            f"step {row.step:,} of {now.max_steps:,}: accuracy {percent(row.accuracy)} "
            f"(chance {percent(row.chance_accuracy)}), loss {row.eval_loss:.4f} (chance {self.trainer.chance.loss:.4f}), "
            f"gradient {row.grad_norm:.2g}, {now.steps_per_s:.1f} steps/s, {left(now)} left at most"
        )

    def __rich__(self) -> RenderableType:
        now, chance = self.trainer.progress(), self.trainer.chance
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(now.max_steps, now.step, width=40),
            f"step {now.step:,} of {now.max_steps:,}",
            f"{now.steps_per_s:.1f} steps/s",
            f"{left(now)} left at most",
        )
        row = now.row if now.row and now.row.status != "interrupted" else None
        loss = now.train_loss if math.isfinite(now.train_loss) else row.train_loss if row else None
        norm = now.grad_norm if math.isfinite(now.grad_norm) else row.grad_norm if row else None
        values = Table.grid(padding=(0, 3))
        values.add_row(
            Text(f"accuracy {percent(row.accuracy) if row else '-'}", style="bold"),
            f"chance {percent(chance.accuracy)}",
            f"training loss {'-' if loss is None else format(loss, '.4f')}",
            f"held-out loss {row.eval_loss:.4f}" if row else "held-out loss -",
            f"chance {chance.loss:.4f}",
            f"gradient norm {'-' if norm is None else format(norm, '.2g')}",
        )
        return Group(Text(self.title()), bar, values)


def left(now: Progress) -> str:
    """The time that the rest of the budget takes at most."""
    return duration(now.left_s) if math.isfinite(now.left_s) else "?"


def finished_lines(record: RunRecord, task: Task, study: Study, quiet: bool) -> str:
    """The verdict of a finished run, and the paths it wrote."""
    verdict = verdict_line(record, task)
    if quiet:
        return verdict
    paths = (study.runs_file, study.log_file(record.run_id), study.weights_file(record.run_id))
    return "\n".join((verdict, *(f"  {path}" for path in paths)))


def verdict_line(record: RunRecord, task: Task) -> str:
    """How often a finished run is right, against chance, in one line."""
    accuracy, chance = record.accuracy, record.chance_accuracy
    measured = f"{percent(accuracy)} of {record.answers:,} {task.unit}, chance {percent(chance)}"
    if record.status == "solved":
        return f"solved at step {record.steps_to_solve or 0:,}: {measured}"
    if record.status == "diverged":
        return f"diverged at step {record.step:,} (loss or gradients not finite): {measured}"
    low, high = chance_interval(chance, record.answers)
    where = "above" if accuracy > high else "below" if accuracy < low else "within"
    word = "given up" if record.status == "gave-up" else "unsolved"
    told = f"{word} after {record.step:,} steps: {measured}"
    if accuracy >= SOLVED_ACCURACY:
        return f"{told}; {percent(SOLVED_ACCURACY)} was reached once: twice in a row is required"
    return f"{told}; {where} its interval {percent(low)} to {percent(high)}"


def counted(work: Sequence[Item], what: str, quiet: bool) -> Iterator[Item]:
    """Hand out pieces of work one by one, with a bar in a terminal and a line every ten seconds elsewhere, on stderr."""
    console = Console(stderr=True)
    told = time.perf_counter()
    progress = bars.Progress(
        *("[progress.description]{task.description}", bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn()),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with progress:
        bar = progress.add_task(what, total=len(work))
        for done, item in enumerate(work):
            if not (quiet or console.is_terminal) and time.perf_counter() - told > 10:
                told = time.perf_counter()
                console.print(f"{what}: {done} of {len(work)}", highlight=False)
            yield item
            progress.advance(bar)
