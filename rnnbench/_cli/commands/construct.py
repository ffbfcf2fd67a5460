"""``rnnbench construct``: hand-picked parameters that solve the tasks at any gap, and why training does not find them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Folder, Gaps, Quiet, Seed, amount, comma_list, only_with, steps
from rnnbench._config import LARGEST_COUNT, LARGEST_GAP, MOST_SEEDS, MOST_SEQUENCES

Names = Annotated[list[str] | None, typer.Argument(help="Constructions, such as rnn-copy. Default: all.", show_default=False)]
Noises = Annotated[str, typer.Option("--noise", metavar="SD", help="Standard deviations of noise on the state.")]
Sequences = Annotated[int, typer.Option("--sequences", min=1, max=MOST_SEQUENCES, help="Sequences that an accuracy is counted on.")]
TrainFrom = Annotated[bool, typer.Option("--train-from", help="Train from the construction, disturbed, instead.")]
Perturb = Annotated[
    str, typer.Option(metavar="SHARES", help="With --train-from: noise on the weights, as shares of their root mean square.")
]
TrainGap = Annotated[int, typer.Option(min=0, max=LARGEST_GAP, metavar="STEPS", help="With --train-from: the gap.")]
Seeds = Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="With --train-from: how many perturbations of each size.")]
Rate = Annotated[float, typer.Option(min=1e-9, max=10, help="With --train-from: learning rate.")]
Budget = Annotated[int, typer.Option(min=1, max=LARGEST_COUNT, metavar="STEPS", help="With --train-from: training budget.")]


@app.command(epilog="Example: rnnbench construct rnn-copy --gap 200,2000")
def construct(
    context: typer.Context,
    name: Names = None,
    gap: Gaps = "10,200,2000",
    noise: Noises = "0,0.001,0.01,0.1,0.3",
    sequences: Sequences = 256,
    seed: Seed = 0,
    train_from: TrainFrom = False,
    perturb: Perturb = "0,0.01,0.03,0.1,0.3,1",
    train_gap: TrainGap = 50,
    seeds: Seeds = 3,
    lr: Rate = 0.002,
    max_steps: Budget = 1000,
    out: Folder = Path("results/construct"),
    quiet: Quiet = False,
) -> None:
    """Load explicit weights into the cells that are trained: accuracy at any gap, under noise, and the gradient.

    A unit that noise cannot flip is saturated, and passes no gradient back: in theory a vanilla RNN need not forget, but gradient
    descent does not find these weights. --train-from starts there, disturbed, and shows from how far away it does.
    """
    from rnnbench._cli.terminal.analysis_text import construction_lines, train_lines
    from rnnbench._cli.terminal.output import prepare, save, save_figure
    from rnnbench._cli.terminal.progress import counting
    from rnnbench._study.insight_tables import ConstructionRow
    from rnnbench.insight import measure_constructions, train_constructions
    from rnnbench.insight._trade_off import trade_off_curve
    from rnnbench.plots import plot_constructions, plot_train_from

    prepare(out)
    if train_from:
        file, bar = out / "train_from.csv", counting("training", quiet)
        asked: dict[str, Any] = {"perturb": comma_list("--perturb", perturb, amount, "0,0.1,1"), "seed": range(seed, seed + seeds)}
        frame = train_constructions(name, train_gap=train_gap, lr=lr, max_steps=max_steps, file=file, progress=bar, **asked)
        typer.echo(f"{train_lines(frame)}\n  {file}")
        save_figure(out, "train_from", plot_train_from(frame))
    else:
        only_with(context, "--train-from", "perturb", "train_gap", "seeds", "lr", "max_steps")
        gaps, noises = comma_list("--gap", gap, steps, "10,200"), comma_list("--noise", noise, amount, "0,0.1")
        bar = counting("measuring", quiet)
        frame = measure_constructions(name, gap=gaps, noise=noises, sequences=sequences, seed=seed, progress=bar)
        save(out, "constructions", frame, ConstructionRow, plot_constructions(frame, trade_off_curve()))
        typer.echo(construction_lines(frame))
