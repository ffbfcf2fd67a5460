"""Summaries of runs, compared with numbers computed by hand."""

import math

import pandas as pd
import pytest

from rnnbench._analysis.comparison import compare
from rnnbench._analysis.statistics import bootstrap_interval, difference_interval, share_interval
from rnnbench._analysis.summary import (
    best_runs,
    condition_notes,
    count_once,
    format_span,
    label_curves,
    mark_best,
    spans,
    summarise,
    summarise_recipes,
)
from rnnbench._analysis.tables import by_gap, readable, readable_spans, tuning_notes
from tests.plots.study import made_up


def labels(rows: list[dict]) -> list[str]:
    return list(label_curves(made_up(rows))["label"])


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"solved": 2, "accuracy": 0.5}, {"solved": 1, "accuracy": 0.9}),  # seeds solved come first
        ({"solved": 1, "accuracy": 0.9}, {"solved": 1, "accuracy": 0.5}),
        ({"solved": 1, "accuracy": 0.9, "steps": 20.0}, {"solved": 1, "accuracy": 0.9, "steps": 40.0}),
    ],
)
@pytest.mark.parametrize("lrs", [(0.1, 0.01), (0.01, 0.1)])
def test_the_best_recipe_solves_most_seeds_then_is_most_accurate_then_fastest(better: dict, worse: dict, lrs: tuple) -> None:
    rows = [
        {
            "lr": lr,
            "seed": seed,
            "accuracy": kind["accuracy"],
            "steps_to_solve": kind.get("steps", 30.0) if seed < kind["solved"] else None,
        }
        for kind, lr in zip((better, worse), lrs, strict=True)
        for seed in range(3)
    ]
    marked = mark_best(made_up(rows))
    assert set(marked[marked["best"]]["lr"]) == {lrs[0]}
    assert set(best_runs(made_up(rows))["lr"]) == {lrs[0]}


def test_recipes_are_ranked_by_the_share_of_seeds_not_their_number() -> None:
    rows = [{"lr": 0.1, "seed": seed, "steps_to_solve": 10.0 if seed < 5 else None} for seed in range(10)]
    rows += [{"lr": 0.2, "seed": seed, "steps_to_solve": 10.0 if seed < 4 else None} for seed in range(5)]
    (row,) = summarise(made_up(rows)).to_dict("records")
    assert (row["lr"], row["solved"], row["seeds"]) == (0.2, 4, 5)


def test_of_equal_recipes_the_smaller_rate_is_best_at_each_gap() -> None:
    rows = [{"gap": gap, "lr": lr, "accuracy": 0.9 if (gap, lr) == (10, 0.1) else 0.5} for gap in (5, 10) for lr in (0.1, 0.01)]
    table = summarise(made_up(rows))
    assert list(table["lr"]) == [0.01, 0.1]
    assert list(table["rates"]) == [2, 2]


def test_a_summary_has_one_row_per_curve_and_gap() -> None:
    seeds = [
        {"gap": gap, "seed": seed, "steps_to_solve": 10.0 * seed if seed <= 5 - k else None}
        for k, gap in enumerate((5, 10, 20))
        for seed in range(1, 6)
    ]
    table = summarise(made_up(seeds))
    assert list(table["solved"]) == [5, 4, 3]
    assert list(table["steps_to_solve"]) == [30, 25, 20]
    assert tuple(table.loc[1, ["solved_low", "solved_high"]]) == pytest.approx(share_interval(4, 5))
    assert table.loc[2, "accuracy"] == 1.0
    assert tuple(table.loc[2, ["accuracy_low", "accuracy_high"]]) == (0.2, 1.0)
    assert tuple(table.loc[0, ["steps_low", "steps_high"]]) == bootstrap_interval([10, 20, 30, 40, 50])
    assert table.loc[1, ["steps_low", "steps_high"]].isna().all(), "four seeds solved it"
    assert set(table["span"]) == {10}
    assert set(table["largest_gap"]) == {20}


def test_a_run_without_an_accuracy_counts_as_zero() -> None:
    runs = made_up([{"seed": seed, "accuracy": 0.9} for seed in range(3)])
    runs.loc[:1, "accuracy"] = math.nan
    assert summarise_recipes(label_curves(runs))["accuracy"].tolist() == [0.0]


