"""What a person sees of a sweep: a live table in a terminal, a line per run elsewhere, one summary at the end."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from types import TracebackType

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench._cli.terminal.formatting import duration, percent
from rnnbench._config import Run
from rnnbench._study import Row, RunRecord, Study
from rnnbench._sweep.grid import SpanSearch
from rnnbench._sweep.launch import default_jobs
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import Evaluated, Event, Failed, Finished, HeldElsewhere, Message, RunQueue, Started
from rnnbench._sweep.workers import Workers
from rnnbench._training.interrupt import interruptible


class SweepScreen:
    """Shows a sweep while it goes; progress goes to stderr, so stdout holds the summary alone."""

    def __init__(self, run_queue: RunQueue, quiet: bool) -> None:
        self.run_queue = run_queue
        self.quiet = quiet
        self.console = Console(stderr=True)
        self.started = time.perf_counter()
        self.work_ended = 0
        self.at_work: dict[str, tuple[Run, Row | None]] = {}
        self.last: deque[str] = deque(maxlen=3)
        live = self.console.is_terminal and not quiet
        self.live = Live(self, console=self.console, refresh_per_second=4) if live else None

    def __enter__(self) -> SweepScreen:
        if self.live:
            self.live.start()
        elif not self.quiet:
            self.print(f"{self.run_queue.total} runs, {self.run_queue.ended} of them before")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def print(self, text: str) -> None:
        if not self.quiet:
            self.console.print(escape(text), highlight=False, soft_wrap=True)

    def show(self, event: Event) -> None:
        """Take note of what happened."""
        match event:
            case Started(run):
                self.at_work[run.run_id] = (run, None)
            case Evaluated(run, row):
                self.at_work[run.run_id] = (run, row)
            case Finished(run, record):
                steps = f" at {record.steps_to_solve:,}" if record.steps_to_solve else ""
                self._end(run, verdict(record), f"{record.status}{steps}, {percent(record.accuracy)}")
            case Failed(run, reason):
                self._end(run, f"failed: {reason}", f"failed: {reason}")
            case Message(text):
                self.print(text)
            case HeldElsewhere(run):
                self._end(run, "left to another process, which has it", "another process has it")

    def _end(self, run: Run, verdict: str, short: str) -> None:
        self.at_work.pop(run.run_id, None)
        self.work_ended += work(run)
        run_queue = self.run_queue
        self.last.append(f"{name(run)}: {short}")
        if not self.live or verdict.startswith("failed"):
            self.print(f"[{run_queue.ended}/{run_queue.total}] {name(run)}: {verdict}; {self.left()} left")

    def left(self) -> str:
        """Time that the rest takes at the pace since the start; a run at work counts by its share of the budget."""
        begun = sum(work(run, row.step) for run, row in self.at_work.values() if row)
        done = self.work_ended + begun
        rest = sum(work(run) for run in (*self.run_queue.pending, *(run for run, _ in self.at_work.values()))) - begun
        return duration((time.perf_counter() - self.started) / done * rest) if done else "?"

    def tally(self) -> list[tuple[str, int]]:
        """How the runs of this sweep ended, those of earlier sweeps among them."""
        run_queue = self.run_queue
        counts = Counter(record.status for record in run_queue.study.records() if record.run_id in run_queue.run_ids)
        solved = counts.pop("solved", 0)
        return [("solved", solved), ("unsolved", sum(counts.values())), ("failed", run_queue.failed + run_queue.failed_before)]

    def __rich__(self) -> RenderableType:
        run_queue, total = self.run_queue, f"{self.run_queue.total:,}"
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(max(run_queue.total, 1), run_queue.ended, width=24),
            f"{run_queue.ended:>{len(total)},} of {total} runs",
            f"{self.left()} left",
        )
        counts = Text()
        for word, count in self.tally():
            style = {"solved": "green", "failed": "bold red" if count else "dim"}.get(word, "")
            counts.append(f"{count:>{len(total)},} {word}   ", style=style)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", width=min(self.console.width, 100))
        for title in ("cell", "task", "gap", "seed", "lr", "step", "accuracy", "chance"):
            words = title in ("cell", "task")
            least = {"cell": 16, "task": 8, "gap": 5, "seed": 4, "lr": 6, "step": 16, "accuracy": 8, "chance": 7}.get(title, 4)
            table.add_column(title, justify="left" if words else "right", no_wrap=True, overflow="ellipsis", min_width=least)
        for run, row in self.at_work.values():
            step = f"{row.step if row else 0:,} of {run.max_steps:,}"
            shares = (percent(row.accuracy), percent(row.chance_accuracy)) if row else ("-", "-")
            table.add_row(f"{run.cell} ({run.init})", run.task, f"{run.gap:,}", str(run.seed), f"{run.lr:g}", step, *shares)
        ended = Text("\n".join(self.last), style="dim", overflow="ellipsis", no_wrap=True)
        return Group(bar, counts, table, ended)

    def summary(self, stopped: bool) -> str:
        """The end of a sweep, in a few lines: the tally, and the command that comes next."""
        run_queue, folder = self.run_queue, self.run_queue.study.folder
        counts = ", ".join(f"{count:,} {word}" for word, count in self.tally() if word != "failed")
        lines = [f"{run_queue.done} of {run_queue.total} runs done ({counts}), in {run_queue.study.runs_file}"]
        failed = run_queue.failed + run_queue.failed_before
        if failed:
            again = "" if run_queue.failed else "; --retry-failed tries them again"
            lines.append(f"{failed} failed, with the reasons in {run_queue.study.failures.path}{again}")
        lines += run_queue.load_error_lines()
        if run_queue.held_elsewhere:
            lines.append(f"{run_queue.held_elsewhere} left to another process, which has them")
        if stopped:
            lines.append("interrupted: the same command resumes from here")
        elif run_queue.done:
            lines.append(f"next: rnnbench table {folder}, rnnbench plot {folder} or rnnbench report {folder}")
        return "\n".join(lines)


def watched(workers: Workers, quiet: bool, verdict: bool = True) -> None:
    """Do a sweep and show it, with its summary at the end; leaves through an exit code of its own if it is interrupted."""
    with interruptible(workers) as signals, SweepScreen(workers.run_queue, quiet) as screen:
        for event in workers.events():
            screen.show(event)
    if verdict or signals:
        typer.echo(screen.summary(bool(signals)))
    if signals:
        raise typer.Exit(128 + signals[0])


def make(runs: Sequence[Run], study: Study, jobs: int | None, quiet: bool) -> None:
    """Do the runs that claims are missing, small gaps first."""
    each = {run.run_id: run for run in runs}  # a run may decide several claims
    if each:
        run_queue = RunQueue(study, sorted(each.values(), key=lambda run: run.gap), retry_failed=True)
        watched(Local(run_queue, jobs or default_jobs()), quiet, verdict=False)


def work(run: Run, steps: int | None = None) -> int:
    """What the first ``steps`` of a run cost (None: the budget), in time steps read and ten more for what a training step costs."""
    return (run.max_steps if steps is None else steps) * (run.gap + 10)


def name(run: Run) -> str:
    """A run as its axes tell it."""
    cell, task = run.cell, run.task
    return f"{cell} ({run.init}) on {task}, gap {run.gap}, seed {run.seed}, lr {run.lr:g}"


def verdict(record: RunRecord) -> str:
    """A finished run's outcome against chance, short."""
    measured = f"{percent(record.accuracy)}, chance {percent(record.chance_accuracy)}"
    if record.status == "solved":
        return f"solved at step {record.steps_to_solve or 0:,} ({measured})"
    return f"{record.status} after {record.step:,} steps ({measured})"


