"""The Python interface: lazy, documented by examples that run, and enough for a class that no file has."""

import doctest
import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import rnnbench
from rnnbench._cli import app

ROOT = Path(__file__).parents[1]
SMALL = {"task": "beijing", "gap": 5, "hidden_size": 8, "max_steps": 20, "eval_every": 10, "progress": False}

SCRIPT = """
import torch
import rnnbench
from rnnbench.cells import Cell

class Leaky(Cell):
    name = "leaky"
    summary = "leaky integrator"
    def __init__(self, input_size: int, hidden_size: int, rate: float = 0.1):
        super().__init__(input_size, hidden_size)
        self.rate = rate
        self.stacked_weights(1, ())
    def step(self, x, state):
        (h,) = state
        return ((1 - self.rate) * h + self.rate * torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T),), {}

small = {"task": "beijing", "hidden_size": 8, "max_steps": 20, "eval_every": 10}
result = rnnbench.run(cell=Leaky(3, 8, rate=0.4), gap=5, **small)
study = rnnbench.sweep(cell=["lstm", Leaky], gap=[3, 5], jobs=2, **small)
rnnbench.plots.plot_accuracy(study).savefig("both.png")
print(result.run.cell_option, result.log["step"].tolist(), sorted(study.runs()["cell"]))
"""


def test_a_class_of_a_plain_script_runs_sweeps_beside_ours_and_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'rate': 0.4} [10, 20] ['leaky', 'leaky', 'lstm', 'lstm']\n"
    assert (tmp_path / "both.png").stat().st_size > 10_000


def test_the_package_lists_its_names() -> None:
    assert set(rnnbench.__all__) <= set(dir(rnnbench))
    assert all(getattr(rnnbench, name) is not None for name in rnnbench.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        rnnbench.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["cells.Cell", "cells()['lstm']", "sweep.__doc__"])
def test_the_first_thing_that_is_asked_for_may_be_a_package_that_is_called(name: str) -> None:
    code = f"from rnnbench import cells, sweep; print({name})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)


def test_packages_that_are_functions_too() -> None:
    import rnnbench._sweep.grid
    import rnnbench.cells

    assert "lstm" in rnnbench.cells()
    assert issubclass(rnnbench.cells()["lstm"], rnnbench.cells.Cell)
    assert rnnbench._sweep.grid.grid
    assert isinstance(rnnbench.sweep(cell="memoryless", **SMALL), rnnbench.Study)


@pytest.mark.parametrize(
    "module",
    ["rnnbench._api", "rnnbench._results", "rnnbench.plots._style", "rnnbench._spec.request", "rnnbench.insight._measurements"],
)
def test_the_examples_of_the_docstrings_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0
    assert found.failed == 0


def test_the_page_of_the_interface_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pieces = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    assert len(pieces) >= 4
    text = "\n".join(pieces).replace('name = "leaky"', 'name = "leaky-here"')  # someone may have put it among ours
    exec(compile(text, "python.md", "exec"), {"__name__": "python_md"})


def test_a_result_shows_itself_and_is_not_repeated(tmp_path: Path) -> None:
    result = rnnbench.run(cell="rnn", out=tmp_path, **SMALL)
    assert (result.status, result.step, result.chance) == ("unsolved", 20, 0.5) or result.status == "solved"
    assert isinstance(result.log, pd.DataFrame)
    assert result.log["accuracy"].iloc[-1] == result.accuracy
    assert "<svg" in result._repr_html_()
    assert f"{100 * result.accuracy:.1f} %" in result._repr_html_()
    before = (tmp_path / "runs.csv").read_bytes()
    assert rnnbench.run(cell="rnn", out=tmp_path, **SMALL).accuracy == result.accuracy
    assert (tmp_path / "runs.csv").read_bytes() == before
    study = rnnbench.Study(tmp_path)
    assert study.table()["task"].tolist() == ["beijing"]
    assert "1 finished run" in study._repr_html_()
    assert len(rnnbench.load_logs(tmp_path)) == 2


def test_interrupting_keeps_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnbench._training.trainer import Trainer

    real, steps = Trainer.train_step, []

    def step(trainer: Trainer) -> None:
        real(trainer)
        steps.append(trainer.step)
        if len(steps) == 13:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "train_step", step)
    result = rnnbench.run(cell="rnn", out=tmp_path, **SMALL)
    assert (result.status, result.step) == ("interrupted", 13)
    rnnbench.run(cell="rnn", out=tmp_path, **SMALL)
    assert steps == list(range(1, 21))


