"""Tuning: the same for every cell, only on pilot seeds, by one rule; a sweep runs the chosen recipes."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import rnnbench as api
from rnnbench import _api
from rnnbench._analysis.summary import summarise
from rnnbench._config import PILOTS as GRID
from rnnbench._config import Run, SweepRequest
from rnnbench._errors import UserError
from rnnbench._study import RunRecord, StudyFolder, Table, Tuned
from rnnbench._sweep.grid import grid
from rnnbench._sweep.recipes import Tuning, tuning_text
from rnnbench._sweep.sweep_file import StoredRuns, read_sweep, save_sweep
from rnnbench._sweep.tuning import Pilots, choose, needed, pilots

BASE = next(iter(StudyFolder.open(Path(__file__).parents[1] / "results" / "reference").records()))
CELL = """
from rnnbench.cells.rnn import RNN


class Mine(RNN):
    name = "mine"


CELL = Mine
"""


def asked(**values: object) -> SweepRequest:
    return SweepRequest.model_validate({"cell": ["rnn", "gru"], "task": ["recall"], "gap": [20]} | GRID | values)


def outcome(run: Run, steps: int | None, accuracy: float) -> RunRecord:
    values = BASE.model_dump(by_alias=True) | run.model_dump()
    values |= {"run_id": run.run_id, "accuracy": accuracy, "chance_accuracy": 0.0}  # so that accuracy is skill
    return RunRecord.model_validate(values | {"status": "solved" if steps else "unsolved", "steps_to_solve": steps})


def tuned(tmp_path: Path, request: SweepRequest, best: dict[str, float]) -> list[Tuned]:
    """Return the chosen recipes if each cell solves the task at only one rate."""
    return chosen_by(tmp_path / "study", request, lambda run: float(run.lr == best[run.cell]))


def chosen_by(folder: Path, request: SweepRequest, skill: Callable[[Run], float]) -> list[Tuned]:
    """Return the recipes chosen from pilot runs with these skills."""
    study, runs = StudyFolder.create(folder), pilots(request)
    study.finished_table.write(outcome(run, 500 if skill(run) == 1 else None, skill(run)) for run in runs)
    return choose(runs, study, "rnnbench tune")


def test_every_cell_has_the_same_candidates_and_gets_its_best(tmp_path: Path) -> None:
    rows = tuned(tmp_path, asked(), {"rnn": 0.001, "gru": 0.02})
    assert {row.cell: row.lr for row in rows} == {"rnn": 0.001, "gru": 0.02}
    assert {(row.candidates, row.seeds) for row in rows} == {(3, "1000 1001 1002")}
    assert all(row.solved == 3 and row.steps_to_solve == 500 and row.command == "rnnbench tune" for row in rows)


RATES = [0.02, 0.01, 0.005, 0.002]
BY_GAP = {(0.02, 20): 1.0, (0.01, 20): 0.6, (0.01, 100): 0.6}
BY_SEED = {(0.01, 1000): 1.0, (0.01, 1001): 0.5, (0.005, 1000): 1.0}  # 0.50 with a standard error of 0.29, and 0.33
CHOICES = {
    "one rate clearly wins": (lambda run: {0.02: 0.7, 0.01: 0.9, 0.005: 0.8, 0.002: 0.1}[run.lr], 0.01, "learned"),
    "within 0.02 the middle rate": (lambda run: {0.02: 0.98, 0.01: 0.99, 0.005: 1.0, 0.002: 0.9}[run.lr], 0.01, "learned"),
    "of two in the middle the smaller": (lambda run: 1.0, 0.005, "learned"),
    "the mean over gaps counts": (
        lambda run: BY_GAP.get((run.lr, run.gap), 0),
        0.01,
        "learned",
    ),
    "within a standard error the middle rate": (lambda run: BY_SEED.get((run.lr, run.seed), 0), 0.005, "learned"),
    "nothing learned": (lambda run: 0.01 * (run.lr == 0.02), 0.005, "none learned"),
}


@pytest.mark.parametrize(("skill", "lr", "learned"), CHOICES.values(), ids=CHOICES)
def test_one_rate_is_chosen_by_mean_skill(tmp_path: Path, skill: Callable[[Run], float], lr: float, learned: str) -> None:
    (row,) = chosen_by(tmp_path, asked(cell=["rnn"], gap=[20, 100], lr=RATES), skill)
    assert (row.lr, row.learned, row.gap, row.gaps) == (lr, learned, "20 100", [20, 100])


def test_every_initialisation_gets_its_rate_and_a_sweep_the_best_one(tmp_path: Path) -> None:
    best = {("uniform", 0.001): 0.6, ("orthogonal", 0.005): 0.9}
    request = asked(cell=["rnn"], gap=[20, 100], init=["default", "orthogonal"])
    rows = chosen_by(tmp_path / "study", request, lambda run: best.get((run.init, run.lr), 0.0))
    assert {(row.init, row.lr) for row in rows} == best.keys()
    Table(tmp_path / "tuning.csv", Tuned).write(rows)
    row = Tuning(tmp_path / "tuning.csv").find("recall", "rnn", 50)
    assert (row.init, row.lr) == ("orthogonal", 0.005)
    own = {"rnn": {"init": ["uniform", "orthogonal"]}}  # a sweep that names the initialisations runs each at its own rate
    sweep = SweepRequest(cell=["rnn"], task=["recall"], gap=[50], seed=[0], cells=own, tuned=str(tmp_path / "tuning.csv"))
    assert {(run.init, run.lr) for run in grid(sweep)} == best.keys()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"gap": [20, 100]}, []),
        ({}, ["recall tuned at a single gap: the chosen rates may not fit other gaps"]),
        (
            {"task": ["recall", "copy"], "gap": [20, 100], "tasks": {"copy": {"gap": [20]}}},
            ["copy tuned at a single gap: the chosen rates may not fit other gaps"],
        ),
        (
            {"task": ["tracking"], "gap": [1], "option": {"length": 8}},
            ["tracking tuned at a single length: the chosen rates may not fit other lengths"],
        ),
        ({"gap": [20, 100], "seed": [1000]}, ["tuned on 1 pilot seed: the choices may be noise"]),
    ],
)
def test_one_gap_or_too_few_seeds_are_reported(values: dict, expected: list[str]) -> None:
    request = asked(**values)
    found = Pilots(request, pilots(request), Path(), Path()).cautions()
    assert [text.split(";")[0] for text in found] == expected


LENGTHS = {"task": ["tracking"], "gap": [1], "cell": ["gru"], "option": {"length": [8, 32]}}


def test_a_rate_is_chosen_over_the_lengths_of_a_task_that_varies_them(tmp_path: Path) -> None:
    best = {(0.02, 7): 1.0, (0.005, 7): 0.7, (0.005, 31): 0.7}
    (row,) = chosen_by(tmp_path / "study", asked(**LENGTHS), lambda run: best.get((run.lr, int(run.option["answers"])), 0.0))
    assert (row.axis, row.gap, row.option, row.lr) == ("length", "8 32", {"group": "S3", "gap": 1}, 0.005)
    Table(tmp_path / "tuning.csv", Tuned).write([row])
    tuning = Tuning(tmp_path / "tuning.csv")
    for option in ({"length": 128}, {"answers": 3, "group": "S3"}, {}, None):
        assert tuning.find("tracking", "gru", 1, option) == row
    for gap, option in ((1, {"length": 128, "group": "Z2"}), (3, {"length": 128})):
        with pytest.raises(UserError, match="no recipe of cell gru for task tracking"):
            tuning.find("tracking", "gru", gap, option)


def test_of_rates_tuned_at_one_length_each_the_nearest_is_used(tmp_path: Path) -> None:
    rows = []
    for length, lr in ((8, 0.02), (32, 0.001)):
        request = asked(**LENGTHS | {"option": {"length": length}})
        rows += chosen_by(tmp_path / f"{length}", request, lambda run, lr=lr: float(run.lr == lr))
    Table(tmp_path / "tuning.csv", Tuned).write(rows)
    tuning = Tuning(tmp_path / "tuning.csv")
    found = [tuning.find("tracking", "gru", 1, {"length": length}).lr for length in (4, 16, 32, 128)]
    assert found == [0.02, 0.02, 0.001, 0.001]


def test_a_rate_is_chosen_over_gaps_where_these_are_varied(tmp_path: Path) -> None:
    (row,) = chosen_by(tmp_path, asked(task=["tracking"], gap=[3, 5], cell=["gru"], option={"answers": 1}), lambda run: 0.5)
    assert (row.axis, row.gap, row.option) == ("gap", "3 5", {"group": "S3", "answers": 1})


@pytest.mark.parametrize("widths", [[64, 32], [32, 64]])
def test_of_equal_recipes_the_narrowest_is_chosen(tmp_path: Path, widths: list[int]) -> None:
    study, runs = StudyFolder.create(tmp_path), pilots(asked(cell=["rnn"], lr=[0.01], hidden_size=widths))
    study.finished_table.write(outcome(run, 500, 0.5) for run in runs)
    (row,) = choose(runs, study, "")
    assert row.hidden_size == 32


def test_without_all_pilot_runs_no_recipe_is_chosen(tmp_path: Path) -> None:
    study, runs = StudyFolder.create(tmp_path), pilots(asked())
    study.finished_table.write(outcome(run, 500, 1.0) for run in runs[1:])
    assert len(choose(runs, study, "")) == 1


@pytest.mark.parametrize("seed", [[0], [1000, 999]])
def test_reported_seeds_are_refused(seed: list[int]) -> None:
    with pytest.raises(UserError, match="pilot seeds, from 1000 up"):
        pilots(asked(seed=seed))


def test_unequal_grids_are_refused() -> None:
    with pytest.raises(UserError, match="same number of candidates"):
        pilots(asked(cells={"gru": {"lr": [0.1, 0.05, 0.02, 0.01]}}))


def test_a_sweep_runs_the_chosen_recipes(tmp_path: Path) -> None:
    file = tmp_path / "tuning.csv"
    Table(file, Tuned).update(tuned(tmp_path, asked(gap=[20, 100]), {"rnn": 0.001, "gru": 0.02}))
    reported = SweepRequest(cell=["rnn", "gru"], task=["recall"], gap=[10, 50, 200], seed=[0, 1], tuned=str(file))
    runs = grid(reported)
    assert {(run.cell, run.lr) for run in runs} == {("rnn", 0.001), ("gru", 0.02)}
    assert len(runs) == 12


def test_a_table_shows_how_each_curve_was_tuned(tmp_path: Path) -> None:
    file, study = tmp_path / "elsewhere.csv", StudyFolder.create(tmp_path / "reported")
    Table(file, Tuned).update(tuned(tmp_path, asked(), {"rnn": 0.001, "gru": 0.02}))
    reported = SweepRequest(cell=["rnn", "gru"], task=["recall"], gap=[20], tuned=str(file))
    save_sweep(reported, StoredRuns(), study)  # which keeps the table beside the runs
    others = [SweepRequest(cell=["rnn"], task=["recall"], gap=[20], init=["orthogonal"], lr=lr) for lr in ([0.001], [0.001, 0.02])]
    one, several = (grid(other) for other in others)

    def tuning_by_label(runs: list[Run]) -> dict[str, str]:
        frame = pd.DataFrame(outcome(run, None, 0.5).model_dump() for run in runs)
        frame = frame.assign(option=frame["option"].map(json.dumps), cell_option=frame["cell_option"].map(json.dumps))
        table = summarise(frame)
        return dict(zip(table["label"], tuning_text(table, frame, [study.folder]), strict=True))

    chosen = "chosen from 3 recipes (lr 0.02 0.005 0.001) on pilot seeds 1000 1001 1002 at gap 20"
    expected = dict.fromkeys(("rnn (uniform)", "gru"), chosen)
    assert tuning_by_label([*grid(reported), *one]) == expected | {"rnn (orthogonal)": "one recipe, no recorded pilot runs"}
    assert tuning_by_label(several) == {"rnn": "best of 2 rates on these seeds"}
    other = grid(SweepRequest(cell=["rnn"], task=["recall"], gap=[20], lr=[0.005]))
    assert tuning_by_label(other) == {"rnn": "one recipe, no recorded pilot runs"}
    shorter = tuning_by_label(grid(SweepRequest(cell=["rnn"], task=["recall"], gap=[20], lr=[0.001], max_steps=50)))
    assert shorter["rnn"].endswith("at gap 20 with a budget of 3,000 steps")
    by_default = grid(SweepRequest(cell=["rnn", "lstm", "gru"], task=["recall"], gap=[20]))
    default = "chosen from 3 recipes (lr {}) on pilot seeds 1000 1001 1002 at gap 20 100".format
    gates = default("0.05 0.02 0.01")  # the rate of the GRU is in both tables, and that of the study counts
    assert tuning_by_label(by_default) == {"rnn": default("0.005 0.002 0.001"), "lstm": gates, "gru": chosen}
    others = {"recipe": "v2", "option": {"fillers": 2}, "optimizer": "sgd", "schedule": "constant", "init": ["orthogonal"]}
    for other in ({name: value} for name, value in others.items()):
        request = {"cell": ["rnn"], "task": ["recall"], "gap": [20], "lr": [0.002]} | other
        (note,) = tuning_by_label(grid(SweepRequest.model_validate(request))).values()
        assert note == "one recipe, no recorded pilot runs"


def test_a_run_gets_the_recipe_of_the_largest_tuned_gap_below_it(tmp_path: Path) -> None:
    file = tmp_path / "tuning.csv"
    (low,) = tuned(tmp_path, asked(cell=["rnn"], gap=[20]), {"rnn": 0.001})
    Table(file, Tuned).update([low, low.model_copy(update={"gap": "100", "lr": 0.005})])
    found = {gap: Tuning(file).find("recall", "rnn", gap).lr for gap in (10, 20, 99, 100, 500)}
    assert found == {10: 0.001, 20: 0.001, 99: 0.001, 100: 0.005, 500: 0.005}


def test_tuning_again_replaces_the_row(tmp_path: Path) -> None:
    file, folder = tmp_path / "tuning.csv", tmp_path / "study"
    rows = tuned(tmp_path, asked(), {"rnn": 0.001, "gru": 0.02})
    Table(file, Tuned).write(rows)
    again = asked(cell=["rnn"], gap=[20, 100])
    chosen_by(folder, again, lambda run: float(run.lr == 0.005))
    Pilots(again, pilots(again), folder, file).record("rnnbench tune")
    assert [(row.cell, row.lr, row.gap) for row in Tuning(file).rows] == [("gru", 0.02, "20"), ("rnn", 0.005, "20 100")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": [0.1]}, "tuned and lr do not go together"),
        ({"cell": ["lstm"]}, "no recipe of cell lstm for task recall"),
        ({"tuned": "nowhere.csv"}, "cannot read nowhere.csv"),
    ],
)
def test_a_sweep_that_does_not_fit_the_table_is_refused_in_one_line(tmp_path: Path, values: dict, message: str) -> None:
    file = tmp_path / "tuning.csv"
    Table(file, Tuned).update(tuned(tmp_path, asked(), {"rnn": 0.001, "gru": 0.02}))
    with pytest.raises(UserError, match=message):
        grid(SweepRequest.model_validate({"cell": ["rnn"], "task": ["recall"], "gap": [5], "tuned": str(file)} | values))


def test_a_damaged_table_is_reported_by_file_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "tuning.csv"
    Table(file, Tuned).update(tuned(tmp_path, asked(), {"rnn": 0.001, "gru": 0.02}))
    file.write_text(file.read_text().replace(",0.001,128,", ",much,128,", 1))
    with pytest.raises(UserError, match=r"tuning\.csv, line 2: column lr holds 'much', which is not a number"):
        Tuning(file)


def test_the_command_tunes_a_user_defined_cell_and_resumes(rnnbench, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.py", tmp_path / "tuning"
    mine.write_text(CELL)
    argv = ["tune", "--cell", f"{mine},rnn", "--task", "beijing", "--gap", "2", "--seed", "1000", "--hidden-size", "8"]
    argv += ["--max-steps", "20", "--eval-every", "10", "--lr", "0.02,0.005", "--out", str(out), "--jobs", "2", "--quiet"]
    results = [rnnbench(*argv) for _ in range(2)]
    assert [result.code for result in results] == [0, 0]
    assert len(StudyFolder.open(out).records()) == 4
    rows = Tuning(out / "tuning.csv").rows
    assert sorted((row.cell, row.candidates) for row in rows) == [("mine", 2), ("rnn", 2)]
    assert "mine (uniform) on beijing, gaps 2: lr" in results[1].out
    assert "tuned on 1 pilot seed" in results[1].err
    chosen = {row.cell: row.lr for row in rows}
    reported = grid(SweepRequest(cell=[str(mine)], task=["beijing"], gap=[2], seed=[0], tuned=str(out / "tuning.csv")))
    assert [run.lr for run in reported] == [chosen["mine"]]
    rnnbench("tune", "--cell", "rnn", "--task", "beijing", "--seed", "3", "--out", out).refused("pilot seeds")


PILOTS = """
cell = ["rnn"]
task = ["beijing"]
gap = [2]
seed = [1000]
hidden_size = 8
max_steps = 20
eval_every = 10
lr = [0.02, 0.005]
"""
SWEEP = """
cell = ["rnn"]
task = ["beijing"]
gap = [2, 3]
max_steps = 20
eval_every = 10
tuned = "table.csv"
tune = "pilots.toml"
search_span = true
"""


@pytest.fixture
def atlas(tmp_path: Path) -> Path:
    """Return a sweep file with tuning, in another folder than the working directory."""
    (tmp_path / "pilots.toml").write_text(PILOTS)
    (tmp_path / "atlas.toml").write_text(SWEEP)
    (tmp_path / "mine.py").write_text(CELL)
    return tmp_path / "atlas.toml"


def test_one_command_tunes_a_user_defined_cell_and_runs_it(rnnbench, atlas: Path) -> None:
    home = atlas.parent
    argv = ["sweep", str(atlas), "--cell", str(home / "mine.py"), "--out", str(home / "study"), "--jobs", "2", "--quiet"]
    assert rnnbench(*argv, "--dry-run").out.startswith(f"first 2 pilot runs, in {home / 'table-pilots'};")
    assert sorted(path.name for path in home.iterdir()) == ["atlas.toml", "mine.py", "pilots.toml"]
    for tuned_now in (True, False):  # the second time there is nothing to tune
        result = rnnbench(*argv)
        assert result.code == 0
        assert ("2 of 2 runs done" in result.out) == tuned_now
    (row,) = Tuning(home / "table.csv").rows
    assert (row.cell, row.candidates, row.seeds) == ("mine", 2, "1000")
    assert {(record.cell, record.lr) for record in StudyFolder.open(home / "study").records()} == {("mine", row.lr)}


def test_python_tunes_and_sweeps_as_the_command_does(atlas: Path) -> None:
    home = atlas.parent
    table = home / "other.csv"
    chosen = api.tune(file=home / "pilots.toml", lr=[0.01], out=home / "pilots", table=table, progress=False)
    assert list(chosen["lr"]) == [0.01]
    study = api.sweep(file=atlas, gap=[2], tuned=str(table), out=home / "study", progress=False)
    assert list(study.runs()["lr"]) == [0.01]
    assert not (home / "table-pilots").exists()
    api.sweep(file=atlas, gap=[2], out=home / "again", progress=False)
    assert (home / "table-pilots" / "runs.csv").exists()


def test_a_recipe_for_other_options_does_not_count(atlas: Path) -> None:
    first = needed(read_sweep(atlas, {}))
    assert first is not None
    study = StudyFolder.create(first.folder)
    study.finished_table.write(outcome(run, 500, 1.0) for run in first.runs)
    first.record("rnnbench sweep")
    assert needed(read_sweep(atlas, {})) is None
    again = needed(read_sweep(atlas, {"option": {"fillers": 4}}))
    assert again is not None
    assert {run.option["fillers"] for run in again.runs} == {4}


@pytest.mark.parametrize(
    ("words", "message"), [({"lr": [0.1]}, "tuned and lr do not go together"), ({"horizon": 7}, "no run of this sweep")]
)
def test_an_invalid_sweep_is_refused_before_its_pilot_runs(atlas: Path, words: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        needed(read_sweep(atlas, words))


def test_tune_requires_a_table_and_pilot_sweeps_refuse_fields_of_sweeps(atlas: Path) -> None:
    with pytest.raises(UserError, match="tune needs tuned, the table"):
        needed(SweepRequest(cell=["rnn"], task=["recall"], tune=str(atlas)))
    for words in ({"tune": "a.toml"}, {"search_span": True}, {"tuned": "a.csv"}):
        with pytest.raises(UserError, match="is for sweeps, which run the chosen recipes"):
            pilots(asked(**words))


def test_a_broken_cell_file_does_not_stop_the_tuning_of_other_cells(atlas: Path) -> None:
    broken = atlas.parent / "broken.py"
    broken.write_text("CELL = None")
    wanted = needed(read_sweep(atlas, {"cell": [str(broken), "rnn"]}))
    assert wanted is not None
    assert wanted.request.cell == ["rnn"]


def test_after_interrupted_pilot_runs_the_next_call_runs_the_sweep(atlas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"file": atlas, "gap": [2], "out": atlas.parent / "study", "progress": False}
    with monkeypatch.context() as patched:
        patched.setattr(_api, "_work", lambda workers, progress: False)
        api.sweep(**words)
    assert not StudyFolder.open(words["out"]).records()
    assert len(api.sweep(**words).runs()) == 1
