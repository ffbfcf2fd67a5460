"""The content of the figures, read from the matplotlib objects."""

import io
import itertools
from collections.abc import Callable
from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnbench import UserError
from rnnbench._analysis.statistics import bootstrap_interval, share_interval
from rnnbench._analysis.summary import mark_best
from rnnbench.plots import (
    STYLES,
    plot_accuracy,
    plot_constructions,
    plot_extrapolation,
    plot_gates,
    plot_gradients,
    plot_learning,
    plot_overview,
    plot_solved,
    plot_span,
    plot_span_by_size,
    plot_steps,
    plot_train_from,
    style,
)
from rnnbench.plots._panels import slides
from rnnbench.plots._style import curve_styles
from tests.plots.study import made_up

REACH = {"rnn": 10, "lstm": 20, "memoryless": 0}
FIGURES = [plot_accuracy, plot_solved, plot_span, plot_span_by_size, plot_steps]


def study(*lrs: float) -> pd.DataFrame:
    axes = itertools.product(("copy", "recall"), REACH, (5, 10, 20), range(5), lrs)
    return made_up(
        {
            "task": task,
            "cell": cell,
            "gap": gap,
            "seed": seed,
            "lr": lr,
            "steps_to_solve": 10.0 * gap if gap <= REACH[cell] * lr / lrs[0] else None,
        }
        for task, cell, gap, seed, lr in axes
    )


def lines(figure: Figure, panel: int = 0) -> dict[str, list[float]]:
    """Heights of every labelled line; the line of an error bar carries its label on the container."""
    ax = figure.axes[panel]
    found = {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}
    found |= {str(bars.get_label()): bars.lines[0] for bars in ax.containers}
    return {label: [float(y) for y in line.get_ydata()] for label, line in found.items()}


def note(figure: Figure) -> str:
    return figure.legends[0].get_title().get_text().replace("\n", " ")


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_draw_without_warnings_and_change_neither_data_nor_matplotlib(draw) -> None:
    runs = study(0.01, 0.001)
    before, rc = runs.copy(), dict(matplotlib.rcParams)
    for kind in ("png", "svg"):
        draw(runs).savefig(io.BytesIO(), format=kind)
    pd.testing.assert_frame_equal(runs, before)
    assert dict(matplotlib.rcParams) == rc
    assert draw(runs).axes[0].get_title().split(":")[0] == "recall"  # before copy
    assert draw(runs).get_suptitle().endswith("?")
    assert "best of the rates tried" in note(draw(runs))
    assert "rates tried" not in note(draw(study(0.01)))


def test_accuracy_joins_the_medians_of_the_best_rate_and_shows_every_seed_of_all() -> None:
    figure = plot_accuracy(study(0.01, 0.001))
    assert lines(figure)["rnn"] == [1.0, 1.0, 0.2]
    assert lines(figure)["chance"] == [0.125, 0.125, 0.125]
    dots = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_label() == "_seeds")
    assert dots == 3 * 3 * 5 * 2


def test_a_run_that_diverged_is_a_cross_larger_than_a_median() -> None:
    runs = study(0.01)
    assert "Crosses" not in note(plot_accuracy(runs))
    runs.loc[(runs["cell"] == "rnn") & (runs["gap"] == 20), ["status", "accuracy"]] = ["diverged", None]
    figure = plot_accuracy(runs)
    crosses = [line for line in figure.axes[0].lines if line.get_label() == "_diverged" and len(line.get_xdata())]
    assert [line.get_ydata().tolist() for line in crosses] == [[0.0] * 5]
    assert crosses[0].get_markersize() > matplotlib.rcParams["lines.markersize"]
    assert "Crosses: runs that diverged (10 rnn)" in note(figure)


def test_accuracy_has_the_interval_of_its_median() -> None:
    shares = (0.2, 0.3, 0.5, 0.6, 0.9, 0.9)
    runs = made_up({"seed": seed, "accuracy": share} for seed, share in enumerate(shares))
    (bars,) = plot_accuracy(runs).axes[0].collections
    assert bars.get_segments()[0][:, 1] == pytest.approx(bootstrap_interval(shares))


@pytest.mark.parametrize("draw", [plot_accuracy, plot_solved, plot_steps])
def test_five_seeds_are_dots_without_bars(draw) -> None:
    for seeds, bars in ((5, 0), (6, 1)):
        runs = made_up({"seed": seed, "steps_to_solve": 90.0 + seed} for seed in range(seeds))
        panel = draw(runs).axes[0]
        dots = [line for line in panel.lines if line.get_label() == "_seeds" and line.get_alpha() != 0.2]
        assert sum(len(line.get_xdata()) for line in dots) == seeds
        assert len(panel.collections) == bars
        assert ("bars" in note(draw(runs))) == bool(bars)