def test_a_seed_counts_once_on_any_engine_and_the_later_row_is_kept() -> None:
    rows = [
        {"seed": 0, "accuracy": 0.3},
        {"seed": 1, "accuracy": 0.5},
        {"seed": 0, "accuracy": 0.9, "engine": "torch", "threads": 2},
    ]
    once = count_once(made_up(rows))
    assert once["accuracy"].tolist() == [0.5, 0.9]
    assert summarise(made_up(rows))["seeds"].tolist() == [2]
    merged = pd.concat([made_up(rows), made_up(rows)], ignore_index=True)
    assert summarise(merged)["seeds"].tolist() == [2]


def test_runs_with_different_eval_every_are_two_curves() -> None:
    table = summarise(made_up([{"seed": 0, "eval_every": 250}, {"seed": 0, "eval_every": 100}, {"seed": 1, "eval_every": 250}]))
    assert dict(zip(table["label"], table["seeds"], strict=True)) == {
        "rnn (eval_every 100)": 1,
        "rnn (eval_every 250)": 2,
    }


@pytest.mark.parametrize(
    "field",
    ["hidden_size", "max_steps", "batch_size", "eval_every", "clip_norm", "schedule", "cell_source", "layers"],
)
def test_runs_with_different_recipes_are_different_curves(field: str) -> None:
    """Also at different gaps: a line from 128 units at gap 5 to 32 units at gap 10 would be meaningless."""
    rows = [{"gap": 5, field: 1}, {"gap": 10, field: 2}, {"gap": 10, field: 2, "seed": 1}]
    assert labels(rows) == [f"rnn ({field} {k})" for k in (1, 2, 2)]


def test_labels_omit_fields_that_are_compared_only_within_a_cell() -> None:
    assert labels([{"hidden_size": 8}, {"cell": "lstm", "init": "chrono"}]) == ["rnn", "lstm"]
    assert labels([{"cell_option": '{"a": 1}'}, {"cell": "lstm"}]) == ["rnn", "lstm"]
    assert labels([{"max_steps": 9}, {"task": "recall"}]) == ["rnn", "rnn"]  # each task has its budget


def test_an_initialisation_is_named_on_every_task_if_the_cell_has_several_and_noted_otherwise() -> None:
    rows = [{"init": "orthogonal"}, {}, {"task": "recall"}, {"cell": "lstm", "init": "chrono"}, {"cell": "gru", "init": "chrono"}]
    assert labels(rows) == ["rnn (orthogonal)", "rnn (uniform)", "rnn (uniform)", "lstm", "gru"]
    assert condition_notes(made_up(rows)) == []  # the label of the rnn names its initialisations
    assert condition_notes(made_up(rows[1:])) == ["the cells differ in: init chrono (gru, lstm), uniform (rnn)"]
    tasks = [{"task_source": ""}, {"cell": "lstm", "task_source": "2e23"}, {"task": "copy"}]
    assert condition_notes(made_up(tasks)) == ["the cells differ in: task_source 2e23 (lstm), built in (rnn)"]
    assert condition_notes(made_up([{"max_steps": 9}, {"cell": "lstm"}])) == ["the cells differ in: max_steps 100 (lstm), 9 (rnn)"]


def test_labels_name_each_option_and_a_horizon_that_is_not_the_default() -> None:
    options = ['{"alphabet": 8, "symbols": 10}', '{"alphabet": 8, "symbols": 50}']
    assert labels([{"option": text} for text in options]) == ["rnn (symbols 10)", "rnn (symbols 50)"]
    follows_gap = [{"gap": 5, "horizon": 50.0}, {"gap": 10, "horizon": 100.0}]
    assert set(labels(follows_gap)) == {"rnn"}
    assert labels([*follows_gap, {"gap": 10, "horizon": 500.0}])[2] == "rnn (horizon 500)"


def test_a_span_that_does_not_exist_is_missing() -> None:
    assert pd.isna(summarise(made_up([{"gap": 5}]))["span"][0])


def rows_of(cell: str, steps: list[float | None], **more: object) -> list[dict]:
    return [{"cell": cell, "seed": seed, "steps_to_solve": step} | more for seed, step in enumerate(steps)]


