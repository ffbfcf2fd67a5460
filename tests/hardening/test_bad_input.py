"""Bad input to every command: one line on stderr, exit code 2, no traceback, nothing on stdout, no file changed."""

import csv
import shlex
from pathlib import Path

import pytest

import rnnbench as api
from rnnbench._study import StudyFolder
from tests.hardening.files import write_files

TINY = "--hidden-size 4 --batch-size 4 --max-steps 2 --eval-every 1 --eval-sequences 1000 --engine torch --quiet"
RUN = f"--cell rnn --task beijing --gap 2 {TINY}"
HUGE = str(10**30)
DIGITS = "9" * 5000

MESSAGES = {
    "rum": "rum",
    "run --cell lstm": "--task",
    "run RUN --cell lstn": "unknown cell 'lstn': did you mean 'lstm'?",
    "run RUN --cell LSTM": "unknown cell 'LSTM': did you mean 'lstm'?",
    "run RUN --cell ./no_class.py": "CELL must be a subclass of rnnbench.cells.Cell or rnnbench.cells.SequenceModel",
    "run RUN --cell rnn,gru": "run takes one cell; use sweep for several",
    "run RUN --max-hidden-size 9": "--max-hidden-size only applies with --parameters; use --hidden-size instead",
    "run RUN --horizon 30 --horizon-per-gap 3": "--horizon and --horizon-per-gap exclude each other: give one of them",
    "run RUN --cell-option spam=1": "cell rnn has no option 'spam': its options are bias",
    "run RUN --cell ./abstract.py": "A does not define step",
    "run RUN --task bejing": "did you mean 'beijing'",
    "run RUN --task missing.py": "cannot read task file",
    "run RUN --task ./syntax.py": "syntax.py, line 1: SyntaxError",
    "run RUN --task ./nameless.py": "does not define TASK",
    "run RUN --task ./task_token.py": "tokens run from 2 to 99",
    "run RUN --task ./task_negative.py": "tokens run from -1 to 2",
    "run RUN --init crono": "did you mean 'chrono'",
    "run RUN --init chrono": "does not have",
    "run RUN --horizon 100": "horizon",
    "run RUN --gap -1": "--gap must be at least 0, not -1",
    "run RUN --gap ten": "--gap",
    "run RUN --task copy --gap 0": "smallest is 1",
    "run RUN --gap 10000000 --hidden-size 4096": "GiB",
    "run RUN --hidden-size 0": "--hidden-size",
    "run RUN --lr nan": "--lr",
    "run RUN --eval-sequences 10": "--eval-sequences",
    "run RUN --out ''": "--out is empty",
    "run RUN --out=": "--out is empty",
    "run RUN --out --quiet": "--out needs a value, and --quiet is another option",
    "sweep RUN --tune --max-steps=4": "--tune needs a value, and --max-steps=4 is another option",
    "table ''": "an argument is empty",
    "run RUN --optimizer sgd --lr 0.1 --beta2 0.9": "--beta2 only applies to --optimizer adam, not to sgd",
    "run RUN --option cues=1 --option cues=2": "--option 'cues' is given twice",
    "run --cell os:path --task recall --gap 5": "<module 'posixpath' (frozen)>: CELL must be",
    "run --cell rnn --task recall --gap 5 --eval-answers 999999999999": "at most 10,000,000 sequences",
    "run RUN --parameters 1000": "give --hidden-size or --parameters, not both",
    "run RUN --optimizer adamm": "--optimizer",
    "run RUN --device cuda:7": "cuda:7",
    "run RUN --device teapot": "teapot",
    "run RUN --option fillers=many": "whole number",
    "run RUN --option filers=3": "did you mean 'fillers'",
    "run RUN --option fillers": "key=value",
    "run RUN --option fillers=99": "from 1 to 12",
    "run RUN --cell-option bias=perhaps": "true or false",
    "run RUN --out file": "--out",
    "run RUN --colour red": "--colour",
    "sweep none.toml": "cannot read sweep file none.toml: No such file or directory",
    "sweep RUN --gap 5,x": "--gap takes whole numbers separated by commas, as in --gap 10,20,50, not '5,x'",
    "sweep RUN --gap ''": "--gap is empty",
    "sweep RUN --lr 0": "--lr must be above 0, not 0.0",
    "sweep RUN --cell rnm": "unknown cell 'rnm': did you mean 'rnn'?",
    "sweep RUN --task copy --gap 0": "gap 0 is too small for task copy",
    "sweep RUN --init chrono": "init chrono sets a forgetting gate, which cell rnn does not have",
    "plot nowhere": "no study in nowhere",
    "plot future_log": "schema",
    "plot future": "schema",
    "plot header": "no runs in header",
    "table future": "schema",
    "table zero": "no runs in zero",
    "construct rnn-copi": "did you mean 'rnn-copy'",
    "construct --gap ten": "--gap takes whole numbers",
    "construct --gap ,": "--gap takes whole numbers",
    "construct --noise -1": "--noise takes numbers",
    "construct rnn-copy --train-from --perturb x": "--perturb takes numbers",
    "gradients --cell lstn": "did you mean 'lstm'",
    "gradients --run x --study nowhere": "no study in nowhere",
    "gradients --cell rnn --init chrono": "forgetting gate",
    "gradients --seed 99999999999999999999": "--seed must be at most 9,223,372,036,854,775,807",
    "guess --task bejing": "did you mean 'beijing'",
    "guess --task copy --gap 10000000 --repeats 1": "needs at least",
    "construct rnn-copy --gap 10000000 --noise 0 --sequences 2": "give a smaller gap",
    "run --cell gru --task copy --gap 5 --parameters 1000000000": "--parameters must be at most 100,000,000",
    "sweep many.toml --dry-run": "a sweep has at most 1,000,000 runs, not 4,000,000",
    "guess --scale 0": "scale must be above 0, not 0",
    "guess --scale inf": "scale must be a finite number, not inf",
    "run RUN --eval-gaps 1,x": "--eval-gaps takes whole numbers",
    "run RUN --eval-gaps=-3": "--eval-gaps takes numbers from 0",
    "run RUN --task adding --eval-gaps 0": "smallest",
    "check lstn": "did you mean 'lstm'",
    "check ./nothing.py": "no file ./nothing.py",
    "check lstm --option x": "key=value",
    "check copy --option colour=1": "has no option 'colour'",
    "check copy --option symbols=-1": "symbols must be",
    "show beijing --language fr": "en and zh",
}
BAD = {  # the alternatives are separated by |
    "": "run | run beijing | sweep | sweep . | sweep binary.py | tune | verify --jobs 0 | construct --out file",
    "run RUN --cell": f"'' | {'x' * 300} | 'é\n' | rnn@0123456789ab | missing.py | ./{'x' * 243}.py | ./folder.py | ./binary.py",
    "run RUN --task": "''",
    "run RUN --gap": f"'' | 1.5 | {HUGE} | {DIGITS}",
    "run RUN --seed": f"-1 | {HUGE} | x",
    "run RUN --hidden-size": f"{HUGE} | 65537",
    "run RUN --lr": "0 | -1 | inf | fast",
    "run RUN --init": "''",
    "run RUN --horizon": "nan | 1",
    "run RUN --batch-size": f"0 | {HUGE}",
    "run RUN --max-steps": f"0 | {HUGE}",
    "run RUN --eval-every": f"0 | {HUGE}",
    "run RUN --eval-sequences": HUGE,
    "run RUN --give-up": f"0 | {HUGE}",
    "run RUN --train-gaps": f"'' | 5..3 | 1..x | -1 | 1..{HUGE}",
    "run RUN --layers": f"0 | {HUGE}",
    "run RUN --parameters": f"0 | {HUGE}",
    "run RUN --threads": f"0 | 100000 | {HUGE}",
    "run RUN --schedule": "falling",
    "run RUN --block": "round",
    "run RUN --beta2": "1 | nan",
    "run RUN --momentum": "1 | nan | 0.5",
    "run RUN --weight-decay": "-1 | nan | inf",
    "run RUN --truncate": f"-1 | {HUGE}",
    "run RUN --warmup": f"-1 | {HUGE}",
    "run RUN --clip-norm": "0 | nan",
    "run RUN --engine": "steam",
    "run RUN --device": "cpu:7 | '' | meta",
    "run RUN --option": f"fillers={DIGITS} | =3 | '' | fillers=[1,2]",
    "run RUN --cell-option": "bais=true",
    "run RUN --out": f"file/deeper | {'x' * 300}",
    "run RUN --eval-gaps": f"'' | -3 | ten | {HUGE}",
    "sweep RUN --gap": f", | 1,,x | {HUGE} | {DIGITS}",
    "sweep RUN --": f"cell '' | task '' | jobs 0 | jobs {HUGE} | threads {HUGE} | out file",
    "sweep RUN": "--init '' | --lr 1e999 | --seed -1 | --option fillers | --horizon 100 | --device cpu:7",
    "sweep RUN --dask": "'' | nowhere | tcp://127.0.0.1 | file | syntax.py | http://127.0.0.1:1",
    "status": "nowhere | file | list | text | deep | folder.py",
    "plot": "empty | good --only copy | good --cell lstm | good --style poster | good --out file",
    "table": "nowhere | empty | header | good --format word | good --compare rnn | good --compare rnn,lstm | good --compare ''",
    "verify": "--claim no-such-claim | --claim '' | nowhere --check | --list --record",
    "report": "nowhere | empty | header | good --out file/deeper.html",
    "check": f"missing.py | rnn --hidden-size {HUGE}",
    "sensitivity": "nowhere | x",
    "tune --cell": f"lstn --task copy | rnn --task bejing | rnn --task copy --gap {HUGE}",
    "gates": "x --study nowhere | x --study good | '' --study pickled | '' --study foreign",
    "gates '' --study good --example": f"{HUGE} | -1",
    "gradients --": f"gap {HUGE} | gap -1 | hidden-size {HUGE} | hidden-size 0 | seed {HUGE} | hidden-size 8 --gap 5 --out file",
    "gradients": "--cell '' | --cell rnn,,lstm | --init crono | --init '' | --task bejing | --option a=b",
    "gradients --run": "x --study good | '' --study nowhere",
    "construct --": f"gap '' | gap {HUGE} | gap -1 | noise loud | noise nan | sequences 0 | sequences {HUGE}",
    "construct": f"--seed {HUGE} | --perturb 0.1",
    "construct --train-from --": f"perturb -1 | train-gap {HUGE} | seeds {HUGE} | max-steps {HUGE} | lr nan",
    "guess --": f"gap {HUGE} | gap -1 | hidden-size {HUGE} | scale nan | scale 0 | max-guesses {HUGE} | repeats {HUGE} | repeats 0",
    "guess": f"--seed {HUGE} | --task '' | --study nowhere --repeats 1",
    "show": f"bejing | beijing --gap {HUGE} | copy --gap 0 | beijing --seed {HUGE}",
    "show copy --option": f"symbols=1000000000 | symbols={HUGE} | length={HUGE}",
    "cells": f"--hidden-size {HUGE} | --hidden-size 0 | --task bejing",
    "published": "nowhere | --task 'no such task' | --cell chess | --reproduces --cell chess | --format word",
}
CASES = MESSAGES | {
    f"{command}{'' if command.endswith('--') else ' '}{words}": "" for command, row in BAD.items() for words in row.split(" | ")
}
TOML = [
    "seed = " + DIGITS, f"seed = {HUGE}", "seed = []", "gap = []", "seed = [[1]]", "cell = []", "cell = 3", "lr = nan", "init = ''",
    "init = [1]", "option = 3", "[option]\nfillers = [[1]]", "[option]\nfillers = 1979-05-27", "cells = 3", "[cells]\nrnn = 3",
    "[cells.rnm]\nlr = 1", "[cells.rnn]\nlt = 1", "[cells.rnn]\nlr = 'x'", "[cells.rnn]\ncell_option = 'x'", "[cells.rnn]\nlr = []",
    "seed = " + "[" * 3000, "option = " + "{a=" * 3000, "seed = 0\nseed = 1", "\0",
]  # fmt: skip


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, studies: Path) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_files(folder, studies)
    return folder


