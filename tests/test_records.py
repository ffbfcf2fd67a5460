"""What is written survives crashes, torn lines, other writers and other schemas."""

import dataclasses
import errno
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rnnbench.config import RunConfig
from rnnbench.errors import StorageError, UserError
from rnnbench.execute import Execution
from rnnbench.records import (
    COLUMNS,
    EXTRAPOLATION_COLUMNS,
    ROW_COLUMNS,
    RUN_COLUMNS,
    TIME_COLUMNS,
    Study,
    append_csv,
    load_logs,
    load_runs,
    load_tensors,
    read_csv,
    save_tensors,
)

CONFIG = RunConfig(
    task="beijing",
    cell="lstm",
    gap=2,
    hidden_size=8,
    batch_size=8,
    eval_every=10,
    max_steps=40,
    lr=0.001,
    engine="torch",
    option={"fillers": 3},
)


def finish(study: Study, config: RunConfig = CONFIG, force: bool = False) -> str:
    execution = Execution(config, study, force)
    list(execution.rows())
    return execution.config.run_id


def timeless(rows: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in TIME_COLUMNS} for row in rows]


def test_a_run_leaves_a_row_a_log_and_its_weights(tmp_path: Path) -> None:
    study = Study(tmp_path / "study")
    run_id = finish(study)
    runs, logs = load_runs(study.folder), load_logs(study.folder)
    assert list(runs["run_id"]) == [run_id]
    assert list(logs["step"]) == [10, 20, 30, 40]
    assert runs["accuracy"][0] == logs["accuracy"].iloc[-1]
    assert not study.checkpoint_file(run_id).exists()
    weights = load_tensors(study.weights_file(run_id))
    assert runs["parameters"][0] == sum(w.numel() for name, w in weights.items() if ".initial_" not in name)


def test_stopped_and_given_again_the_files_equal_an_undisturbed_run(tmp_path: Path) -> None:
    whole, pieces = Study(tmp_path / "whole"), Study(tmp_path / "pieces")
    run_id = finish(whole)
    for stop_after in (1, 2):
        execution = Execution(CONFIG, pieces)
        statuses = []
        for row in execution.rows():
            statuses.append(row.status)
            if len(statuses) == stop_after:
                execution.stop()
        assert statuses[-1] == "interrupted"
        assert read_csv(pieces.log_file(run_id), ROW_COLUMNS)[-1]["status"] == "interrupted"
    assert finish(pieces) == run_id
    for kind, columns in ((Study.log_file, ROW_COLUMNS), (lambda study, _: study.runs_file, RUN_COLUMNS)):
        assert timeless(read_csv(kind(pieces, run_id), columns)) == timeless(read_csv(kind(whole, run_id), columns))
    assert load_logs(pieces.folder)["status"].tolist() == ["running"] * 3 + ["unsolved"]


def test_rows_beyond_the_checkpoint_are_not_kept_twice(tmp_path: Path) -> None:
    """A crash between the row and its checkpoint: the row is made again."""
    whole, crashed = Study(tmp_path / "whole"), Study(tmp_path / "crashed")
    run_id = finish(whole)
    rows = Execution(CONFIG, crashed).rows()
    next(rows)
    earlier = crashed.checkpoint_file(run_id)
    content = earlier.read_bytes() if earlier.exists() else None
    next(rows)
    rows.close()
    if content:
        earlier.write_bytes(content)
    finish(crashed)
    assert timeless(read_csv(crashed.log_file(run_id), ROW_COLUMNS)) == timeless(read_csv(whole.log_file(run_id), ROW_COLUMNS))


def test_force_replaces_the_row(tmp_path: Path) -> None:
    study = Study(tmp_path)
    other = finish(study, CONFIG.model_copy(update={"seed": 5}))
    run_id = finish(study)
    finish(study, force=True)
    assert sorted(load_runs(tmp_path)["run_id"]) == sorted([run_id, other])
    assert len(read_csv(study.log_file(run_id), ROW_COLUMNS)) == 4


def test_a_torn_last_line_is_skipped_by_readers_and_cut_by_writers(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    row = dict.fromkeys(ROW_COLUMNS, 1)
    append_csv(path, ROW_COLUMNS, row)
    whole = path.read_bytes()
    path.write_bytes(whole + b"1,torn,")
    assert len(read_csv(path, ROW_COLUMNS)) == 1
    append_csv(path, ROW_COLUMNS, row)
    assert path.read_bytes() == whole + whole.splitlines(keepends=True)[1]
    path.write_bytes(b"schema,ru")  # torn in the header
    append_csv(path, ROW_COLUMNS, row)
    assert path.read_bytes() == whole


def test_many_writers_lose_no_row(tmp_path: Path) -> None:
    study = Study(tmp_path)
    names = [f"run{k}" for k in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: study.record_run(dict.fromkeys(RUN_COLUMNS, 1) | {"run_id": name}), names))
    assert sorted(row["run_id"] for row in read_csv(study.runs_file, RUN_COLUMNS)) == sorted(names)


def test_one_run_is_never_made_by_two_processes_at_once(tmp_path: Path) -> None:
    study = Study(tmp_path)
    with study.claim("a"), pytest.raises(UserError, match="another process"), Study(tmp_path).claim("a"):
        pass
    with study.claim("a"):
        pass


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "schema,run_id\n1,x\n", ",".join(RUN_COLUMNS) + "\n99" + "," * (len(RUN_COLUMNS) - 1) + "\n"]
)
def test_another_schema_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(UserError, match="schema"):
        Study(tmp_path)
    assert (tmp_path / "runs.csv").read_text() == text


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.pt"
    save_tensors(path, {"a": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        save_tensors(path, {"a": 2})
    assert load_tensors(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    study = Study(tmp_path)
    execution = Execution(CONFIG, study)
    study.checkpoint_file(execution.config.run_id).write_bytes(b"garbage")
    with pytest.raises(UserError, match="--force"):
        list(execution.rows())
    finish(study, force=True)


def test_every_column_is_explained_in_results_readme() -> None:
    assert set(COLUMNS) == {*ROW_COLUMNS, *RUN_COLUMNS, *EXTRAPOLATION_COLUMNS}
    readme = (Path(__file__).parents[1] / "results" / "README.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", readme, re.MULTILINE))
    assert told == {name: COLUMNS[name].replace("|", "\\|") for name in COLUMNS}


def test_rows_hold_what_the_schema_says() -> None:
    from rnnbench.records import Row

    assert tuple(field.name for field in dataclasses.fields(Row)) == ROW_COLUMNS
