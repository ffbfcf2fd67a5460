"""What a person sees of a run: a live display in a terminal, plain lines elsewhere, one verdict at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.cli.words import duration, percent
from rnnbench.records import Row, Study
from rnnbench.stats import chance_interval
from rnnbench.task import Task
from rnnbench.train import SOLVED_ACCURACY, Trainer

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
        config, trainer = self.trainer.config, self.trainer
        horizon = "" if config.horizon is None else f", horizon {config.horizon:g}"
        return (
            f"{trainer.model.cell.name} ({config.init}{horizon}), {config.hidden_size} units, on {trainer.task.name} at gap "
            f"{config.gap}, seed {config.seed}; engine {config.engine} on {config.device}"
        )

    def line(self, row: Row) -> str:
        rate, left = self.pace()
        return (
            f"step {row.step:,} of {self.trainer.max_steps:,}: accuracy {percent(row.accuracy)} "
            f"(chance {percent(row.chance_accuracy)}), loss {row.eval_loss:.4f} (chance {self.trainer.chance.loss:.4f}), "
            f"gradient {row.grad_norm:.2g}, {rate:.1f} steps/s, {left} left at most"
        )

    def pace(self) -> tuple[float, str]:
        """Steps a second since this process took the run up, and the time that the rest of the budget takes at that pace."""
        trainer = self.trainer
        step, since = trainer.began
        done, elapsed = trainer.step - step, time.perf_counter() - since
        rate = done / elapsed if done else 0.0
        left = duration((trainer.max_steps - trainer.step) / rate) if rate else "?"
        return rate, left

    def __rich__(self) -> RenderableType:
        trainer, row = self.trainer, self.row
        rate, left = self.pace()
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(trainer.max_steps, trainer.step, width=40),
            f"step {trainer.step:,} of {trainer.max_steps:,}",
            f"{rate:.1f} steps/s",
            f"{left} left at most",
        )
        since = max(trainer.since, 1)
        loss = float(trainer.loss_sum) / since if trainer.since else (row.train_loss if row else math.nan)
        norm = float(trainer.norm_sum) / since if trainer.since else (row.grad_norm if row else math.nan)
        values = Table.grid(padding=(0, 3))
        values.add_row(
            Text(f"accuracy {percent(row.accuracy) if row else '-'}", style="bold"),
            f"chance {percent(trainer.chance.accuracy)}",
            f"training loss {loss:.4f}",
            f"held-out loss {row.eval_loss:.4f}" if row else "held-out loss -",
            f"chance {trainer.chance.loss:.4f}",
            f"gradient norm {norm:.2g}",
        )
        return Group(Text(self.title()), bar, values)


def finished_lines(run: dict[str, Any], task: Task, study: Study, quiet: bool) -> str:
    """The verdict of a finished run, and the paths it wrote."""
    verdict = verdict_line(run, task)
    if quiet:
        return verdict
    paths = (study.runs_file, study.log_file(run["run_id"]), study.weights_file(run["run_id"]))
    return "\n".join((verdict, *(f"  {path}" for path in paths)))


def verdict_line(run: dict[str, Any], task: Task) -> str:
    """How often a finished run is right, against chance, in one line."""
    accuracy, chance, answers = float(run["accuracy"]), float(run["chance_accuracy"]), int(run["answers"])
    measured = f"{percent(accuracy)} of {answers:,} {task.unit}, chance {percent(chance)}"
    if run["status"] == "solved":
        return f"solved at step {int(run['steps_to_solve']):,}: {measured}"
    if run["status"] == "diverged":
        return f"diverged at step {int(run['step']):,} (loss or gradients not finite): {measured}"
    low, high = chance_interval(chance, answers)
    where = "above" if accuracy > high else "below" if accuracy < low else "within"
    word = "given up" if run["status"] == "gave-up" else "unsolved"
    told = f"{word} after {int(run['step']):,} steps: {measured}"
    if accuracy >= SOLVED_ACCURACY:
        return f"{told}; {percent(SOLVED_ACCURACY)} was reached once: twice in a row is required"
    return f"{told}; {where} its interval {percent(low)} to {percent(high)}"


def counted(work: Sequence[Item], what: str, quiet: bool) -> Iterator[Item]:
    """Hand out pieces of work one by one, with a bar in a terminal and a line every ten seconds elsewhere, on stderr."""
    console = Console(stderr=True)
    told = time.perf_counter()
    progress = Progress(
        *("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()),
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
