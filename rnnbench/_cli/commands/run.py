"""``rnnbench run``: train one network, and say how far it got against chance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import OutFlag, QuietFlag, comma_list, flag_values, steps, with_flags
from rnnbench._config import RunRequest, flag

Force = Annotated[bool, typer.Option("--force", help="Run again from the start, even if the study has this run.")]
TensorBoard = Annotated[bool, typer.Option("--tensorboard", help="Also log for TensorBoard, under the study's tensorboard/.")]
EvalGaps = Annotated[
    str | None, typer.Option(metavar="10,50,1000", help="Gaps (time steps) at which the trained network is measured too.")
]


@app.command(epilog="Example: rnnbench run --cell lstm --task copy --gap 200")
@with_flags(RunRequest)
def run(
    out: OutFlag = Path("results"),
    force: Force = False,
    quiet: QuietFlag = False,
    eval_gaps: EvalGaps = None,
    tensorboard: TensorBoard = False,
    **flags: object,
) -> None:
    """Train one network on one task and log how often it is right, against chance.

    An interrupted run resumes where it stopped when the same command is given again; a finished one shows its stored result.
    """
    from rnnbench._cli.terminal.formatting import measured_line
    from rnnbench._cli.terminal.progress import counted, finished_lines, interrupted_line, watched
    from rnnbench._spec.request import request
    from rnnbench._spec.resolve import resolve
    from rnnbench._study import Study
    from rnnbench.insight._extrapolation import check_eval_gaps, measure_eval_gaps

    resolved = resolve(request(flag_values(flags), flag))
    run_id = resolved.run.run_id
    gaps = [] if eval_gaps is None else comma_list("--eval-gaps", eval_gaps, steps, "10,50,1000")
    check_eval_gaps(resolved.task, gaps)
    study = Study.create(out)
    if (stored := study.settled(run_id)) and not force:
        typer.echo("already done; --force runs it again", err=True)
    else:
        if signals := watched(resolved, study, force, quiet, tensorboard):
            typer.echo(interrupted_line(resolved.run, study, stored))
            raise typer.Exit(128 + signals[0])
    record = study.finished(run_id)
    assert record is not None
    typer.echo(finished_lines(record, resolved.task, study, quiet))
    for row in measure_eval_gaps(study, resolved, gaps, force, lambda todo: counted(todo, "evaluating", quiet)):
        typer.echo(measured_line(row.eval_gap, row.accuracy, row.chance_accuracy))