def test_equal_curves_are_shifted_sideways() -> None:
    runs = study(0.01)
    containers = plot_accuracy(runs).axes[0].containers
    first = containers[0].lines[0]
    places = sorted(float(bars.lines[0].get_transform().transform((5, 1))[0]) for bars in containers)
    points = [place * 72 / first.figure.dpi for place in places]
    assert np.diff(points) == pytest.approx([6, 6])  # the size of a marker
    assert {float(bars.lines[0].get_xdata()[0]) for bars in containers} == {5}


def test_lines_are_labelled_at_their_ends_and_the_legend_has_the_rest() -> None:
    figure = plot_accuracy(study(0.01))
    written = {text.get_text() for text in figure.axes[0].texts}
    assert written == {"rnn", "lstm", "memoryless", "chance"}
    heights = sorted(text.xy[1] for text in figure.axes[0].texts)
    assert min(np.diff(heights)) > 0.03
    assert not figure.legends[0].get_texts()


def test_a_line_that_ends_early_is_labelled_at_its_last_marker_and_nothing_overlaps() -> None:
    runs = study(0.01)
    figure = plot_accuracy(runs[(runs["cell"] != "rnn") | (runs["gap"] < 10)])
    figure.draw_without_rendering()
    (label,) = [text for text in figure.axes[0].texts if text.get_text().startswith("rnn")]
    assert label.xy == (5, 1.0)
    assert label.arrow_patch is not None  # in place of a marker, which would look like a point
    samples = [line for line in figure.axes[0].get_children() if line.get_label() == "_end"]
    assert len(samples) == len(figure.axes[0].texts) - 1
    assert np.hypot(*(np.asarray(label.get_position()))) < 100  # points away from its marker
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_a_panel_says_which_curve_forgets_where() -> None:
    title = " ".join(plot_accuracy(study(0.01)).axes[1].get_title().split())
    assert title == "copy: 2 of 3 curves forget, first memoryless by gap 5; lstm still remembers at gap 20"
    runs = study(0.01)
    both = " ".join(plot_accuracy(runs[runs["cell"] != "lstm"]).axes[1].get_title().split())
    assert both == "copy: 2 of 2 curves forget, first memoryless by gap 5"
    kept = plot_accuracy(runs[runs["cell"] == "lstm"]).axes[1].get_title()
    assert " ".join(kept.split()) == "copy: no curve forgets up to gap 20"


def test_a_title_is_true_of_curves_that_start_at_different_gaps() -> None:
    grids = {"rnn": (0, 20), "lstm": (5, 10, 20), "memoryless": (20, 40)}  # at gap 0 and 5 all is right, at the others nothing
    runs = made_up(
        {"cell": cell, "gap": gap, "seed": seed, "steps_to_solve": 10.0 if gap <= 5 else None}
        for cell, gaps in grids.items()
        for gap in gaps
        for seed in range(5)
    )
    title = " ".join(plot_accuracy(runs).axes[0].get_title().split())
    assert title.endswith("3 of 3 curves forget by gap 20")


@pytest.mark.parametrize("plot", [*FIGURES, plot_overview])
def test_a_frame_without_the_columns_of_runs_is_refused(plot: Callable[..., object]) -> None:
    with pytest.raises(UserError, match=r"no column '(cell|max_steps)' in runs: the help names every frame's columns"):
        plot(pd.DataFrame({"a": [1]}))


def test_the_default_initialisation_is_the_solid_line_of_its_cell() -> None:
    runs = pd.concat([study(0.01), study(0.01).assign(init="orthogonal")])
    styles = curve_styles(mark_best(runs[runs["cell"] == "rnn"]))
    assert (styles["rnn (uniform)"]["linestyle"], styles["rnn (orthogonal)"]["linestyle"] == "-") == ("-", False)


def test_curves_of_one_cell_differ_in_dash_and_marker() -> None:
    runs = pd.concat([study(0.01), study(0.01).assign(init="orthogonal")])
    bars = {str(bars.get_label()): bars.lines[0] for bars in plot_accuracy(runs).axes[0].containers}
    one, other = bars["rnn (uniform)"], bars["rnn (orthogonal)"]
    assert one.get_linestyle() != other.get_linestyle()
    assert one.get_markerfacecolor() != other.get_markerfacecolor() or one.get_fillstyle() != other.get_fillstyle()


