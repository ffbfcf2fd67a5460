"""Files of a study survive crashes, torn lines, concurrent writers, merges and other schemas."""

import csv
import errno
import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._analysis.summary import summarise
from rnnbench._config import Run, RunRequest
from rnnbench._errors import StorageError, UserError
from rnnbench._spec.resolve import rebuild, resolve
from rnnbench._study import Row, RunRecord, StudyFolder, Table
from rnnbench._study.atomic import load_tensors, save_tensors
from rnnbench._study.record import Record
from rnnbench._study.schema import ROLES, cpu_model
from rnnbench._training.runner import Runner
from tests.study.readme_columns import README, columns_table
from tests.sweep.processes import plain

RUN = resolve(
    RunRequest(
        task="beijing", cell="lstm", gap=2, hidden_size=8, batch_size=8, eval_every=10, max_steps=40, lr=0.001, engine="torch",
        option={"fillers": 3},
    )
).run  # fmt: skip


def finish(study: StudyFolder, run: Run = RUN, force: bool = False) -> list[Row]:
    return list(Runner(rebuild(run), study, force).rows())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """Return a study with one run that was not interrupted."""
    study = StudyFolder.create(tmp_path_factory.mktemp("whole"))
    finish(study)
    return study


def equal(study: StudyFolder, whole: StudyFolder) -> None:
    """Assert that row, log and weights equal those of a run without interruption, and that no temporary file is left."""
    assert plain(study.records()) == plain(whole.records())
    assert plain(study.log(RUN.run_id)) == plain(whole.log(RUN.run_id))
    assert study.weights_file(RUN.run_id).read_bytes() == whole.weights_file(RUN.run_id).read_bytes()
    names = [path.relative_to(study.folder).as_posix() for path in study.folder.rglob("*") if path.is_file()]
    assert not [name for name in names if name.startswith(("checkpoints/", "redo/")) or name.endswith(".tmp")]


def test_a_run_leaves_a_row_a_log_and_its_weights(whole: StudyFolder) -> None:
    runs, logs = whole.runs(), whole.logs()
    assert list(runs["run_id"]) == [RUN.run_id]
    assert list(logs["step"]) == [10, 20, 30, 40]
    assert runs["accuracy"][0] == logs["accuracy"].iloc[-1]
    assert not whole.checkpoint_file(RUN.run_id).exists()
    weights = load_tensors(whole.weights_file(RUN.run_id))
    assert runs["parameters"][0] == sum(w.numel() for name, w in weights.items() if "initial" not in name)


def test_an_interrupted_and_resumed_run_has_the_files_of_an_uninterrupted_one(tmp_path: Path, whole: StudyFolder) -> None:
    pieces = StudyFolder.create(tmp_path)
    for stop_after in (1, 2):
        execution = Runner(rebuild(RUN), pieces)
        statuses = []
        for row in execution.rows():
            statuses.append(row.status)
            if len(statuses) == stop_after:
                execution.stop()
        assert statuses[-1] == "interrupted"
        assert pieces.log(RUN.run_id)[-1].status == "interrupted"
    finish(pieces)
    equal(pieces, whole)


def test_a_late_process_does_not_repeat_a_finished_run(tmp_path: Path, whole: StudyFolder) -> None:
    study = StudyFolder.create(tmp_path)
    late = Runner(rebuild(RUN), study)
    finish(study)
    assert list(late.rows()) == []
    equal(study, whole)


def test_with_force_the_old_result_stays_until_the_new_one_is_complete(tmp_path: Path, whole: StudyFolder) -> None:
    study = StudyFolder.create(tmp_path)
    other = RUN.model_copy(update={"seed": 5})
    finish(study, other)
    finish(study)
    rows = Runner(rebuild(RUN), study, force=True).rows()
    next(rows)
    rows.close()  # killed after its first row
    assert plain(study.log(RUN.run_id)) == plain(whole.log(RUN.run_id))
    assert list(Runner(rebuild(RUN), study).rows()) == []
    assert [row.step for row in finish(study, force=True)] == [20, 30, 40]  # the same command resumes
    assert [r.run_id for r in study.records()] == [other.run_id, RUN.run_id]
    assert plain(study.log(RUN.run_id)) == plain(whole.log(RUN.run_id))
    assert not list((study.folder / "redo").iterdir())


