"""``rnnbench run``: train one network on one task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import OutFlag, QuietFlag, eval_gap_list, flag_values, with_flags
from rnnbench._cli.terminal.formatting import echo
from rnnbench._config import RunRequest, flag
from rnnbench._errors import UserError

ForceFlag = Annotated[bool, typer.Option("--force", help="Train again from the start, even if the study has this run.")]
TensorBoardFlag = Annotated[
    bool, typer.Option("--tensorboard", help="Also write a log for TensorBoard, in tensorboard/ of the study.")
]
PlotFlag = Annotated[bool, typer.Option("--plot", help="Also plot the learning curve, in figures/ of the study.")]
EvalGapsFlag = Annotated[str | None, typer.Option(metavar="10,50,1000", help="Gaps at which the trained network is evaluated too.")]


@app.command(epilog="Example: rnnbench run --cell lstm --task copy --gap 200")
@with_flags(RunRequest)
def run(
    out: OutFlag = Path("results"),
    force: ForceFlag = False,
    quiet: QuietFlag = False,
    eval_gaps: EvalGapsFlag = None,
    tensorboard: TensorBoardFlag = False,
    plot: PlotFlag = False,
    **flags: object,
) -> None:
    """Train one network on one task, and report its accuracy against chance.

    The same command resumes an interrupted run. For a finished run it prints the stored result.
    """
    from rnnbench._cli.terminal.formatting import measured_line, print_wrapped
    from rnnbench._cli.terminal.output import save_learning_curve
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench._cli.terminal.run_progress import interrupted_line, next_line, print_already_done, print_finished, train_run
    from rnnbench._spec.request import request
    from rnnbench._spec.resolve import resolve
    from rnnbench._study import StudyFolder
    from rnnbench.insight._extrapolation import check_eval_gaps, measure_eval_gaps

    values = flag_values(flags)
    _refuse_lists(values)
    resolved = resolve(request(values, flag))
    gaps = eval_gap_list(eval_gaps, resolved.task)
    check_eval_gaps(resolved, gaps)
    study, run_id = StudyFolder.at(out), resolved.run.run_id
    if (stored := study.settled(run_id)) and not force:
        print_already_done(resolved)
    elif signals := train_run(resolved, study, force, quiet, tensorboard):
        print_wrapped(interrupted_line(resolved.run, study, stored))
        raise typer.Exit(128 + signals[0])
    record = study.finished(run_id)
    assert record is not None
    print_finished(record, resolved.task, study, quiet)
    for row in measure_eval_gaps(study, resolved, gaps, force, counting("evaluating", quiet)):
        echo(measured_line(row.eval_gap, row.accuracy, row.chance_accuracy))
    if plot:
        save_learning_curve(study, run_id)
    if not quiet:
        print_wrapped(next_line(record, study))


def _refuse_lists(values: dict[str, object]) -> None:
    """Raise UserError if several cells or tasks are given."""
    from rnnbench._plugins.source import is_path

    for name in ("cell", "task"):
        if "," in str(values[name]) and not is_path(str(values[name])):
            raise UserError(f"run takes one {name}; use sweep for several")
