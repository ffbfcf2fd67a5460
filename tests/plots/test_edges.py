"""Every figure at gap 0, at one gap, at one seed, with nothing solved and without a state."""

import itertools
import warnings

import pandas as pd
import pytest
from matplotlib.text import Text

import rnnbench
from rnnbench import plots
from rnnbench.plots import every_figure
from tests.plots.study import made_up

BY_GAP = [plots.plot_accuracy, plots.plot_solved, plots.plot_span, plots.plot_overview, plots.plot_span_by_size]
GRIDS = {"gap 0": [0], "gaps 0 and 5": [0, 5], "one gap": [5]}


def runs_at(gaps: list[int], solved: bool, seeds: int = 1) -> pd.DataFrame:
    sizes = {"rnn": 8, "memoryless": 0}
    return made_up(
        {"cell": cell, "gap": gap, "seed": seed, "state_size": size, "steps_to_solve": 40.0 if solved else None}
        for (cell, size), gap, seed in itertools.product(sizes.items(), gaps, range(seeds))
    )


def logs_of(runs: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([runs.assign(step=step) for step in (10, 20)], ignore_index=True)


@pytest.mark.parametrize("solved", [True, False], ids=["solved", "unsolved"])
@pytest.mark.parametrize("grid", GRIDS)
def test_every_figure_is_drawn(grid: str, solved: bool) -> None:
    runs = runs_at(GRIDS[grid], solved, seeds=1)
    extrapolation = runs.assign(eval_gap=[2 * gap for gap in runs["gap"]])
    drawn = {name: draw() for name, draw in every_figure(runs, logs_of(runs), extrapolation)}
    drawn |= {draw.__name__: draw(runs) for draw in BY_GAP}
    if solved:
        drawn["steps"] = plots.plot_steps(runs)
    for figure in drawn.values():
        figure.draw_without_rendering()
    assert {"learning_curves_copy", "extrapolation"} <= drawn.keys()
    assert not any("medians" in text.get_text() for text in drawn["extrapolation"].findobj(Text)), "there is one seed"
    assert ("span" in drawn) == (len(GRIDS[grid]) > 1)
    assert "span_by_state_size" not in drawn  # two sizes show nothing


@pytest.mark.parametrize("grid", GRIDS)
def test_every_chart_of_the_report_is_built(grid: str) -> None:
    pytest.importorskip("altair")
    from rnnbench._analysis.summary import mark_best, summarise
    from rnnbench._report import charts

    runs = runs_at(GRIDS[grid], solved=True)
    table = summarise(runs)
    styles = charts.vega_styles(table)
    assert charts.solved_chart(table, styles)
    assert charts.accuracy_chart(mark_best(runs), table, styles, runs)


def test_a_name_in_another_script_draws_without_a_warning_per_character() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        assert rnnbench.render(plots.plot_accuracy(made_up({"cell": "长期记忆", "gap": gap} for gap in (5, 10))))
    assert len(found) <= 1  # one on a machine without a font for it, none on others
    assert all(str(warning.message).startswith("no installed font has the characters") for warning in found)
