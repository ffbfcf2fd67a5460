"""``rnnbench run``: train one network, and say how far it got against chance."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import Out, Quiet, comma_list, config_flags, run_request, steps

if TYPE_CHECKING:
    from rnnbench.config import Run
    from rnnbench.study import Study


class Stoppable(Protocol):
    """What Ctrl-C asks to stop: a run or a sweep."""

    def stop(self) -> None: ...


Force = Annotated[bool, typer.Option("--force", help="Run again from the start, even if the study has this run.")]

EvalGaps = Annotated[
    str | None,
    typer.Option(metavar="10,50,1000", help="Gaps (time steps) at which the trained network is measured too.", show_default=False),
]


@app.command(epilog="Example: rnnbench run --cell lstm --task copy --gap 200")
@config_flags
def run(out: Out = Path("results"), force: Force = False, quiet: Quiet = False, eval_gaps: EvalGaps = None, **flags: Any) -> None:
    """Train one network on one task and log how often it is right, against chance.

    An interrupted run resumes where it stopped when the same command is given again; a finished one shows its stored result.
    """
    from rnnbench.cli.terminal.screen import Screen, finished_lines
    from rnnbench.resolve import resolve, task_of
    from rnnbench.study import Study

    asked = resolve(run_request(flags))
    gaps = [] if eval_gaps is None else sorted(set(comma_list("--eval-gaps", eval_gaps, steps, "10,50,1000")))
    if gaps:
        from rnnbench.insight.extrapolation import check_gaps

        check_gaps(asked, gaps)
    study = Study.create(out)
    stored = study.settled(asked.run_id)
    if stored is None or force:
        from rnnbench.execute import Execution

        execution, row = Execution(asked, study, force), None
        with stop_between_steps(execution) as stopped_by, Screen(execution.trainer, quiet) as screen:
            for row in execution.rows():
                screen.show(row)
        if row is not None and row.status == "interrupted":
            kept = "; the earlier result stays until then" if stored else ""
            typer.echo(f"interrupted at step {row.step:,} of {asked.max_steps:,}: the same command resumes here{kept}")
            raise typer.Exit(128 + stopped_by[0])
        stored = study.finished(asked.run_id)
        assert stored is not None
    else:
        typer.echo("already done; --force runs it again", err=True)
    typer.echo(finished_lines(stored, task_of(asked), study, quiet))
    if gaps:
        extrapolate(asked, study, gaps, force, quiet)


def extrapolate(asked: Run, study: Study, gaps: list[int], force: bool, quiet: bool) -> None:
    """Measure a finished run at other gaps, unless that was done before, and print how it fares."""
    from rnnbench.cli.terminal.screen import counted
    from rnnbench.cli.terminal.words import percent
    from rnnbench.insight.extrapolation import measure_at

    known = {} if force else {row.eval_gap: row for row in study.extrapolations.rows() if row.run_id == asked.run_id}
    for gap in counted([gap for gap in gaps if gap not in known], "evaluating", quiet):
        known[gap] = measure_at(study, asked, gap)
    for gap in gaps:
        typer.echo(f"at gap {gap:,}: {percent(known[gap].accuracy)}, chance {percent(known[gap].chance_accuracy)}")
    typer.echo(f"  {study.extrapolations.path}")


@contextmanager
def stop_between_steps(work: Stoppable) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) asks the work to stop after its step, a second one stops at once. Yields the signals seen."""
    seen: list[int] = []

    def ask(number: int, frame: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        work.stop()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