def test_slides_are_one_panel_each_16_to_9() -> None:
    with style("slide"):
        drawn = dict(slides(lambda: plot_accuracy(study(0.01))))
    assert list(drawn) == ["recall", "copy"]
    for name, figure in drawn.items():
        (panel,) = figure.axes
        assert panel.get_title().startswith(f"{name}: ")
        assert figure.get_figwidth() / figure.get_figheight() == pytest.approx(16 / 9)


def test_with_too_many_lines_all_labels_are_in_the_legend() -> None:
    runs = made_up({"cell": f"cell{k}", "gap": gap} for k in range(40) for gap in (5, 10))
    assert not plot_accuracy(runs).axes[0].texts
    assert len(plot_accuracy(runs).legends[0].get_texts()) == 42, "with chance and the order-free baseline"


def test_labels_that_are_too_wide_for_the_panel_are_in_the_legend() -> None:
    rows = [{"cell": "lstm", "gap": gap, "cell_option": f'{{"note": "{size}-{" x" * 90}"}}'} for gap in (5, 10) for size in (1, 2)]
    figure = plot_accuracy(made_up(rows))
    assert not figure.axes[0].texts
    assert sum("x x x" in text.get_text() for text in figure.legends[0].get_texts()) == 2
    figure.draw_without_rendering()
    assert figure.axes[0].get_position().width > 0.5
    legend, page = figure.legends[0].get_window_extent(), figure.bbox
    assert page.x0 <= legend.x0
    assert legend.x1 <= page.x1


def test_steps_are_joined_where_half_of_the_seeds_solved_it() -> None:
    figure = plot_steps(study(0.01))
    assert lines(figure)["rnn"] == [50, 100]
    assert "memoryless" not in lines(figure)


@pytest.mark.parametrize(("first", "last"), [(110.0, 180.0), (8250.0, 18000.0), (40.0, 3000.0), (250.0, 250.0)])
def test_the_axis_of_steps_has_enough_ticks(first: float, last: float) -> None:
    figure = plot_steps(made_up({"gap": gap, "steps_to_solve": steps} for gap, steps in ((5, first), (10, last))))
    low, high = figure.axes[0].get_ylim()
    assert sum(low <= tick <= high for tick in figure.axes[0].get_yticks()) >= (2 if first < last else 1)


