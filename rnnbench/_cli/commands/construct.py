"""``rnnbench construct``: hand-picked weights that solve the tasks at any gap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo, print_lines
from rnnbench._config import LARGEST_COUNT, LARGEST_GAP, MOST_SEEDS, MOST_SEQUENCES

NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Names, such as rnn-copy. Default: all.", show_default=False)
]
NoiseFlag = Annotated[str, typer.Option("--noise", metavar="SD", help="Standard deviations of noise on the state.")]
SequencesFlag = Annotated[
    int, typer.Option("--sequences", callback=flags.within(1, MOST_SEQUENCES), help="Sequences per accuracy.")
]
TrainFromFlag = Annotated[bool, typer.Option("--train-from", help="Train from the perturbed construction instead.")]
PerturbFlag = Annotated[
    str, typer.Option(metavar="SHARES", help="With --train-from: noise on the weights, relative to their root mean square.")
]
TrainGapFlag = Annotated[
    int, typer.Option(callback=flags.within(0, LARGEST_GAP), metavar="STEPS", help="With --train-from: the gap.")
]
SeedsFlag = Annotated[
    int, typer.Option(callback=flags.within(1, MOST_SEEDS), help="With --train-from: number of perturbations of each size.")
]
RateFlag = Annotated[float, typer.Option(callback=flags.within(1e-9, 10), help="With --train-from: learning rate.")]
BudgetFlag = Annotated[
    int, typer.Option(callback=flags.within(1, LARGEST_COUNT), metavar="STEPS", help="With --train-from: training budget.")
]
ListConstructionsFlag = Annotated[bool, typer.Option("--list", help="List the constructions and how they work; measure nothing.")]


@app.command(epilog="Example: rnnbench construct rnn-copy --gap 200,2000")
def construct(
    context: typer.Context,
    name: NamesArgument = None,
    gap: flags.GapsFlag = "10,200,2000",
    noise: NoiseFlag = "0,0.001,0.01,0.1,0.3",
    sequences: SequencesFlag = 256,
    seed: flags.SeedFlag = 0,
    train_from: TrainFromFlag = False,
    perturb: PerturbFlag = "0,0.01,0.03,0.1,0.3,1",
    train_gap: TrainGapFlag = 50,
    seeds: SeedsFlag = 3,
    lr: RateFlag = 0.002,
    max_steps: BudgetFlag = 1000,
    out: flags.FolderFlag = Path("results/construct"),
    list_constructions: ListConstructionsFlag = False,
    quiet: flags.QuietFlag = False,
) -> None:
    """Measure hand-picked weights that solve the tasks at any gap.

    A saturated unit resists noise but passes no gradient back, so training does not find these weights. --train-from starts nearby.
    """
    from rnnbench._cli.terminal.listings import print_constructions

    if list_constructions:
        print_constructions()
    elif train_from:
        values: dict[str, Any] = {
            "train_gap": train_gap,
            "perturb": _amounts("--perturb", perturb),
            "lr": lr,
            "max_steps": max_steps,
        }
        _train(name, values | {"seed": range(seed, seed + seeds)}, out, quiet)
    else:
        flags.only_with(context, "--train-from", "perturb", "train_gap", "seeds", "lr", "max_steps")
        values = {"gap": flags.comma_list("--gap", gap, flags.steps, "10,200"), "noise": _amounts("--noise", noise), "seed": seed}
        _measure(name, values | {"sequences": sequences}, out, quiet)


def _measure(names: list[str] | None, values: dict[str, Any], out: Path, quiet: bool) -> None:
    from rnnbench._cli.terminal.analysis_text import construction_lines
    from rnnbench._cli.terminal.output import check_writable, save
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench._study.insight_tables import ConstructionRow
    from rnnbench.insight import measure_constructions
    from rnnbench.insight._trade_off import trade_off_curve
    from rnnbench.plots import plot_constructions

    check_writable(out)
    frame = measure_constructions(names, progress=counting("measuring", quiet), **values)
    save(out, "constructions", frame, ConstructionRow, plot_constructions(frame, trade_off_curve()))
    print_lines(construction_lines(frame))


def _train(names: list[str] | None, values: dict[str, Any], out: Path, quiet: bool) -> None:
    from rnnbench._cli.terminal.analysis_text import train_lines
    from rnnbench._cli.terminal.output import check_writable, save_figure
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench.insight import train_constructions
    from rnnbench.plots import plot_train_from

    check_writable(out)
    frame = train_constructions(names, file=out / "train_from.csv", progress=counting("training", quiet), **values)
    print_lines(train_lines(frame))
    echo(f"  {out / 'train_from.csv'}")
    save_figure(out, "train_from", plot_train_from(frame))


def _amounts(name: str, text: str) -> list[float]:
    return flags.comma_list(name, text, flags.amount, "0,0.1")
