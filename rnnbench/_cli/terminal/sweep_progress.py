"""Progress of a sweep: a live table in a terminal, a line per run elsewhere, and a summary at the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

import typer
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench._cli.terminal.formatting import duration, echo, percent, print_wrapped
from rnnbench._cli.terminal.progress_bar import Screen
from rnnbench._config import Run, SweepRequest
from rnnbench._errors import visible
from rnnbench._study import Row, RunRecord, StudyFolder
from rnnbench._study.record import frame
from rnnbench._sweep.cost import estimate
from rnnbench._sweep.grid import SpanSearch
from rnnbench._sweep.launch import default_jobs
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import Evaluated, Event, Failed, Finished, HeldElsewhere, Message, RunQueue, Started, cost_units
from rnnbench._sweep.workers import Workers
from rnnbench._training.interrupt import interruptible


class SweepScreen(Screen):
    """A display of a running sweep."""

    def __init__(self, run_queue: RunQueue, quiet: bool) -> None:
        super().__init__(quiet)
        self.run_queue = run_queue
        self.started = time.perf_counter()
        self.ended_work = 0
        self.running: dict[str, tuple[Run, Row | None]] = {}
        self.last_ends: deque[str] = deque(maxlen=3)

    def title(self) -> str:
        total = self.run_queue.total
        return f"{total} run{'s' if total != 1 else ''}, {self.run_queue.ended} of them ended before"

    def show(self, event: Event) -> None:
        """Update the display with an event."""
        match event:
            case Started(run):
                self.running[run.run_id] = (run, None)
            case Evaluated(run, row):
                self.running[run.run_id] = (run, row)
            case Finished(run, record):
                steps = f" at {record.steps_to_solve:,}" if record.steps_to_solve else ""
                self._end(run, result_text(record), f"{record.status}{steps}, {percent(record.accuracy)}")
            case Failed(run, reason):
                self._end(run, f"failed: {reason}", f"failed: {reason}")
            case Message(text):
                self.print(text)
            case HeldElsewhere(run):
                self._end(run, "left to the process that holds it", "held by another process")

    def _end(self, run: Run, result: str, short: str) -> None:
        self.running.pop(run.run_id, None)
        self.ended_work += cost_units(run)
        run_queue = self.run_queue
        self.last_ends.append(f"{run_label(run)}: {short}")
        if not self.live or result.startswith("failed"):
            self.print(f"[{run_queue.ended}/{run_queue.total}] {run_label(run)}: {result}; {self.time_left()} left")

    def time_left(self) -> str:
        """Return the time for the remaining runs at the speed so far. A running run counts by the steps it has left."""
        begun = sum(cost_units(run, row.step) for run, row in self.running.values() if row)
        done = self.ended_work + begun
        remaining = self.run_queue.pending_cost + sum(cost_units(run) for run, _ in self.running.values()) - begun
        return duration((time.perf_counter() - self.started) / done * remaining) if done else "?"

    def tally(self) -> list[tuple[str, int]]:
        """Return the number of this sweep's runs by result, including those that ended earlier."""
        run_queue = self.run_queue
        solved = run_queue.results["solved"]
        return [
            ("solved", solved),
            ("unsolved", run_queue.done - solved),
            ("failed", run_queue.failed + run_queue.failed_before),
        ]

    def __rich__(self) -> RenderableType:
        run_queue, total = self.run_queue, f"{self.run_queue.total:,}"
        bar, width = Table.grid(padding=(0, 2)), min(self.console.width, 100)
        done, left = f"{run_queue.ended:>{len(total)},} of {total} runs", f"{self.time_left()} left"
        length = min(24, width - len(done) - len(left) - 4)
        bar.add_row(*([ProgressBar(max(run_queue.total, 1), run_queue.ended, width=length)] if length > 3 else []), done, left)
        counts = Text()
        for result, count in self.tally():
            style = {"solved": "green", "failed": "bold red" if count else "dim"}.get(result, "")
            counts.append(f"{count:>{len(total)},} {result}   ", style=style)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", width=width)
        widths = {"cell": 16, "task": 8, "gap": 5, "seed": 4, "lr": 6, "step": 16, "accuracy": 8, "chance": 7}
        for title in ("chance", "lr", "seed", "task", "gap"):  # a number is printed whole or not at all
            if sum(widths.values()) + len(widths) > width:
                del widths[title]
        widths["cell"] = min(16, width - sum(widths.values()) + widths["cell"] - len(widths))
        for title, least in widths.items():
            is_text = title in ("cell", "task")
            table.add_column(title, justify="left" if is_text else "right", no_wrap=True, overflow="ellipsis", min_width=least)
        for run, row in self.running.values():
            texts = {"cell": f"{run.cell} ({run.init})", "task": run.task, "gap": f"{run.gap:,}", "seed": str(run.seed)}
            texts |= {"lr": f"{run.lr:g}", "step": f"{row.step if row else 0:,} of {run.max_steps:,}"}
            texts |= {"accuracy": percent(row.accuracy) if row else "-", "chance": percent(row.chance_accuracy) if row else "-"}
            table.add_row(*(texts[title] for title in widths))
        ended = Text(visible("\n".join(self.last_ends)), style="dim")
        return Group(bar, counts, table, ended)

    def summary(self, stopped: bool) -> str:
        """Return the tally of the sweep, and the next command."""
        run_queue, folder = self.run_queue, self.run_queue.study.folder
        counts = ", ".join(f"{count:,} {result}" for result, count in self.tally() if result != "failed")
        lines = [f"{run_queue.done} of {run_queue.total} runs done ({counts}), in {run_queue.study.runs_file}"]
        failed = run_queue.failed + run_queue.failed_before
        if failed:
            again = "" if run_queue.failed else "; --retry-failed tries them again"
            lines.append(f"{failed} failed, with the reasons in {run_queue.study.failures.path}{again}")
        lines += run_queue.load_error_lines()
        if run_queue.held_elsewhere:
            lines.append(f"{run_queue.held_elsewhere} left to the process that holds them")
        if stopped:
            lines.append("interrupted: the same command resumes from here")
        elif run_queue.done:
            lines.append(f"next: rnnbench table {folder}, rnnbench plot {folder} or rnnbench report {folder}")
        return "\n".join(lines)


