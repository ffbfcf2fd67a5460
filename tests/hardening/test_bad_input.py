"""Bad input to every command: one line on stderr, the right exit code, no traceback, nothing on stdout."""

from pathlib import Path

import pytest

from rnnbench._study import Study
from tests.hardening.files import write_files

TINY = [
    "--hidden-size",
    "4",
    "--batch-size",
    "4",
    "--max-steps",
    "2",
    "--eval-every",
    "1",
    "--eval-sequences",
    "1000",
    "--engine",
    "torch",
    "--quiet",
]
RUN = ["run", "--cell", "rnn", "--task", "beijing", "--gap", "2", *TINY]
SWEEP = ["sweep", "--cell", "rnn", "--task", "beijing", "--gap", "2", *TINY]
HUGE = str(10**30)
DIGITS = "9" * 5000

OF_A_RUN = [
    ["--cell", "lstn"],
    ["--cell", ""],
    ["--cell", "x" * 300],
    ["--cell", "é\n"],
    ["--cell", "rnn@0123456789ab"],
    ["--cell", "missing.py"],
    ["--cell", "./folder.py"],
    ["--cell", "./" + "x" * 243 + ".py"],
    ["--cell", "./binary.py"],
    ["--cell", "./syntax.py"],
    ["--cell", "./nameless.py"],
    ["--cell", "./no_class.py"],
    ["--cell", "./abstract.py"],
    ["--cell", "./at_import.py"],
    ["--cell", "./exits.py"],
    ["--cell", "./interrupts.py"],
    ["--cell", "./in_init.py"],
    ["--cell", "./in_step.py"],
    ["--cell", "./shapes.py"],
    ["--cell", "./not_a_tuple.py"],
    ["--cell", "./bare_option.py"],
    ["--cell", "./list_option.py"],
    ["--task", "bejing"],
    ["--task", ""],
    ["--task", "missing.py"],
    ["--task", "./syntax.py"],
    ["--task", "./nameless.py"],
    ["--task", "./task_sample.py"],
    ["--task", "./task_chance.py"],
    ["--task", "./task_token.py"],
    ["--task", "./task_negative.py"],
    ["--gap", "-1"],
    ["--gap", "ten"],
    ["--gap", ""],
    ["--gap", "1.5"],
    ["--gap", HUGE],
    ["--gap", DIGITS],
    ["--seed", "-1"],
    ["--seed", HUGE],
    ["--seed", "x"],
    ["--hidden-size", "0"],
    ["--hidden-size", HUGE],
    ["--hidden-size", "65537"],
    ["--lr", "0"],
    ["--lr", "-1"],
    ["--lr", "nan"],
    ["--lr", "inf"],
    ["--lr", "fast"],
    ["--init", "crono"],
    ["--init", ""],
    ["--init", "chrono"],
    ["--horizon", "100"],
    ["--horizon", "nan"],
    ["--horizon", "1"],
    ["--batch-size", "0"],
    ["--batch-size", HUGE],
    ["--max-steps", "0"],
    ["--max-steps", HUGE],
    ["--eval-every", "0"],
    ["--eval-every", HUGE],
    ["--eval-sequences", "10"],
    ["--eval-sequences", HUGE],
    ["--give-up", "0"],
    ["--give-up", HUGE],
    ["--layers", "0"],
    ["--layers", HUGE],
    ["--parameters", "0"],
    ["--parameters", "1000"],  # beside --hidden-size
    ["--parameters", HUGE],
    ["--threads", "0"],
    ["--threads", "100000"],
    ["--threads", HUGE],
    ["--optimizer", "adamm"],
    ["--schedule", "falling"],
    ["--block", "round"],
    ["--beta2", "1"],
    ["--beta2", "nan"],
    ["--clip-norm", "0"],
    ["--clip-norm", "nan"],
    ["--engine", "steam"],
    ["--device", "cuda:7"],
    ["--device", "cpu:7"],
    ["--device", "teapot"],
    ["--device", ""],
    ["--device", "meta"],
    ["--option", "fillers=many"],
    ["--option", "fillers=" + DIGITS],
    ["--option", "filers=3"],
    ["--option", "fillers"],
    ["--option", "=3"],
    ["--option", ""],
    ["--option", "fillers=99"],
    ["--option", "fillers=[1,2]"],
    ["--cell-option", "bias=perhaps"],
    ["--cell-option", "bais=true"],
    ["--out", "file"],
    ["--out", "file/deeper"],
    ["--out", "x" * 300],
    ["--eval-gaps", ""],
    ["--eval-gaps", "-3"],
    ["--eval-gaps", "ten"],
    ["--eval-gaps", HUGE],
    ["--colour", "red"],
]
TOML = [
    "gaps = [5]",
    "hidden-size = 5",
    "[recipe]\nlr = 1",
    "seed = [0, 'x']",
    "seed = [0",
    "seed = " + DIGITS,
    f"seed = {HUGE}",
    "seed = []",
    "gap = []",
    "seed = [[1]]",
    "cell = []",
    "cell = 3",
    "lr = [-1.0]",
    "lr = nan",
    "init = ''",
    "init = [1]",
    "optimizer = 'adm'",
    "option = 3",
    "[option]\nfillers = [1]",
    "[option]\nfillers = 1979-05-27",
    "cells = 3",
    "[cells]\nrnn = 3",
    "[cells.rnm]\nlr = 1",
    "[cells.rnn]\nlt = 1",
    "[cells.rnn]\nlr = 'x'",
    "[cells.rnn]\ncell_option = 'x'",
    "[cells.rnn]\nlr = []",
    "seed = " + "[" * 3000,
    "option = " + "{a=" * 3000,
    "seed = 0\nseed = 1",
    "\0",
]
COMMANDS = [
    [],
    ["rum"],
    ["run"],
    ["run", "--cell", "lstm"],
    ["run", "beijing"],
    ["sweep"],
    ["sweep", "none.toml"],
    ["sweep", "."],
    ["sweep", "binary.py"],
    [*SWEEP, "--gap", ""],
    [*SWEEP, "--gap", ","],
    [*SWEEP, "--gap", "1,,x"],
    [*SWEEP, "--gap", HUGE],
    [*SWEEP, "--gap", DIGITS],
    [*SWEEP, "--init", ""],
    [*SWEEP, "--lr", "1e999"],
    [*SWEEP, "--seed", "-1"],
    [*SWEEP, "--cell", ""],
    [*SWEEP, "--task", ""],
    [*SWEEP, "--dask", ""],
    [*SWEEP, "--dask", "nowhere"],
    [*SWEEP, "--dask", "tcp://127.0.0.1"],
    [*SWEEP, "--dask", "file"],
    [*SWEEP, "--dask", "syntax.py"],
    [*SWEEP, "--dask", "http://127.0.0.1:1"],
    [*SWEEP, "--jobs", "0"],
    [*SWEEP, "--jobs", HUGE],
    [*SWEEP, "--threads", HUGE],
    [*SWEEP, "--out", "file"],
    [*SWEEP, "--option", "fillers"],
    [*SWEEP, "--horizon", "100"],
    [*SWEEP, "--device", "cpu:7"],
    ["status", "nowhere"],
    ["status", "file"],
    ["status", "list"],
    ["status", "text"],
    ["status", "deep"],
    ["plot", "nowhere"],
    ["plot", "empty"],
    ["plot", "header"],
    ["plot", "good", "--only", "copy"],
    ["plot", "good", "--cell", "lstm"],
    ["plot", "good", "--style", "poster"],
    ["plot", "good", "--out", "file"],
    ["table", "nowhere"],
    ["table", "empty"],
    ["table", "header"],
    ["table", "zero"],
    ["table", "good", "--format", "word"],
    ["table", "good", "--compare", "rnn"],
    ["table", "good", "--compare", "rnn,lstm"],
    ["table", "good", "--compare", ""],
    ["verify", "--claim", "no-such-claim"],
    ["verify", "--claim", ""],
    ["verify", "nowhere", "--check"],
    ["report", "nowhere"],
    ["report", "empty"],
    ["report", "good", "--out", "file/deeper.html"],
    ["check", "missing.py"],
    ["check", "lstn"],
    ["check", "rnn", "--hidden-size", HUGE],
    ["sensitivity", "nowhere"],
    ["sensitivity", "x"],
    ["tune"],
    ["tune", "--cell", "lstn", "--task", "copy"],
    ["tune", "--cell", "rnn", "--task", "bejing"],
    ["tune", "--cell", "rnn", "--task", "copy", "--gap", HUGE],
    ["verify", "--jobs", "0"],
    ["gates", "x", "--study", "nowhere"],
    ["gates", "x", "--study", "good"],
    ["gates", "", "--study", "pickled"],
    ["gates", "", "--study", "foreign"],
    ["gates", "", "--study", "good", "--example", HUGE],
    ["gates", "", "--study", "good", "--example", "-1"],
    ["gradients", "--gap", HUGE],
    ["gradients", "--gap", "-1"],
    ["gradients", "--hidden-size", HUGE],
    ["gradients", "--hidden-size", "0"],
    ["gradients", "--seed", HUGE],
    ["gradients", "--cell", ""],
    ["gradients", "--cell", "rnn,,lstm"],
    ["gradients", "--init", "crono"],
    ["gradients", "--init", ""],
    ["gradients", "--task", "bejing"],
    ["gradients", "--run", "x", "--study", "nowhere"],
    ["gradients", "--run", "x", "--study", "good"],
    ["gradients", "--run", "", "--study", "nowhere"],
    ["gradients", "--option", "a=b"],
    ["construct", "rnn-cpy"],
    ["construct", "--perturb", "0.1"],
    ["construct", "--out", "file"],
    ["verify", "--list", "--record"],
    ["gradients", "--hidden-size", "8", "--gap", "5", "--out", "file"],
    ["status", "folder.py"],
    ["construct", "--gap", ""],
    ["construct", "--gap", HUGE],
    ["construct", "--gap", "-1"],
    ["construct", "--noise", "loud"],
    ["construct", "--noise", "nan"],
    ["construct", "--sequences", "0"],
    ["construct", "--sequences", HUGE],
    ["construct", "--seed", HUGE],
    ["construct", "--train-from", "--perturb", "-1"],
    ["construct", "--train-from", "--train-gap", HUGE],
    ["construct", "--train-from", "--seeds", HUGE],
    ["construct", "--train-from", "--max-steps", HUGE],
    ["construct", "--train-from", "--lr", "nan"],
    ["guess", "--gap", HUGE],
    ["guess", "--gap", "-1"],
    ["guess", "--hidden-size", HUGE],
    ["guess", "--scale", "nan"],
    ["guess", "--scale", "0"],
    ["guess", "--max-guesses", HUGE],
    ["guess", "--repeats", HUGE],
    ["guess", "--repeats", "0"],
    ["guess", "--seed", HUGE],
    ["guess", "--task", "bejing"],
    ["guess", "--task", ""],
    ["guess", "--study", "nowhere", "--repeats", "1"],
    ["show", "bejing"],
    ["show", "beijing", "--language", "fr"],
    ["show", "beijing", "--gap", HUGE],
    ["show", "copy", "--gap", "0"],
    ["show", "beijing", "--seed", HUGE],
    ["show", "copy", "--option", "symbols=1000000000"],
    ["show", "copy", "--option", f"symbols={HUGE}"],
    ["show", "copy", "--option", f"length={HUGE}"],
    ["show", "./task_words.py"],
    ["show", "./task_sample.py"],
    ["cells", "--hidden-size", HUGE],
    ["cells", "--hidden-size", "0"],
    ["cells", "--task", "bejing"],
    ["published", "nowhere"],
    ["published", "--task", "no such task"],
    ["published", "--format", "word"],
]  # fmt: skip
BAD = [[*RUN, *flags] for flags in OF_A_RUN] + COMMANDS


