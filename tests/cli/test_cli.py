"""Tests of the command line: results, help, bad input in one line, Ctrl-C and kill -9."""

import re
import shutil
import signal
from pathlib import Path

import pytest
from rich.cells import cell_len

from rnnbench import example
from rnnbench._cli import app
from rnnbench._cli.terminal.listings import wrap_columns
from rnnbench._config import RunRequest
from rnnbench._engine import available
from rnnbench._study import StudyFolder
from rnnbench.insight._constructions import CONSTRUCTIONS
from tests.cli.test_check import CELL
from tests.sweep.processes import DEADLINE, ROOT, Start, plain, runs, wait_for

TINY = ["--hidden-size", "8", "--batch-size", "8", "--max-steps", "40", "--eval-every", "20", "--engine", "torch"]
RUN = ["run", "--cell", "gru", "--task", "beijing", "--gap", "2", *TINY]


def test_run_prints_its_result_and_its_files(rnnbench) -> None:
    result = rnnbench(*RUN, "--gap", "0", "--max-steps", "600")
    assert result.code == 0
    assert re.match(r"solved at step \d+: (99|100)\.\d % of 10,240 answers, chance 50\.0 %\n", result.out)
    for path in re.findall(r"^  (\S+)$", result.out, re.MULTILINE):
        assert Path(path).exists()
    assert "step 20 of 600" in result.err
    again = rnnbench(*RUN, "--gap", "0", "--max-steps", "600")
    assert again.out == result.out
    assert "already done" in again.err


def test_an_unsolved_run_is_compared_with_chance(rnnbench) -> None:
    result = rnnbench(*RUN, "--cell", "memoryless", "--quiet")
    assert re.match(
        r"unsolved after 40 steps: \d+\.\d % of 10,240 answers, chance 50\.0 %; within the interval of chance", result.out
    )
    assert result.err == ""


def test_the_same_seed_gives_the_same_files_also_with_force(rnnbench) -> None:
    rnnbench(*RUN, "--out", "a")
    rnnbench(*RUN, "--out", "b")
    (log,) = (path.name for path in Path("a/logs").iterdir())
    assert runs(Path("a")) == runs(Path("b"))
    assert plain(StudyFolder("a").log(Path(log).stem)) == plain(StudyFolder("b").log(Path(log).stem))
    assert Path("a/weights", log).with_suffix(".pt").read_bytes() == Path("b/weights", log).with_suffix(".pt").read_bytes()
    rnnbench(*RUN, "--out", "b", "--force")
    assert runs(Path("a")) == runs(Path("b"))


COMMANDS = [str(command.name or command.callback.__name__) for command in app.registered_commands]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_every_help_shows_an_example(rnnbench, command: list[str]) -> None:
    result = rnnbench(*command, "--help")
    assert result.code == 0
    assert f"Example: rnnbench {' '.join(command)}" in result.out


def test_every_flag_of_run_has_help_and_its_default(rnnbench) -> None:
    text = " ".join(rnnbench("run", "--help").out.replace("│", " ").split())
    for name, field in RunRequest.model_fields.items():
        assert f"--{name.replace('_', '-')} " in text
        assert str(field.description).replace("`", "")[:40] in text
        if field.default not in (None, 0, "") and not field.is_required() and name[-6:] != "option":
            assert f"Default: {field.default}." in text, name


def test_tasks_are_listed(rnnbench) -> None:
    out = rnnbench("tasks").out
    assert all(name in out for name in ("copy", "adding", "beijing", "recall", "12.5 %"))


def test_cells_are_listed_with_how_they_are_computed(rnnbench) -> None:
    out = rnnbench("cells").out
    assert "71,168" in out
    rows = {words[0]: words[-2:] for line in out.splitlines() if len(words := line.split()) > 4}
    ways = {"lstm": "cuDNN", "rnn": "cuDNN", "gru-torch": "cuDNN", "irnn": "cuDNN", "gru": "loop", "transformer": "PyTorch"}
    assert {name: rows[name][1] for name in ways} == ways
    assert rows["lstm"][0] == ("compiled" if available() else "loop")
    assert rows["transformer"][0] == "PyTorch"


def test_constructions_are_listed_with_how_they_work(rnnbench) -> None:
    lines = rnnbench("construct", "--list").out.splitlines()
    assert [line.split(":")[0] for line in lines] == list(CONSTRUCTIONS)
    assert "lstm-adding: 1 unit; a forget gate that keeps and an input gate that opens at the marks" in lines


