"""Tables that other processes, spreadsheets and users change; rows that could not be read back."""

import csv
import errno
import re
from pathlib import Path

import pandas
import pytest

import rnnbench
from rnnbench._errors import StorageError, UserError
from rnnbench._study import Failure, RunRecord, StudyFolder, Table
from rnnbench._study.atomic import replace
from tests.study.readme_columns import README


def failure(number: int, reason: str = "x") -> Failure:
    names = {"run_id": f"run-{number}", "task": "copy", "cell": "rnn", "init": "uniform", "gap": 5, "seed": number, "lr": 0.1}
    return Failure.model_validate(names | {"hidden_size": 8, "reason": reason, "exit_code": None, "last_tried": "now"})


@pytest.mark.parametrize("change", ["longer", "as long", "shorter"])
def test_a_table_that_others_rewrite_twice_is_read_again(tmp_path: Path, change: str) -> None:
    """Two rewrites, since a file system gives the inode of the first file to the third one."""
    other, mine = StudyFolder.create(tmp_path), StudyFolder(tmp_path)
    for number in range(6):
        other.record(failure(number))
    mine.failures.rows()
    for number in (2, 3):
        if change == "shorter":
            other.failures.write(row for row in other.failures.rows() if row.seed != number)
        else:
            other.record(failure(number, "a longer reason" if change == "longer" else "y"))
    other.record(failure(7))
    assert mine.failures.rows() == StudyFolder(tmp_path).failures.rows() == other.failures.rows()


@pytest.mark.parametrize(
    ("reason", "problem"),
    [("a\0b", "NUL"), ("x" * 140_000, "field larger than"), ("\udc80", "UTF-8"), ("", "")],
    ids=["NUL", "long", "surrogate", "empty"],
)
def test_a_row_that_could_not_be_read_back_is_not_written(tmp_path: Path, reason: str, problem: str) -> None:
    table = Table(tmp_path / "failed.csv", Failure)
    table.add(failure(1))
    before = table.path.read_bytes()
    for write in (table.add, table.put, lambda row: table.update([row])):
        if problem:
            with pytest.raises(UserError, match=f"cannot write .*, which could not be read afterwards: .*{problem}"):
                write(failure(2, reason))
            assert table.path.read_bytes() == before
    assert Table(table.path, Failure).rows() == [failure(1)]


def test_a_cell_named_like_a_column_is_a_row_and_not_a_header(tmp_path: Path) -> None:
    row = failure(1).model_copy(update={"cell": "run_id", "task": "schema"})
    Table(tmp_path / "failed.csv", Failure).add(row)
    assert Table(tmp_path / "failed.csv", Failure).rows() == [row]


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_spreadsheets_separator_is_named_and_nothing_is_appended(tmp_path: Path, separator: str, name: str) -> None:
    table = Table(tmp_path / "failed.csv", Failure)
    table.add(failure(1))
    with table.path.open(newline="") as file:
        rows = list(csv.reader(file))
    with table.path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    before = table.path.read_bytes()
    for use in (lambda: Table(table.path, Failure).rows(), lambda: Table(table.path, Failure).add(failure(2))):
        with pytest.raises(UserError, match=f"line 1: the columns are separated by {name}, .*: save the file with commas"):
            use()
    assert table.path.read_bytes() == before


def test_a_spreadsheets_unicode_text_and_decimal_comma_are_one_sentence(tmp_path: Path) -> None:
    table = Table(tmp_path / "failed.csv", Failure)
    table.add(failure(1))
    text = table.path.read_text()
    table.path.write_text(text, encoding="utf-16")
    with pytest.raises(UserError, match=r"failed\.csv"):
        Table(table.path, Failure).rows()
    assert ",0.1," in text
    table.path.write_text(text.replace(",0.1,", ',"0,1",'))
    with pytest.raises(UserError, match=r"failed\.csv, line 2.*lr"):
        Table(table.path, Failure).rows()


def test_columns_added_by_hand_survive_every_write(tmp_path: Path) -> None:
    table = Table(tmp_path / "failed.csv", Failure)
    table.add(failure(1))
    header, row = table.path.read_text().splitlines()
    table.path.write_text(f"note,{header}\nmine,{row}\n")
    table.add(failure(2))
    table.put(failure(2, "again"))
    kept = {row.run_id: row.cells().get("note") for row in Table(table.path, Failure).rows()}
    assert kept == {"run-1": "mine", "run-2": ""}