def test_a_comparison_of_two_cells_has_intervals_and_p_values() -> None:
    runs = made_up([*rows_of("lstm", [10, 20, 30, 40, 50]), *rows_of("rnn", [None] * 4 + [90])])
    (row,) = compare(runs, "lstm", "rnn").to_dict("records")
    assert (row["solved_first"], row["seeds_first"], row["solved_second"], row["seeds_second"]) == (5, 5, 1, 5)
    assert row["difference"] == pytest.approx(0.8)
    assert (row["low"], row["high"]) == pytest.approx(difference_interval(5, 5, 1, 5))
    assert row["p"] == pytest.approx(10 / 210)  # of C(10, 6) ways five have 5 and 1, and five 1 and 5
    assert row["steps"] == -60
    assert math.isnan(row["steps_low"]), "one seed of the RNN solved it"
    assert row["steps_p"] == pytest.approx(2 / 252)
    (mirrored,) = compare(runs, "rnn", "lstm").to_dict("records")
    assert mirrored["difference"] == pytest.approx(-0.8)


def test_comparisons_are_corrected_for_their_number_and_include_every_curve_of_a_cell() -> None:
    gaps = (5, 10, 20)
    runs = made_up(row for gap in gaps for row in (*rows_of("lstm", [10] * 5, gap=gap), *rows_of("rnn", [None] * 5, gap=gap)))
    assert compare(runs, "lstm", "rnn")["p"].tolist() == pytest.approx([3 * 2 / 252] * 3)
    assert compare(runs, "lstm", "rnn")["steps_p"].isna().all()  # only one of them has steps
    wide = pd.concat([runs, made_up(rows_of("rnn", [None] * 5, gap=5, init="orthogonal"))], ignore_index=True)
    assert set(compare(wide, "lstm", "rnn")["second"]) == {"rnn (uniform)", "rnn (orthogonal)"}
    assert set(compare(wide, "lstm", "rnn (orthogonal)")["second"]) == {"rnn (orthogonal)"}
    assert compare(runs, "lstm", "nobody").empty


def test_a_width_is_not_named_where_cells_share_their_number_of_parameters() -> None:
    sizes = {"rnn": (123, 19_900), "gru": (67, 19_700), "lstm": (57, 20_000), "esn": (128, 1_300)}
    rows = [{"cell": cell, "hidden_size": width, "parameters": size} for cell, (width, size) in sizes.items()]
    assert labels(rows) == ["rnn", "gru", "lstm", "esn"]
    assert condition_notes(made_up(rows)) == []
    assert "hidden_size 64" in labels([*rows, rows[0] | {"hidden_size": 64}])[-1]  # two widths of one cell are two curves
    of_one_width = [row | {"hidden_size": 128} for row in rows]
    assert labels(of_one_width) == list(sizes)
    unequal = [row | {"parameters": 1000 * k} for k, row in enumerate(rows, 1)]
    assert "hidden_size" in condition_notes(made_up(unequal))[0]


def test_a_width_is_named_where_numbers_of_parameters_differ_by_more_than_5_percent() -> None:
    rows = [
        {"cell": cell, "hidden_size": k, "parameters": size}
        for k, (cell, size) in enumerate({"rnn": 94, "gru": 100, "lstm": 106}.items(), 60)
    ]
    widths = "the cells differ in: hidden_size 60 (rnn), 61 (gru), 62 (lstm)"
    assert condition_notes(made_up(rows)) == [widths]
    assert condition_notes(made_up([*rows, {"cell": "lstm", "task": "recall"}])) == [f"{widths} on copy"]
    near = [row | {"parameters": size} for row, size in zip(rows, (96, 100, 104), strict=True)]
    assert condition_notes(made_up(near)) == []


def test_columns_outside_the_schema_separate_neither_curves_nor_copies_of_a_run() -> None:
    rows = [{"seed": seed, "steps_to_solve": 10.0 if seed < 2 else None} for seed in range(5)]
    rows += [rows[0]]  # a copy, with another note
    runs = made_up(rows).assign(note=["good, see p. 3", None, None, None, None, "bad"], new_outcome=range(6))
    (row,) = summarise(runs).to_dict("records")
    assert (row["label"], row["solved"], row["seeds"]) == ("rnn", 2, 5)
    assert count_once(runs)["note"].tolist()[-1] == "bad"  # the column is kept