def cost_lines(run_queue: RunQueue, jobs: int, runs: Sequence[Run], search_span: bool = False) -> list[str]:
    """What ``--dry-run`` says, line by line. A search for the span is estimated as its share of the whole grid."""
    from rnnbench._sweep.cost import estimate

    search = SpanSearch(runs) if search_span else None
    to_do = list(runs) if search else list(run_queue.queue)
    cost = estimate(to_do, run_queue.study)
    seconds = cost.seconds * (min(1.0, search.max_runs() / len(runs)) if search else 1.0)
    sources = []
    if cost.from_runs:
        sources.append(f"{cost.from_runs} from finished runs of the same kind, as long as those")
    if cost.from_steps:
        sources.append(f"{cost.from_steps} from training steps timed now, with their whole budget (a solved run ends earlier)")
    if search:
        head = f"at most {search.max_runs()} of {len(runs)} runs: a search for the span"
    else:
        head = f"{run_queue.total} runs: {run_queue.done} done, {run_queue.failed_before} failed before, {len(to_do)} to do"
    head = "\n".join([*run_queue.load_error_lines(), head])
    if not to_do:
        return [head]
    at_once = min(jobs, len(to_do))
    return [head, f"about {duration(seconds / at_once)} with {at_once} at once; estimated: {'; '.join(sources)}"]