def test_on_windows_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, tries, rename = tmp_path / "a.csv", [], Path.replace

    def busy(self: Path, target: Path) -> Path:
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(StorageError):
        replace(path, b"POSIX does not try again")
    tries.clear()
    monkeypatch.setattr("rnnbench._study.atomic.WINDOWS", True)
    replace(path, b"new")
    assert (len(tries), path.read_bytes()) == (3, b"new")
    Table(tmp_path / "failed.csv", Failure).add(failure(1))


def test_a_table_in_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match=r"cannot write to .*: Permission denied; choose another folder for failed\.csv"):
        Table(tmp_path / "new" / "failed.csv", Failure).check_writable()


def test_a_digest_of_digits_and_one_e_stays_text_in_every_reader(tmp_path: Path) -> None:
    record = StudyFolder(README.parent / "reference").records()[0].model_copy(update={"cell": "NA", "cell_source": "12345e678901"})
    StudyFolder.create(tmp_path).record(record)
    line = re.search(r"pandas\.read_csv\((.*?)\n    \)", README.read_text(encoding="utf-8"), re.DOTALL)
    assert line is not None
    documented = eval(line[0].replace("results/reference", tmp_path.as_posix()), {"pandas": pandas})
    for runs in (StudyFolder.open(tmp_path).runs(), rnnbench.load_runs(tmp_path), documented):
        assert runs.loc[0, ["cell", "cell_source"]].tolist() == ["NA", "12345e678901"]
        assert runs["accuracy"].dtype == float


@pytest.fixture(scope="module")
def finished() -> list[RunRecord]:
    """Rows under the run_ids ``run-0`` to ``run-39``."""
    (row, *_) = StudyFolder(README.parent / "why").records()
    return [row.model_copy(update={"run_id": f"run-{seed}", "seed": seed, "cpu": ""}) for seed in range(40)]


@pytest.mark.parametrize("layout", ["plain", "merged", "older", "torn"])
def test_a_process_of_one_run_parses_no_row_of_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: list[RunRecord], layout: str
) -> None:
    every, parse, parsed = StudyFolder.create(tmp_path), RunRecord.parse, []
    for row in finished[:3]:
        every.record(row)
    header, *lines = every.runs_file.read_text().splitlines(keepends=True)
    if layout == "merged":
        every.runs_file.write_text("".join([header, lines[0], header, *lines[1:]]))
    if layout == "older":
        every.runs_file.write_text("".join(line.rpartition(",")[0] + "\n" for line in [header, *lines]))
    if layout == "torn":
        every.runs_file.write_text("".join([header, *lines])[:-9])
    monkeypatch.setattr(RunRecord, "parse", lambda cells: parsed.append(cells["run_id"]) or parse(cells))
    one = StudyFolder(tmp_path, one_run=True)
    assert one.finished("run-7") is None
    one.record(finished[7])
    if layout in ("plain", "torn"):
        assert set(parsed) == {"run-7"}  # what is written is parsed first
    assert one.finished("run-7") == finished[7]
    assert StudyFolder(tmp_path).records() == [*finished[: 2 if layout == "torn" else 3], finished[7]]


def test_failed_runs_are_tried_again_without_rewriting_all_of_them_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: list[RunRecord]
) -> None:
    study, written = StudyFolder.create(tmp_path), []
    monkeypatch.setattr("rnnbench._study.table.replace", lambda path, content: written.append(path.name) or replace(path, content))
    for reason in ("first", "second", "third"):
        for number in range(40):
            study.record(failure(number, reason))
        assert StudyFolder(tmp_path).failed_runs() == [failure(number, reason) for number in range(40)]
    assert len((tmp_path / "failed.csv").read_text().splitlines()) <= 81
    for number in range(39):
        study.record(finished[number])
        study.clear_failure(f"run-{number}")
        assert [row.seed for row in StudyFolder(tmp_path).failed_runs()] == list(range(number + 1, 40))
    assert written.count("failed.csv") < 12
    study.tidy()
    assert study.failures.rows() == [failure(39, "third")]