def test_the_row_of_a_curve_is_that_of_its_span() -> None:
    reach = {"rnn": 0, "gru": 10, "lstm": 20}
    rows = [
        {"cell": cell, "gap": gap, "seed": seed, "steps_to_solve": 10.0 * gap if gap <= reach[cell] + 10 * (seed == 0) else None}
        for cell in reach
        for gap in (5, 10, 20)
        for seed in range(5)
    ]
    table = spans(made_up(rows))
    assert table["cell"].tolist() == ["lstm", "gru", "rnn"]  # the farthest first
    assert table["gap"].tolist() == [20, 10, 5]
    assert table["steps_to_solve"].tolist()[:2] == [200.0, 100.0]
    assert [format_span(row) for row in table.to_dict("records")] == ["≥ 20", "10", "below 5"]


def test_both_tables_write_100_only_where_every_answer_is_right() -> None:
    rows = [{"cell": cell, "accuracy": accuracy} for cell, accuracy in (("lstm", 0.9998), ("gru", 1.0), ("rnn", 0.5))]
    table = summarise(made_up(rows)).sort_values("cell")
    assert readable(table.assign(tuning=""))["acc."].tolist() == ["100", "99.9", "50.0"]
    assert [entry.split()[1] for entry in by_gap(table).iloc[:, -1]] == ["100", "99.9", "50.0"]


def test_notes_about_tuning_pair_curves_with_their_tasks() -> None:
    def notes(tuned: dict[tuple[str, str], str]) -> list[str]:
        rows = pd.DataFrame([{"task": task, "label": label, "tuning": tuning} for (task, label), tuning in tuned.items()])
        return tuning_notes(rows)

    tuned = {("adding", "rnn"): "a", ("copy", "rnn"): "a", ("adding", "gru"): "b", ("copy", "gru"): "b"}
    assert notes(dict.fromkeys(tuned, "a")) == ["tuning of adding, copy: a"]
    assert notes(tuned) == ["tuning of rnn: a", "tuning of gru: b"]
    assert notes(tuned | {("copy", "gru"): "a"}) == ["tuning of rnn on adding, copy; gru on copy: a", "tuning of gru on adding: b"]
    assert notes(tuned | {("copy", "gru"): "a", ("copy", "lstm"): "b"})[1] == "tuning of gru on adding; lstm on copy: b"


def test_a_state_that_grows_with_the_sequence_is_shown_as_growing() -> None:
    sizes = {"transformer": -1, "memoryless": 0, "lstm": 2560}
    rows = [{"cell": cell, "state_size": size, "seed": seed} for cell, size in sizes.items() for seed in range(2)]
    table = readable_spans(spans(made_up(rows)).sort_values("cell"))
    assert table["state"].tolist() == ["2,560", "0", "grows"]


def test_fixed_horizons_that_happen_to_be_a_multiple_of_two_gaps_are_no_curve() -> None:
    """100 is ten times the first gap and 500 ten times the second: both belong to fixed horizons only."""
    fixed = [{"gap": gap, "horizon": horizon} for horizon in (20.0, 100.0, 500.0) for gap in (10, 50, 200)]
    rows = [{"cell": "lstm", "init": "chrono"} | row for row in (*fixed, {"gap": 200, "horizon": 400.0})]
    curves = label_curves(made_up(rows)).groupby(["label", "informed"])["gap"].apply(sorted).to_dict()
    assert curves == {
        ("lstm", "yes"): [10, 50, 200],  # twice the gap
        **{(f"lstm (horizon {horizon})", "no"): [10, 50, 200] for horizon in (20, 100, 500)},
    }


def test_a_label_names_a_horizon_that_is_not_the_usual_multiple_of_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnbench._analysis.declared.HORIZON_PER_GAP", 2.0)
    usual = [{"gap": gap, "seed": seed, "horizon": 10.0 * gap} for gap in (10, 200) for seed in (0, 1)]
    others = [{"gap": gap, "seed": 2, "horizon": horizon} for gap in (10, 200) for horizon in (2.0 * gap, 50.0)]
    found = labels([{"cell": "lstm", "init": "chrono"} | row for row in (*usual, *others)])
    assert found == ["lstm"] * 4 + ["lstm (horizon 2 x gap)", "lstm (horizon 50)"] * 2
