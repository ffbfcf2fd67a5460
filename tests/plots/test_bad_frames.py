"""Wrong arguments of the figures: one sentence, UserError, whatever a frame lacks."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pandas as pd
import pytest

import rnnbench
from rnnbench import plots
from tests.plots.study import made_up
from tests.plots.test_axes import DRAW, everything

WRONG = [object(), "no such", "", b"x", math.nan, -1, 10**30, True, [], {}, [[1]], int, pd.Series([1]), pd.DataFrame()]
TEXTS = {"plot_gates": ("title",), "style": ("name",)}  # arguments that are texts


def refusal(draw: Any, values: dict[str, Any]) -> str:
    """Return the sentence that refuses a call; empty if it is accepted, and another exception as text."""
    try:
        draw(**values)
    except rnnbench.UserError as error:
        return str(error)
    except Exception as error:
        return f"not a UserError: {error!r:.200}"
    return ""


def frames_of(draw: Any) -> dict[str, Any]:
    """Return the right value of every argument of a figure."""
    tables = everything()
    return {name: tables[name] for name in inspect.signature(draw).parameters if name in tables}


@pytest.mark.parametrize("draw", [*DRAW.values(), plots.every_figure, rnnbench.render, plots.style], ids=lambda draw: draw.__name__)
def test_a_wrong_argument_is_one_sentence_that_names_it(draw: Any) -> None:
    parameters = inspect.signature(draw).parameters
    values = {name: pd.DataFrame() for name, one in parameters.items() if one.default is one.empty}
    found = {}
    for name in parameters:
        for wrong in WRONG:
            if type(wrong) is str and name in TEXTS.get(draw.__name__, ()):
                continue
            if draw is plots.every_figure and isinstance(wrong, pd.DataFrame):
                continue
            found[f"{name}={wrong!r:.30}"] = refusal(draw, values | {name: wrong})
    found["unknown keyword"] = refusal(draw, values | {"colour": 1})
    assert not [f"{call}: {text}" for call, text in found.items() if not text or text.startswith("not ")]


@pytest.mark.parametrize("name", DRAW)
def test_a_frame_with_a_wrong_column_is_refused_by_the_name_of_the_column(name: str) -> None:
    draw, values, refused = DRAW[name], frames_of(DRAW[name]), 0
    for keyword, frame in values.items():
        for column in {"gap", "cell", "accuracy", "mean", "half_life"} & set(getattr(frame, "columns", ())):
            text = "x" if column not in ("cell", "init") else [["list"]] * len(frame)
            for wrong in (frame.drop(columns=column), frame.assign(**{column: text})):
                message = refusal(draw, values | {keyword: wrong})
                assert not message or (column in message and keyword in message and not message.startswith("not a ")), message
                refused += bool(message)
    assert refused >= 2


def test_a_cell_without_half_lives_is_drawn() -> None:
    values = frames_of(plots.plot_gates)
    assert refusal(plots.plot_gates, values | {"lives": values["lives"].iloc[:0]}) == ""


def test_a_missing_column_is_named_where_a_limit_is_infinite() -> None:
    runs = made_up([{}]).assign(recurrent_clip=math.inf)
    assert refusal(plots.plot_accuracy, {"runs": runs.drop(columns="accuracy")}).startswith("no column 'accuracy' in runs")


def test_steps_of_runs_that_solved_nothing_are_refused() -> None:
    message = refusal(plots.plot_steps, {"runs": made_up([{"accuracy": 0.2}])})
    assert message.startswith("a figure of the steps to solve needs a solved run")