@pytest.mark.parametrize(("given", "missing"), [({}, "cell"), ({"cell": "rnn"}, "task"), ({"task": "copy"}, "cell")])
def test_a_run_without_a_cell_or_a_task_is_refused(given: dict, missing: str) -> None:
    with pytest.raises(rnnbench.UserError, match=f"{missing} is missing"):
        rnnbench.run(**given)


STOPPED = """
import os, signal, sys
import rnnbench
from rnnbench._training.trainer import Trainer

small = {"cell": "rnn", "task": "beijing", "gap": 5, "hidden_size": 8, "max_steps": 10**6, "progress": False, "engine": "torch"}
HANDLER
CALL
print("next line")
"""
RUN_STOPPED = """
real = Trainer.train_step
def step(trainer):
    real(trainer)
    if trainer.step == 13:
        os.kill(os.getpid(), signal.SIGTERM)
Trainer.train_step = step
rnnbench.run(out="study", **small)
"""
SWEEP_STOPPED = """
from rnnbench._sweep.run_queue import Evaluated
from rnnbench._sweep.workers import Workers
real = Workers.events
def events(workers):
    for event in real(workers):
        yield event
        if isinstance(event, Evaluated) and not workers.stopping:
            os.kill(os.getpid(), signal.SIGTERM)
Workers.events = events
rnnbench.NAME(out="study", eval_every=10, jobs=1, **small)
"""
CALLS = {
    "run": RUN_STOPPED,
    "sweep": SWEEP_STOPPED.replace("NAME", "sweep"),
    "tune": SWEEP_STOPPED.replace("NAME", "tune").replace("jobs=1", "jobs=1, lr=[0.01], seed=[1000]"),
}
HANDLERS = {
    "none": ("", -signal.SIGTERM, ""),
    "one that exits": ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))", 7, ""),
    "one that counts": ("signal.signal(signal.SIGTERM, lambda *_: print('called'))", 0, "called\nnext line\n"),
}


@pytest.mark.parametrize(("call", "handler"), [*(("run", handler) for handler in HANDLERS), ("sweep", "none"), ("tune", "none")])
def test_sigterm_ends_a_script_once_the_checkpoint_is_written(tmp_path: Path, call: str, handler: str) -> None:
    installed, code, printed = HANDLERS[handler]
    script = STOPPED.replace("HANDLER", installed).replace("CALL", CALLS[call])
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (code, printed), done.stderr
    (log,) = rnnbench.load_logs(tmp_path / "study").groupby("run_id")
    assert log[1]["status"].iloc[-1] == "interrupted"
    assert len(list((tmp_path / "study" / "checkpoints").glob("*.pt"))) == 1


def test_figures_draw_into_the_callers_axes() -> None:
    from matplotlib.figure import Figure

    study = rnnbench.sweep(cell="memoryless", **(SMALL | {"gap": [3, 5]}))
    figure = Figure()
    ax = figure.subplots()
    assert rnnbench.plots.plot_accuracy(study, ax=ax) is figure
    assert ax.lines


def test_an_example_is_the_sequence_that_show_prints() -> None:
    shown = CliRunner().invoke(app, ["show", "recall", "--gap", "4", "--seed", "2", "--option", "cues=3"]).output
    words = rnnbench.example("recall", 4, seed=2, option={"cues": 3})
    assert shown.split()[1 : 1 + len(words)] == [word.text for word in words]
    assert rnnbench.example(rnnbench.tasks()["recall"](cues=3), 4, seed=2) == words


@pytest.mark.parametrize("wrong", [{"language": "fr"}, {"gap": -1}, {"option": {"cue": 3}}, {"task": "recal"}])
def test_an_example_that_does_not_exist_is_one_sentence(wrong: dict) -> None:
    with pytest.raises(rnnbench.UserError, match=r"fr|gap .*-1|cue|recall"):
        rnnbench.example(**({"task": "recall", "gap": 4} | wrong))


@pytest.mark.parametrize("jobs", [-1, 0, 1.5, True, 10**9, "two"])
def test_a_wrong_number_of_jobs_is_refused_before_a_process_starts(jobs: object, tmp_path: Path) -> None:
    with pytest.raises(rnnbench.UserError, match=r"^jobs must be (a whole number|at least 1|at most 1,024), not "):
        rnnbench.sweep(cell="rnn", jobs=jobs, out=tmp_path / "study", **SMALL)
