"""Tests of ``rnnbench check``, of the checks before a first run, and of custom files that raise errors."""

from pathlib import Path

import pytest

from rnnbench._plugins import registry
from rnnbench._study import StudyFolder

ROOT = Path(__file__).parents[2]
PLUGIN_FILES = ROOT / "tests" / "plugins"
RUN = ["run", "--task", "beijing", "--gap", "2", "--hidden-size", "8", "--batch-size", "8", "--max-steps", "4", "--eval-every", "2"]
CELL = """import sys
import torch
from rnnbench.cells import Cell


class Mine(Cell):
    name = "mine"
    summary = "a custom cell"

    def __init__(self, input_size: int, hidden_size: int, rate: float = 0.5) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = rate
        self.stacked_weights(1, ())

    def step(self, x, state):
        (h,) = state
        return (torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T),), {}


CELL = Mine
"""
TASK = (ROOT / "tasks" / "copy_memory.py").read_text(encoding="utf-8").replace('= "copy"', '= "mine"')


def line_of(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


def test_a_good_cell_and_a_good_task_have_a_line_each(rnnbench) -> None:
    result = rnnbench("check", "gru", "recall")
    assert result.code == 0
    assert [line.partition(": keeps its contract")[0] for line in result.out.splitlines()] == ["gru", "recall"]


def test_one_bad_file_does_not_hide_the_result_of_others(rnnbench) -> None:
    Path("bad.py").write_text(CELL.replace("(h,) = state", "h = state[0].detach()"))
    Path("broken.py").write_text("def\n")
    result = rnnbench("check", "./bad.py", str(PLUGIN_FILES / "lru.py"), "./broken.py")
    assert result.code == 2
    bad, note, good = result.out.splitlines()
    assert bad.startswith("./bad.py: step passes no gradient back to h")
    assert note == "./bad.py: note: is compiled by the CPU engine"
    assert "keeps its contract" in good
    assert result.err.count("broken.py, line 1: SyntaxError") == 1


@pytest.mark.parametrize("text", ["def\n", "import nosuch\nCELL = 1\n", "x = 1\n"])
def test_a_file_that_cannot_be_loaded_breaks_no_contract(rnnbench, text: str) -> None:
    """Only the reason is printed, nothing about a contract that was not checked."""
    Path("mine.py").write_text(text)
    rnnbench("check", "./mine.py").refused("mine.py")


def test_a_plug_in_is_checked_before_its_first_run_only(rnnbench) -> None:
    Path("mine.py").write_text(CELL)
    result = rnnbench(*RUN, "--cell", "./mine.py", "--quiet")
    assert result.code == 0
    assert result.err.count("keeps the contract") == 1
    assert rnnbench(*RUN, "--cell", "./mine.py", "--quiet").err.count("contract") == 0, "it was checked before"
    assert "contract" not in rnnbench(*RUN, "--cell", "gru", "--quiet").err


def test_notes_are_printed_next_to_violations(rnnbench) -> None:
    """Check a cell that drops its state: the note is the reason of the violation."""
    Path("forgot.py").write_text(CELL.replace("(h,) = state", "h = torch.zeros_like(state[0])"))
    result = rnnbench("check", "./forgot.py")
    assert result.code == 3
    violation, note = result.out.splitlines()
    assert violation.startswith("./forgot.py: no gradient reaches weight_hh")
    assert note.startswith("./forgot.py: note: an output depends only on its own input: nothing is remembered")


LENGTH = """from torch import nn
from rnnbench.cells import SequenceModel


class Late(SequenceModel):
    name = "late"
    summary = "a GRU that reads ahead in sequences of more than 100 steps"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inner = nn.GRU(input_size, hidden_size)

    def sequence(self, x):
        return self.inner(x + x[-1] if len(x) > 100 else x)[0]


CELL = Late
"""


def test_a_cell_is_checked_at_the_length_that_is_trained(rnnbench) -> None:
    Path("late.py").write_text(LENGTH)
    assert rnnbench("check", "./late.py").code == 0
    short = rnnbench("sweep", *RUN[1:], "--cell", "./late.py", "--gap", "2,120", "--jobs", "1", "--out", "study", "--quiet")
    assert short.code == 3
    assert [record.gap for record in StudyFolder.open("study").records()] == [2]
    result = rnnbench(*RUN, "--cell", "./late.py", "--gap", "2", "--train-gaps", "2,120")
    result.refused(
        "outputs depend on the inputs after them or on their number, in a sequence of 122 steps, the length that is trained"
    )


def test_a_cell_is_checked_at_the_length_that_is_evaluated(rnnbench) -> None:
    Path("late.py").write_text(LENGTH)
    command = [*RUN, "--cell", "./late.py", "--gap", "2"]
    refused = rnnbench(*command, "--eval-gaps", "5,120")
    refused.refused("in a sequence of 122 steps, the length that is evaluated")
    assert not Path("results/runs.csv").exists()
    assert rnnbench(*command, "--eval-gaps", "5").code == 0
    rnnbench(*command, "--eval-gaps", "120").refused("the length that is evaluated")


def test_a_broken_contract_is_refused_and_a_doubtful_cell_is_reported(rnnbench) -> None:
    peeks = "    def states(self, inputs, first=0):\n        return super().states(inputs.flip(0)).flip(0)[first:]\n"
    Path("peeks.py").write_text(CELL.replace("\n\nCELL", f"{peeks}\n\nCELL"))
    refused = rnnbench(*RUN, "--cell", "./peeks.py")
    refused.refused("mine: an output depends on a later input")
    assert not Path("results/runs.csv").exists()
    Path("cuts.py").write_text(CELL.replace("(h,) = state", "h = state[0].detach()"))
    doubtful = rnnbench(*RUN, "--cell", "./cuts.py", "--quiet")
    assert doubtful.code == 0
    assert "against the contract: mine: step passes no gradient back to h" in doubtful.err


def test_a_task_that_reveals_its_answer_is_refused(rnnbench) -> None:
    Path("leaks.py").write_text(TASK.replace("        targets[-S:] = symbols\n", "        targets[-S:] = inputs[-S:] = symbols\n"))
    rnnbench(*RUN, "--task", "./leaks.py", "--cell", "rnn").refused("reaches 100.0 %")


def test_other_files_are_checked_after_one_that_exits(rnnbench) -> None:
    Path("exits.py").write_text(CELL.replace("(h,) = state", "sys.exit(7)  # here"))
    Path("stops.py").write_text(CELL.replace("self.rate = rate", "raise KeyboardInterrupt  # here"))
    result = rnnbench("check", "./exits.py", "./stops.py", "gru")
    assert result.code == 3
    exits, stops, ours = result.out.splitlines()
    assert exits == "./exits.py: exits.py, line 16: SystemExit: 7"
    assert stops == "./stops.py: stops.py, line 12: KeyboardInterrupt"
    assert "gru: keeps its contract" in ours


BROKEN = {
    "imports": "in its import",
    "makes": "in __init__",
    "untyped": "option without a type",
    "odd": "a ValueError that it raises",
}


def test_a_sweep_skips_only_the_cells_that_cannot_be_built(rnnbench) -> None:
    for name, where in BROKEN.items():
        old, new, _ = RAISES[where]
        Path(f"{name}.py").write_text(CELL.replace(old, new, 1) + f"# {name}\n")
    files = [f"./{name}.py" for name in BROKEN]
    result = rnnbench("sweep", "--cell", ",".join([*files, "gru"]), *RUN[1:], "--jobs", "1", "--out", "study", "--quiet")
    assert result.code == 3
    assert [record.cell for record in StudyFolder.open("study").records()] == ["gru"]
    for output in (result.out, rnnbench("status", "study").out):
        for name, where in BROKEN.items():
            message = RAISES[where][-1].replace("mine.py", f"{name}.py")
            assert sum(f"./{name}.py: " in line and message in line for line in output.splitlines()) == 1, output
    rnnbench("sweep", "--cell", "./makes.py", *RUN[1:], "--out", "alone").refused()


def test_an_operation_that_is_not_compiled_is_reported_with_its_line(rnnbench) -> None:
    text = (PLUGIN_FILES / "memory.py").read_text()
    assert "is compiled by the CPU engine" in rnnbench("check", str(PLUGIN_FILES / "memory.py")).out
    text = text.replace("torch.softmax(x @ self.key.T, dim=1)", "torch.sort(x @ self.key.T, dim=1).values")
    Path("sorted.py").write_text(text.replace('"memory"', '"sorted"'))
    result = rnnbench("check", "./sorted.py")
    assert f"sorted.py, line {line_of(text, 'torch.sort')}: sort is not compiled" in result.out


def test_auto_reports_why_a_cell_is_not_compiled(rnnbench) -> None:
    message = "memoryless runs on torch: memoryless takes whole sequences"
    assert message in rnnbench(*RUN, "--cell", "memoryless").err
    assert message not in rnnbench(*RUN, "--cell", "memoryless", "--engine", "torch", "--force").err
    assert "runs on torch" not in rnnbench(*RUN, "--cell", "gru").err


def test_a_broken_installed_plug_in_is_named_and_others_work(rnnbench, monkeypatch) -> None:
    class Point:
        def __init__(self, name: str, file: str) -> None:
            self.name, self.value, self.file = name, f"somewhere:{name}", file

        def load(self) -> object:
            return registry.CELLS.register(registry.Plugin("cell", self.file, Path(self.file).read_bytes())).cls

    Path("raises.py").write_text(CELL.replace("import sys", "import nosuch"))
    Path("cannot.py").write_text(CELL.replace("self.rate = rate", "self.rate = rat  # here"))
    points = [Point("raises", "raises.py"), Point("mine", "cannot.py")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "rnnbench.cells" else [])
    monkeypatch.setattr(registry.CELLS, "_named", None)
    monkeypatch.setattr(registry.CELLS, "broken", {})
    listed = rnnbench("cells")
    assert listed.code == 0
    assert "lstm" in listed.out
    raises, mine = sorted(listed.err.splitlines(), reverse=True)
    assert raises.startswith("raises is installed but cannot be used: ")
    assert "line 1: ModuleNotFoundError" in raises
    assert mine.startswith("mine is installed but cannot be used: cannot.py, line 12: NameError")
    assert rnnbench("check", "gru").code == 0
    assert "ModuleNotFoundError" in rnnbench("check", "raises").err
    assert rnnbench(*RUN, "--cell", "gru").err.count("nosuch") == 0


def test_a_sweep_checks_a_doubtful_cell_once_and_reports_it_once(rnnbench) -> None:
    note = "self.rate = rate\n        import os\n        with open('made', 'a') as file:\n            print(os.getpid(), file=file)"
    Path("cuts.py").write_text(CELL.replace("(h,) = state", "h = state[0].detach()").replace("self.rate = rate", note))
    result = rnnbench("sweep", "--cell", "./cuts.py", *RUN[1:], "--seed", "0,1,2", "--jobs", "1", "--out", "study")
    assert result.code == 0
    assert result.err.count("against the contract: mine: step passes no gradient back to h") == 1
    made = Path("made").read_text().split()
    _, first, *later = [made.count(process) for process in dict.fromkeys(made)]
    assert len(later) == 2
    assert max(later) < first


RAISES = {
    "in its import": ("import sys\n", "import sys\nimport nosuch\n", "mine.py, line 2: ModuleNotFoundError"),
    "exit in its import": ("import sys\n", "import sys\nsys.exit(7)\n", "mine.py, line 2: SystemExit: 7"),
    "interrupt in its import": ("import sys\n", "import sys\nraise KeyboardInterrupt\n", "mine.py, line 2: KeyboardInterrupt"),
    "in __init__": ("self.rate = rate", "self.rate = rat", "mine.py, line 12: NameError"),
    "exit in __init__": ("self.rate = rate", "sys.exit(7)", "mine.py, line 12: SystemExit: 7"),
    "a ValueError of Python": ("self.rate = rate", "a, b = 1, 2, 3", "mine.py, line 12: ValueError: too many values"),
    "a ValueError that it raises": ("self.rate = rate", "raise ValueError('rate is odd')", "rate is odd"),
    "in step": ("(h,) = state", "(h,) = state[0]", "mine.py, line 16: ValueError"),
    "in torch": ("(h,) = state", "h = state[0][:, :3]", "mine.py, line 17: RuntimeError: mat1 and mat2"),
    "exit in step": ("(h,) = state", "sys.exit(7)", "mine.py, line 16: SystemExit: 7"),
    "interrupt in step": ("(h,) = state", "raise KeyboardInterrupt", "mine.py, line 16: KeyboardInterrupt"),
    "no braces": ("),), {}", "),)", "step must return ((h,), gates)"),
    "option without a type": ("rate: float", "rate", "mine.py, class Mine: option rate needs a type"),
    "option of another type": ("rate: float = 0.5", "rate: list = ()", "mine.py, class Mine: option rate needs a type"),
    "no class": ("CELL = Mine", "", "does not define CELL"),
}


@pytest.mark.parametrize("where", RAISES, ids=str)
def test_an_error_in_a_cell_is_one_line_with_its_place(rnnbench, where: str) -> None:
    old, new, message = RAISES[where]
    Path("mine.py").write_text(CELL.replace(old, new, 1))
    rnnbench(*RUN, "--cell", "./mine.py").refused(message)


TASK_RAISES = {
    "length": "return gap + 2 * self.symbols\n",
    "sample": "symbols = random_tokens(0, self.alphabet, (S, batch_size), generator)  # (S, B)\n",
    "chance": "return uniform_chance(self.alphabet)\n",
    "words": 'return token_words(batch, b, ascii_lowercase[: self.alphabet] + "_?", cues=range(self.symbols))\n',
}


@pytest.mark.parametrize("command", [["show", "./mine.py"], [*RUN, "--cell", "rnn", "--task", "./mine.py"], ["check", "./mine.py"]])
@pytest.mark.parametrize("where", TASK_RAISES)
def test_an_error_in_a_task_is_one_line_with_its_place(rnnbench, where: str, command: list[str]) -> None:
    Path("mine.py").write_text(TASK.replace(TASK_RAISES[where], "return 1 / 0\n"))
    result = rnnbench(*command)
    message = f"mine.py, line {line_of(TASK, TASK_RAISES[where])}: ZeroDivisionError: division by zero"
    assert result.code == (3 if command[0] == "check" else 2), result.err
    output = result.out if command[0] == "check" else result.err
    assert output.count("\n") == 1
    assert message in output
