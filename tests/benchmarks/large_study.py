"""Seconds and memory of the reading commands on a made-up study of many runs.

    python tests/benchmarks/large_study.py [RUNS ...]

Prints, for every number of runs, the CPU seconds and the largest memory of each command. Without numbers: 5,000 and 20,000 runs.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._study import Row, RunRecord, StudyFolder, Table
from rnnbench._study.schema import this_machine

TASKS, CELLS, GAPS = ("copy", "adding", "recall", "beijing"), ("rnn", "irnn", "lstm", "gru", "exprnn"), (5, 10, 20, 50, 100)
EVALUATIONS = 10
EVALUATION = {
    "step": 2500, "sequences": 80_000, "train_loss": 0.1, "eval_loss": 0.1, "chance_accuracy": 0.125, "skill": 0.5,
    "grad_norm": 0.1, "wall_s": 20.0, "train_s": 18.0,
}  # fmt: skip
OUTCOME = {"answers": 10_240, "chance_loss": 2.08, "parameters": 20_000, "state_size": 128}
COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status", "{study}"),
    "table": ("table", "{study}", "--format", "csv"),
    "table --spans": ("table", "{study}", "--spans", "--format", "csv"),
    "plot": ("plot", "{study}", "--out", "{study}/figures"),
    "report": ("report", "{study}", "--out", "{study}/report.html"),
    "report --static": ("report", "{study}", "--static", "--out", "{study}/static.html"),
}
"""The arguments of each command; ``{study}`` is the folder of the study."""


def make_study(folder: Path, count: int) -> None:
    """Write a study of ``count`` runs of all tasks, cells and gaps, about half of them solved, with ten evaluations each."""
    study, dice = StudyFolder.create(folder), random.Random(0)
    curves = list(itertools.product(TASKS, CELLS, GAPS))
    first = [resolve(RunRequest(task=task, cell=cell, gap=gap, lr=0.01)).run for task, cell, gap in curves]
    records = []
    for k in range(count):
        run = first[k % len(first)].model_copy(update={"seed": k // len(first)})
        final = 0.995 if dice.random() < 0.5 else dice.random()
        reached = {name: value for name, value in EVALUATION.items() if name != "step"}
        rows = [
            Row.of(run, **reached, step=250 * n, accuracy=final * n / EVALUATIONS, status="running")
            for n in range(1, EVALUATIONS + 1)
        ]
        Table(study.log_file(run.run_id), Row).write(rows)
        solved = {"status": "solved", "steps_to_solve": 2500} if final > 0.99 else {"status": "unsolved", "steps_to_solve": None}
        records.append(RunRecord.of(run, **EVALUATION, **OUTCOME, **this_machine(), accuracy=final, **solved))
    study.finished_table.write(records)


def measure(arguments: list[str]) -> tuple[float, float]:
    """Return the CPU seconds and the largest memory in MiB of a command; raise RuntimeError if it fails."""
    child = subprocess.Popen([sys.executable, "-m", "rnnbench", *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"rnnbench {' '.join(arguments)} ended with exit code {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    for count in [int(text) for text in sys.argv[1:]] or [5000, 20_000]:
        with tempfile.TemporaryDirectory() as folder:
            make_study(Path(folder), count)
            for name, arguments in COMMANDS.items():
                seconds, memory = measure([word.format(study=folder) for word in arguments])
                print(f"{count:6,} runs  {name:16} {seconds:6.1f} s of CPU time {memory:6,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