def content(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if not {".locks", "results"} & set(path.parts)}


@pytest.mark.parametrize("words", CASES, ids=lambda words: words[-60:].replace("\n", " "))
def test_bad_input_is_one_line(rnnbench, files: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(files)
    before = content(files)
    rnnbench(*shlex.split(words.replace("RUN", RUN))).refused(CASES[words])
    assert content(files) == before


@pytest.mark.parametrize("text", TOML, ids=lambda text: text[:40])
def test_a_bad_sweep_file_is_one_line(rnnbench, text: str) -> None:
    lines = {"cell": "cell = 'rnn'", "task": "task = 'beijing'", "gap": "gap = [2]"}
    whole = "\n".join(line for name, line in lines.items() if not text.startswith(f"{name} =")) + "\n" + text
    Path("sweep.toml").write_text(whole)
    result = rnnbench("sweep", "sweep.toml", "--dry-run")
    result.refused()
    assert "sweep.toml" in result.err or "[cells." in result.err or "option" in result.err


@pytest.mark.parametrize("damage", ["accuracy", "too few cells", "too many cells"])
@pytest.mark.parametrize("command", ["table", "plot", "status"])
def test_a_damaged_table_is_reported_by_file_and_line(rnnbench, tmp_path: Path, studies: Path, command: str, damage: str) -> None:
    (record,) = StudyFolder(studies).records()
    cells = record.cells() | ({"accuracy": "high"} if damage == "accuracy" else {})
    values = list(cells.values())[: -1 if damage == "too few cells" else None] + ["extra"] * (damage == "too many cells")
    Path("bad").mkdir()
    with Path("bad/runs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([cells, values])
    rnnbench(command, "bad").refused("runs.csv, line 2" + (": column accuracy" if damage == "accuracy" else ""))


PYTHON = [
    ({"gap": -1}, "gap must be at least 0, not -1"),
    ({"hiden_size": 3}, "unknown key 'hiden_size': did you mean 'hidden_size'"),
    ({"cell": "lstn"}, "did you mean 'lstm'"),
    *((words, next(iter(words))) for words in ({"cell": int}, {"gap": "x"}, {"lr": "x"}, {"option": 3}, {"colour": 1})),
    *((words, next(iter(words))) for words in ({"optimizer": "a"}, {"gap": 10**5000})),
]


@pytest.mark.parametrize("ask", [api.run, api.sweep])
@pytest.mark.parametrize(("words", "message"), PYTHON, ids=lambda value: str(value)[:30] if isinstance(value, str) else "")
def test_python_reports_bad_input_in_the_same_sentence(tmp_path: Path, ask, words: dict, message: str) -> None:
    with pytest.raises(api.UserError) as error:
        ask(**{"cell": "rnn", "task": "copy", "gap": 5, "out": tmp_path} | words)
    assert message in str(error.value)
    assert "Input should" not in str(error.value)
    assert "\n" not in str(error.value)