def told(result, argv: list[str]) -> None:
    assert result.code == 2, (result.code, result.err[-2000:])
    assert result.err.count("\n") == 1, result.err[-2000:]
    assert "Traceback" not in result.err
    assert "Input should" not in result.err, "words of the validation library"
    assert "Value error" not in result.err
    assert len(result.err) < 1000
    assert result.out == "", result.out[:300]


@pytest.fixture
def files(tmp_path: Path, studies: Path) -> None:
    write_files(tmp_path, studies)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("argv", [argv for argv in BAD if argv], ids=lambda argv: " ".join(argv[-2:])[:60].replace("\n", " "))
def test_bad_input_is_one_line(rnnbench, argv: list[str]) -> None:
    told(rnnbench(*argv), argv)


@pytest.mark.parametrize("text", TOML, ids=lambda text: text[:40])
def test_a_bad_sweep_file_is_one_line(rnnbench, text: str) -> None:
    lines = {"cell": "cell = 'rnn'", "task": "task = 'beijing'", "gap": "gap = [2]"}
    whole = "\n".join(line for name, line in lines.items() if not text.startswith(f"{name} =")) + "\n" + text
    Path("sweep.toml").write_text(whole)
    result = rnnbench("sweep", "sweep.toml", "--dry-run")
    told(result, [])
    assert "sweep.toml" in result.err or "[cells." in result.err or "option" in result.err


