"""Files and studies that bad input names."""

import pickle
import shutil
from pathlib import Path

CELL = """
import torch
from rnnbench._cell import Cell
class Mine(Cell):
    name = "mine"
    summary = "mine"
    def __init__(self, input_size, hidden_size{options}):
        super().__init__(input_size, hidden_size)
        {init}
        self.stacked_weights(1, ())
    def step(self, x, state):
        (h,) = state
        {step}
        return {result}
CELL = Mine
"""
TASK = """
from pathlib import Path
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("copied_beijing", {beijing!r})
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
class Mine(module.TASK):
    name = "mine"
    {body}
TASK = Mine
"""


def cell(options: str = "", init: str = "pass", step: str = "pass", result: str = "(h,), {}") -> str:
    return CELL.format(options=options, init=init, step=step, result=result)


def task(body: str) -> str:
    from rnnbench._plugins.registry import TASKS

    return TASK.format(beijing=TASKS.named()["beijing"].where, body=body)


SAMPLE = "def sample(self, gap, batch_size, generator):\n        "
FILES = {
    "file": "",
    "syntax.py": "def (:\n",
    "nameless.py": "x = 1\n",
    "no_class.py": "CELL = TASK = 3\n",
    "abstract.py": "from rnnbench._cell import Cell\nclass A(Cell):\n    name = summary = 'a'\nCELL = A\n",
    "at_import.py": "1 / 0\n",
    "exits.py": "import sys\nsys.exit(7)\n",
    "interrupts.py": "raise KeyboardInterrupt\n",
    "in_init.py": cell(init="1 / 0"),
    "in_step.py": cell(step="1 / 0"),
    "shapes.py": cell(result="(h[:, :1],), {}"),
    "not_a_tuple.py": cell(result="h"),
    "bare_option.py": cell(options=", rate=1"),
    "list_option.py": cell(options=", rate: list = ()"),
}


def write_files(folder: Path, studies: Path) -> None:
    """All of them."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "binary.py").write_bytes(b"\xff\xfe\0\x01")
    (folder / "folder.py").mkdir()
    (folder / "task_sample.py").write_text(task(SAMPLE + "1 / 0"))
    (folder / "task_chance.py").write_text(task("def chance(self, gap):\n        1 / 0"))
    (folder / "task_words.py").write_text(task("def words(self, *args):\n        1 / 0"))
    for name, token in (("token", 99), ("negative", -1)):
        change = f"batch = super().sample(gap, batch_size, generator)\n        batch.inputs[0] = {token}\n        return batch"
        (folder / f"task_{name}.py").write_text(task(SAMPLE + change))
    for name in ("good", "pickled", "foreign", "list", "text", "deep", "zero", "header"):
        shutil.copytree(studies, folder / name)
    (folder / "empty").mkdir()
    (folder / "zero" / "runs.csv").write_bytes(b"")
    header = (folder / "header" / "runs.csv").read_text().splitlines()[0]
    (folder / "header" / "runs.csv").write_text(header + "\n")
    shutil.rmtree(folder / "header" / "logs")
    for name, text in (("list", "[]"), ("text", "no"), ("deep", "[" * 3000)):
        (folder / name / "sweep.json").write_text(text)
    for name, content in (("pickled", pickle.dumps(print)), ("foreign", b"PK\x03\x04")):
        for path in (folder / name / "weights").glob("*.pt"):
            path.write_bytes(content)