def test_readers_skip_a_torn_last_line_and_writers_cut_it_off(tmp_path: Path, whole: StudyFolder) -> None:
    path = tmp_path / "log.csv"
    rows = whole.log(RUN.run_id)
    table = Table(path, Row)
    table.add(rows[0])
    first = path.read_bytes()
    path.write_bytes(first + b"2,torn,")
    assert len(Table(path, Row).rows()) == len(table.rows()) == 1
    table.add(rows[1])
    assert path.read_bytes().startswith(first)
    assert Table(path, Row).rows() == rows[:2]
    path.write_bytes(b"schema,ru")  # torn in the header
    Table(path, Row).add(rows[0])
    assert path.read_bytes() == first


def test_concurrent_writers_lose_no_row(tmp_path: Path, whole: StudyFolder) -> None:
    studies = [StudyFolder.create(tmp_path) for _ in range(8)]
    (one,) = whole.records()
    names = [f"run{k}" for k in range(40)]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(studies[k % 8].record, one.model_copy(update={"run_id": name})) for k, name in enumerate(names)]
    assert [job.exception() for job in jobs] == [None] * 40
    assert sorted(r.run_id for r in studies[0].records()) == sorted(names)


def test_only_one_process_at_a_time_holds_a_run(tmp_path: Path) -> None:
    study = StudyFolder.create(tmp_path)
    with study.claim("a"):
        assert study.claimed("a")
        with pytest.raises(UserError, match="another process"), StudyFolder(tmp_path).claim("a"):
            pass
    assert not study.claimed("a")


def test_merged_tables_count_a_row_once(tmp_path: Path, whole: StudyFolder) -> None:
    """If two branches have the same run, git's union merge keeps both lines, and may keep both headers."""
    text = whole.runs_file.read_text()
    (tmp_path / "runs.csv").write_text(text + text)
    assert plain(StudyFolder.open(tmp_path).records()) == plain(whole.records())


def test_only_new_lines_are_parsed(tmp_path: Path, whole: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    study = StudyFolder.create(tmp_path)
    (one,) = whole.records()
    study.record(one)
    study.records()
    parsed = []
    monkeypatch.setattr(
        RunRecord, "parse", classmethod(lambda cls, cells: parsed.append(cells) or Record.parse.__func__(cls, cells))
    )
    study.records()
    assert parsed == []
    StudyFolder(tmp_path).record(one.model_copy(update={"run_id": "b"}))
    parsed.clear()
    assert study.finished("b")
    assert [cells["run_id"] for cells in parsed] == ["b"]


def test_reading_writes_nothing(tmp_path: Path, whole: StudyFolder) -> None:
    (tmp_path / "runs.csv").write_bytes(whole.runs_file.read_bytes())
    study = StudyFolder.open(tmp_path)
    study.runs()
    assert not study.claimed(RUN.run_id)
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
    with pytest.raises(UserError, match="no study"):
        StudyFolder.open(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("text", ["", "header"])
def test_an_empty_table_has_no_runs(tmp_path: Path, text: str) -> None:
    """A kill during the first append leaves such a file."""
    (tmp_path / "runs.csv").write_text(",".join(RunRecord.columns()) + "\n" if text else "")
    with pytest.raises(UserError, match="no runs in"):
        StudyFolder.open(tmp_path).runs()


DAMAGE = [
    ("status", "finished", "column status holds 'finished', which is not 'running', 'solved'"),
    ("accuracy", "high", "column accuracy holds 'high', which is not a number"),
    ("gap", "five", "column gap holds 'five', which is not a whole number"),
    ("gap", "1" + "0" * 30, "column gap"),
    ("engine", "steam", "column engine"),
    ("option", "{", "column option"),
    ("schema", "99", "column schema holds schema '99'"),
    ("status", "x" * 200_000, "line 2"),
    ("seed", "", "column seed"),
]


@pytest.mark.parametrize(("column", "value", "message"), DAMAGE, ids=[f"{c}={v[:8]}" for c, v, _ in DAMAGE])
def test_a_damaged_cell_is_reported_by_file_line_and_column(
    tmp_path: Path, whole: StudyFolder, column: str, value: str, message: str
) -> None:
    header, cells = (list(row) for row in csv.reader(whole.runs_file.read_text().splitlines()))
    cells[header.index(column)] = value
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, cells])
    with pytest.raises(UserError, match=re.escape(message)) as error:
        StudyFolder.open(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'runs.csv'}, line 2")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "schema,run_id\n2,x\n", "schema,run_id\n2,x,y\n", "schema\0,run_id\n1\n", "\xff"])