DAMAGE = {
    "accuracy": "high", "gap": "five", "seed": str(10**30), "step": "-1", "schema": "99", "status": "x\0y",
    "train_loss": "y" * 200_000,
    "option": "{", "cell_option": "[]",
}  # fmt: skip


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("command", ["table", "plot", "status"])
@pytest.mark.parametrize("column", DAMAGE)
def test_a_damaged_table_is_told_by_file_line_and_column(rnnbench, command: str, column: str) -> None:
    study = Study("good")
    (record,) = study.records()
    cells = record.cells() | {column: DAMAGE[column]}
    import csv

    with study.runs_file.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells))
        writer.writeheader()
        writer.writerow(cells)
    if DAMAGE[column].startswith("x"):
        study.runs_file.write_bytes(study.runs_file.read_bytes())
    result = rnnbench(command, "good")
    told(result, [command])
    assert "runs.csv, line 2" in result.err
    assert column in result.err or "\0" in DAMAGE[column] or len(DAMAGE[column]) > 100


@pytest.mark.parametrize("cells", [-1, 1])
@pytest.mark.usefixtures("files")
def test_a_row_with_too_few_or_too_many_cells(rnnbench, cells: int) -> None:
    path = Path("good/runs.csv")
    header, row = path.read_text().splitlines()
    row = row + ",extra" if cells > 0 else row.rpartition(",")[0]
    path.write_text(f"{header}\n{row}\n")
    for command in ("table", "plot", "status"):
        result = rnnbench(command, "good")
        told(result, [])
        assert "runs.csv, line 2" in result.err


def test_python_says_it_in_the_same_words(tmp_path: Path) -> None:
    from rnnbench._api import run, sweep
    from rnnbench._errors import UserError

    for values in ({"gap": -1}, {"gap": "x"}, {"lr": None}, {"option": 3}, {"colour": 1}, {"optimizer": "a"}, {"gap": 10**5000}):
        for ask in (run, sweep):
            with pytest.raises(UserError) as error:
                ask(**{"cell": "rnn", "task": "copy", "gap": 5, "out": tmp_path} | values)
            assert next(iter(values)) in str(error.value)
            assert "Input should" not in str(error.value)
            assert "\n" not in str(error.value)


def test_there_are_enough_of_them() -> None:
    assert len(BAD) + len(TOML) + 3 * len(DAMAGE) >= 150