def run_workers(workers: Workers, quiet: bool, summary: bool = True, screen: SweepScreen | None = None) -> None:
    """Run a sweep and show its progress and its summary; exit with 128 plus the signal's number if it is interrupted."""
    screen = screen or SweepScreen(workers.run_queue, quiet)
    with interruptible(workers.stop) as signals, screen:
        for line in workers.run_queue.rate_lines:
            screen.print(line)
        for event in workers.events():
            screen.show(event)
    if summary or signals:
        echo(screen.summary(bool(signals)))
    if signals:
        raise typer.Exit(128 + signals[0])


def print_sweep_results(run_queue: RunQueue) -> None:
    """Print the results of a sweep with a column per gap, and a note on the cells that are at chance at their smallest gap."""
    from rnnbench._analysis.axes import with_declared_axes  # imports pandas
    from rnnbench._analysis.summary import condition_notes, summarise
    from rnnbench._analysis.tables import by_gap_notes
    from rnnbench._cli.terminal.study_tables import print_by_gap

    if records := [record for record in run_queue.study.records() if record.run_id in run_queue.run_ids]:
        runs = with_declared_axes(frame(records, RunRecord))
        rows = summarise(runs)
        echo()
        print_by_gap(rows, [*by_gap_notes(rows), *condition_notes(runs)])


def train_missing(runs: Sequence[Run], study: StudyFolder, jobs: int | None, quiet: bool) -> None:
    """Train the runs that claims need, small gaps first."""
    unique = {run.run_id: run for run in runs}  # several claims may need a run
    if unique:
        run_queue = RunQueue(study, sorted(unique.values(), key=lambda run: run.gap), retry_failed=True)
        run_workers(Local(run_queue, jobs or default_jobs()), quiet, summary=False)


def run_label(run: Run) -> str:
    """Return a run's cell, task, gap, seed and rate as text."""
    return f"{run.cell} ({run.init}) on {run.task}, gap {run.gap}, seed {run.seed}, lr {run.lr:g}"


def result_text(record: RunRecord) -> str:
    """Return the result of a finished run in a few words."""
    measured = f"{percent(record.accuracy)}, chance {percent(record.chance_accuracy)}"
    if record.status == "solved":
        return f"solved at step {record.steps_to_solve or 0:,} ({measured})"
    return f"{record.status} after {record.step:,} steps ({measured})"


def print_cost(run_queue: RunQueue, request: SweepRequest, jobs: int | None, runs: Sequence[Run]) -> None:
    """Print the number of runs to do and their estimated time, for ``--dry-run``.

    The time of a search for the span is estimated as its share of the whole grid, ``runs``.
    """
    search = SpanSearch(runs) if request.search_span else None
    to_do = list(runs) if search else list(run_queue.queue)
    cost = estimate(to_do, run_queue.study)
    seconds = cost.seconds * (min(1.0, search.max_runs() / len(runs)) if search else 1.0)
    sources = []
    if cost.from_runs:
        sources.append(f"{cost.from_runs} from finished runs of the same kind")
    if cost.from_steps:
        shared = f", {cost.from_nearest} of them from similar runs" if cost.from_nearest else ""
        sources.append(f"{cost.from_steps} from training steps timed now{shared}, for the whole budget (a solved run ends earlier)")
    for line in run_queue.load_error_lines():
        print_wrapped(line)
    if search:
        print_wrapped(f"at most {search.max_runs()} of {len(runs)} runs: a search for the span")
    else:
        counts = f"{run_queue.done} done, {run_queue.failed_before} failed before, {len(to_do)} to do"
        print_wrapped(f"{run_queue.total} runs: {counts}")
    for line in run_queue.rate_lines:
        print_wrapped(line)
    if to_do:
        jobs = min(jobs or default_jobs(request.device, request.threads), len(to_do))
        print_wrapped(f"about {duration(seconds / jobs)} with {jobs} at once; estimated: {'; '.join(sources)}")
