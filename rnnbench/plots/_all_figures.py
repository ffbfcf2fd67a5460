"""The list of all figures that a study supports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from matplotlib.figure import Figure

from rnnbench._config import file_word
from rnnbench._spec.arguments import checked
from rnnbench.plots._budget import budget_curves, plot_budget
from rnnbench.plots._by_gap import plot_accuracy, plot_solved, plot_steps
from rnnbench.plots._extrapolation import plot_extrapolation
from rnnbench.plots._frames import Frame, axis_frame
from rnnbench.plots._learning import plot_learning
from rnnbench.plots._spans import plot_overview, plot_span, plot_span_by_size

FEWEST_SIZES = 3
"""The number of sizes of the state from which on spans are drawn against them."""


@checked
def every_figure(
    runs: Frame | None, logs: Frame | None = None, extrapolation: Frame | None = None
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Yield the name of each figure and a function that draws it.

    Args:
        runs: rows of :meth:`rnnbench.Study.runs`; figures against the gap require at least two gaps of one task.
        logs: rows of :meth:`rnnbench.Study.logs`, for learning curves.
        extrapolation: rows of :meth:`rnnbench.Study.extrapolation`.

    Yields:
        ``(name, draw)``; ``draw()`` returns the figure.
    """
    if runs is not None and axis_frame(runs).groupby("task")["gap"].nunique().max() > 1:
        yield "accuracy_by_gap", partial(plot_accuracy, runs)
        yield "solved_rate", partial(plot_solved, runs)
        yield "span", partial(plot_span, runs)
        yield "overview", partial(plot_overview, runs)
        if runs["state_size"][runs["state_size"] >= 0].nunique() >= FEWEST_SIZES:
            yield "span_by_state_size", partial(plot_span_by_size, runs)
        if (runs["status"] == "solved").any():
            yield "steps_to_solve", partial(plot_steps, runs)
    if runs is not None and len(budget_curves(runs)):
        yield "budget", partial(plot_budget, runs)
    if logs is not None:
        for task, rows in logs.groupby("task"):
            yield f"learning_curves_{file_word(str(task))}", partial(plot_learning, rows, runs)
    if extrapolation is not None:
        yield "extrapolation", partial(plot_extrapolation, extrapolation)