def test_other_baselines_are_shown_with_chance(rnnbench) -> None:
    """A network that knows the values without their keys is at 56 %, which looks like success where no line says so."""
    options = ["--option", "pairs=2", "--option", "keys=8", "--option", "values=8"]
    assert re.search(r"key-free 56\.[23] % right: a network that remembers a part", rnnbench("show", "mqar", *options).out)
    result = rnnbench("run", "--cell", "rnn", "--task", "mqar", "--gap", "2", "--max-steps", "20", "--hidden-size", "4", *options)
    assert re.search(r"chance 12\.5 %, key-free 56\.[23] %; ", result.out)
    assert "a network that remembers a part" not in rnnbench("show", "recall").out


def test_show_prints_chinese(rnnbench) -> None:
    assert re.search(r"(到达|离开)一座城市 .*那是北京", rnnbench("show", "beijing", "--language", "zh").out)
    assert re.search(r"我 住在 .*会讲", rnnbench("show", "recall", "--language", "zh").out)


def test_a_wrapped_example_keeps_every_answer_below_its_word() -> None:
    words = [("住在", ".", "^"), ("a", "long", "?"), ("中国", "x", "^")] * 20
    groups = list(wrap_columns(words, 40))
    assert len(groups) > 3
    assert max(cell_len(f"input {line}".rstrip()) for lines in groups for line in lines) <= 40
    assert [word for lines in groups for word in lines[0].split()] == [word for word, _, _ in words]
    for lines in groups:
        starts = [[cell_len(line[: found.start()]) for found in re.finditer(r"\S+", line)] for line in lines]
        assert starts[0] == starts[1] == starts[2]
    assert len(list(wrap_columns(words, None))) == 1


CUES = {
    "adding": lambda words: [word.text.endswith("*") for word in words],
    "beijing": lambda words: [word.text in ("arrive", "leave") for word in words],
    "recall": lambda words: [step == 2 + [word.text for word in words].index(words[-2].text) for step in range(len(words))],
}


@pytest.mark.parametrize("task", CUES)
def test_cues_are_the_inputs_that_the_answer_depends_on(task: str) -> None:
    option = {"cues": 3} if task == "recall" else None
    words = example(task, 5, seed=1, option=option)
    assert [word.cue for word in words] == CUES[task](words)
    assert any(word.cue for word in words)


def test_show_marks_the_cue_and_the_question_in_both_languages(rnnbench) -> None:
    shown = rnnbench("show", "recall", "--gap", "2").out.splitlines()
    assert shown[0].split()[shown[0].split().index("live-in") + 1] == shown[0][shown[2].index("^") :].split()[0]
    assert shown[0][shown[2].index("?") :].split() == ["speak"]
    assert shown[3] == "^ the cue, ? the question"
    chinese = rnnbench("show", "copy", "--gap", "2", "--language", "zh").out
    assert chinese.startswith("输入")
    assert "^ 线索，? 提问\n随机猜测水平" in chinese


def test_plot_makes_the_figures_that_the_study_allows(rnnbench) -> None:
    rnnbench(*RUN)
    result = rnnbench("plot", "results")
    assert result.code == 0
    assert {Path(line).name for line in result.out.split()} == {"learning_curves_beijing.png", "learning_curves_beijing.svg"}
    rnnbench(*RUN, "--gap", "4")
    first = rnnbench("plot", "results")
    assert "accuracy_by_gap.png" in first.out
    before = Path("results/figures/accuracy_by_gap.svg").read_bytes()
    rnnbench("plot", "results")
    assert Path("results/figures/accuracy_by_gap.svg").read_bytes() == before
    shutil.rmtree("results/logs")  # a study of which only runs.csv was sent
    assert "accuracy_by_gap.png" in rnnbench("plot", "results").out


