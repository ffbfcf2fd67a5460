"""Sections of the page for the tables of the analysis commands, and for claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._claims import CLAIMS, FINDINGS, Claim, Verdict, decide
from rnnbench._claims.claim import Ruling
from rnnbench._claims.evidence import RecipeRuns, question_key, recipe_text
from rnnbench._study import StudyFolder, Table
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


def insight_figures(studies: list[Path], runs: pd.DataFrame) -> Iterator[InsightFigure]:
    """Yield a figure of every table that an analysis command saved in a study or in a folder directly below it.

    Raises:
        UserError: a table is damaged.
    """
    for study in studies:
        for path in sorted([*study.glob("*.csv"), *study.glob("*/*.csv")]):
            for pattern, title, draw, how in FIGURES:
                if path.match(pattern) and path.parent.name != "logs" and (figure := draw(path, runs)):
                    yield InsightFigure(title.format(path.stem.removeprefix("gates_")), str(path), figure, how)


@styled
def _draw_gates(path: Path, runs: pd.DataFrame) -> Figure:
    half_lives = path.with_name("half_lives_" + path.name.removeprefix("gates_"))
    means, found = Table(path, GateRow).frame(), half_lives.exists()
    figure, axes = make_panels(["means", "half-lives"] if found else ["means"], height=3.4)
    draw_means(axes[0], means)
    if found:
        draw_half_lives(axes[1], Table(half_lives, HalfLifeRow).frame())
    return figure


def _draw_extrapolation(path: Path, runs: pd.DataFrame) -> Figure | None:
    study = StudyFolder(path.parent)
    return plot_extrapolation(study) if study.extrapolations.rows() else None


FIGURES: tuple[tuple[str, str, Callable[[Path, pd.DataFrame], Figure | None], str], ...] = (
    (
        "gradients_*.csv",
        "Gradients against the distance to the answer",
        lambda path, runs: plot_gradients(Table(path, GradientRow).frame()),
        "Norm of the loss gradient at the state, against the number of steps before the answer. A level curve means that the "
        "gradient reaches the cue.",
    ),
    (
        "gates_*.csv",
        "Gates: {}",
        _draw_gates,
        "Gates of one trained network along one sequence, averaged over units. A gate at 1 is open. The band contains the middle "
        "80 % of units.",
    ),
    (
        "constructions.csv",
        "Constructions",
        lambda path, runs: plot_constructions(Table(path, ConstructionRow).frame()),
        "Hand-picked weights that solve the task. A state that noise cannot change passes no gradient back: the solution exists, "
        "but training does not find it.",
    ),
    (
        "train_from.csv",
        "Training from a construction",
        lambda path, runs: plot_train_from(Table(path, TrainFromRow).frame()),
        "Training that starts from perturbed hand-picked weights: open markers before training, filled markers after it. Where the "
        "line falls, training no longer finds the solution.",
    ),
    (
        "guess.csv",
        "Guessing",
        lambda path, runs: plot_guesses(Table(path, GuessRow).frame(), runs),
        "Random guessing of all weights. A task that guessing solves with as few sequences as training proves little about "
        "learning.",
    ),
    (
        "extrapolation.csv",
        "Gaps other than the training gap",
        _draw_extrapolation,
        "Networks trained at one gap (dotted line) and measured at others. A curve that stays high has learned to remember. A "
        "curve that is high only at its training gap has learned a clock.",
    ),
)
"""Pattern of the file name, title, function that draws the figure from the file and the page's runs, and how to read it."""


class ClaimResult(NamedTuple):
    """A claim or finding with the runs that decide it, as a small table.

    Attributes:
        claim: the claim or finding.
        badge: the verdict.
        note: the numbers that the table does not have.
        gaps: the columns of the table.
        rows: network and task, and an entry per gap (``5 of 5, 99.6 %``, or empty).
        recipes: the recipes of every network, as text.
    """

    claim: Claim
    badge: str
    note: str
    gaps: list[int]
    rows: list[tuple[str, str, list[str]]]
    recipes: list[str]


def decided_claims(studies: list[Path]) -> list[ClaimResult]:
    """Return the claims and findings that the studies' runs decide, each once."""
    found: dict[str, ClaimResult] = {}
    for study in studies:
        for verdict in decide(StudyFolder.open(study), (*CLAIMS, *FINDINGS)):
            if verdict.ruling is not None:
                found[verdict.claim.name] = _claim_result(verdict, verdict.ruling)
    return list(found.values())


def _claim_result(verdict: Verdict, ruling: Ruling) -> ClaimResult:
    gaps = sorted({group.run.gap for group in verdict.groups})
    rows: dict[tuple[str, str], list[RecipeRuns]] = {}
    networks: dict[str, list[RecipeRuns]] = {}
    for group in verdict.groups:
        run = group.run
        name = f"{run.cell} ({run.init})" + ("" if run.hidden_size == 128 else f", {run.hidden_size} units")
        networks.setdefault(name, []).append(group)
        several = sum(question_key(other.run) == question_key(run) for other in verdict.groups) > 1
        rows.setdefault((f"{name}, lr {group.records[0].lr:g}" if several else name, run.task), []).append(group)
    shown = []
    for (name, task), groups in rows.items():
        entries = {one.run.gap: f"{one.solved} of {one.seeds}, {100 * one.accuracy:.1f} %" for one in groups}
        shown.append((name, task, [entries.get(gap, "") for gap in gaps]))
    recipes = [f"{name}: {recipe_text(groups)}" for name, groups in networks.items()]
    return ClaimResult(verdict.claim, verdict.decision, ruling.note, gaps, shown, recipes)
