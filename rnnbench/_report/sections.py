"""Sections of the page for the tables of the analysis commands, and for claims."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._study import Study, Table
from rnnbench._study.insight_tables import ConstructionRow, GateRow, GradientRow, GuessRow, HalfLifeRow, TrainFromRow
from rnnbench.plots import plot_constructions, plot_extrapolation, plot_gradients, plot_guesses, plot_train_from
from rnnbench.plots._gates import draw_half_lives, draw_means
from rnnbench.plots._panels import make_panels
from rnnbench.plots._style import styled


class InsightFigure(NamedTuple):
    """A figure of the section "Why".

    Attributes:
        title: title of the figure.
        source: path of its table.
        figure: the figure.
        how: one or two sentences on how to read it.
    """

    title: str
    source: str
    figure: Figure
    how: str


class ClaimRow(NamedTuple):
    """A decided claim or finding, as texts."""

    name: str
    statement: str
    source: str
    verdict: str
    numbers: str


def insight_figures(studies: list[Path], runs: pd.DataFrame) -> Iterator[InsightFigure]:
    """Yield a figure of every table that an analysis command saved in a study or in a folder directly below it.

    Raises:
        UserError: a table is damaged.
    """
    for study in studies:
        for path in sorted([*study.glob("*.csv"), *study.glob("*/*.csv")]):
            if path.parent.name == "logs":
                continue
            if path.name.startswith("gradients_"):
                how = (
                    "Norm of the loss gradient at the state, against the number of steps before the answer. A level curve means "
                    "that the gradient reaches the cue."
                )
                yield InsightFigure(
                    "Gradients against the distance to the answer", str(path), plot_gradients(Table(path, GradientRow).frame()), how
                )
            elif path.name.startswith("gates_"):
                lives = path.with_name("half_lives_" + path.name.removeprefix("gates_"))
                how = (
                    "Gates of one trained network along one sequence, averaged over units. A gate at 1 is open. The band contains "
                    "the middle 80 % of units."
                )
                figure = _gate_figure(Table(path, GateRow).frame(), Table(lives, HalfLifeRow).frame() if lives.exists() else None)
                yield InsightFigure(f"Gates: {path.stem.removeprefix('gates_')}", str(path), figure, how)
            elif path.name == "constructions.csv":
                how = (
                    "Hand-picked weights that solve the task. A state that noise cannot change passes no gradient back: "
                    "the solution exists, but training does not find it."
                )
                yield InsightFigure("Constructions", str(path), plot_constructions(Table(path, ConstructionRow).frame()), how)
            elif path.name == "train_from.csv":
                how = (
                    "Training that starts from perturbed hand-picked weights: open markers before training, filled markers after "
                    "it. Where the line falls, training no longer finds the solution."
                )
                figure = plot_train_from(Table(path, TrainFromRow).frame())
                yield InsightFigure("Training from a construction", str(path), figure, how)
            elif path.name == "guess.csv":
                how = (
                    "Random guessing of all weights. A task that guessing solves with as few sequences as training proves little "
                    "about learning."
                )
                guesses = Table(path, GuessRow).frame()
                same = runs[
                    runs["task"].isin(guesses["task"]) & runs["cell"].isin(guesses["cell"]) & runs["gap"].isin(guesses["gap"])
                ]
                yield InsightFigure("Guessing", str(path), plot_guesses(guesses, same), how)
            elif path.name == "extrapolation.csv" and Study(path.parent).extrapolations.rows():
                how = (
                    "Networks trained at one gap (dotted line) and measured at others. A curve that stays high has learned to "
                    "remember. A curve that is high only at its training gap has learned a clock."
                )
                figure = plot_extrapolation(Study(path.parent).extrapolation())
                yield InsightFigure("Gaps other than the training gap", str(path), figure, how)


@styled
def _gate_figure(means: pd.DataFrame, lives: pd.DataFrame | None) -> Figure:
    figure, axes = make_panels(["means"] if lives is None else ["means", "half-lives"], height=3.4)
    draw_means(axes[0], means)
    if lives is not None:
        draw_half_lives(axes[1], lives)
    return figure


def decided_claims(studies: list[Path]) -> list[ClaimRow]:
    """Return the claims and findings that the studies' runs decide, with their verdicts."""
    from rnnbench._claims import CLAIMS, FINDINGS, decide

    found: dict[str, ClaimRow] = {}
    for study in studies:
        for verdict in decide(Study.open(study), (*CLAIMS, *FINDINGS)):
            claim = verdict.claim
            if verdict.ruling is not None:
                found[claim.name] = ClaimRow(claim.name, claim.statement, claim.source, verdict.decision, verdict.numbers)
    return list(found.values())