def test_ctrl_c_ends_a_command_with_one_line(rnnbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnbench.insight._random_search.random_search", interrupted)
    result = rnnbench("guess", "--cell", "rnn", "--task", "copy", "--gap", "5", "--quiet")
    assert result.code == 130
    assert result.err == "rnnbench: stopped: recorded results are kept, and the same command resumes\n"


def test_a_full_disk_ends_with_one_line_and_exit_code_1(rnnbench, monkeypatch: pytest.MonkeyPatch) -> None:
    rnnbench(*RUN, "--seed", "1")
    before = Path("results/runs.csv").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = rnnbench(*RUN, "--quiet")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "No space left" in result.err
    assert Path("results/runs.csv").read_bytes() == before


def test_a_custom_task_and_a_custom_cell(rnnbench) -> None:
    task = (ROOT / "tasks" / "beijing.py").read_text(encoding="utf-8").replace('"beijing"\n', '"mine"\n')
    Path("mine.py").write_text(task, encoding="utf-8")
    Path("leaky.py").write_text(CELL)
    result = rnnbench(*RUN, "--task", "./mine.py", "--cell", "./leaky.py", "--cell-option", "rate=0.25")
    assert result.code == 0, result.err
    (row,) = StudyFolder("results").records()
    assert row.cell_option == {"rate": 0.25}


@pytest.mark.parametrize("command", [["guess", "--max-guesses", "1", "--repeats", "1"], ["gradients"], ["sensitivity"]], ids=str)
def test_a_path_with_a_space_names_a_cell(rnnbench, command: list[str]) -> None:
    Path("my cells").mkdir()
    shutil.copy(ROOT / "rnnbench" / "cells" / "rnn.py", "my cells/mine.py")
    text = Path("my cells/mine.py").read_text(encoding="utf-8")
    Path("my cells/mine.py").write_text(text.replace('name = "rnn"', 'name = "mine"'), encoding="utf-8")
    result = rnnbench(*command, "--cell", "rnn, ./my cells/mine.py", "--task", "beijing", "--gap", "2", "--hidden-size", "4")
    assert result.code == 0, result.err
    assert "mine" in result.out


LONG = [*RUN, "--cell", "lstm", "--gap", "30", "--max-steps", "240", "--eval-every", "20"]


@pytest.mark.parametrize("stop_signal", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_stopped_run_resumes_and_ends_with_the_same_files(
    rnnbench, start: Start, tmp_path: Path, stop_signal: signal.Signals
) -> None:
    process = start(*LONG, "--out", "stopped")
    stopped = tmp_path / "stopped"
    wait_for(lambda: any(path.read_bytes().count(b"\n") > 3 for path in stopped.glob("logs/*.csv")))
    process.send_signal(stop_signal)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == (-9 if stop_signal is signal.SIGKILL else 128 + stop_signal), (out, err)
    assert not (stopped / "runs.csv").exists(), "it was finished before it could be stopped"
    if stop_signal is not signal.SIGKILL:
        assert re.search(r"interrupted at step \d+ of 240", out)
        assert "Traceback" not in err
    undisturbed, again = (rnnbench(*LONG, "--out", folder) for folder in ("undisturbed", "stopped"))
    assert undisturbed.code == again.code == 0, again.err
    assert re.search(r"^resumed at step \d+$", again.err, re.MULTILINE)
    assert "resumed" not in undisturbed.err
    (log,) = (path.name for path in (tmp_path / "undisturbed" / "logs").iterdir())
    assert runs(stopped) == runs(tmp_path / "undisturbed")
    assert plain(StudyFolder(stopped).log(Path(log).stem)) == plain(StudyFolder(tmp_path / "undisturbed").log(Path(log).stem))
    weights = f"weights/{Path(log).stem}.pt"
    assert (stopped / weights).read_bytes() == (tmp_path / "undisturbed" / weights).read_bytes()


def test_two_processes_write_to_one_study(start: Start, tmp_path: Path) -> None:
    processes = [start(*RUN, "--seed", str(seed)) for seed in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, err
    assert sorted(row.seed for row in StudyFolder(tmp_path / "results").records()) == [0, 1]


@pytest.mark.parametrize(
    "command",
    ["run --cell memoryless --gap 3", "sweep --cell gru,memoryless --gap 3", "sweep --cell memoryless --gap 3 --dry-run"],
)
def test_a_required_engine_that_cannot_run_is_refused_before_a_file_is_written(rnnbench, command: str) -> None:
    result = rnnbench(*command.split(), "--task", "recall", "--hidden-size", "8", "--max-steps", "10", "--engine", "fast")
    assert result.code == 2
    assert "engine fast cannot run cell memoryless" in result.err
    assert not [path for path in Path("results").rglob("*") if path.is_file()]
