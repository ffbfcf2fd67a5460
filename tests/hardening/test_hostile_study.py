"""Tests that reading somebody else's study runs none of its code, opens no connection, and writes only where the user says."""

import csv
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from rnnbench._config import file_word
from rnnbench._errors import UserError
from rnnbench._results import Study
from rnnbench._study import StudyFolder
from rnnbench._study.atomic import replace
from rnnbench.plots._style import render, styled
from tests.cli.test_reading import READERS, WITHOUT_STUDY
from tests.hardening.watch import watch
from tests.sweep.processes import ROOT

MARKUP = "<script>alert(1)</script>[/b]$x$ $y\x1b[31mred\x9b\u202e"
CODE = "open('ran', 'w').close()\n"
CELL = """
import torch
from rnnbench.cells import Cell
class Mine(Cell):
    name = "mine"
    summary = "SUMMARY"
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ())
    def step(self, x, state):
        return (torch.tanh(x @ self.weight_ih.T + state[0] @ self.weight_hh.T),), {}
CELL = Mine
"""
READ = {name: words for name, words in READERS.items() if name not in WITHOUT_STUDY}
READ["report"] = [*READ["report"], "--static"]
READ |= {f"table as {name}": [*READ["table"], "--format", name] for name in ("csv", "markdown", "latex")}


@pytest.fixture
def hostile(tmp_path: Path, studies: Path) -> Path:
    """Make a study whose tables and sweep name code, other files, and text that is code to a terminal, a browser or LaTeX."""
    study = tmp_path / "study"
    shutil.copytree(studies, study)
    for file in ("notes.py", "figures/learning_curves_../notes.py"):
        (study / file).parent.mkdir(parents=True, exist_ok=True)
        (study / file).write_text(CODE)
    (study / ".git").mkdir()
    (study / ".git" / "config").write_text('[core]\nbare = false\n[diff "csv"]\ntextconv = touch ran\n')
    (study / ".gitattributes").write_text("*.csv diff=csv\n")
    (record,) = StudyFolder(study).records()
    evaluations = StudyFolder(study).log(record.run_id)
    first = record.cells()
    rows = [first | {"task": name} for name in ("study/notes.py", "../../thesis", MARKUP)]
    rows += [first | {"cell": name, "gap": "9"} for name in ("study/notes.py", "=1+1", MARKUP)]
    rows = [row | {"run_id": f"beijing-{k}"} for k, row in enumerate(rows)]
    write(study / "runs.csv", [first, *rows])
    for row in rows:
        names = {name: row[name] for name in ("run_id", "task", "cell", "gap", "seed")}
        write(study / "logs" / f"{row['run_id']}.csv", [one.cells() | names for one in evaluations])
    names = ("schema", "run_id", "task", "cell", "init", "gap", "seed", "lr", "hidden_size")
    failure = {name: first[name] for name in names} | {"run_id": "failed-1", "reason": "\x1b[2Jgone"}
    write(study / "failed.csv", [failure | {"exit_code": "", "last_tried": "now"}])
    (study / "sweep.json").write_text(json.dumps({"cell": ["study/notes.py"], "task": ["beijing"], "gap": [5]}))
    return study


