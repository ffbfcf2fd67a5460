"""Figures: functions from a DataFrame to a matplotlib Figure. They never print or save. Similar figures share a file.

The caller's matplotlib settings stay unchanged. Every figure uses the style ``paper`` unless it is called inside another style::

    from rnnbench.plots import plot_accuracy, style

    with style("slide"):
        figure = plot_accuracy(runs)

Figures of runs accept a :class:`rnnbench.Study` or its frame of runs. With ``ax`` a figure draws into the caller's axes: one, or as
many as the figure has panels (a list, or the array of ``subplots``), in the order of the panels. The legend is then in the first
panel, and the title and the note around the panels are left out.
"""

from rnnbench.plots._all_figures import every_figure
from rnnbench.plots._budget import plot_budget
from rnnbench.plots._by_gap import plot_accuracy, plot_solved, plot_steps
from rnnbench.plots._constructions import plot_constructions, plot_train_from
from rnnbench.plots._extrapolation import plot_extrapolation
from rnnbench.plots._gates import plot_gates
from rnnbench.plots._gradients import plot_gradients
from rnnbench.plots._guesses import plot_guesses
from rnnbench.plots._learning import plot_learning
from rnnbench.plots._published import plot_published
from rnnbench.plots._remembrance import plot_positions, plot_remembrance
from rnnbench.plots._sensitivity import plot_sensitivity
from rnnbench.plots._spans import plot_overview, plot_span, plot_span_by_size
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
    "plot_positions",
    "plot_published",
    "plot_remembrance",
    "plot_sensitivity",
    "plot_solved",
    "plot_span",
    "plot_span_by_size",
    "plot_steps",
    "plot_train_from",
    "style",
]
