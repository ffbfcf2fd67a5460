"""Tests of the runs of a sweep, and of the search for the span."""

import pytest

from rnnbench._config import AXES, SWEEP_ONLY, RunRequest, SweepRequest
from rnnbench._errors import UserError
from rnnbench._sweep.grid import SpanSearch, grid


def sweep(**values) -> SweepRequest:
    return SweepRequest.model_validate({"cell": "rnn", "task": "beijing", "gap": [5, 10], **values})


def test_a_sweep_has_every_field_of_a_run() -> None:
    assert set(SweepRequest.model_fields) == {*RunRequest.model_fields, *SWEEP_ONLY}
    for name, field in RunRequest.model_fields.items():
        if name not in (*AXES, "option", "cell_option"):
            swept = SweepRequest.model_fields[name]
            assert (swept.annotation, swept.default, swept.description) == (field.annotation, field.default, field.description)


def test_the_grid_is_the_product_small_gaps_first() -> None:
    runs = grid(sweep(cell=["rnn", "lstm"], task=["beijing", "recall"], gap=[10, 5], seed=[0, 1, 2], lr=[0.01, 0.001]))
    assert len(runs) == 2 * 2 * 2 * 3 * 2
    assert len({run.run_id for run in runs}) == len(runs)
    assert [run.gap for run in runs] == sorted(run.gap for run in runs)


def test_an_option_may_have_several_values() -> None:
    runs = grid(sweep(cell="gru-torch", gap=5, cell_option={"bias": [True, False]}, option={"fillers": [1, 2]}))
    found = sorted((run.cell_option["bias"], run.option["fillers"]) for run in runs)
    assert found == [(False, 1), (False, 2), (True, 1), (True, 2)]


def test_a_run_that_is_requested_twice_is_in_the_grid_once() -> None:
    assert len(grid(sweep(gap=[5, 5], init=["default", "uniform"], seed=[0, 0]))) == 1


def test_without_gaps_every_task_has_its_default_gaps() -> None:
    assert [run.gap for run in grid(SweepRequest(cell="rnn", task="beijing"))] == [0, 10, 20, 50, 100, 200, 500]


def test_an_init_that_a_cell_cannot_take_is_an_error_unless_default_is_listed() -> None:
    with pytest.raises(UserError, match="chrono sets a forgetting gate, which cell rnn does not have"):
        grid(sweep(cell=["rnn", "gru"], init=["chrono"]))
    pairs = {(run.cell, run.init) for run in grid(sweep(cell=["rnn", "gru"], init=["default", "chrono", "uniform"]))}
    assert pairs == {("rnn", "uniform"), ("gru", "chrono"), ("gru", "uniform")}
    with pytest.raises(UserError, match="did you mean 'orthogonal'"):
        grid(sweep(init=["default", "ortogonal"]))


def test_only_chrono_gets_the_horizon() -> None:
    runs = grid(sweep(cell=["lstm"], init=["uniform", "chrono"], horizon=70.0))
    assert {(run.init, run.horizon) for run in runs} == {("uniform", None), ("chrono", 70.0)}
    with pytest.raises(UserError, match="no run of this sweep has an initialisation that uses it"):
        grid(sweep(horizon=70.0))


def test_an_impossible_gap_is_reported_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^gap 0 is too small for task copy: the smallest is \d+$"):
        grid(sweep(task=["copy"], gap=[0, 10]))


@pytest.mark.parametrize("reach", [0, 1, 4, 9, 16, 63, 64, 1000])
def test_the_search_finds_the_span_in_few_runs(reach: int) -> None:
    gaps = [1, 2, 4, 8, 16, 32, 64]
    runs = grid(sweep(gap=gaps, seed=[0, 1, 2, 3, 4]))
    search, done = SpanSearch(runs), {}
    queue = search.first()
    while queue:
        run = queue.pop()
        done[run.run_id] = run.gap <= reach and run.seed > 0  # 4 of 5 seeds are enough
        queue += search.after(run, done[run.run_id])
    (curve,) = search.curves.values()
    assert curve.low == sum(gap <= reach for gap in gaps) - 1
    assert len(done) <= search.max_runs() == 3 * 5


def test_the_search_has_one_bisection_per_curve_also_with_chrono() -> None:
    runs = grid(sweep(cell=["rnn", "lstm"], lr=[0.1, 0.01], seed=[0, 1]))
    assert len(SpanSearch(runs).curves) == 4


def test_a_cells_own_width_replaces_the_parameter_budget() -> None:
    budget = {"parameters": 2000, "max_hidden_size": 64, "cells": {"esn": {"hidden_size": 99}}}
    asked = sweep(cell=["rnn", "indrnn", "esn"], gap=[5], **budget)
    assert {run.cell: run.hidden_size for run in grid(asked)} == {"rnn": 36, "indrnn": 64, "esn": 99}


def test_a_cell_keeps_its_own_gaps_on_every_task() -> None:
    runs = grid(sweep(cell=["rnn", "gru"], task=["beijing", "recall"], gap=[5], cells={"rnn": {"gap": [7, 9]}}))
    gaps = {
        (run.cell, run.task): sorted(other.gap for other in runs if (other.cell, other.task) == (run.cell, run.task))
        for run in runs
    }
    assert gaps == {(cell, task): [7, 9] if cell == "rnn" else [5] for cell in ("rnn", "gru") for task in ("beijing", "recall")}