def write(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", READ.values(), ids=READ)
def test_a_hostile_study_is_data(rnnbench, tmp_path: Path, hostile: Path, words: list[str]) -> None:
    before = content(tmp_path)
    with watch().over(hostile, writable=tmp_path) as seen:
        result = rnnbench(*["study" if word == "STUDY" else word for word in words])
    assert result.code in (0, 2, 3), result.err
    assert seen == []
    assert not (tmp_path / "ran").exists()
    assert content(tmp_path) | before == content(tmp_path)
    drawn = "".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("figures/*.svg"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", result.out + result.err + drawn)
    assert "csv" not in words or not re.search("^[^a-z]*=1", result.out, re.MULTILINE)  # a formula, to a spreadsheet
    for file in tmp_path.glob("*.html"):
        assert "<script>alert" not in file.read_text()


@pytest.mark.parametrize("summary", ["h = tanh(W [x, h] + b)", "as in [/this paper]", ":smile:"])
def test_markup_in_the_text_of_a_plugin_is_shown_as_it_is(rnnbench, tmp_path: Path, summary: str) -> None:
    (tmp_path / "mine.py").write_text(CELL.replace("SUMMARY", summary))
    result = rnnbench("cells", "./mine.py")
    assert (result.code, summary in result.out) == (0, True), result.err


def test_text_is_printed_through_one_function() -> None:
    """`formatting.echo` and `console.PlainConsole` escape text for a terminal."""
    for path in (ROOT / "rnnbench" / "_cli").rglob("*.py"):
        if path.name not in ("formatting.py", "console.py"):
            assert not re.search(r"typer\.echo|(?<!\.)(?<!def )\bprint\(|\bConsole\(", path.read_text(encoding="utf-8")), path


def test_text_of_a_study_is_no_html_in_a_notebook(tmp_path: Path, studies: Path) -> None:
    (record,) = StudyFolder(studies).records()
    study = Study.create(tmp_path / "<b>")
    study.record(record.model_copy(update={"cell": "<i>"}))
    assert not re.search("<b>|<i>", study._repr_html_())


def test_a_dollar_in_a_name_is_no_mathematics_but_powers_of_ten_are() -> None:
    figure, name = Figure(), "$\\frac{$ [/b]"

    @styled
    def draw() -> Figure:
        ax = figure.subplots()
        ax.plot([1, 1000], [1, 1000], label=name)
        ax.set(xscale="log", title=name, yticks=[1], yticklabels=[name])
        ax.legend()
        return figure

    render(draw())
    (ax,) = figure.axes
    assert ax.xaxis.get_majorticklabels()[0].get_parse_math()
    assert not any(text.get_parse_math() for text in (ax.title, ax.yaxis.get_majorticklabels()[0]))


@pytest.mark.parametrize("run_id", ["../../home/model", "a/b", "a\\b", "", "x" * 201, "a b", "a\n"])
@pytest.mark.parametrize("schema", ["1", "2"])
def test_a_run_id_that_is_no_file_name_is_refused(rnnbench, tmp_path: Path, studies: Path, run_id: str, schema: str) -> None:
    """A run_id names files that a later run moves or deletes, so a table that holds another text is not read at all."""
    (record,) = StudyFolder(studies).records()
    (tmp_path / "study").mkdir()
    write(tmp_path / "study" / "runs.csv", [record.cells() | {"run_id": run_id, "schema": schema}])
    for command in (["table", "study"], ["run", "--cell", "rnn", "--task", "beijing", "--gap", "2", "--out", "study"]):
        rnnbench(*command).refused(": column run_id holds")
    with pytest.raises(UserError, match="is not a run_id"):
        StudyFolder(tmp_path / "study").log_file(run_id)


@pytest.mark.parametrize("name", ["../../thesis", "a/b", "..", "任务 一", "x" * 300])
def test_a_word_of_a_file_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"curves_{file_word(name)}.png"
    file.write_text("")  # a name that the file system takes
    assert list(tmp_path.iterdir()) == [file]
    assert file_word(name) != file_word(name + "!")
    assert file_word("copy") == "copy"


@pytest.mark.parametrize("command", [["status", "study", "s.toml"], ["table", "study", "--sweep", "s.toml"]])
def test_a_reading_command_loads_no_file_that_a_sweep_file_names(
    rnnbench, tmp_path: Path, studies: Path, command: list[str]
) -> None:
    shutil.copytree(studies, tmp_path / "study")
    (tmp_path / "notes.py").write_text(CODE)
    (tmp_path / "s.toml").write_text("cell = './notes.py'\ntask = 'beijing'\n")
    rnnbench(*command).refused("does not load")
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has pipes")
@pytest.mark.parametrize("name", ["runs.csv", "failed.csv", "sweep.json", "verdicts.csv"])
def test_a_pipe_in_place_of_a_table_is_refused(rnnbench, tmp_path: Path, studies: Path, name: str) -> None:
    shutil.copytree(studies, tmp_path / "study")
    (tmp_path / "study" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "study" / name)
    command = ["verify", "study", "--check"] if name == "verdicts.csv" else ["status", "study"]
    rnnbench(*command).refused("it is not a regular file")


@pytest.mark.parametrize("name", ["runs.csv", ".locks/runs.lock"])
def test_a_link_in_a_study_is_not_written_through(rnnbench, tmp_path: Path, studies: Path, name: str) -> None:
    study, other = tmp_path / "study", tmp_path / "other"
    shutil.copytree(studies, study)
    other.write_bytes((study / "runs.csv").read_bytes())
    (study / name).unlink(missing_ok=True)
    (study / name).symlink_to(other)
    before = other.read_bytes()
    words = "run --cell rnn --task beijing --gap 2 --hidden-size 4 --max-steps 2 --eval-sequences 1000 --engine torch --quiet"
    result = rnnbench(*words.split(), "--seed", "5", "--out", "study")
    assert (result.code, "is a link" in result.err) == (2, True), result.err
    assert other.read_bytes() == before


def test_a_temporary_file_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / f"a.png.{os.getpid()}.tmp").symlink_to(tmp_path / "other")
    (tmp_path / "other").write_text("mine")
    replace(tmp_path / "a.png", b"new")
    assert ((tmp_path / "a.png").read_bytes(), (tmp_path / "other").read_text()) == (b"new", "mine")