def test_another_kind_of_file_is_reported_by_line_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "runs.csv").write_bytes(text.encode("latin-1") + b"\n")
    before = (tmp_path / "runs.csv").read_bytes()
    with pytest.raises(UserError, match=r"runs\.csv, line [12]"):
        StudyFolder.create(tmp_path)
    assert (tmp_path / "runs.csv").read_bytes() == before


def test_columns_of_a_later_version_are_kept(tmp_path: Path, whole: StudyFolder) -> None:
    header, line = whole.runs_file.read_text().splitlines()
    (tmp_path / "runs.csv").write_text(f"{header},flavour\n{line},sweet\n")
    study = StudyFolder.create(tmp_path)
    study.record(study.records()[0].model_copy(update={"run_id": "b"}))
    study.record(study.records()[0])
    assert [row["flavour"] for row in csv.DictReader(study.runs_file.read_text().splitlines())] == ["sweet", "sweet"]


def test_types_come_from_the_schema(tmp_path: Path, whole: StudyFolder) -> None:
    (one,) = whole.records()
    text = {"cell": "42", "init": "1e3", "task": "nan", "note": "7"}
    study = StudyFolder.create(tmp_path)
    study.record(one.model_copy(update=text | {"steps_to_solve": None, "give_up": None}))
    runs = StudyFolder.open(tmp_path).runs()
    assert runs[list(text)].to_dict("records") == [text]
    assert {name: str(runs[name].dtype) for name in ("gap", "accuracy", "steps_to_solve", "give_up")} == {
        "gap": "int64", "accuracy": "float64", "steps_to_solve": "float64", "give_up": "float64"
    }  # fmt: skip
    assert math.isnan(runs["steps_to_solve"][0])


def test_a_note_on_one_run_changes_no_result(tmp_path: Path, whole: StudyFolder) -> None:
    (one,) = whole.records()
    study = StudyFolder.create(tmp_path)
    for seed in range(5):
        run = one.run.model_copy(update={"seed": seed})
        study.record(
            one.model_copy(
                update={
                    "run_id": run.run_id,
                    "seed": seed,
                    "status": "solved" if seed < 2 else "unsolved",
                    "steps_to_solve": 2 if seed < 2 else None,
                }
            )
        )
    before = summarise(study.runs())
    header, first, *others = study.runs_file.read_text().splitlines()
    lines = [f"{header},note", f'{first},"good, see p. 3"', *(f"{line}," for line in others)]
    study.runs_file.write_text("\n".join(lines) + "\n")
    pd.testing.assert_frame_equal(summarise(StudyFolder.open(tmp_path).runs()), before)
    assert before["solved"].tolist() == [2]


def test_every_column_of_a_run_has_a_role() -> None:
    assert set(ROLES) == set(RunRecord.columns())
    by_role = {role: [name for name, each in ROLES.items() if each == role] for role in ("axis", "speed", "machine")}
    assert by_role["axis"] == ["task", "cell", "gap", "seed"]
    assert set(by_role["speed"]) == set(Run.SPEED) == {"device", "engine", "threads"}
    assert by_role["machine"][-2:] == ["machine", "cpu"]


def test_the_model_of_the_cpu_is_recorded(tmp_path: Path, whole: StudyFolder) -> None:
    assert whole.records()[0].cpu == cpu_model()
    cpuinfo = tmp_path / "cpuinfo"
    numbers = "cpu family\t: 25\nmodel\t\t: 1\nstepping\t: 0\n"
    cpuinfo.write_text(f"processor\t: 0\n{numbers}model name\t: AMD  EPYC 7B13\nprocessor\t: 1\nmodel name\t: another\n")
    assert cpu_model(cpuinfo) == "AMD EPYC 7B13 (family 25, model 1, stepping 0)"
    arm = tmp_path / "arm"
    arm.write_text("processor\t: 0\n")
    assert cpu_model(arm) == ""