def test_spans_are_bars_or_below_the_grid_and_the_note_names_the_rule() -> None:
    figure = plot_span(study(0.01))
    ends = [(line.get_xdata()[0], line.get_marker()) for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert ends == [(20, ">"), (10, "o")]  # the first may be larger
    assert [text.get_text() for text in figure.axes[0].texts] == ["below 5"]
    assert "at least 4 in 5 of the seeds" in note(figure)


def test_the_overview_has_a_number_for_every_curve_and_task_largest_on_top() -> None:
    runs = study(0.01, 0.001)
    lacking = plot_overview(runs[(runs["cell"] != "rnn") | (runs["gap"] != 20)])  # without a score of the rnn, spans
    assert sorted(text.get_text() for text in lacking.axes[0].texts if text.get_text())[-2:] == ["≥ 20", "≥ 20"]
    assert "2 of 6 curves have no run at a gap of their task's grid" in note(lacking)
    figure = plot_overview(runs)
    (panel,) = figure.axes
    texts = [text.get_text() for text in panel.texts]
    scores = [text for text in texts if "span" not in text]
    assert scores[0] == max(scores) == "at ceiling"
    assert "0.75 to 1.00, span ≥ 20" in texts
    assert "memory score: area under skill against log gap" in note(figure)
    assert [text.get_text() for text in panel.get_yticklabels()] == ["lstm  128", "rnn  128", "memoryless  128"]
    assert "at least 4 in 5 of the seeds" in note(figure)
    assert "best of the rates tried" in note(figure)
    assert note(figure).startswith("5 seeds. ")
    assert note(plot_overview(runs[(runs["seed"] == 0) | (runs["gap"] < 20)])).startswith("1 to 5 seeds. ")
    alone = plot_overview(runs[runs["cell"] == "lstm"].assign(init=["a", "b"] * 30)).axes[0]
    assert [text.get_text() for text in alone.get_yticklabels()] == ["lstm (a)  128", "lstm (b)  128"]


def test_spans_are_at_their_sizes() -> None:
    runs = study(0.01).assign(state_size=lambda runs: runs["cell"].map({"rnn": 100, "lstm": 100, "memoryless": 0}))
    runs.loc[(runs["cell"] == "rnn") & (runs["gap"] == 20) & (runs["seed"] < 4), ["status", "steps_to_solve"]] = ["solved", 9.0]
    panel = plot_span_by_size(runs).axes[0]
    found = {str(line.get_label()).split()[0]: line for line in panel.lines}
    places = {cell: (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for cell, line in found.items()}
    assert places == {"rnn": (100, 20), "lstm": (100, 20), "memoryless": (0, 0)}
    pixels = {cell: line.get_transform().transform(places[cell])[0] for cell, line in found.items()}
    assert pixels["rnn"] - pixels["lstm"] > 5  # beside each other
    assert pixels["lstm"] - pixels["memoryless"] > 50


def test_curves_of_nearly_equal_size_and_equal_span_are_beside_each_other() -> None:
    runs = study(0.01).assign(state_size=lambda runs: runs["cell"].map({"rnn": 254, "lstm": 242, "memoryless": 64}))
    runs = runs.assign(status="solved", steps_to_solve=9.0)
    panel = plot_span_by_size(runs).axes[0]
    places = sorted(line.get_transform().transform((line.get_xdata()[0], line.get_ydata()[0]))[0] for line in panel.lines)
    apart = [right - left for left, right in pairwise(places)]
    assert apart[1] >= panel.figure.dpi / 11 - 1e-6  # 242 and 254
    assert apart[0] > 100  # 64 stays where it is
    assert "side by side" in note(panel.figure)
    assert len(panel.texts) == 3  # an arrow at every span, since no larger gap was tried
    assert "an arrow: or more" in note(panel.figure)


def test_spans_by_size_are_drawn_for_a_study_with_gap_0() -> None:
    runs = made_up({"gap": gap, "state_size": size, "steps_to_solve": 9.0} for gap in (0, 5) for size in (8, 16))
    assert [text.get_text() for text in plot_span_by_size(runs).axes[0].get_yticklabels()] == ["below 5", "5"]


def test_five_of_five_is_not_drawn_as_certain() -> None:
    assert lines(plot_solved(study(0.01)))["lstm"] == pytest.approx([5.5 / 6] * 3)


def test_solved_rate_has_the_interval_of_a_share() -> None:
    runs = made_up({"seed": seed, "steps_to_solve": 90.0} for seed in range(6))
    segments = plot_solved(runs).axes[0].collections[0].get_segments()
    assert segments[0][:, 1] == pytest.approx(share_interval(6, 6), abs=1e-4)


def test_a_slide_has_larger_fonts_than_paper_only_inside_the_block() -> None:
    sizes = {}
    for name in STYLES:
        with style(name):
            sizes[name] = plot_accuracy(study(0.01)).axes[0].title.get_fontsize()
    assert sizes["slide"] >= 2 * sizes["paper"] == 2 * plot_accuracy(study(0.01)).axes[0].title.get_fontsize()
    with pytest.raises(UserError, match="paper, slide"), style("poster"):
        pass


def logs_of(runs: pd.DataFrame, *steps: int) -> pd.DataFrame:
    return pd.concat([runs.assign(step=step) for step in steps], ignore_index=True)


def curves(figure: Figure, panel: int = 0) -> list[tuple[str, float]]:
    drawn = [curve for curve in figure.axes[panel].collections if not str(curve.get_label()).startswith("_")]
    return [(str(curve.get_label()), curve.get_alpha()) for curve in drawn for _ in curve.get_segments()]


def test_learning_curves_separate_widths_and_rates_and_show_unfinished_runs() -> None:
    runs = made_up([{"lr": 0.01, "accuracy": 0.9}, {"lr": 0.001}, {"lr": 0.01, "hidden_size": 256}])
    unfinished = runs.iloc[:1].assign(step=1, run_id="unfinished", status="running")
    logs = pd.concat([logs_of(runs, 1, 2), unfinished], ignore_index=True)
    before = logs.copy()
    figure = plot_learning(logs, runs)
    narrow, wide = "rnn (hidden_size 128)", "rnn (hidden_size 256)"
    assert sorted(curves(figure)) == sorted([(narrow, 0.2), ("rnn (uniform)", 0.8), (narrow, 0.8), (wide, 0.8)])
    assert "faint: other rates" in note(figure)
    assert "faint" not in note(plot_learning(logs, runs[runs["lr"] == 0.01])) + note(plot_learning(logs))
    pd.testing.assert_frame_equal(logs, before)


def test_learning_curves_start_at_step_0_with_a_panel_per_gap() -> None:
    runs = made_up({"gap": gap} for gap in (5, 10, 20, 50, 100, 200, 300, 500))
    figure = plot_learning(logs_of(runs, 250, 500), runs)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["gap 5", "gap 10"]
    assert {ax.get_xlim()[0] for ax in figure.axes} == {0}
    assert max(figure.get_size_inches()) <= 12
    dotted, solid = (curves.get_segments() for curves in figure.axes[0].collections)
    assert [line.tolist() for line in dotted] == [[[0, 0.125], [250, 0.2]]]
    assert [line[:, 0].tolist() for line in solid] == [[250, 500]]
    with pytest.raises(UserError, match="2 tasks: select one"):
        plot_learning(logs_of(study(0.01), 1))


def test_learning_curves_draw_each_evaluation_and_each_seed_once() -> None:
    runs = made_up([{"engine": "torch"}, {"engine": "fast"}])
    logs = logs_of(runs, 1, 2)
    assert len(curves(plot_learning(pd.concat([logs, logs], ignore_index=True), runs))) == 1


def gate_frames(steps: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rows = [
        (step, f"w{step}", "", quantity, unit, 0.001 * (unit + 1) * (50 if step > steps // 2 else 1))
        for step in range(steps)
        for quantity in ("keep", "state s")
        for unit in range(3)
    ]
    values = pd.DataFrame(rows, columns=["step", "word", "answer", "quantity", "unit", "value"])
    means = values.groupby(["step", "quantity"], sort=False)["value"].agg(mean="mean", low="min", high="max").reset_index()
    return values, means, pd.DataFrame(columns=["when", "unit", "half_life"])


def test_gates_show_every_step_of_a_long_gap() -> None:
    figure = plot_gates(*gate_frames(300), title="long")
    parts = figure.axes[0].images
    assert [part.get_array().shape[1] for part in parts] == [14, 272, 14]
    assert [part.get_extent()[:2] for part in parts] == [[0, 14], [14, 42], [42, 56]]
    labels = [text.get_text() for text in figure.axes[1].get_xticklabels()]
    assert labels[:2] == ["w0", "w1"]
    assert "step 150" in labels
    assert labels[-1] == "w299"
    assert len(plot_gates(*gate_frames(20), title="short").axes[0].images) == 1


def test_the_scale_of_a_state_shows_its_first_steps() -> None:
    (early, _, late) = plot_gates(*gate_frames(300), title="t").axes[1].images
    first, last = early.norm(early.get_array()[0, 0]), late.norm(late.get_array()[0, -1])
    assert abs(first - 0.5) > 0.05 * abs(last - 0.5)  # linear colours would give a fiftieth


def test_equal_gradients_have_markers_at_different_distances() -> None:
    frame = pd.DataFrame(
        {"cell": cell, "init": "uniform", "task": "copy", "gap": 50, "when": "initial", "distance": d, "grad_state": 0.9**d}
        for cell in ("one", "two")
        for d in range(60)
    ).assign(bound=float("nan"))
    first, second = (line for line in plot_gradients(frame).axes[0].lines if line.get_label() != "_end")
    assert first.get_markevery() != second.get_markevery()
    assert first.get_marker() != second.get_marker()


def test_constructions_of_any_cell_and_task_with_and_without_the_trade_off() -> None:
    frame = pd.DataFrame(
        {"name": f"{cell}-{task}", "cell": cell, "task": task, "gap": gap, "noise": noise, "accuracy": 1.0, "gradient": 0.0}
        | {"chance_accuracy": chance}
        for cell in ("mine", "yours")
        for task, chance in (("s", 0.1), ("t", 0.125), ("u", 0.5))
        for gap in (10, 20)
        for noise in (0.0, 0.1)
    )
    robust, learnable = plot_constructions(frame).axes
    level = {line.get_ydata()[0] for line in robust.lines if line.get_linestyle() == "--" and len(set(line.get_ydata())) == 1}
    assert {0.1, 0.125, 0.5} <= level
    assert [text.get_text() for text in robust.texts] == ["s, t", "u"]
    assert not learnable.texts[1:]
    assert len(plot_constructions(frame, pd.DataFrame({"w": [1.1, 2], "slope": [0.9, 0.1], "threshold": [0.1, 1]})).axes) == 3


def test_figures_of_other_accuracies_draw_the_baselines_of_their_task() -> None:
    rows = {"name": "rnn-copy", "cell": "rnn", "task": "copy", "gap": 50, "amount": [0.0, 0.1], "seed": 0, "chance_accuracy": 0.125}
    trained = pd.DataFrame(rows | {"start_accuracy": 1.0, "accuracy": [1.0, 0.3]})
    eval_rows = trained.assign(init="uniform", option='{"symbols": 3}', eval_gap=[20, 100])
    for figure, level in ((plot_train_from(trained), 0.302), (plot_extrapolation(eval_rows), 0.453)):
        (line,) = [line for line in figure.axes[0].lines if line.get_label() == "order-free"]
        assert float(line.get_ydata()[0]) == pytest.approx(level, abs=0.001)
