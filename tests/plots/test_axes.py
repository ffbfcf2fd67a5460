"""Every public figure draws into the caller's axes."""

import inspect

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench import UserError, plots
from tests.plots.study import made_up

DRAW = {name: getattr(plots, name) for name in plots.__all__ if name.startswith("plot_")}


def everything() -> dict[str, object]:
    """Return, by parameter name, one table with every column that a figure reads."""
    runs = made_up(
        {"gap": gap, "max_steps": budget, "seed": seed, "steps_to_solve": 9.0 * budget}
        for gap in (5, 10)
        for budget in (50, 100)
        for seed in (0, 1)
    )
    wide = runs.assign(
        name="rnn-copy", noise=0.1, gradient=0.5, amount=0.1, start_accuracy=0.4, eval_gap=[5, 5, 10, 10, 20, 20, 40, 40],
        when=["initial", "trained"] * 4, distance=range(8), grad_state=0.1, bound=0.2, sensitivity=0.3, through_time=0.4,
        replaced=range(8), changed=0.5, position=[0, 1] * 4,
        solved=True, sequences=64, paper="paper", our_task="copy", our_cell="rnn", our_gap=10, over_chance=0.5,
        panel="copy", panel_gap=10, authors="paper", drawn=0.5, at_most=True,
    )  # fmt: skip
    steps = pd.DataFrame({"step": range(3), "word": "w", "answer": ""}).merge(pd.DataFrame({"unit": range(2)}), how="cross")
    steps = pd.concat([steps.assign(quantity=name, value=0.1, mean=0.1, low=0, high=1) for name in ("keep", "state h")])
    lives = pd.DataFrame({"when": ["initial", "trained"] * 2, "unit": [0, 0, 1, 1], "half_life": [1.0, 2.0, 3.0, 4.0]})
    trade_off = pd.DataFrame({"w": [1.1, 2.0], "slope": [0.9, 0.1], "threshold": [0.1, 1.0]})
    words = {"runs": runs, "logs": runs, "frame": wide, "rows": wide}
    return words | {"values": steps, "means": steps, "lives": lives, "title": "a run", "trade_off": trade_off}


def draw(name: str, **ax: object) -> Figure:
    tables = everything()
    parameters = inspect.signature(DRAW[name]).parameters.values()
    names = [one.name for one in parameters if one.name in tables or one.default is one.empty]
    return DRAW[name](**{argument: tables[argument] for argument in names}, **ax)


def panels_of(figure: Figure) -> list[Axes]:
    return [ax for ax in figure.axes if ax.axison and ax.get_label() != "<colorbar>"]


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_is_drawn_into_the_callers_axes_and_nowhere_else(name: str) -> None:
    count = len(panels_of(draw(name)))
    before = dict(matplotlib.rcParams)
    figure = Figure()
    inside, beside = figure.subfigures(1, 2)
    spare = beside.subplots()
    places = inside.subplots(count, 1, squeeze=False)
    assert draw(name, ax=places) is figure
    assert panels_of(figure) == [spare, *places.flat]
    assert all(ax.has_data() for ax in places.flat)
    assert not spare.has_data()
    assert not figure.legends + inside.legends
    assert not figure.get_suptitle() + inside.get_suptitle()
    assert dict(matplotlib.rcParams) == before
    figure.savefig("/dev/null", format="png")


@pytest.mark.parametrize("name", DRAW)
def test_the_number_of_axes_must_equal_the_number_of_panels(name: str) -> None:
    count = len(panels_of(draw(name)))
    with pytest.raises(UserError, match=f"^ax has {count + 1} axes but the figure needs {count}: "):
        draw(name, ax=list(np.ravel(Figure().subplots(count + 1, 1))))
    if count == 1:
        ax = Figure().subplots()
        assert draw(name, ax=ax) is ax.figure