def test_a_table_without_the_column_of_the_cpu_takes_new_rows(tmp_path: Path, whole: StudyFolder) -> None:
    with whole.runs_file.open(newline="") as file:
        (old,) = csv.DictReader(file)
    del old["cpu"]
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([old, old.values()])
    study = StudyFolder.create(tmp_path)
    study.record(whole.records()[0].model_copy(update={"run_id": "b", "cpu": "new"}))
    assert [record.cpu for record in StudyFolder.open(tmp_path).records()] == ["", "new"]


def test_a_state_that_grows_with_the_sequence_is_written_as_minus_1(tmp_path: Path) -> None:
    sizes = {}
    for cell in ("transformer", "memoryless"):
        study = StudyFolder.create(tmp_path / cell)
        finish(study, resolve(RunRequest(task="beijing", cell=cell, gap=2, hidden_size=8, max_steps=1, engine="torch")).run)
        sizes[cell] = study.records()[0].cells()["state_size"]
    assert sizes == {"transformer": "-1", "memoryless": "0"}


def test_a_full_disk_is_reported_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: StudyFolder
) -> None:
    path = tmp_path / "weights.pt"
    save_tensors(path, {"a": 1})
    table = Table(tmp_path / "log.csv", Row)
    table.add(whole.log(RUN.run_id)[0])
    before = table.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        save_tensors(path, {"a": 2})
    with pytest.raises(StorageError, match="No space left"):
        table.add(whole.log(RUN.run_id)[1])
    assert load_tensors(path) == {"a": 1}
    assert table.path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.csv", "weights.pt"]


@pytest.mark.parametrize("content", ["garbage", "foreign"])
def test_a_damaged_checkpoint_is_reported(tmp_path: Path, content: str) -> None:
    study = StudyFolder.create(tmp_path)
    checkpoint = study.checkpoint_file(RUN.run_id)
    if content == "foreign":
        save_tensors(checkpoint, {"model": {}, "epoch": 3})
    else:
        checkpoint.write_bytes(b"garbage")
    with pytest.raises(UserError, match="damaged"):
        finish(study)


def test_results_readme_has_the_columns_of_the_schema() -> None:
    table = "".join(re.findall(r"^\| .+\n|^\|---.+\n", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert table == columns_table(), "run `python -m tests.study.readme_columns`"


def test_a_row_survives_conversion_to_text_and_back(whole: StudyFolder) -> None:
    for row in (*whole.records(), *whole.log(RUN.run_id)):
        assert type(row).parse(row.cells()) == row
    assert whole.records()[0].run == RUN


def test_a_study_of_schema_1_opens_and_is_converted(tmp_path: Path) -> None:
    """The study has two rows of schema 1 that differ in the engine, which made them different runs then."""
    old = Path(__file__).parent / "schema1"
    (tmp_path / "logs").mkdir()
    for path in old.rglob("*.csv"):
        (tmp_path / path.relative_to(old)).write_bytes(path.read_bytes())
    before = {row["run_id"]: row for row in csv.DictReader((old / "runs.csv").read_text().splitlines())}
    read = StudyFolder.open(tmp_path)
    assert [r.run_id for r in read.records()] == [r.run.run_id for r in read.records()]
    assert set(read.logs()["run_id"]) == {r.run_id for r in read.records()}
    assert (tmp_path / "runs.csv").read_bytes() == (old / "runs.csv").read_bytes()  # opening writes nothing
    study = StudyFolder.create(tmp_path)
    assert not StudyFolder.open(tmp_path).finished_table.older
    for now in study.records():
        cells = now.cells()
        was = next(row for row in before.values() if row["seed"] == cells["seed"] and row["engine"] == cells["engine"])
        same = set(was) - {"schema", "run_id", "cell_option"}
        assert {name: cells[name] for name in same} == {name: was[name] for name in same}
        assert len(study.log(now.run_id)) == 2
        assert list(Runner(rebuild(now.run), study).rows()) == []  # the run counts as finished
