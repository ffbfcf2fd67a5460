"""The tables of the analysis commands: every column once, with its type and meaning."""

from __future__ import annotations

from pydantic import Field

from rnnbench._config import Gap, Options, Seed
from rnnbench._study.record import Number, Record, Text
from rnnbench._study.schema import Count


class GradientRow(Record):
    """The norm of the loss gradient at one distance from the answer: a row of ``gradients_*.csv``."""

    cell: Text = Field(description="cell, by name")
    init: Text = Field(description="initialisation")
    task: Text = Field(description="task, by name")
    gap: Gap = Field(description="gap, in time steps")
    when: Text = Field(description="initial or trained")
    distance: Count = Field(description="time steps back from the step of the last answer")
    grad_hidden: Number | None = Field(description="norm of d loss / d h_t; empty for a whole-sequence model")
    grad_state: Number | None = Field(description="norm of d loss / d (last part of the state); empty for a whole-sequence model")
    grad_input: Number = Field(description="norm of d loss / d x_t")
    bound: Number | None = Field(description="Pascanu's bound on grad_hidden; empty for cells that it does not hold for")


class GateRow(Record):
    """A gate or the state at one time step, over units: a row of ``gates_*.csv``."""

    step: Count = Field(description="time step")
    word: str = Field(description="input at this step")
    answer: str = Field(description="answer that is due at this step; empty if none is")
    quantity: Text = Field(description="gate, or part of the state")
    mean: Number = Field(description="mean over units")
    low: Number = Field(description="10 % quantile over units")
    high: Number = Field(description="90 % quantile over units")


class HalfLifeRow(Record):
    """The memory of one unit: a row of ``half_lives_*.csv``."""

    when: Text = Field(description="initial or trained")
    unit: Count = Field(description="unit")
    half_life: Number = Field(description="time steps after which half of the state is left, median over sequences")


class ConstructionRow(Record):
    """The accuracy of hand-picked weights at one gap and noise: a row of ``constructions.csv``."""

    name: Text = Field(description="construction")
    cell: Text = Field(description="cell, by name")
    task: Text = Field(description="task, by name")
    units: Count = Field(description="width of the cell")
    gap: Gap = Field(description="gap, in time steps")
    noise: Number = Field(description="standard deviation of the noise on the state")
    accuracy: Number = Field(description="share of right answers")
    chance_accuracy: Number = Field(description="accuracy of the best memoryless predictor")
    gradient: Number = Field(description="norm of d (last output due) / d (state after the first input)")


class TrainFromRow(Record):
    """Training from disturbed hand-picked weights: a row of ``train_from.csv``."""

    KEY = ("name", "cell", "task", "gap", "amount", "seed", "lr", "max_steps")

    name: Text = Field(description="construction")
    cell: Text = Field(description="cell, by name")
    task: Text = Field(description="task, by name")
    gap: Gap = Field(description="gap, in time steps")
    amount: Number = Field(description="noise on the weights, as a share of their root mean square")
    seed: Seed = Field(description="seed of the noise and of the training")
    lr: Number = Field(description="learning rate")
    max_steps: Count = Field(description="training budget, in optimiser steps")
    start_accuracy: Number = Field(description="accuracy before training")
    accuracy: Number = Field(description="accuracy after training")
    chance_accuracy: Number = Field(description="accuracy of the best memoryless predictor")
    step: Count = Field(description="optimiser steps taken")
    status: Text = Field(description="solved, unsolved or diverged")


class GuessRow(Record):
    """A random search for weights that solve a task: a row of ``guess.csv``."""

    KEY = ("task", "cell", "gap", "hidden_size", "scale", "max_guesses", "option", "seed")

    task: Text = Field(description="task, by name")
    cell: Text = Field(description="cell, by name")
    gap: Gap = Field(description="gap, in time steps")
    hidden_size: Count = Field(description="width of the cell, in units")
    scale: Number = Field(description="weights and biases are drawn from U[-scale, scale]")
    max_guesses: Count = Field(description="guesses after which a search is unsolved")
    option: Options = Field(description="options of the task")
    seed: Seed = Field(description="seed of the search")
    guesses: Count = Field(description="guesses drawn; the last one solved the task if solved")
    solved: bool = Field(description="True if a guess had 99 % of the answers right on fresh sequences")
    sequences: Count = Field(description="sequences seen, all tests together")
    accuracy: Number = Field(description="accuracy of the best guess on fresh sequences")
    chance_accuracy: Number = Field(description="accuracy of the best memoryless predictor")


class SensitivityRow(Record):
    """The dependence of an output on the parameters: a row of ``sensitivity_*.csv``."""

    cell: Text = Field(description="cell, by name")
    init: Text = Field(description="initialisation")
    task: Text = Field(description="task, by name")
    gap: Gap = Field(description="gap, in time steps")
    seed: Seed = Field(description="seed of the network, the sequences and the direction")
    length: Count = Field(description="time steps of a sequence")
    parameters: Count = Field(description="parameters of the cell")
    sensitivity: Number = Field(description="norm of d (v . y) / d theta, v a random unit vector")
    through_time: Number | None = Field(description="norm of d (v . y) / d (state gap steps earlier); empty without a state")


class TrainedSensitivityRow(SensitivityRow):
    """The same for a finished run, before or after training: a row of ``sensitivity_*.csv``."""

    when: Text = Field(description="initial or trained")


class FinishedRunRow(Record):
    """The columns that name a finished run in the tables of :mod:`rnnbench.insight`."""

    run_id: Text = Field(description="run_id of the run")
    cell: Text = Field(description="cell, by name")
    init: Text = Field(description="initialisation")
    task: Text = Field(description="task, by name")
    gap: Gap = Field(description="gap of the training, in time steps")
    seed: Seed = Field(description="seed of the run")


class RemembranceRow(FinishedRunRow):
    """The effect of replaced early inputs on the predictions of a run: a row of ``remembrance_*.csv``."""

    replaced: Count = Field(description="number of first inputs that were replaced")
    steps_before: Count = Field(description="time steps from the last replaced input to the last answer")
    changed: Number = Field(description="share of answers that differ")
    distance: Number = Field(description="mean total variation of the predictions; of numbers, mean absolute difference")


class PositionRow(FinishedRunRow):
    """The accuracy of a run at one answer of a sequence: a row of ``positions_*.csv``."""

    eval_gap: Gap = Field(description="gap of the evaluation, in time steps")
    position: Count = Field(description="number of the answer in its sequence, from 0")
    accuracy: Number = Field(description="share of right answers at this position")
    answers: Count = Field(description="number of answers")
    chance_accuracy: Number = Field(description="accuracy of the best memoryless predictor")
