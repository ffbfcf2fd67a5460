"""Figures: a DataFrame in, a Figure out; one file per figure. Never imports torch, never prints, never saves.

The caller's matplotlib stays as it is: every figure is drawn in a style of its own, ``paper`` unless the caller says otherwise::

    from rnnbench.plots import plot_accuracy, style

    with style("slide"):
        figure = plot_accuracy(runs)

Figures of runs take a :class:`rnnbench.Study` as well as its frame. Every figure draws into the caller's axes instead, if given:
``ax`` is one of them, or as many as the figure has panels (a list, or the array of ``subplots``), in the order of the panels. The
legend then stands in the first of them, and what surrounds the panels of a figure of ours, its title and its note, is left out.
"""

from rnnbench.plots._accuracy import plot_accuracy
from rnnbench.plots._all_figures import every_figure
from rnnbench.plots._budget import plot_budget
from rnnbench.plots._constructions import plot_constructions, plot_train_from
from rnnbench.plots._extrapolation import plot_extrapolation
from rnnbench.plots._gates import plot_gates
from rnnbench.plots._gradients import plot_gradients
from rnnbench.plots._guesses import plot_guesses
from rnnbench.plots._learning import plot_learning
from rnnbench.plots._overview import plot_overview
from rnnbench.plots._published import plot_published
from rnnbench.plots._sensitivity import plot_sensitivity
from rnnbench.plots._size import plot_span_by_size
from rnnbench.plots._solved import plot_solved
from rnnbench.plots._span import plot_span
from rnnbench.plots._steps import plot_steps
from rnnbench.plots._style import STYLES, style

__all__ = [
    "STYLES",
    "every_figure",
    "plot_accuracy",
    "plot_budget",
    "plot_constructions",
    "plot_extrapolation",
    "plot_gates",
    "plot_gradients",
    "plot_guesses",
    "plot_learning",
    "plot_overview",
    "plot_published",
    "plot_sensitivity",
    "plot_solved",
    "plot_span",
    "plot_span_by_size",
    "plot_steps",
    "plot_train_from",
    "style",
]
