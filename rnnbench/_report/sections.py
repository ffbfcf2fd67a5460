"""What else a study holds: gradients, gates, constructions and guesses that the explaining commands saved; and the claims."""

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


class Extra(NamedTuple):
    """A figure of its own section: which, from what file, and two lines on how to read it."""

    title: str
    source: str
    figure: Figure
    how: str


class Verdict(NamedTuple):
    """A claim or finding as the page shows it."""

    name: str
    statement: str
    source: str
    verdict: str
    numbers: str


def extras(studies: list[Path], runs: pd.DataFrame) -> Iterator[Extra]:
    """A figure of every table that an explaining command left in a study or in a folder right below it."""
    for study in studies:
        for path in sorted([*study.glob("*.csv"), *study.glob("*/*.csv")]):
            if path.parent.name == "logs":
                continue
            if path.name.startswith("gradients_"):
                how = (
                    "The norm of the loss gradient at the state, so many steps before the answer: level means that the error "
                    "reaches the cue."
                )
                yield Extra("Gradients on their way back", str(path), plot_gradients(Table(path, GradientRow).frame()), how)
            elif path.name.startswith("gates_"):
                lives = path.with_name("half_lives_" + path.name.removeprefix("gates_"))
                how = (
                    "What the gates of one trained network do along one sequence, averaged over units. A gate at 1 lets everything "
                    "through; the band holds the middle 80 % of units."
                )
                figure = _gates(Table(path, GateRow).frame(), Table(lives, HalfLifeRow).frame() if lives.exists() else None)
                yield Extra(f"Gates: {path.stem.removeprefix('gates_')}", str(path), figure, how)
            elif path.name == "constructions.csv":
                how = (
                    "Weights set by hand that solve the task. What noise on the state cannot disturb passes no gradient back: "
                    "it exists, but training does not find it."
                )
                yield Extra("Constructions", str(path), plot_constructions(Table(path, ConstructionRow).frame()), how)
            elif path.name == "train_from.csv":
                how = (
                    "Training that starts at a construction whose weights were disturbed: open marks before it, filled marks "
                    "after. Where the line falls, training from there no longer finds the solution."
                )
                yield Extra("Training from a construction", str(path), plot_train_from(Table(path, TrainFromRow).frame()), how)
            elif path.name == "guess.csv":
                how = (
                    "Guessing all weights at random. What guessing solves within as many sequences as training proves little about "
                    "learning."
                )
                guesses = Table(path, GuessRow).frame()
                same = runs[
                    runs["task"].isin(guesses["task"]) & runs["cell"].isin(guesses["cell"]) & runs["gap"].isin(guesses["gap"])
                ]
                yield Extra("Guessing", str(path), plot_guesses(guesses, same), how)
            elif path.name == "extrapolation.csv" and Study(path.parent).extrapolations.rows():
                how = (
                    "Networks trained at one gap (dotted line) and measured at others. A curve that stays up has learned to keep; "
                    "one that is high at its own gap alone has learned a clock."
                )
                yield Extra("Other gaps than trained at", str(path), plot_extrapolation(Study(path.parent).extrapolation()), how)


@styled
def _gates(means: pd.DataFrame, lives: pd.DataFrame | None) -> Figure:
    figure, axes = make_panels(["means"] if lives is None else ["means", "half-lives"], height=3.4)
    draw_means(axes[0], means)
    if lives is not None:
        draw_half_lives(axes[1], lives)
    return figure


def claims(studies: list[Path]) -> list[Verdict]:
    """The claims and findings that the studies' runs decide, each with its verdict; none where no study has the runs of any."""
    from rnnbench._claims import CLAIMS, FINDINGS, decide

    found: dict[str, Verdict] = {}
    for study in studies:
        for verdict in decide(Study.open(study), (*CLAIMS, *FINDINGS)):
            claim = verdict.claim
            if verdict.ruling is not None:
                found[claim.name] = Verdict(claim.name, claim.statement, claim.source, verdict.decision, verdict.numbers)
    return list(found.values())
