"""``rnnbench construct``: hand-picked parameters that solve the tasks at any gap, and why training does not find them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import Quiet, comma_list, steps
from rnnbench.cli.terminal.saving import Folder, added, resumed, save
from rnnbench.config import LARGEST_COUNT, LARGEST_GAP, MOST_SEEDS, MOST_SEQUENCES

if TYPE_CHECKING:
    from rnnbench.insight.constructions import Construction

TRADE_OFF = (1.25, 2.0, 3.0)
"""Recurrent weights for which the trade-off is printed."""
MEASURED = ["name", "cell", "task", "units", "gap", "noise", "accuracy", "chance_accuracy", "gradient"]
TRAINED = ["name", "cell", "task", "gap", "amount", "seed", "lr", "max_steps"]
TRAINED += ["start_accuracy", "accuracy", "chance_accuracy", "step", "status"]


@app.command(epilog="Example: rnnbench construct rnn-copy --gap 200,2000")
def construct(
    name: Annotated[list[str] | None, typer.Argument(help="Constructions, as rnn-copy. Default: all.", show_default=False)] = None,
    gap: Annotated[str, typer.Option(metavar="STEPS", help="Gaps, with commas between.")] = "10,200,2000",
    noise: Annotated[str, typer.Option(metavar="SD", help="Standard deviations of noise on the state.")] = "0,0.001,0.01,0.1,0.3",
    sequences: Annotated[int, typer.Option(min=1, max=MOST_SEQUENCES, help="Sequences that an accuracy is counted on.")] = 256,
    seed: Annotated[
        int, typer.Option(min=0, max=2**62, help="Seed of the sequences and the noise; the first one with --train-from.")
    ] = 0,
    train_from: Annotated[bool, typer.Option("--train-from", help="Train from the construction, disturbed, instead.")] = False,
    perturb: Annotated[
        str, typer.Option(metavar="SHARES", help="With --train-from: noise on the weights, as shares of their root mean square.")
    ] = "0,0.01,0.03,0.1,0.3,1",
    train_gap: Annotated[int, typer.Option(min=0, max=LARGEST_GAP, metavar="STEPS", help="With --train-from: the gap.")] = 50,
    seeds: Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="With --train-from: how many perturbations of each size.")] = 3,
    lr: Annotated[float, typer.Option(min=1e-9, max=10, help="With --train-from: learning rate.")] = 0.002,
    max_steps: Annotated[
        int, typer.Option(min=1, max=LARGEST_COUNT, metavar="STEPS", help="With --train-from: training budget.")
    ] = 1000,
    out: Folder = Path("results/construct"),
    quiet: Quiet = False,
) -> None:
    """Load explicit weights into the cells that are trained: accuracy at any gap, under noise, and the gradient beside it.

    A unit that noise cannot flip is saturated, and passes no gradient back: in theory a vanilla RNN need not forget, but gradient
    descent does not find these weights. --train-from starts there, disturbed, and shows from how far away it does.
    """
    from rnnbench.insight.constructions import CONSTRUCTIONS, construction

    chosen = [construction(wanted) for wanted in name] if name else list(CONSTRUCTIONS.values())
    if train_from:
        amounts = comma_list("--perturb", perturb, _amount, "0,0.1,1")
        _train(chosen, train_gap, amounts, range(seed, seed + seeds), lr, max_steps, out, quiet)
    else:
        gaps = sorted(set(comma_list("--gap", gap, steps, "10,200")))
        noises = sorted({0.0, *comma_list("--noise", noise, _amount, "0,0.1")})
        _measure(chosen, gaps, noises, sequences, seed, out, quiet)


def _amount(text: str) -> float:
    if not 0 <= float(text) < float("inf"):
        raise ValueError
    return float(text)


def _measure(
    chosen: list[Construction], gaps: list[int], noises: list[float], sequences: int, seed: int, out: Path, quiet: bool
) -> None:
    import pandas as pd
    import torch

    from rnnbench.cli.terminal.screen import counted
    from rnnbench.insight.constructions import accuracy, gradient_through_gap, trade_off
    from rnnbench.plots import plot_constructions

    torch.set_num_threads(1)  # tiny products: threads only cost
    rows = []
    for found, gap in counted([(found, gap) for found in chosen for gap in gaps], "measuring", quiet):
        model, task = found.build()
        gradient = gradient_through_gap(found.build(torch.float64)[0], task, gap, seed)
        for sd in noises:
            right = accuracy(model, task, gap, sequences, sd, seed)
            rows.append((found.name, found.cell, found.task, found.units, gap, sd, right, task.chance(gap).accuracy, gradient))
    frame = pd.DataFrame(rows, columns=MEASURED)
    save(out, "constructions", frame, plot_constructions(frame, pd.DataFrame([trade_off(1 + 0.02 * k) for k in range(1, 126)])))
    far = gaps[-1]
    typer.echo(f"\nRight answers in %: by gap, and at gap {far} with noise on the state (standard deviation)")
    headings = "".join(f"{f'gap {gap}':>9}" for gap in gaps) + "".join(f"{f'±{sd:g}':>8}" for sd in noises[1:])
    typer.echo(f"{'construction':12}{'units':>6}{headings}{'gradient':>9}")
    for found in chosen:
        mine = frame[frame["name"] == found.name]
        still = mine[mine["noise"] == noises[0]]
        reached = "".join(f"{100 * share:9.1f}" for share in still["accuracy"])
        noisy = "".join(f"{100 * share:8.1f}" for share in mine[mine["gap"] == far]["accuracy"][1:])
        typer.echo(f"{found.name:12}{found.units:6}{reached}{noisy}{still['gradient'].iloc[-1]:9.2g}")
    typer.echo(f"gradient: norm of d (output of the last answer) / d (state after the first input), gap {far}, float64\n")
    typer.echo("One unit a = w tanh(a) + h: robust against noise means no gradient (Bengio, Simard & Frasconi 1994)")
    typer.echo(f"{'w':>5} {'attractor':>10} {'no |h| below flips it':>22} {'gradient a step':>16} {'over 20 steps':>14}")
    for unit in map(trade_off, TRADE_OFF):
        typer.echo(f"{unit['w']:5g} {unit['x']:10.3f} {unit['threshold']:22.3f} {unit['slope']:16.3f} {unit['slope'] ** 20:14.0e}")


def _train(
    chosen: list[Construction], gap: int, amounts: list[float], seeds: range, lr: float, max_steps: int, out: Path, quiet: bool
) -> None:
    from rnnbench.catalog import TASKS, make_task
    from rnnbench.cli.terminal.screen import counted
    from rnnbench.cli.terminal.words import percent
    from rnnbench.insight.constructions import train_from
    from rnnbench.plots import plot_train_from

    frame, known = resumed(out, "train_from", TRAINED, TRAINED[:8])
    wanted = [
        (found.name, found.cell, found.task, gap, amount, seed, lr, max_steps)
        for found in chosen
        for amount in amounts
        for seed in seeds
    ]
    for mine in counted([key for key in wanted if key not in known], "training", quiet):
        name, _, task, _, amount, seed, _, _ = mine
        evaluations = list(train_from(name, gap, amount, seed, lr, max_steps))
        (_, before, _), (step, after, status) = evaluations[0], evaluations[-1]
        chance = make_task(TASKS.find(task)).chance(gap).accuracy
        frame = added(frame, [*mine, before, after, chance, step, status])
        save(out, "train_from", frame, announce=False)  # each run as it ends: the same command goes on from here
    shown = frame[(frame["gap"] == gap) & (frame["lr"] == lr) & (frame["max_steps"] == max_steps)]
    for (start, share), runs in shown.groupby(["name", "amount"], sort=False):
        typer.echo(
            f"{start:>12}, perturbed by {share:<5g} {percent(runs['start_accuracy'].median()):>7} before, "
            f"{percent(runs['accuracy'].median()):>7} after training; solved {sum(runs['status'] == 'solved')} of {len(runs)}"
        )
    save(out, "train_from", frame, plot_train_from(shown))
