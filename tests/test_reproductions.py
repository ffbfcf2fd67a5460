"""Reproductions: every protocol is a valid run, and the judgement depends only on the runs."""

import tomllib
from importlib.resources import files
from typing import Any

import pandas as pd
import pytest

from rnnbench._analysis.reproductions import apply_loss_rule, command, judge, matching_runs, reproductions
from rnnbench._config import RunRequest
from rnnbench._plugins.registry import CELLS
from rnnbench._spec.resolve import resolve

DATA = tomllib.loads(files("rnnbench._analysis").joinpath("reproductions.toml").read_text(encoding="utf-8"))
NONE = pd.DataFrame()


def runs(statuses: str, steps: int = 100, **columns: Any) -> pd.DataFrame:
    """Return one run per letter: s solved, u unsolved, d diverged."""
    names = {"s": "solved", "u": "unsolved", "d": "diverged"}
    rows = [
        {"run_id": str(k), "status": names[s], "steps_to_solve": steps if s == "s" else None, "accuracy": 0.5} | columns
        for k, s in enumerate(statuses)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("number", DATA["published"], ids=lambda number: f"{number['cell']}: {number['says']}")
def test_every_protocol_is_a_valid_run(number: dict[str, Any]) -> None:
    run = resolve(RunRequest(cell=number["cell"], engine="torch", **number["protocol"])).run
    record = pd.DataFrame([run.model_dump()])
    assert len(matching_runs(number, record)) == 1
    assert matching_runs(number, record.assign(gap=run.gap + 1)).empty
    assert sum(rule in number for rule in ("solved_within", "unsolved", "at_least", "at_most")) == 1
    assert number["deviation"]


def test_without_runs_every_number_is_not_tried() -> None:
    table = reproductions(NONE, NONE, NONE)
    assert set(table["reproduces"]) == {"not tried"}
    assert set(table["cell"]) <= set(CELLS.named())


@pytest.mark.parametrize(
    ("statuses", "steps", "word"), [("ssssu", 100, "yes"), ("sssuu", 100, "partly"), ("sssss", 101, "partly"), ("uuuuu", 0, "no")]
)
def test_a_number_of_steps_is_judged_by_seeds_solved_within_it(statuses: str, steps: int, word: str) -> None:
    assert judge({"solved_within": 100}, runs(statuses, steps), NONE)[0] == word


def test_a_number_that_states_a_loss_is_judged_by_that_loss() -> None:
    losses = {"0": [0.3, 0.01, 0.02], "1": [0.3, 0.2, 0.019], "2": [0.3, 0.2, 0.1]}
    logs = pd.DataFrame([{"run_id": k, "step": 10 * n, "eval_loss": x} for k, row in losses.items() for n, x in enumerate(row, 1)])
    held = apply_loss_rule({"loss_below": 0.02}, runs("suu"), logs)
    assert apply_loss_rule({"loss_below": 0.02}, runs("dud"), logs)["status"].tolist() == ["solved", "solved", "diverged"]
    assert held["status"].tolist() == ["solved", "solved", "unsolved"]
    assert held["steps_to_solve"].tolist()[:2] == [20, 30]
    assert judge({"solved_within": 20}, held, NONE) == ("partly", "2 of 3 solved, median 25 steps")
    pd.testing.assert_frame_equal(apply_loss_rule({}, runs("su"), logs), runs("su"))


@pytest.mark.parametrize(("statuses", "word"), [("uuuuu", "yes"), ("suuuu", "partly"), ("uuuud", "partly"), ("ssssu", "no")])
def test_a_failure_is_judged_by_seeds_that_solve_or_diverge(statuses: str, word: str) -> None:
    assert judge({"unsolved": True}, runs(statuses), NONE)[0] == word


@pytest.mark.parametrize(
    ("accuracies", "rule", "word"),
    [
        ((0.9, 0.96, 0.97), {"at_least": 0.95}, "yes"),
        ((0.9, 0.94, 0.97), {"at_least": 0.95}, "partly"),
        ((0.9, 0.94, 0.94), {"at_least": 0.95}, "no"),
        ((0.3, 0.4, 0.9), {"at_most": 0.5}, "yes"),
        ((0.6, 0.7, 0.9), {"at_most": 0.5}, "no"),
    ],
)
def test_an_accuracy_is_judged_by_the_median_run(accuracies: tuple[float, ...], rule: dict[str, float], word: str) -> None:
    assert judge(rule, runs("uuu").assign(accuracy=accuracies), NONE)[0] == word


def test_beyond_the_trained_length_only_extrapolation_counts() -> None:
    rule = {"at_least": 0.95, "eval_gap": 1023}
    trained = runs("sss").assign(accuracy=1.0)
    assert judge(rule, trained, NONE)[0] == "not tried"
    beyond = runs("sss").assign(accuracy=0.5, eval_gap=1023)
    assert judge(rule, trained, beyond)[0] == "no"
    assert judge(rule, trained, beyond.assign(eval_gap=511))[0] == "not tried"


def test_a_failure_beyond_the_trained_length_needs_runs_that_learned_that_length() -> None:
    rule, beyond = {"at_most": 0.5, "eval_gap": 1023}, runs("sss").assign(accuracy=0.3, eval_gap=1023)
    assert judge(rule, runs("sss").assign(accuracy=0.96), beyond)[0] == "yes"
    word, found = judge(rule, runs("uuu").assign(accuracy=0.94), beyond)
    assert word == "not tried"
    assert "not learned" in found


def test_the_command_has_the_whole_protocol() -> None:
    number = {"cell": "gru", "eval_gap": 9, "protocol": {"task": "tracking", "max_steps": 5, "option": {"group": "Z2"}}}
    assert command(number, "v2") == (
        "for seed in 0 1 2 3 4; do rnnbench run --cell gru --recipe v2 --task tracking --max-steps 5 --option group=Z2 "
        "--seed $seed --eval-gaps 9; done"
    )
    assert (
        command({"cell": "gru", "protocol": {"gap": 9}}, "v2") == "rnnbench sweep --cell gru --recipe v2 --gap 9 --seed 0,1,2,3,4"
    )


def test_the_command_line_prints_judgements_and_commands(rnnbench) -> None:
    out = rnnbench("published", "--reproduces", "--cell", "irnn").out
    assert out.count("not tried") == 2
    assert "deviation: " in out
    assert "command: rnnbench sweep --cell irnn --recipe v2 --task adding --gap 50 " in out
    tiny = ["--hidden-size", "4", "--max-steps", "2", "--eval-gaps", "5", "--engine", "torch"]
    assert rnnbench("run", "--cell", "gru", "--task", "tracking", "--gap", "2", *tiny).code == 0
    table = rnnbench("published", "results", "--reproduces", "--format", "csv").out
    assert table.startswith("cell,source,says,reproduces")
